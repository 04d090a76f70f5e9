//! A pod, reduced to what attribution needs. Pure.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;

use canary_core::bait::{Owner, PodHandles, SeenPod, Subject, Target, Workload};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::Resource;
use serde::Deserialize;

use crate::admission::{InvalidTarget, MIRROR, OS, Ready, is_windows};
use crate::workload::{Controller, Made, TEMPLATE_HASH};

/// What is read of a pod. Everything else is dropped while it is parsed.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct ReducedPod {
    #[serde(default)]
    metadata: ObjectMeta,
    #[serde(default)]
    spec: Spec,
    #[serde(default)]
    status: Status,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    #[serde(default)]
    service_account_name: String,
    node_name: Option<String>,
    #[serde(default)]
    volumes: Vec<Volume>,
    os: Option<Os>,
    #[serde(default)]
    node_selector: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Deserialize)]
struct Os {
    name: String,
}

#[derive(Clone, Debug, Deserialize)]
struct Volume {
    secret: Option<SecretVolume>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SecretVolume {
    secret_name: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    #[serde(default)]
    phase: String,
    #[serde(rename = "hostIP")]
    host_ip: Option<String>,
    #[serde(rename = "podIP")]
    pod_ip: Option<String>,
    #[serde(rename = "podIPs", default)]
    pod_ips: Vec<PodIp>,
    #[serde(default)]
    container_statuses: Vec<ContainerStatus>,
    #[serde(default)]
    init_container_statuses: Vec<ContainerStatus>,
}

#[derive(Clone, Debug, Deserialize)]
struct PodIp {
    #[serde(default)]
    ip: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContainerStatus {
    name: String,
    #[serde(rename = "imageID", default)]
    image_id: String,
}

impl Resource for ReducedPod {
    type DynamicType = ();
    type Scope = k8s_openapi::NamespaceResourceScope;

    fn kind(dynamic: &()) -> Cow<'_, str> {
        Pod::kind(dynamic)
    }

    fn group(dynamic: &()) -> Cow<'_, str> {
        Pod::group(dynamic)
    }

    fn version(dynamic: &()) -> Cow<'_, str> {
        Pod::version(dynamic)
    }

    fn plural(dynamic: &()) -> Cow<'_, str> {
        Pod::plural(dynamic)
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

/// Tells what of a pod is about baits, by the rules of admission.
#[derive(Clone, Debug)]
pub struct Reduction {
    targets: Vec<Ready>,
    handles: PodHandles,
}

impl Reduction {
    /// By targets, of which the first that means a pod counts.
    ///
    /// # Errors
    /// When one of them cannot be understood.
    pub fn new(targets: Vec<Target>, handles: PodHandles) -> Result<Self, InvalidTarget> {
        let targets = targets.into_iter().map(Ready::new);
        Ok(Self {
            targets: targets.collect::<Result<_, _>>()?,
            handles,
        })
    }

    /// The pod, as the keeper of baits wants it. `None`: it has no identity, as nothing that a server gives.
    #[must_use]
    pub fn seen(&self, pod: &ReducedPod) -> Option<SeenPod> {
        let subject = subject(pod)?;
        let handle = pod
            .spec
            .volumes
            .iter()
            .filter_map(|volume| volume.secret.as_ref()?.secret_name.as_deref())
            .find_map(|name| self.handles.read(&subject.namespace, name));
        let canary = self
            .target(pod, &subject.namespace)
            // Whether a share would have had this one is not known.
            .filter(|target| handle.is_some() || target.share == 100)
            .map(|target| target.canary.clone());
        // Succeeded and Failed are ends (Pod lifecycle): none of its containers starts again.
        let is_over = matches!(pod.status.phase.as_str(), "Succeeded" | "Failed");
        Some(SeenPod {
            subject,
            handle,
            canary,
            is_over,
        })
    }

    fn target(&self, pod: &ReducedPod, namespace: &str) -> Option<&Target> {
        let metadata = &pod.metadata;
        let annotations = metadata.annotations.as_ref();
        let said = pod.spec.os.as_ref().map(|os| os.name.as_str());
        let wanted = pod.spec.node_selector.get(OS).map(String::as_str);
        if is_windows(said, wanted) || annotations.is_some_and(|all| all.contains_key(MIRROR)) {
            return None;
        }
        let workload = made(pod).map_or(Workload::Bare, |made| made.workload);
        let label = |key: &str| metadata.labels.as_ref()?.get(key).map(String::as_str);
        let mut targets = self.targets.iter();
        targets
            .find(|one| one.means(namespace, workload, label))
            .map(|one| &one.target)
    }
}

fn made(pod: &ReducedPod) -> Option<Made<'_>> {
    let owners = pod.metadata.owner_references.as_ref()?;
    let owner: &OwnerReference = owners.iter().find(|owner| owner.controller == Some(true))?;
    let hash = pod
        .metadata
        .labels
        .as_ref()
        .and_then(|all| all.get(TEMPLATE_HASH));
    let controller = Controller {
        api_version: &owner.api_version,
        kind: &owner.kind,
        name: &owner.name,
    };
    Some(controller.made(hash.map(String::as_str)))
}

