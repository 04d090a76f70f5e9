//! A pod, reduced to what attribution needs. Pure.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;

use canary_core::bait::{Owner, PodHandles, SeenPod, Subject, Target};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::Resource;
use serde::Deserialize;

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

/// Tells what of a pod is about baits.
#[derive(Clone, Debug)]
pub struct Reduction {
    /// What should have one, in order: the first that matches counts.
    pub targets: Vec<Target>,
    /// Knows handles again.
    pub handles: PodHandles,
}

impl Reduction {
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
        let is_windows = pod.spec.os.as_ref().is_some_and(|os| os.name == "windows");
        let is_mirror = annotation(pod, MIRROR).is_some();
        let canary = self
            .targets
            .iter()
            .filter(|_| !is_windows && !is_mirror)
            .find(|target| wants(target, pod, &subject))
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
}

/// The pod was made by a kubelet from a file: the server's copy of it changes nothing.
const MIRROR: &str = "kubernetes.io/config.mirror";
/// What a Deployment calls its ReplicaSets by.
const TEMPLATE_HASH: &str = "pod-template-hash";

fn annotation<'a>(pod: &'a ReducedPod, key: &str) -> Option<&'a String> {
    pod.metadata.annotations.as_ref()?.get(key)
}

fn label<'a>(pod: &'a ReducedPod, key: &str) -> Option<&'a String> {
    pod.metadata.labels.as_ref()?.get(key)
}

fn wants(target: &Target, pod: &ReducedPod, subject: &Subject) -> bool {
    let labels: BTreeMap<String, String> = pod.metadata.labels.clone().unwrap_or_default();
    let is_selected = target
        .selector
        .as_ref()
        .is_none_or(|selector| canary_core::detect::covers_labels(selector, Some(&labels)));
    let workload = workload(controller(pod));
    target.covers(&subject.namespace)
        && is_selected
        && (target.workloads.is_empty() || target.workloads.contains(&workload))
}

fn controller(pod: &ReducedPod) -> Option<&OwnerReference> {
    let owners = pod.metadata.owner_references.as_ref()?;
    owners.iter().find(|owner| owner.controller == Some(true))
}

fn workload(owner: Option<&OwnerReference>) -> canary_core::bait::Workload {
    use canary_core::bait::Workload;
    match owner.map(|owner| owner.kind.as_str()) {
        None => Workload::Bare,
        Some("ReplicaSet") => Workload::Deployment,
        Some("StatefulSet") => Workload::StatefulSet,
        Some("DaemonSet") => Workload::DaemonSet,
        Some("Job") => Workload::Job,
        Some(_) => Workload::Other,
    }
}

/// The workload that people know a pod by: not the ReplicaSet or the Job in between, as far as names tell.
fn owner(pod: &ReducedPod) -> Option<Owner> {
    let owner = controller(pod)?;
    let between = |kind: &str, name: Option<&str>| {
        name.filter(|name| !name.is_empty()).map(|name| Owner {
            kind: kind.to_owned(),
            name: name.to_owned(),
        })
    };
    let known = match owner.kind.as_str() {
        "ReplicaSet" => {
            let hash = label(pod, TEMPLATE_HASH);
            let name = hash.and_then(|hash| owner.name.strip_suffix(&format!("-{hash}")));
            between("Deployment", name)
        }
        // A CronJob names its Jobs by the scheduled minute, in eight digits (since 1970) until the year 2160.
        "Job" => {
            let parts = owner.name.rsplit_once('-');
            let name = parts.filter(|(_, minute)| {
                minute.len() == 8 && minute.bytes().all(|digit| digit.is_ascii_digit())
            });
            between("CronJob", name.map(|(name, _)| name))
        }
        _ => None,
    };
    Some(known.unwrap_or_else(|| Owner {
        kind: owner.kind.clone(),
        name: owner.name.clone(),
    }))
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
        owner: owner(pod),
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

    use canary_core::bait::{Containers, Pattern};
    use canary_core::disguise::Key;
    use canary_core::graph::CanaryId;
    use serde_json::{Value, json};

    use super::*;

    fn reduction() -> Reduction {
        let keys = Key::from_bytes([3; 32]).at_site(&crate::provider(), "cluster");
        Reduction {
            targets: vec![Target {
                canary: CanaryId::new("pod_credentials", "web"),
                namespaces: vec![Pattern::new("web-*")],
                except: Vec::new(),
                selector: Some("tier!=db".to_owned()),
                workloads: BTreeSet::new(),
                containers: Containers::default(),
                share: 100,
                base: "{workload}-settings".to_owned(),
                baits: BTreeMap::new(),
            }],
            handles: PodHandles::new(&keys),
        }
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
    fn a_pod_of_a_cron_job_is_known_by_it_and_one_of_a_job_by_the_job() {
        for (name, expected) in [
            ("report-29401234", "CronJob report"),
            ("report-2940", "Job report-2940"),
            ("migrate", "Job migrate"),
        ] {
            let owners = json!([{ "apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": "j", "controller": true }]);
            let seen = seen(pod(json!({ "metadata": { "ownerReferences": owners } }))).unwrap();
            assert_eq!(seen.subject.owner.unwrap().to_string(), expected);
        }
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
            json!({ "metadata": { "annotations": { "kubernetes.io/config.mirror": "x" } } }),
        ] {
            assert_eq!(seen(pod(other)).unwrap().canary, None);
        }
    }
}
