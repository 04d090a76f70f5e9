//! Pods' baits as what is out there to be touched: the Secret that each waits for, and its tokens.

use std::collections::{BTreeMap, BTreeSet};

use canary_core::bait::{PodRecord, Pods};
use canary_core::catalog::Catalog as _;
use canary_core::detect::{Meaning, Mention, Planted, Tripwire};
use canary_core::graph::Handle;

use super::KubernetesCatalog;
use super::kubernetes::token;
use crate::observe::provider;

/// The field that says where the pod runs; left out while that is not known.
pub(crate) const NODE: &str = "pod.spec.nodeName";
/// The field that says that another pod carries the same handle.
pub(crate) const SHARED: &str = "pod.shared";

/// What is planted for every pod that has, or had, a bait.
#[must_use]
pub fn planted(pods: &Pods) -> Vec<Planted> {
    pods.all().map(planted_for).collect()
}

fn planted_for(record: &PodRecord) -> Planted {
    let node = record.subject.node.clone();
    let shared = (!record.others.is_empty()).then(String::new);
    // Of which type it is decides selectors, and it is always this one.
    let fields = [
        ("type", Some("Opaque".to_owned())),
        (NODE, node),
        (SHARED, shared),
    ];
    let fields = fields
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Planted {
        address: record.address(),
        provider: provider(),
        handle: Handle::scoped("Secret", &record.subject.namespace, record.handle.as_str()),
        fields: fields.collect(),
        outputs: BTreeMap::new(),
        needs: BTreeSet::new(),
        uid: record.secret.clone(),
        since: Some(record.opened),
        buried: record.buried,
    }
}

/// What means that a pod's bait was touched. Sessions are those of a role, which has tripwires of its own.
#[must_use]
pub fn tripwires(pods: &Pods) -> Vec<Tripwire> {
    let catalog = KubernetesCatalog::new();
    let of_record = |record: &PodRecord| {
        let tokens = record
            .issued
            .iter()
            .filter_map(|issued| issued.token.clone());
        let used = |id: String| Tripwire {
            mention: Mention::Credential(token(&id)),
            meaning: Meaning::Identity,
            address: record.address(),
            labels: None,
            fields: BTreeMap::new(),
        };
        let secret = catalog.tripwires(&planted_for(record));
        secret
            .into_iter()
            .chain(tokens.map(used))
            .collect::<Vec<_>>()
    };
    pods.all().flat_map(of_record).collect()
}