fn subject(pod: &ReducedPod) -> Option<Subject> {
    let metadata = &pod.metadata;
    let created = metadata.creation_timestamp.as_ref();
    let one = pod.status.pod_ip.as_deref();
    let several = pod.status.pod_ips.iter().map(|one| one.ip.as_str());
    let mut addresses: Vec<IpAddr> = several
        .chain(one)
        .filter_map(|text| text.parse().ok())
        .collect();
    addresses.sort_unstable();
    addresses.dedup();
    let statuses = pod.status.container_statuses.iter();
    let images = statuses
        .chain(&pod.status.init_container_statuses)
        .filter(|status| !status.image_id.is_empty())
        .map(|status| (status.name.clone(), status.image_id.clone()))
        .collect();
    Some(Subject {
        uid: metadata.uid.clone()?,
        namespace: metadata.namespace.clone()?,
        name: metadata.name.clone()?,
        owner: made(pod).map(|made| Owner {
            kind: made.kind.to_owned(),
            name: made.name.to_owned(),
        }),
        service_account: pod.spec.service_account_name.clone(),
        node: pod.spec.node_name.clone(),
        node_address: pod
            .status
            .host_ip
            .as_ref()
            .and_then(|text| text.parse().ok()),
        addresses,
        images,
        created: created.map_or(Timestamp::UNIX_EPOCH, |time| time.0),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use canary_core::bait::{BaitKind, Containers, Files, Pattern};
    use canary_core::disguise::Key;
    use canary_core::graph::CanaryId;
    use serde_json::{Value, json};

    use super::*;

    fn reduction() -> Reduction {
        let keys = Key::from_bytes([3; 32]).at_site(&crate::provider(), "cluster");
        let files = Files {
            directory: "/etc/sync".to_owned(),
            names: [("kubeconfig".to_owned(), "config".to_owned())].into(),
        };
        let target = Target {
            canary: CanaryId::new("pod_credentials", "web"),
            namespaces: vec![Pattern::new("web-*")],
            except: Vec::new(),
            selector: Some("tier!=db".to_owned()),
            workloads: BTreeSet::new(),
            containers: Containers::default(),
            share: 100,
            base: "{workload}-settings".to_owned(),
            baits: BTreeMap::from([(BaitKind::Kubeconfig, files)]),
        };
        Reduction::new(vec![target], PodHandles::new(&keys)).unwrap()
    }

    fn seen(pod: Value) -> Option<SeenPod> {
        let pod: ReducedPod = serde_json::from_value(pod).unwrap();
        reduction().seen(&pod)
    }

    fn pod(more: Value) -> Value {
        let mut pod = json!({
            "metadata": { "uid": "u1", "namespace": "web-a", "name": "checkout-7c9f4-x2x1z",
                "creationTimestamp": "2026-11-01T00:00:00Z",
                "labels": { "app": "checkout", "pod-template-hash": "7c9f4" },
                "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "checkout-7c9f4",
                    "uid": "r1", "controller": true }] },
            "spec": { "serviceAccountName": "checkout", "containers": [{ "name": "app", "image": "x" }] },
            "status": {}
        });
        merge(&mut pod, more);
        pod
    }

    fn merge(into: &mut Value, from: Value) {
        match (into, from) {
            (Value::Object(into), Value::Object(from)) => {
                for (key, value) in from {
                    merge(into.entry(key).or_insert(Value::Null), value);
                }
            }
            (into, from) => *into = from,
        }
    }

    #[test]
    fn a_pod_of_a_deployment_is_known_by_the_deployment() {
        let seen = seen(pod(json!({}))).unwrap();
        assert_eq!(
            seen.subject.owner.unwrap().to_string(),
            "Deployment checkout"
        );
        assert_eq!(seen.canary.unwrap().label(), "web");
        assert_eq!(seen.handle, None);
    }

    #[test]
    fn the_handle_is_found_among_other_secrets_and_volumes() {
        let handle = reduction().handles.make("web-a", "checkout-settings", b"1");
        let volumes = json!([
            { "name": "a", "emptyDir": {} },
            { "name": "b", "secret": { "secretName": "tls-0123456789abcdef" } },
            { "name": "c", "secret": { "secretName": handle, "optional": true } },
        ]);
        let seen = seen(pod(json!({ "spec": { "volumes": volumes } }))).unwrap();
        assert_eq!(seen.handle, Some(handle));
    }

    #[test]
    fn a_running_pod_is_complete_and_a_finished_one_is_over() {
        let status = json!({ "phase": "Running", "hostIP": "10.0.0.4", "podIP": "10.1.0.7",
            "podIPs": [{ "ip": "10.1.0.7" }, { "ip": "fd00::7" }],
            "containerStatuses": [{ "name": "app", "imageID": "registry.example/app@sha256:ab" }] });
        let running = seen(pod(
            json!({ "spec": { "nodeName": "node1" }, "status": status }),
        ))
        .unwrap();
        assert!(running.subject.is_complete());
        assert!(!running.is_over);
        assert_eq!(running.subject.addresses.len(), 2);
        let done = seen(pod(json!({ "status": { "phase": "Succeeded" } }))).unwrap();
        assert!(done.is_over);
    }

    #[test]
    fn other_namespaces_labels_windows_and_mirror_pods_are_not_wanted() {
        for other in [
            json!({ "metadata": { "namespace": "shop" } }),
            json!({ "metadata": { "labels": { "tier": "db" } } }),
            json!({ "spec": { "os": { "name": "windows" } } }),
            json!({ "spec": { "nodeSelector": { "kubernetes.io/os": "windows" } } }),
            json!({ "metadata": { "annotations": { "kubernetes.io/config.mirror": "x" } } }),
        ] {
            assert_eq!(seen(pod(other)).unwrap().canary, None);
        }
    }
}
