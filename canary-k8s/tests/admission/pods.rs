//! Which pods get a bait, and what is added to them for it.

use std::collections::BTreeSet;

use crate::support::{
    DIRECTORY, admission, admitted, aws, both, ephemeral_review, files, handles, pod, review,
    target,
};
use canary_core::bait::{BaitKind, Pattern, Target, Workload};
use canary_core::graph::CanaryId;
use canary_k8s::admission::{Admission, Reason, Wrong};
use serde_json::{Value, json};

fn in_web(pod: &Value) -> Result<Value, Reason> {
    admitted(&admission(vec![target(aws())]), &review("web", pod))
}

fn with(change: impl FnOnce(&mut Value)) -> Value {
    let mut pod = pod();
    change(&mut pod);
    pod
}

fn web(change: impl FnOnce(&mut Target)) -> Target {
    let mut target = target(aws());
    change(&mut target);
    target
}

/// The containers of a list that have a mount, by name, with where it is.
fn mounted(pod: &Value, list: &str) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let containers = pod["spec"][list].as_array().into_iter().flatten();
    containers
        .flat_map(|container| {
            let mounts = container["volumeMounts"].as_array().into_iter().flatten();
            mounts.map(|mount| (text(&container["name"]), text(&mount["mountPath"])))
        })
        .collect()
}

fn names(mounted: &[(String, String)]) -> Vec<&str> {
    mounted.iter().map(|(name, _)| name.as_str()).collect()
}

#[test]
fn a_pod_gets_one_volume_and_a_mount_in_each_container_and_nothing_else() {
    let admitted = in_web(&pod()).unwrap();
    let handle = admitted["spec"]["volumes"][0]["secret"]["secretName"]
        .as_str()
        .unwrap();
    assert!(handles().read("web", handle).is_some());
    assert!(handle.starts_with("checkout-settings-"));
    let expected = with(|pod| {
        pod["spec"]["volumes"] = json!([{ "name": "checkout-settings", "secret": { "secretName": handle, "optional": true } }]);
        pod["spec"]["containers"][0]["volumeMounts"] =
            json!([{ "name": "checkout-settings", "readOnly": true, "mountPath": DIRECTORY }]);
    });
    assert_eq!(admitted, expected);
}

#[test]
fn two_kinds_of_bait_are_two_volumes_of_one_secret_each_with_its_own_files() {
    let pod = admitted(&admission(vec![target(both())]), &review("web", &pod())).unwrap();
    let volumes = pod["spec"]["volumes"].as_array().unwrap();
    let handle = &volumes[0]["secret"]["secretName"];
    let expected = json!([
        { "name": "checkout-settings-cloud", "secret": { "secretName": handle, "optional": true, "items": [
            { "key": "config", "path": "config" }, { "key": "credentials", "path": "credentials" },
        ] } },
        { "name": "checkout-settings-cluster", "secret": { "secretName": handle, "optional": true, "items": [
            { "key": "admin.conf", "path": "admin.conf" },
        ] } },
    ]);
    assert_eq!(pod["spec"]["volumes"], expected);
    let paths = mounted(&pod, "containers");
    assert_eq!(paths.len(), 2);
    assert_eq!(paths[1].1, "/etc/checkout/cluster");
}

#[test]
fn what_is_not_plainly_a_pod_of_ours_goes_on_as_it_is() {
    let metadata = |key: &str, value: Value| with(|pod| pod["metadata"][key] = value);
    let spec = |key: &str, value: Value| with(|pod| pod["spec"][key] = value);
    for (pod, reason) in [
        (
            metadata("annotations", json!({ "kubernetes.io/config.mirror": "x" })),
            Reason::Mirror,
        ),
        (spec("os", json!({ "name": "windows" })), Reason::Windows),
        (
            spec("nodeSelector", json!({ "kubernetes.io/os": "windows" })),
            Reason::Windows,
        ),
        (spec("containers", json!("none")), Reason::Unexpected),
        (spec("volumes", json!([1])), Reason::Unexpected),
        (metadata("labels", json!({ "app": 1 })), Reason::Unexpected),
        (spec("containers", json!([])), Reason::NoContainer),
        (Value::Null, Reason::Unexpected),
        (json!(["a"]), Reason::Unexpected),
    ] {
        assert_eq!(in_web(&pod), Err(reason), "{pod}");
    }
}

