//! Whatever a pod has in it, only what is ours is added, once.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use canary_k8s::admission::{Admission, Reason};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::support::{DIRECTORY, admission, admitted, aws, both, pod, review, target};

fn both_kinds(init: bool) -> Admission {
    let mut target = target(both());
    target.containers.init = init;
    admission(vec![target])
}

/// Any JSON, not deep.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[a-z/~\"]{1,6}", inner, 0..3)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Fields that no version of Kubernetes has yet.
fn unknown() -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::btree_map("x[A-Z][a-z]{1,4}", anything(), 0..3)
        .prop_map(|map| map.into_iter().collect())
}

fn and_unknown(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    (value, unknown()).prop_map(|(mut value, more)| {
        if let Value::Object(map) = &mut value {
            map.extend(more);
        }
        value
    })
}

/// A list that may be absent, null or empty.
fn list(member: impl Strategy<Value = Value>) -> impl Strategy<Value = Option<Value>> {
    prop_oneof![
        1 => Just(None),
        1 => Just(Some(Value::Null)),
        4 => prop::collection::vec(member, 0..4).prop_map(|all| Some(Value::from(all))),
    ]
}

fn volume_name() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("checkout-settings-cloud".to_owned()),
        Just("checkout-settings-cluster-2".to_owned()),
        "[a-z]{1,3}",
    ]
}

fn volume() -> impl Strategy<Value = Value> {
    let source = prop_oneof![
        Just(json!({ "emptyDir": {} })),
        Just(json!({ "secret": { "secretName": "checkout-settings-0123456789abcdef" } })),
        Just(json!({ "secret": { "optional": true } })),
        Just(json!({ "secret": null, "csi": { "driver": "x" } })),
    ];
    and_unknown((volume_name(), source).prop_map(|(name, mut source)| {
        source["name"] = name.into();
        source
    }))
}

fn mount() -> impl Strategy<Value = Value> {
    let path = prop_oneof![
        Just(DIRECTORY.to_owned()),
        Just("/etc/checkout/cluster/".to_owned()),
        Just("/etc".to_owned()),
        Just("/etc/checkout/cloud/../x".to_owned()),
        "/[a-z]{1,3}",
    ];
    and_unknown(
        (volume_name(), path).prop_map(|(name, path)| json!({ "name": name, "mountPath": path })),
    )
}

fn container() -> impl Strategy<Value = Value> {
    let policy = prop_oneof![
        Just(None),
        Just(Some(json!("Always"))),
        Just(Some(Value::Null))
    ];
    let container = ("[a-z]{1,8}", policy, list(mount())).prop_map(|(name, policy, mounts)| {
        let mut container = json!({ "name": name, "image": "app" });
        put(&mut container, "restartPolicy", policy);
        put(&mut container, "volumeMounts", mounts);
        container
    });
    and_unknown(container)
}

fn put(object: &mut Value, key: &str, value: Option<Value>) {
    if let Some(value) = value {
        object[key] = value;
    }
}

/// A pod as the server could send it, today's fields and tomorrow's.
fn any_pod() -> impl Strategy<Value = Value> {
    let lists = (list(volume()), list(container()), list(container()));
    (lists, unknown(), unknown()).prop_map(|((volumes, containers, init), top, inner)| {
        let mut pod = pod();
        let spec = &mut pod["spec"];
        *spec = Value::Object(inner);
        put(spec, "volumes", volumes);
        put(spec, "containers", containers);
        put(spec, "initContainers", init);
        if let Value::Object(map) = &mut pod {
            map.extend(top);
        }
        pod
    })
}

/// Takes out of a list what another lacks; `None` when it is not the other with more behind it.
fn take_added(list: &mut Value, before: &Value) -> Option<Vec<Value>> {
    let old = before.as_array().cloned().unwrap_or_default();
    let Value::Array(all) = list else {
        return (list == before).then(Vec::new);
    };
    if !all.starts_with(&old) {
        return None;
    }
    let added = all.split_off(old.len());
    if !before.is_array() && !added.is_empty() {
        *list = before.clone();
    }
    Some(added)
}

