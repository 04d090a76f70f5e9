//! Records of the pods whose tokens are in the log.

use std::collections::BTreeMap;
use std::sync::Arc;

use canary_core::bait::{PodEntry, PodHandles, PodNumber, Pods, Sessions, Subject};
use canary_core::detect::{Attribution, PodHomes};
use canary_core::disguise::Key;
use canary_core::graph::CanaryId;
use canary_k8s::audit::read_line;

/// Where each of them is: at the address that its token comes from first.
pub(crate) fn homes(text: &[u8]) -> Arc<PodHomes> {
    let keys = Key::from_bytes([3; 32]).at_site(&canary_k8s::provider(), "cluster");
    let handles = PodHandles::new(&keys);
    let mut found: BTreeMap<String, PodEntry> = BTreeMap::new();
    let lines = text.split(|&byte| byte == b'\n');
    for event in lines.flat_map(|line| read_line(line, false).events) {
        let (Some(pod), Some(address), Some(at)) = (event.actor.pod, event.actor.address, event.at)
        else {
            continue;
        };
        if found.contains_key(&pod.uid) {
            continue;
        }
        let subject = Subject {
            uid: pod.uid.clone(),
            namespace: pod.namespace.clone(),
            name: pod.name,
            owner: None,
            service_account: "default".to_owned(),
            node: Some("node1".to_owned()),
            node_address: Some(address),
            addresses: vec![address],
            images: [("app".to_owned(), "app".to_owned())].into(),
            created: at,
        };
        let number = u32::try_from(found.len()).unwrap();
        let entry = PodEntry::Opened {
            number: PodNumber::new(number).unwrap(),
            canary: CanaryId::new("pod_credentials", "all"),
            handle: handles.make(&pod.namespace, "settings", pod.uid.as_bytes()),
            subject: Box::new(subject),
            at,
        };
        found.insert(pod.uid, entry);
    }
    let pods = Pods::from_entries(found.into_values());
    Arc::new(Attribution::new(pods, Sessions::new(&keys)).homes())
}