#[test]
fn the_namespace_is_that_of_the_request() {
    let admission = admission(vec![web(|target| {
        target.namespaces = vec![Pattern::new("web*"), Pattern::new("kube-*")];
    })]);
    let pod = with(|pod| pod["metadata"]["namespace"] = "web".into());
    for (namespace, expected) in [
        ("web", None),
        ("web-a", None),
        ("web-ci", Some(Reason::NotCovered)),
        ("ops", Some(Reason::NotCovered)),
        ("kube-system", Some(Reason::ClusterNamespace)),
        ("", Some(Reason::OtherRequest)),
    ] {
        let result = admitted(&admission, &review(namespace, &pod));
        assert_eq!(result.err(), expected, "{namespace}");
    }
}

#[test]
fn other_requests_are_none_of_ours() {
    let admission = admission(vec![target(aws())]);
    for (key, value) in [
        ("operation", json!("UPDATE")),
        ("operation", json!("DELETE")),
        ("subResource", json!("binding")),
        (
            "resource",
            json!({ "group": "", "version": "v1", "resource": "services" }),
        ),
        (
            "resource",
            json!({ "group": "", "version": "v2", "resource": "pods" }),
        ),
    ] {
        let mut review = review("web", &pod());
        review["request"][key] = value;
        assert_eq!(admitted(&admission, &review), Err(Reason::OtherRequest));
    }
}

#[test]
fn a_dry_run_is_answered_as_what_it_tries() {
    let admission = admission(vec![target(aws())]);
    let mut dry = review("web", &pod());
    dry["request"]["dryRun"] = true.into();
    assert_eq!(
        admitted(&admission, &dry),
        admitted(&admission, &review("web", &pod()))
    );
}

#[test]
fn two_reviews_of_equal_pods_get_different_handles() {
    let admission = admission(vec![target(aws())]);
    let secret = |uid: &str| {
        let mut review = review("web", &pod());
        review["request"]["uid"] = uid.into();
        admitted(&admission, &review).unwrap()["spec"]["volumes"][0]["secret"].take()
    };
    assert_ne!(secret("a"), secret("b"));
}

#[test]
fn the_first_target_that_means_a_pod_counts() {
    let other = |label: &str, change: fn(&mut Target)| {
        web(|target| {
            target.canary = CanaryId::new("pod_credentials", label);
            label.clone_into(&mut target.base);
            change(target);
        })
    };
    let admission = admission(vec![
        other("elsewhere", |target| {
            target.namespaces = vec![Pattern::new("ops")];
        }),
        other("unselected", |target| {
            target.selector = Some("app=cart".into());
        }),
        other("jobs", |target| {
            target.workloads = BTreeSet::from([Workload::Job]);
        }),
        other("meant", |target| {
            target.selector = Some("app in (checkout),!legacy".into());
            target.workloads = BTreeSet::from([Workload::Deployment]);
        }),
        other("later", |_| {}),
    ]);
    let pod = admitted(&admission, &review("web", &pod())).unwrap();
    assert_eq!(pod["spec"]["volumes"][0]["name"], "meant");
}

#[test]
fn a_share_of_pods_is_about_that_share() {
    for share in [0, 1, 30, 99, 100] {
        let admission = admission(vec![web(|target| target.share = share)]);
        let chosen = (0..2_000).filter(|uid| {
            let mut review = review("web", &pod());
            review["request"]["uid"] = format!("uid-{uid}").into();
            admitted(&admission, &review) != Err(Reason::NotInShare)
        });
        let (chosen, expected) = (chosen.count(), 20 * usize::from(share));
        // Five times the deviation of a fair draw at its widest.
        assert!(chosen.abs_diff(expected) <= 112, "{chosen} for {share}");
        assert!(share != 0 || chosen == 0);
        assert!(share != 100 || chosen == 2_000);
    }
}

