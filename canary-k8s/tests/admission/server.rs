//! What the real API server says of pods with our additions.

use canary_fixtures::{ControlPlane, Response};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::support::{DIRECTORY, admission, admitted, both, review, target};

/// Enough for each way in which a pod can be made up to come up several times.
const PODS: u32 = 120;

const PATHS: &[&str] = &[
    DIRECTORY,
    "/etc/checkout",
    "/etc/checkout/cluster/x",
    "/data",
    "/var/cache",
];

const VOLUMES: &[&str] = &[
    "checkout-settings-cloud",
    "checkout-settings-cluster",
    "data",
    "cache",
];

/// A container that mounts some of the volumes; valid, unless two of its paths are the same.
fn container() -> impl Strategy<Value = Value> {
    let mount = (0..VOLUMES.len(), 0..PATHS.len());
    let mounts = prop::collection::vec(mount, 0..3);
    (mounts, any::<bool>()).prop_map(|(mounts, says)| {
        let mut container = json!({ "image": "app" });
        if says || !mounts.is_empty() {
            container["volumeMounts"] = mounts
                .into_iter()
                .map(|(volume, path)| json!({ "name": VOLUMES[volume], "mountPath": PATHS[path] }))
                .collect();
        }
        container
    })
}

fn named(prefix: &str, mut containers: Vec<Value>) -> Value {
    for (i, container) in containers.iter_mut().enumerate() {
        container["name"] = format!("{prefix}-{i}").into();
    }
    containers.into()
}

/// A pod that the server takes or refuses, with some of the volumes that its containers mount, or all.
fn any_pod() -> impl Strategy<Value = Value> {
    let containers = || prop::collection::vec(container(), 0..4);
    let lacks = prop::option::weighted(0.2, 0..VOLUMES.len());
    (containers(), containers(), lacks).prop_map(|(containers, init, lacks)| {
        let there = VOLUMES.iter().enumerate();
        let volumes: Value = there
            .filter(|(at, _)| Some(*at) != lacks)
            .map(|(_, name)| json!({ "name": name, "emptyDir": {} }))
            .collect();
        json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "checkout", "labels": { "later": "x" } },
            "spec": {
                "containers": named("main", containers), "initContainers": named("init", init),
                "volumes": volumes, "notYetKnown": { "a": [null] },
            },
        })
    })
}

/// The status, and what is wrong where.
fn verdict(answer: &Response) -> (u16, Value) {
    (answer.status, answer.body["details"]["causes"].clone())
}

#[test]
fn a_pod_is_as_valid_with_our_additions_as_without() {
    let Some(cluster) = ControlPlane::for_test() else {
        return;
    };
    let namespace = cluster.namespace("web");
    let account = json!({ "metadata": { "name": "default" } });
    let core = format!("/api/v1/namespaces/{namespace}");
    cluster.admin("POST", &format!("{core}/serviceaccounts"), Some(&account));
    let mut target = target(both());
    target.containers.init = true;
    let admission = admission(vec![target]);
    let dry_run = |pod: &Value| {
        let path = format!("{core}/pods?dryRun=All");
        cluster.request("admin", "POST", &path, Some(pod)).unwrap()
    };
    let mut seen = [0; 2];
    let config = Config {
        cases: PODS,
        failure_persistence: None,
        ..Config::default()
    };
    let counts = std::cell::RefCell::new(&mut seen);
    let result = TestRunner::new(config).run(&any_pod(), |before| {
        let Ok(after) = admitted(&admission, &review(&namespace, &before)) else {
            return Ok(());
        };
        let was = dry_run(&before);
        prop_assert_eq!(verdict(&dry_run(&after)), verdict(&was));
        counts.borrow_mut()[usize::from(was.status == 201)] += 1;
        Ok(())
    });
    result.unwrap();
    let [refused, taken] = seen;
    assert!(
        refused > 5 && taken > 20,
        "{refused} refused, {taken} taken"
    );
}

#[test]
fn what_is_added_looks_as_if_it_had_been_written_by_hand() {
    let Some(cluster) = ControlPlane::for_test() else {
        return;
    };
    let namespace = cluster.namespace("web");
    let core = format!("/api/v1/namespaces/{namespace}");
    let account = json!({ "metadata": { "name": "default" } });
    cluster.admin("POST", &format!("{core}/serviceaccounts"), Some(&account));
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "checkout" },
        "spec": { "automountServiceAccountToken": false, "containers": [{ "name": "app", "image": "app" }] },
    });
    let admission = admission(vec![target(both())]);
    let pod = admitted(&admission, &review(&namespace, &pod)).unwrap();
    let made = cluster.admin("POST", &format!("{core}/pods"), Some(&pod));
    let mut volume = made["spec"]["volumes"][1].clone();
    let name = volume["secret"]["secretName"].take();
    assert!(name.as_str().unwrap().starts_with("checkout-settings-"));
    let expected = json!({
        "name": "checkout-settings-cluster",
        "secret": {
            "secretName": null, "defaultMode": 420, "optional": true,
            "items": [{ "key": "admin.conf", "path": "admin.conf" }],
        },
    });
    assert_eq!(volume, expected);
}
