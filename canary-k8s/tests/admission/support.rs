//! Targets, reviews, and what their answers make of a pod.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use canary_core::bait::{BaitKind, Containers, Files, Pattern, PodHandles, Target};
use canary_core::disguise::Key;
use canary_core::graph::CanaryId;
use canary_k8s::admission::{Admission, Decision, Reason};
use serde_json::{Value, json};

/// Where the bait of [`aws`] lies in a pod of `checkout`.
pub(crate) const DIRECTORY: &str = "/etc/checkout/cloud";

pub(crate) fn handles() -> PodHandles {
    PodHandles::new(&Key::from_bytes([3; 32]).at_site(&canary_k8s::provider(), "site"))
}

pub(crate) fn files(directory: &str, names: &[(&str, &str)]) -> Files {
    let names = names
        .iter()
        .map(|(what, name)| ((*what).to_owned(), (*name).to_owned()));
    Files {
        directory: directory.to_owned(),
        names: names.collect(),
    }
}

pub(crate) fn aws() -> BTreeMap<BaitKind, Files> {
    let names = [("credentials", "credentials"), ("config", "config")];
    BTreeMap::from([(BaitKind::Aws, files("/etc/{workload}/cloud", &names))])
}

pub(crate) fn both() -> BTreeMap<BaitKind, Files> {
    let mut baits = aws();
    let names = [("kubeconfig", "admin.conf")];
    baits.insert(
        BaitKind::Kubeconfig,
        files("/etc/{workload}/cluster", &names),
    );
    baits
}

/// All pods of `web` and of namespaces that begin with `web-`.
pub(crate) fn target(baits: BTreeMap<BaitKind, Files>) -> Target {
    Target {
        canary: CanaryId::new("pod_credentials", "web"),
        namespaces: vec![Pattern::new("web"), Pattern::new("web-*")],
        except: vec![Pattern::new("web-ci")],
        selector: None,
        workloads: BTreeSet::new(),
        containers: Containers::default(),
        share: 100,
        base: "{workload}-settings".into(),
        baits,
    }
}

pub(crate) fn admission(targets: Vec<Target>) -> Admission {
    Admission::new(targets, handles()).unwrap()
}

/// A pod of the Deployment `checkout`.
pub(crate) fn pod() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "generateName": "checkout-5d9c-",
            "labels": { "app": "checkout", "pod-template-hash": "5d9c" },
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "checkout-5d9c", "uid": "1", "controller": true,
            }],
        },
        "spec": { "containers": [{ "name": "app", "image": "app" }] },
    })
}

pub(crate) fn review(namespace: &str, pod: &Value) -> Value {
    json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "11d5", "operation": "CREATE", "namespace": namespace,
            "kind": { "group": "", "version": "v1", "kind": "Pod" },
            "resource": { "group": "", "version": "v1", "resource": "pods" },
            "object": pod, "oldObject": null, "dryRun": false,
        },
    })
}

/// Ephemeral containers are added to a pod.
pub(crate) fn ephemeral_review(old: &Value, new: &Value) -> Value {
    let mut review = review("web", new);
    review["request"]["operation"] = "UPDATE".into();
    review["request"]["subResource"] = "ephemeralcontainers".into();
    review["request"]["oldObject"] = old.clone();
    review
}

/// What the server would make of the object in a review, and why it stays as it is where it does.
pub(crate) fn admitted(admission: &Admission, review: &Value) -> Result<Value, Reason> {
    let answer = admission.answer(review.to_string().as_bytes());
    let body: Value = serde_json::from_slice(&answer.body.unwrap()).unwrap();
    assert_eq!(body["response"]["allowed"], true);
    assert_eq!(body["response"]["uid"], review["request"]["uid"]);
    match answer.decision {
        Decision::Skip(reason) => {
            assert_eq!(body["response"]["patch"], Value::Null);
            Err(reason)
        }
        Decision::Patch(_) => {
            let patch = STANDARD.decode(body["response"]["patch"].as_str().unwrap());
            let patch: json_patch::Patch = serde_json::from_slice(&patch.unwrap()).unwrap();
            let mut object = review["request"]["object"].clone();
            json_patch::patch(&mut object, &patch).unwrap();
            Ok(object)
        }
    }
}