fn of_all_kinds() -> Value {
    with(|pod| {
        pod["spec"]["containers"] = json!([{ "name": "app" }, { "name": "proxy" }]);
        pod["spec"]["initContainers"] =
            json!([{ "name": "migrate" }, { "name": "mesh", "restartPolicy": "Always" }]);
    })
}

#[test]
fn containers_are_those_that_are_configured() {
    for (init, sidecars, only, containers, init_containers) in [
        (false, true, None, vec!["app", "proxy"], vec!["mesh"]),
        (true, false, None, vec!["app", "proxy"], vec!["migrate"]),
        (true, true, Some("m*"), vec![], vec!["migrate", "mesh"]),
        (false, false, Some("app"), vec!["app"], vec![]),
    ] {
        let admission = admission(vec![web(|target| {
            target.containers.init = init;
            target.containers.sidecars = sidecars;
            target.containers.names = only.map(Pattern::new).into_iter().collect();
        })]);
        let pod = admitted(&admission, &review("web", &of_all_kinds())).unwrap();
        assert_eq!(names(&mounted(&pod, "containers")), containers);
        assert_eq!(names(&mounted(&pod, "initContainers")), init_containers);
    }
}

#[test]
fn a_pod_with_none_of_the_containers_gets_no_volume() {
    let admission = admission(vec![web(|target| {
        target.containers.names = vec![Pattern::new("db")];
    })]);
    assert_eq!(
        admitted(&admission, &review("web", &pod())),
        Err(Reason::NoContainer)
    );
}

#[test]
fn a_container_with_something_in_the_way_is_left_out() {
    let mount = |path: &str| json!([{ "name": "own", "mountPath": path }]);
    let pod = |path: &str| {
        with(|pod| {
            pod["spec"]["volumes"] = json!([{ "name": "own", "emptyDir": {} }]);
            pod["spec"]["containers"] = json!([
                { "name": "free", "volumeMounts": mount("/data") },
                { "name": "occupied", "volumeMounts": mount(path) },
            ]);
        })
    };
    for path in [
        "/etc/checkout/cloud",
        "/etc/checkout",
        "/etc/",
        "/",
        "/etc/checkout/cloud/more",
    ] {
        let admitted = in_web(&pod(path)).unwrap();
        let mounted = mounted(&admitted, "containers");
        let ours: Vec<_> = mounted.iter().filter(|(_, at)| at == DIRECTORY).collect();
        assert_eq!(ours.len(), 1 + usize::from(path == DIRECTORY), "{path}");
        assert_eq!(ours[0].0, "free");
    }
}

#[test]
fn where_all_containers_are_left_out_there_is_no_volume() {
    let mounted = with(|pod| {
        pod["spec"]["containers"][0]["volumeMounts"] =
            json!([{ "name": "own", "mountPath": "/etc" }]);
    });
    let device = with(|pod| {
        pod["spec"]["containers"][0]["volumeDevices"] =
            json!([{ "name": "own", "devicePath": DIRECTORY }]);
    });
    assert_eq!(in_web(&mounted), Err(Reason::Occupied));
    assert_eq!(in_web(&device), Err(Reason::Occupied));
}

#[test]
fn two_baits_that_would_lie_in_each_other_are_never_both_mounted() {
    let mut baits = both();
    let names = [("kubeconfig", "admin.conf")];
    baits.insert(
        BaitKind::Kubeconfig,
        files("/etc/{workload}/cloud/x", &names),
    );
    let admission = admission(vec![target(baits)]);
    let pod = admitted(&admission, &review("web", &pod())).unwrap();
    assert_eq!(pod["spec"]["volumes"].as_array().unwrap().len(), 1);
    assert_eq!(mounted(&pod, "containers").len(), 1);
    assert_eq!(
        admitted(&admission, &review("web", &pod)),
        Err(Reason::Present)
    );
}

#[test]
fn a_volume_name_that_is_taken_is_left_to_its_owner() {
    let taken = with(|pod| {
        pod["spec"]["volumes"] = json!([
            { "name": "checkout-settings", "configMap": { "name": "x" } },
            { "name": "checkout-settings-2", "emptyDir": {} },
        ]);
    });
    let pod = in_web(&taken).unwrap();
    assert_eq!(pod["spec"]["volumes"][2]["name"], "checkout-settings-3");
    assert_eq!(
        pod["spec"]["containers"][0]["volumeMounts"][0]["name"],
        "checkout-settings-3"
    );
}

