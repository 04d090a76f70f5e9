//! Pods of every kind, made through the API server.

use std::collections::BTreeSet;

use canary_fixtures::ControlPlane;
use serde_json::{Value, json};

use crate::authority::Authority;
use crate::cluster::{
    configuration, configure, handle, namespace, pod, pods, pods_path, template, until_called,
    with_controllers,
};
use crate::hook::{Hook, until};

struct Called {
    cluster: ControlPlane,
    namespace: String,
    _hook: Hook,
}

fn called() -> Option<Called> {
    let cluster = with_controllers()?;
    let authority = Authority::new();
    let hook = Hook::start(authority.source());
    configure(&cluster, &configuration(hook.port, &authority.certificate));
    let namespace = namespace(&cluster);
    until_called(&cluster, &namespace);
    Some(Called {
        cluster,
        namespace,
        _hook: hook,
    })
}

/// Workloads of each kind by their group, with what they are made of and how many pods they make.
fn workloads(cron_job: &Value) -> [(&'static str, Value, usize); 5] {
    let selector = json!({ "matchLabels": { "app": "shop" } });
    let named = |name: &str, spec: Value| json!({ "metadata": { "name": name }, "spec": spec });
    let mut job = template();
    job["spec"]["restartPolicy"] = "Never".into();
    let mut nightly = named("nightly-29741760", json!({ "template": job }));
    // As a CronJob makes them, which cannot be told to hurry.
    nightly["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "batch/v1", "kind": "CronJob", "name": "nightly",
        "uid": cron_job["metadata"]["uid"], "controller": true,
    }]);
    let with_selector = |name: &str, more: Value| {
        let mut workload = named(name, more);
        workload["spec"]["selector"] = selector.clone();
        workload["spec"]["template"] = template();
        workload
    };
    [
        (
            "apps/v1/deployments",
            with_selector("checkout", json!({ "replicas": 2 })),
            2,
        ),
        (
            "apps/v1/statefulsets",
            with_selector(
                "db",
                json!({ "replicas": 2, "podManagementPolicy": "Parallel" }),
            ),
            2,
        ),
        ("apps/v1/daemonsets", with_selector("logs", json!({})), 1),
        (
            "batch/v1/jobs",
            named("migrate", json!({ "template": job })),
            1,
        ),
        ("batch/v1/jobs", nightly, 1),
    ]
}

fn make(called: &Called, resource: &str, object: &Value) -> Value {
    let (group, plural) = resource.rsplit_once('/').unwrap();
    let path = format!("/apis/{group}/namespaces/{}/{plural}", called.namespace);
    called.cluster.admin("POST", &path, Some(object))
}

/// One that makes no Jobs by itself.
fn cron_job() -> Value {
    let mut pod = template();
    pod["spec"]["restartPolicy"] = "Never".into();
    json!({
        "metadata": { "name": "nightly" },
        "spec": {
            "schedule": "0 3 * * *", "suspend": true, "jobTemplate": { "spec": { "template": pod } },
        },
    })
}

#[test]
fn pods_of_every_kind_get_a_volume_with_a_handle_of_their_own() {
    let Some(called) = called() else { return };
    let node = json!({ "metadata": { "name": "node1" } });
    called.cluster.admin("POST", "/api/v1/nodes", Some(&node));
    let cron_job = make(&called, "batch/v1/cronjobs", &cron_job());
    let all = workloads(&cron_job);
    let expected = all.iter().map(|(_, _, pods)| pods).sum::<usize>() + 1;
    for (resource, object, _) in &all {
        make(&called, resource, object);
    }
    let path = pods_path(&called.namespace);
    called.cluster.admin("POST", &path, Some(&pod("shell")));
    until("all pods are made", || {
        pods(&called.cluster, &called.namespace).len() == expected
    });
    let mut handles = BTreeSet::new();
    let mut workloads = BTreeSet::new();
    for pod in pods(&called.cluster, &called.namespace) {
        let handle = handle(&pod).unwrap();
        let (base, _) = handle.rsplit_once('-').unwrap();
        let workload = base.strip_suffix("-settings").unwrap();
        let volume = json!({
            "name": base, "secret": { "secretName": handle, "defaultMode": 420, "optional": true },
        });
        let mount = json!({
            "name": base, "readOnly": true, "mountPath": format!("/etc/{workload}/cloud"),
        });
        let has = |list: &Value, one: &Value| list.as_array().unwrap().contains(one);
        assert!(has(&pod["spec"]["volumes"], &volume), "{pod}");
        assert!(
            has(&pod["spec"]["containers"][0]["volumeMounts"], &mount),
            "{pod}"
        );
        workloads.insert(workload.to_owned());
        assert!(handles.insert(handle.clone()), "{handle} is there twice");
    }
    let names = ["checkout", "db", "logs", "migrate", "nightly", "shell"];
    assert_eq!(workloads, names.map(str::to_owned).into());
}

