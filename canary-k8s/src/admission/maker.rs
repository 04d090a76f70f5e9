//! What makes a pod, and the name that people know it by.

use canary_core::bait::Workload;

use super::pod::{Metadata, Owner};

/// Set by a Deployment on its ReplicaSets and by these on their pods, and the end of the ReplicaSet's name.
const TEMPLATE_HASH: &str = "pod-template-hash";
/// A CronJob ends its Jobs' names with the minutes since 1970, which have eight digits from 1989 to 2160. What people
/// number by hand has fewer.
const MINUTES: usize = 8;

/// What makes a pod.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Maker<'a> {
    pub(super) workload: Workload,
    pub(super) name: &'a str,
}

impl<'a> Maker<'a> {
    pub(super) fn of(pod: &'a Metadata<'_>) -> Self {
        let controller = pod
            .owner_references
            .iter()
            .find(|one| one.controller == Some(true));
        let Some(owner) = controller else {
            return Self {
                workload: Workload::Bare,
                name: own_name(pod),
            };
        };
        let name = &*owner.name;
        let (workload, name) = match kind(owner) {
            Some(Workload::Deployment) => {
                let hash = pod.labels.as_ref().and_then(|all| all.get(TEMPLATE_HASH));
                let deployment =
                    hash.and_then(|hash| name.strip_suffix(&**hash)?.strip_suffix('-'));
                (Workload::Deployment, deployment.unwrap_or(name))
            }
            Some(Workload::Job) => (Workload::Job, without_minutes(name)),
            Some(other) => (other, name),
            None => (Workload::Other, name),
        };
        Self { workload, name }
    }
}

fn kind(owner: &Owner<'_>) -> Option<Workload> {
    let (group, _) = owner.api_version.split_once('/')?;
    match (group, &*owner.kind) {
        ("apps", "ReplicaSet") => Some(Workload::Deployment),
        ("apps", "StatefulSet") => Some(Workload::StatefulSet),
        ("apps", "DaemonSet") => Some(Workload::DaemonSet),
        ("batch", "Job") => Some(Workload::Job),
        _ => None,
    }
}

/// Of a bare pod. The server appends five characters to a `generateName`.
fn own_name<'a>(pod: &'a Metadata<'_>) -> &'a str {
    let given = |text: &'a Option<_>| text.as_deref().filter(|text: &&str| !text.is_empty());
    let generated = || given(&pod.generate_name).map(|text| text.strip_suffix('-').unwrap_or(text));
    given(&pod.name).or_else(generated).unwrap_or_default()
}

fn without_minutes(job: &str) -> &str {
    match job.rsplit_once('-') {
        Some((name, end))
            if end.len() >= MINUTES && end.bytes().all(|digit| digit.is_ascii_digit()) =>
        {
            name
        }
        _ => job,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::pod::Object;
    use serde_json::{Value, json};

    fn maker(metadata: &Value) -> (Workload, String) {
        let text = metadata.to_string();
        let Object(read): Object<Metadata<'_>> = serde_json::from_str(&text).unwrap();
        let maker = Maker::of(&read);
        (maker.workload, maker.name.to_owned())
    }

    fn owned(group: &str, kind: &str, name: &str, labels: &Value) -> (Workload, String) {
        maker(&json!({
            "generateName": format!("{name}-"),
            "labels": labels,
            "ownerReferences": [
                { "apiVersion": "v1", "kind": "ConfigMap", "name": "other", "uid": "1" },
                { "apiVersion": group, "kind": kind, "name": name, "uid": "2", "controller": true },
            ],
        }))
    }

    #[test]
    fn a_pod_is_known_by_the_workload_that_people_made() {
        let none = json!({});
        let hash = json!({ TEMPLATE_HASH: "5d9c" });
        for (group, kind, name, labels, workload, expected) in [
            (
                "apps/v1",
                "ReplicaSet",
                "api-v2-5d9c",
                &hash,
                Workload::Deployment,
                "api-v2",
            ),
            (
                "apps/v1",
                "ReplicaSet",
                "api-v2",
                &none,
                Workload::Deployment,
                "api-v2",
            ),
            (
                "apps/v1",
                "ReplicaSet",
                "5d9c",
                &hash,
                Workload::Deployment,
                "5d9c",
            ),
            (
                "apps/v1",
                "StatefulSet",
                "db",
                &none,
                Workload::StatefulSet,
                "db",
            ),
            (
                "apps/v1",
                "DaemonSet",
                "logs",
                &none,
                Workload::DaemonSet,
                "logs",
            ),
            (
                "batch/v1",
                "Job",
                "nightly-29741760",
                &none,
                Workload::Job,
                "nightly",
            ),
            (
                "batch/v1",
                "Job",
                "migrate-2",
                &none,
                Workload::Job,
                "migrate-2",
            ),
            (
                "v1",
                "ReplicationController",
                "old",
                &none,
                Workload::Other,
                "old",
            ),
            (
                "apps.kruise.io/v1",
                "StatefulSet",
                "x",
                &none,
                Workload::Other,
                "x",
            ),
        ] {
            assert_eq!(
                owned(group, kind, name, labels),
                (workload, expected.to_owned()),
                "{kind} {name}"
            );
        }
    }

    #[test]
    fn a_pod_that_nobody_controls_is_known_by_its_own_name() {
        for (metadata, expected) in [
            (json!({ "name": "shell" }), "shell"),
            (json!({ "generateName": "load-test-" }), "load-test"),
            (json!({ "name": "", "generateName": "x" }), "x"),
            (json!({}), ""),
        ] {
            assert_eq!(maker(&metadata), (Workload::Bare, expected.to_owned()));
        }
    }
}