#[test]
fn a_volume_that_a_container_mounts_and_the_pod_lacks_is_not_made() {
    let lacking = with(|pod| {
        pod["spec"]["containers"][0]["volumeMounts"] =
            json!([{ "name": "checkout-settings", "mountPath": "/data" }]);
    });
    let pod = in_web(&lacking).unwrap();
    assert_eq!(pod["spec"]["volumes"][0]["name"], "checkout-settings-2");
}

#[test]
fn a_pod_that_has_everything_is_left_as_it_is() {
    for baits in [aws(), both()] {
        let admission = admission(vec![target(baits)]);
        let once = admitted(&admission, &review("web", &of_all_kinds())).unwrap();
        let mut again = review("web", &once);
        again["request"]["uid"] = "another".into();
        assert_eq!(admitted(&admission, &again), Err(Reason::Present));
    }
}

#[test]
fn a_container_that_came_after_the_first_call_gets_the_mount_and_no_second_volume() {
    for baits in [aws(), both()] {
        let count = baits.len();
        let admission = admission(vec![target(baits)]);
        let mut once = admitted(&admission, &review("web", &pod())).unwrap();
        let added = json!({ "name": "injected", "volumeMounts": null });
        once["spec"]["containers"]
            .as_array_mut()
            .unwrap()
            .insert(0, added);
        let twice = admitted(&admission, &review("web", &once)).unwrap();
        assert_eq!(twice["spec"]["volumes"], once["spec"]["volumes"]);
        let mounted = mounted(&twice, "containers");
        assert_eq!(mounted.len(), 2 * count);
        assert_eq!(mounted[0].0, "injected");
        assert_eq!(mounted[0].1, mounted[count].1);
    }
}

#[test]
fn a_pod_that_was_chosen_once_stays_chosen() {
    let all = admission(vec![target(aws())]);
    let none = admission(vec![web(|target| target.share = 0)]);
    let mut once = admitted(&all, &review("web", &pod())).unwrap();
    let containers = once["spec"]["containers"].as_array_mut().unwrap();
    containers.push(json!({ "name": "injected" }));
    let twice = admitted(&none, &review("web", &once)).unwrap();
    assert_eq!(names(&mounted(&twice, "containers")), ["app", "injected"]);
}

#[test]
fn a_handle_of_another_namespace_is_a_secret_like_any_other() {
    let admission = admission(vec![target(aws())]);
    let elsewhere = admitted(&admission, &review("web-a", &pod())).unwrap();
    let here = admitted(&admission, &review("web", &elsewhere)).unwrap_err();
    // Its name is taken and its mount in the way.
    assert_eq!(here, Reason::Occupied);
}

fn with_ephemeral(mut pod: Value, names: &[&str]) -> Value {
    let containers = names
        .iter()
        .map(|name| json!({ "name": name, "image": "busybox" }));
    pod["spec"]["ephemeralContainers"] = containers.collect();
    pod
}

#[test]
fn new_ephemeral_containers_get_the_mount_where_that_is_configured() {
    let admission = admission(vec![web(|target| target.containers.ephemeral = true)]);
    let pod = admitted(&admission, &review("web", &pod())).unwrap();
    let old = with_ephemeral(pod.clone(), &["first"]);
    let new = with_ephemeral(pod, &["first", "second"]);
    let result = admitted(&admission, &ephemeral_review(&old, &new)).unwrap();
    assert_eq!(names(&mounted(&result, "ephemeralContainers")), ["second"]);
    assert_eq!(mounted(&result, "containers"), mounted(&new, "containers"));
}

#[test]
fn ephemeral_containers_are_let_alone_otherwise() {
    let wanted = admission(vec![web(|target| target.containers.ephemeral = true)]);
    let unwanted = admission(vec![target(aws())]);
    let bare = pod();
    let with_bait = admitted(&unwanted, &review("web", &pod())).unwrap();
    let debugged = |pod: &Value| ephemeral_review(pod, &with_ephemeral(pod.clone(), &["debug"]));
    let review = debugged(&with_bait);
    assert_eq!(admitted(&unwanted, &review), Err(Reason::NoContainer));
    assert_eq!(
        admitted(&wanted, &debugged(&bare)),
        Err(Reason::WithoutBait)
    );
    let mut without_old = review;
    without_old["request"]["oldObject"] = Value::Null;
    assert_eq!(admitted(&wanted, &without_old), Err(Reason::Unexpected));
}

