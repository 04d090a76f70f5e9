//! What one admission costs: from the bytes of a review to the bytes of its answer.
//!
//! ```text
//! cargo bench -p canary-k8s --bench admission
//! ```

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on stops")]

use std::collections::{BTreeMap, BTreeSet};

use canary_core::bait::{BaitKind, Containers, Files, Pattern, PodHandles, Target};
use canary_core::disguise::Key;
use canary_core::graph::CanaryId;
use canary_k8s::admission::{Admission, Decision, Review};
use divan::Bencher;
use divan::counter::BytesCount;
use serde_json::{Value, json};

/// A pod of a Deployment as the API server sends it, managed fields and all.
const REVIEW: usize = 4_096;

fn main() {
    divan::main();
}

fn admission() -> Admission {
    let files = |directory: &str, names: &[&str]| Files {
        directory: directory.into(),
        names: names
            .iter()
            .map(|name| ((*name).into(), (*name).into()))
            .collect(),
    };
    let baits = BTreeMap::from([
        (
            BaitKind::Aws,
            files("/etc/{workload}/cloud", &["credentials", "config"]),
        ),
        (
            BaitKind::Kubeconfig,
            files("/etc/{workload}/cluster", &["kubeconfig"]),
        ),
    ]);
    let target = Target {
        canary: CanaryId::new("pod_credentials", "web"),
        namespaces: vec![Pattern::new("web-*")],
        except: Vec::new(),
        selector: Some("app,!legacy".into()),
        workloads: BTreeSet::new(),
        containers: Containers::default(),
        share: 100,
        base: "{workload}-settings".into(),
        baits,
    };
    let keys = Key::from_bytes([3; 32]).at_site(&canary_k8s::provider(), "site");
    Admission::new(vec![target], PodHandles::new(&keys)).unwrap()
}

fn review(namespace: &str) -> Vec<u8> {
    let container = |name: &str| {
        json!({
            "name": name, "image": format!("registry.example.com/{name}:1.2"), "imagePullPolicy": "IfNotPresent",
            "resources": { "limits": { "cpu": "1", "memory": "1Gi" } },
            "env": [{ "name": "LOG_LEVEL", "value": "info" }],
            "volumeMounts": [
                { "name": "data", "mountPath": "/data" },
                { "name": "kube-api-access", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "readOnly": true },
            ],
        })
    };
    let mut review = json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "0df28fbd-5f5f-11e8-bc74-36e6bb280816", "operation": "CREATE", "namespace": namespace,
            "kind": { "group": "", "version": "v1", "kind": "Pod" },
            "resource": { "group": "", "version": "v1", "resource": "pods" },
            "userInfo": { "username": "system:serviceaccount:kube-system:replicaset-controller" },
            "object": {
                "apiVersion": "v1", "kind": "Pod",
                "metadata": {
                    "generateName": "checkout-5d9c-", "namespace": namespace,
                    "labels": { "app": "checkout", "pod-template-hash": "5d9c" },
                    "ownerReferences": [{
                        "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "checkout-5d9c", "uid": "1",
                        "controller": true,
                    }],
                },
                "spec": {
                    "containers": [container("app"), container("proxy")],
                    "volumes": [
                        { "name": "data", "emptyDir": {} },
                        { "name": "kube-api-access", "projected": { "sources": [] } },
                    ],
                },
            },
        },
    });
    let missing = REVIEW - review.to_string().len();
    let managed: Vec<Value> = (0..missing / 32)
        .map(|i| json!({ "f:metadata": { "f:k": i } }))
        .collect();
    review["request"]["object"]["metadata"]["managedFields"] = managed.into();
    review.to_string().into_bytes()
}

#[divan::bench]
fn add_two_baits(bencher: Bencher<'_, '_>) {
    let (admission, body) = (admission(), review("web-shop"));
    assert!(matches!(
        admission.answer(&body).decision,
        Decision::Patch(_)
    ));
    bencher
        .counter(BytesCount::of_slice(&body))
        .bench(|| admission.answer(&body));
}

#[divan::bench]
fn pass_over_another_namespace(bencher: Bencher<'_, '_>) {
    let (admission, body) = (admission(), review("shop"));
    assert!(matches!(
        admission.answer(&body).decision,
        Decision::Skip(_)
    ));
    bencher
        .counter(BytesCount::of_slice(&body))
        .bench(|| admission.answer(&body));
}

/// The part that any answer has to do.
#[divan::bench]
fn read_the_review(bencher: Bencher<'_, '_>) {
    let body = review("web-shop");
    bencher
        .counter(BytesCount::of_slice(&body))
        .bench(|| Review::read(&body).is_ok());
}