#[test]
fn a_container_that_others_add_after_us_gets_the_mount_when_we_are_asked_again() {
    let Some(called) = called() else { return };
    let group = "/apis/admissionregistration.k8s.io/v1";
    // It is asked before webhooks, and again after one has changed the pod.
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingAdmissionPolicy",
        "metadata": { "name": "mesh" },
        "spec": {
            "matchConstraints": { "resourceRules": [{
                "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"],
            }] },
            "failurePolicy": "Fail", "reinvocationPolicy": "IfNeeded",
            "mutations": [{ "patchType": "JSONPatch", "jsonPatch": { "expression":
                "has(object.spec.volumes) && object.spec.volumes.exists(v, v.name.endsWith('-settings')) \
                 && !object.spec.containers.exists(c, c.name == 'mesh') \
                 ? [JSONPatch{op: 'add', path: '/spec/containers/-', \
                              value: Object.spec.containers{name: 'mesh', image: 'mesh'}}] : []",
            } }],
        },
    });
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingAdmissionPolicyBinding",
        "metadata": { "name": "mesh" }, "spec": { "policyName": "mesh" },
    });
    for (plural, object) in [
        ("mutatingadmissionpolicies", &policy),
        ("mutatingadmissionpolicybindings", &binding),
    ] {
        called
            .cluster
            .admin("POST", &format!("{group}/{plural}"), Some(object));
    }
    let path = format!("{}?dryRun=All", pods_path(&called.namespace));
    let try_one = || called.cluster.admin("POST", &path, Some(&pod("shell")));
    until("the policy adds its container", || {
        try_one()["spec"]["containers"].as_array().unwrap().len() == 2
    });
    let made = try_one();
    let mounts = |at: usize| {
        let all = made["spec"]["containers"][at]["volumeMounts"].as_array();
        let ours = all
            .unwrap()
            .iter()
            .filter(|one| one["name"] == "shell-settings");
        ours.cloned().collect::<Vec<_>>()
    };
    assert_eq!(mounts(1).len(), 1);
    assert_eq!(mounts(0), mounts(1));
    let volumes = made["spec"]["volumes"].as_array().unwrap();
    let ours = volumes.iter().filter(|one| one["name"] == "shell-settings");
    assert_eq!(ours.count(), 1);
}

#[test]
fn an_ephemeral_container_gets_the_mount_too() {
    let Some(called) = called() else { return };
    let path = pods_path(&called.namespace);
    called.cluster.admin("POST", &path, Some(&pod("shell")));
    let debug = |names: &[&str]| {
        let containers: Value = names
            .iter()
            .map(|name| json!({ "name": name, "image": "busybox" }))
            .collect();
        let patch = json!({ "spec": { "ephemeralContainers": containers } });
        let path = format!("{path}/shell/ephemeralcontainers");
        let token = called.cluster.token("admin");
        let merge = [("Content-Type", "application/strategic-merge-patch+json")];
        let answer = called
            .cluster
            .request_with(&token, "PATCH", &path, Some(&patch), &merge);
        answer.unwrap()
    };
    for names in [&["first"][..], &["second"]] {
        let answer = debug(names);
        assert_eq!(answer.status, 200, "{answer:?}");
        let all = answer.body["spec"]["ephemeralContainers"]
            .as_array()
            .unwrap();
        for container in all {
            assert_eq!(
                container["volumeMounts"][0]["mountPath"],
                "/etc/shell/cloud"
            );
        }
    }
}