/// Takes what is ours out again, and tells the names of the volumes and of the mounts.
fn take_ours(after: &mut Value, before: &Value) -> (Vec<String>, Vec<String>) {
    let absent = |object: &Value, key: &str| object.get(key).is_none();
    let name = |one: Value| one["name"].as_str().unwrap().to_owned();
    let take = |after: &mut Value, before: &Value, key: &str| -> Vec<String> {
        if absent(after, key) {
            return Vec::new();
        }
        let added = take_added(&mut after[key], &before[key]).unwrap();
        if absent(before, key) {
            after.as_object_mut().unwrap().remove(key);
        }
        added.into_iter().map(name).collect()
    };
    let volumes = take(&mut after["spec"], &before["spec"], "volumes");
    let mut mounts = Vec::new();
    for list in ["containers", "initContainers"] {
        let count = before["spec"][list].as_array().map_or(0, Vec::len);
        for index in 0..count {
            let container = &before["spec"][list][index];
            mounts.extend(take(
                &mut after["spec"][list][index],
                container,
                "volumeMounts",
            ));
        }
    }
    (volumes, mounts)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_pod_is_the_same_outside_of_what_is_added(before in any_pod(), init: bool) {
        let Ok(mut after) = admitted(&both_kinds(init), &review("web", &before)) else {
            return Ok(());
        };
        let (volumes, mounts) = take_ours(&mut after, &before);
        prop_assert_eq!(&after, &before);
        let old = before["spec"]["volumes"].as_array().cloned().unwrap_or_default();
        prop_assert!(!volumes.is_empty() && volumes.len() <= 2);
        for name in &volumes {
            prop_assert!(old.iter().all(|volume| volume["name"] != name.as_str()));
            prop_assert!(mounts.contains(name));
        }
        prop_assert!(mounts.iter().all(|mount| volumes.contains(mount)));
        prop_assert!(volumes.first() != volumes.get(1));
    }

    #[test]
    fn what_was_added_once_is_not_added_again(before in any_pod(), init: bool) {
        let admission = both_kinds(init);
        if let Ok(after) = admitted(&admission, &review("web", &before)) {
            let mut again = review("web", &after);
            again["request"]["uid"] = "another".into();
            prop_assert_eq!(admitted(&admission, &again), Err(Reason::Present));
        }
    }

    #[test]
    fn any_value_anywhere_in_a_pod_is_decided_about(value in anything(), at in 0..7) {
        let mut pod = pod();
        let pointer = ["", "/spec", "/metadata", "/metadata/labels", "/spec/containers", "/spec/containers/0", "/metadata/ownerReferences/0"];
        *pod.pointer_mut(pointer[usize::try_from(at).unwrap()]).unwrap() = value;
        // What cannot be patched makes this fail.
        let admitted = admitted(&both_kinds(true), &review("web", &pod));
        prop_assert!(admitted != Err(Reason::Malformed));
    }

    #[test]
    fn any_bytes_are_answered_or_malformed(bytes: Vec<u8>) {
        let answer = admission(vec![target(aws())]).answer(&bytes);
        prop_assert!(answer.body.is_none());
    }

    #[test]
    fn a_review_that_is_cut_or_damaged_never_stops_us(at: prop::sample::Index, byte: u8, cut: bool) {
        let mut body = review("web", &pod()).to_string().into_bytes();
        let at = at.index(body.len());
        if cut {
            body.truncate(at);
        } else {
            body[at] = byte;
        }
        let answer = admission(vec![target(aws())]).answer(&body);
        prop_assert!(!cut || answer.body.is_none());
    }
}

#[test]
fn numbers_and_escapes_that_a_reader_would_change_stay_as_they_are_written() {
    let before = review("web", &pod()).to_string().replace(
        "\"image\":\"app\"",
        r#""image":"app","later":{"n":1.00000000000000000001e2,"s":"\u0041\/"}"#,
    );
    let answer = admission(vec![target(aws())]).answer(before.as_bytes());
    let body: Value = serde_json::from_slice(&answer.body.unwrap()).unwrap();
    // The server applies the patch to the bytes it has: no value of the pod is in it.
    let patch = STANDARD.decode(body["response"]["patch"].as_str().unwrap());
    let patch: Value = serde_json::from_slice(&patch.unwrap()).unwrap();
    let paths: Vec<_> = patch
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (&one["op"], &one["path"]))
        .collect();
    let add = json!("add");
    assert_eq!(
        paths,
        [
            (&add, &json!("/spec/volumes")),
            (&add, &json!("/spec/containers/0/volumeMounts")),
        ]
    );
}