#[test]
fn a_pod_of_thousands_of_containers_and_volumes_is_read_in_one_go() {
    let pod = with(|pod| {
        let volumes = (0..2_000).map(|i| match i {
            0 => json!({ "name": "checkout-settings", "emptyDir": {} }),
            i => json!({ "name": format!("checkout-settings-{}", i + 1), "emptyDir": {} }),
        });
        pod["spec"]["volumes"] = volumes.collect();
        let mounts: Value = (0..20)
            .map(|i| json!({ "name": "checkout-settings", "mountPath": format!("/data/{i}") }))
            .collect();
        let containers =
            (0..2_000).map(|i| json!({ "name": format!("c-{i}"), "volumeMounts": mounts }));
        pod["spec"]["containers"] = containers.collect();
    });
    let pod = in_web(&pod).unwrap();
    let ours = mounted(&pod, "containers")
        .into_iter()
        .filter(|(_, at)| at == DIRECTORY);
    assert_eq!(ours.count(), 2_000);
}

fn answer(body: &[u8]) -> Option<Value> {
    let body = admission(vec![target(aws())]).answer(body).body?;
    Some(serde_json::from_slice(&body).unwrap())
}

#[test]
fn an_answer_says_nothing_beside_the_patch() {
    let answered = answer(review("web", &pod()).to_string().as_bytes()).unwrap();
    let patch = &answered["response"]["patch"];
    assert!(patch.is_string());
    let expected = json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "response": { "uid": "11d5", "allowed": true, "patchType": "JSONPatch", "patch": patch },
    });
    assert_eq!(answered, expected);
    let allowed = answer(review("elsewhere", &pod()).to_string().as_bytes());
    let expected = json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "response": { "uid": "11d5", "allowed": true },
    });
    assert_eq!(allowed, Some(expected));
}

#[test]
fn another_version_is_allowed_in_that_version_and_what_is_no_review_has_no_answer() {
    let later = json!({
        "apiVersion": "admission.k8s.io/v2", "kind": "AdmissionReview", "request": { "uid": "a\"\u{1}" },
    });
    let expected = json!({
        "apiVersion": "admission.k8s.io/v2", "kind": "AdmissionReview",
        "response": { "uid": "a\"\u{1}", "allowed": true },
    });
    assert_eq!(answer(later.to_string().as_bytes()), Some(expected));
    assert_eq!(answer(b"{}"), None);
    assert_eq!(answer(b"\xff"), None);
}

#[test]
fn a_target_that_would_make_pods_invalid_is_refused() {
    let directory = |path: &str| {
        let target = web(|target| {
            let only = target.baits.values_mut().next().unwrap();
            path.clone_into(&mut only.directory);
        });
        (target, Wrong::Directory(path.to_owned()))
    };
    let file = |name: &str| {
        let target = web(|target| {
            let only = target.baits.values_mut().next().unwrap();
            only.names.insert("config".into(), name.into());
        });
        (target, Wrong::File(name.to_owned()))
    };
    let twice = web(|target| {
        target.baits = both();
        for files in target.baits.values_mut() {
            files.names.insert("more".into(), "same".into());
        }
    });
    for (target, wrong) in [
        directory("etc/app"),
        directory("/"),
        directory("//"),
        directory(""),
        directory("/a/../etc"),
        directory("/a:b"),
        file("../x"),
        file("a/b"),
        file(""),
        (
            web(|target| target.selector = Some("a b".into())),
            Wrong::Selector("a b".into()),
        ),
        (twice, Wrong::TwoFiles("same".into())),
        (web(|target| target.baits.clear()), Wrong::NoBait),
    ] {
        let refused = Admission::new(vec![target], handles()).unwrap_err();
        assert_eq!(refused.wrong, wrong);
    }
}
