//! What makes a pod that is asked about.

use canary_core::bait::Workload;

use super::pod::Metadata;
use crate::workload::{Controller, TEMPLATE_HASH};

/// What makes a pod.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Maker<'a> {
    pub(super) workload: Workload,
    pub(super) name: &'a str,
}

impl<'a> Maker<'a> {
    pub(super) fn of(pod: &'a Metadata<'_>) -> Self {
        let mut owners = pod.owner_references.iter();
        let Some(owner) = owners.find(|one| one.controller == Some(true)) else {
            return Self {
                workload: Workload::Bare,
                name: own_name(pod),
            };
        };
        let hash = pod.labels.as_ref().and_then(|all| all.get(TEMPLATE_HASH));
        let controller = Controller {
            api_version: &owner.api_version,
            kind: &owner.kind,
            name: &owner.name,
        };
        let made = controller.made(hash.map(|hash| &**hash));
        Self {
            workload: made.workload,
            name: made.name,
        }
    }
}

/// Of a bare pod. The server appends five characters to a `generateName`.
fn own_name<'a>(pod: &'a Metadata<'_>) -> &'a str {
    let given = |text: &'a Option<_>| text.as_deref().filter(|text: &&str| !text.is_empty());
    let generated = || given(&pod.generate_name).map(|text| text.strip_suffix('-').unwrap_or(text));
    given(&pod.name).or_else(generated).unwrap_or_default()
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

    #[test]
    fn a_pod_is_known_by_its_controller_and_by_no_other_owner() {
        let made = maker(&json!({
            "generateName": "api-5d9c-",
            "labels": { "pod-template-hash": "5d9c" },
            "ownerReferences": [
                { "apiVersion": "v1", "kind": "ConfigMap", "name": "other", "uid": "1" },
                { "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "api-5d9c", "uid": "2", "controller": true },
            ],
        }));
        assert_eq!(made, (Workload::Deployment, "api".to_owned()));
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
