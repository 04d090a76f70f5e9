//! Putting the agent's objects into a real cluster and taking them out again, whole and interrupted.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;

use canary_core::bait::PodHandles;
use canary_core::disguise::{Key, giveaway};
use canary_fixtures::{ControlPlane, CuttingProxy, Fault, Options};
use serde_json::{Value, json};
use support::{Project, until};

const NAME: &str = "settings-agent";
const IMAGE: &str = "registry.local/settings-agent:1.0";

/// With controllers, which empty namespaces. Two namespaces that are covered, one that is not.
fn cluster() -> Option<ControlPlane> {
    let options = Options {
        controllers: true,
        ..Options::default()
    };
    let cluster = ControlPlane::for_test_alone(&options)?;
    for name in ["shop", "web", "other"] {
        cluster.admin(
            "POST",
            "/api/v1/namespaces",
            Some(&json!({ "metadata": { "name": name } })),
        );
    }
    // What the controllers give every namespace comes some moments later.
    for name in ["shop", "web", "other", "default"] {
        for of_controllers in ["serviceaccounts/default", "configmaps/kube-root-ca.crt"] {
            let path = format!("/api/v1/namespaces/{name}/{of_controllers}");
            until("there is what every namespace has", || {
                let answer = cluster.request("admin", "GET", &path, None);
                answer.is_some_and(|answer| answer.status == 200)
            });
        }
    }
    Some(cluster)
}

fn project(cluster: &ControlPlane) -> Project {
    Project::new(cluster, "admin", "[kubernetes]\n")
}

fn there(cluster: &ControlPlane) -> BTreeMap<String, String> {
    cluster.inventory()
}

/// What is left is what was there before; what the controllers have to clean up takes them a moment.
#[track_caller]
fn is_as_before(cluster: &ControlPlane, before: &BTreeMap<String, String>) {
    until("everything is as it was before", || {
        there(cluster) == *before
    });
}

fn install<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let common = [
        "install",
        "--name",
        NAME,
        "--image",
        IMAGE,
        "--auto-approve",
    ];
    [&common[..], more].concat()
}

const COVERED: [&str; 2] = ["--cover", "shop=deployer,web"];

/// As admission names what a pod waits for, by the key that the agent has.
fn handles(project: &Project, cluster: &ControlPlane) -> PodHandles {
    let key =
        Key::from_text(&std::fs::read_to_string(project.path(".canary/key")).unwrap()).unwrap();
    let site = cluster.admin("GET", "/api/v1/namespaces/kube-system", None);
    let site = site["metadata"]["uid"].as_str().unwrap();
    let provider = canary_k8s::provider();
    PodHandles::new(
        &key.at_site(&provider, site)
            .agent()
            .at_site(&provider, site),
    )
}

fn secret(cluster: &ControlPlane, namespace: &str, name: &str) {
    let body = json!({ "metadata": { "name": name }, "data": { "x": "eA==" } });
    let path = format!("/api/v1/namespaces/{namespace}/secrets");
    cluster.admin("POST", &path, Some(&body));
}

/// A pod is let in, whoever is asked about it.
#[track_caller]
fn pods_start(cluster: &ControlPlane) {
    for namespace in ["shop", "other"] {
        let pod = json!({
            "metadata": { "generateName": "api-" },
            "spec": { "containers": [{ "name": "api", "image": "api:1" }] },
        });
        let path = format!("/api/v1/namespaces/{namespace}/pods?dryRun=All");
        let answer = cluster.request("admin", "POST", &path, Some(&pod)).unwrap();
        assert_eq!(answer.status, 201, "{answer:?}");
    }
}

#[test]
fn it_is_put_in_once_and_taken_out_with_everything_that_it_wrote() {
    let Some(cluster) = cluster() else {
        return;
    };
    let project = project(&cluster);
    let before = there(&cluster);
    let first = project
        .run(&install(&COVERED))
        .exits(0)
        .shows("  + Namespace settings-agent\n")
        .shows("  + RoleBinding shop/settings-agent\n")
        .shows("  + MutatingWebhookConfiguration settings-agent\n")
        .shows("Plan: 20 to add, 0 to change, 0 to remove");
    assert_eq!(giveaway(&first.out), None, "{}", first.out);
    // Once more there is nothing to do: key, authority and all are as they were.
    let from = cluster.audit_log().position();
    project
        .run(&install(&COVERED))
        .exits(0)
        .shows("No changes.");
    let written = cluster.audit_log().since(from).into_iter().filter(|event| {
        let verb = event["verb"].as_str().unwrap_or_default();
        let uri = event["requestURI"].as_str().unwrap_or_default();
        event["user"]["username"] == "admin"
            && matches!(verb, "create" | "update" | "patch" | "delete")
            && !uri.contains("dryRun=All")
    });
    assert_eq!(written.count(), 0);
    // Whoever says no name gets the one that is there.
    project
        .run(&[
            "install",
            "--image",
            IMAGE,
            "--cover",
            "shop=deployer,web",
            "--auto-approve",
        ])
        .exits(0)
        .shows("No changes.");
    pods_start(&cluster);

    let handles = handles(&project, &cluster);
    let ours: Vec<(&str, String)> = ["shop", "web"]
        .into_iter()
        .flat_map(|namespace| (0..3).map(move |i| (namespace, i)))
        .map(|(namespace, i): (&str, u8)| {
            let handle = handles.make(namespace, "api-settings", &[i]);
            (namespace, handle.as_str().to_owned())
        })
        .collect();
    for (namespace, name) in &ours {
        secret(&cluster, namespace, name);
    }
    secret(&cluster, NAME, &format!("{NAME}-1"));
    // In the pattern, but not with our proof; with our proof, but of another namespace.
    let foreign = ["api-settings-0123456789abcdef", &ours[0].1];
    secret(&cluster, "shop", foreign[0]);
    secret(&cluster, "other", foreign[1]);

    let removed = project
        .run(&["uninstall", "--auto-approve"])
        .exits(0)
        .shows("  - MutatingWebhookConfiguration settings-agent\n")
        .shows("Plan: 0 to add, 0 to change, 20 to remove")
        .shows("Removed: 26 objects.");
    assert!(removed.out.find("MutatingWebhook") < removed.out.find("Deployment"));
    for (namespace, name) in [("shop", foreign[0]), ("other", foreign[1])] {
        let path = format!("/api/v1/namespaces/{namespace}/secrets/{name}");
        cluster.admin("DELETE", &path, None);
    }
    is_as_before(&cluster, &before);
    project
        .run(&["uninstall", "--auto-approve"])
        .exits(0)
        .says("Nothing that this key has put there");

    // As after somebody else has removed everything but that.
    for (namespace, name) in &ours {
        secret(&cluster, namespace, name);
    }
    project
        .run(&["uninstall", "--sweep", "shop,web", "--auto-approve"])
        .exits(0)
        .shows("Removed: 6 objects.");
    is_as_before(&cluster, &before);
}

#[test]
fn what_is_no_longer_covered_loses_its_rights_and_what_is_new_gets_them() {
    let Some(cluster) = cluster() else {
        return;
    };
    let project = project(&cluster);
    project.run(&install(&COVERED)).exits(0);
    project
        .run(&install(&["--cover", "web,other"]))
        .exits(0)
        .shows("  + RoleBinding other/settings-agent\n")
        .shows("  - RoleBinding shop/settings-agent\n")
        .shows("  - Role shop/settings-agent-tokens\n")
        .shows("  ~ MutatingWebhookConfiguration settings-agent\n")
        .shows("  ~ ValidatingAdmissionPolicy settings-agent-secrets\n");
    let places: BTreeSet<String> = there(&cluster).into_keys().collect();
    assert!(
        !places
            .iter()
            .any(|place| place.contains(" shop/settings-agent"))
    );
    // What others changed is put right.
    let path = format!("/apis/rbac.authorization.k8s.io/v1/clusterroles/{NAME}");
    let mut role = cluster.admin("GET", &path, None);
    role["rules"][0]["verbs"] = json!(["get", "list"]);
    cluster.admin("PUT", &path, Some(&role));
    project
        .run(&install(&["--cover", "web,other"]))
        .exits(0)
        .shows("  ~ ClusterRole settings-agent\n      rules[0].verbs\n")
        .shows("Plan: 0 to add, 1 to change, 0 to remove");
    project
        .run(&install(&["--cover", "web,other"]))
        .exits(0)
        .shows("No changes.");
    // The key is in a Secret that changes with the configuration, and is never shown.
    let key = std::fs::read_to_string(project.path(".canary/key")).unwrap();
    let said = String::from_utf8(project.said()).unwrap();
    assert!(!said.contains(key.trim()));
    let path = format!("/api/v1/namespaces/{NAME}/secrets/{NAME}");
    let settings = cluster.admin("GET", &path, None);
    for field in ["key", "config"] {
        let shown = settings["data"][field].as_str().unwrap();
        assert!(!said.contains(shown), "{field}");
    }
}

#[test]
fn what_is_not_ours_is_left_alone_and_nothing_else_is_done() {
    let Some(cluster) = cluster() else {
        return;
    };
    let project = project(&cluster);
    let theirs = json!({ "metadata": { "name": NAME }, "rules": [] });
    cluster.admin(
        "POST",
        "/apis/rbac.authorization.k8s.io/v1/clusterroles",
        Some(&theirs),
    );
    let before = there(&cluster);
    project
        .run(&install(&COVERED))
        .exits(5)
        .says("not ours, and left as it is: ClusterRole settings-agent");
    // A namespace that somebody lives in: the agent could read all of it.
    let in_theirs = ["--namespace", "other", "--name", "another-agent"];
    let args = [
        "install",
        "--image",
        IMAGE,
        "--auto-approve",
        "--cover",
        "shop",
    ];
    project
        .run(&[&args[..], &in_theirs].concat())
        .exits(5)
        .says("Namespace other");
    project
        .run(&["uninstall", "--name", NAME, "--auto-approve"])
        .exits(0);
    is_as_before(&cluster, &before);
    // Another key, another owner.
    project
        .run(&[&args[..], &["--name", "third-agent"]].concat())
        .exits(0);
    let stranger = self::project(&cluster);
    let taken = ["uninstall", "--name", "third-agent", "--auto-approve"];
    stranger
        .run(&taken)
        .exits(0)
        .says("Nothing called third-agent");
    stranger
        .run(&[&args[..], &["--name", "third-agent"]].concat())
        .exits(5)
        .says("not ours");
    project.run(&["uninstall", "--auto-approve"]).exits(0);
    is_as_before(&cluster, &before);
}

#[test]
fn bad_input_is_told_before_anything_is_written() {
    let Some(cluster) = cluster() else {
        return;
    };
    let project = project(&cluster);
    let before = there(&cluster);
    for (args, exit, words) in [
        (
            &["--name", "my-canary", "--cover", "shop"][..],
            3,
            "says what it is",
        ),
        (&["--name", "Agent", "--cover", "shop"], 3, "lowercase"),
        (&["--name", "agent"], 3, "a covered namespace is missing"),
        (
            &["--name", "agent", "--cover", "gone"],
            3,
            "no namespace gone",
        ),
        (
            &["--name", "agent", "--cover", "kube-system"],
            3,
            "the cluster's own",
        ),
        (
            &["--name", "shop", "--cover", "shop"],
            3,
            "cannot be covered",
        ),
        (
            &["--name", "agent", "--cover", "shop", "--egress", "x y"],
            3,
            "a network",
        ),
    ] {
        let common = ["install", "--image", IMAGE, "--auto-approve"];
        project
            .run(&[&common[..], args].concat())
            .exits(exit)
            .says(words);
    }
    project
        .run(&["install", "--image", IMAGE, "--cover", "shop"])
        .exits(64)
        .says("nobody can be asked");
    is_as_before(&cluster, &before);
}

#[test]
fn a_name_is_proposed_that_fits_the_neighbours_and_is_kept() {
    let Some(cluster) = cluster() else {
        return;
    };
    let project = project(&cluster);
    for name in ["dns-operator", "db-operator", "ingress-controller"] {
        let labels = json!({ "app": name });
        let body = json!({
            "metadata": { "name": name },
            "spec": {
                "replicas": 0, "selector": { "matchLabels": labels },
                "template": {
                    "metadata": { "labels": labels },
                    "spec": { "containers": [{ "name": "a", "image": "a:1" }] },
                },
            },
        });
        cluster.admin(
            "POST",
            "/apis/apps/v1/namespaces/other/deployments",
            Some(&body),
        );
    }
    let args = [
        "install",
        "--image",
        IMAGE,
        "--cover",
        "shop",
        "--auto-approve",
    ];
    let ran = project
        .run(&args)
        .exits(0)
        .says("(2 of 3 Deployments end with -operator)");
    assert!(ran.err.contains("-operator --namespace "), "{}", ran.err);
    assert_eq!(giveaway(&ran.out), None);
    project
        .run(&args)
        .exits(0)
        .shows("No changes.")
        .says_nothing_of("Proposed");
    project.run(&["uninstall", "--auto-approve"]).exits(0);
}

#[test]
fn objects_and_values_are_printed_without_writing_anything() {
    let Some(cluster) = cluster() else {
        return;
    };
    let project = project(&cluster);
    let before = there(&cluster);
    let args = [
        "install",
        "--name",
        NAME,
        "--image",
        IMAGE,
        "--cover",
        "shop=deployer,web",
    ];
    let objects = project.run(&[&args[..], &["--objects"]].concat()).exits(0);
    let list: Value = serde_json::from_str(&objects.out).unwrap();
    assert_eq!(list["items"].as_array().unwrap().len(), 20);
    project
        .run(&[&args[..], &["--helm-values"]].concat())
        .exits(0)
        .shows("name: \"settings-agent\"\n")
        .shows("  - account: \"deployer\"\n    namespace: \"shop\"\n");
    is_as_before(&cluster, &before);
    let lines = project
        .run(&[&install(&COVERED)[..], &["--json"]].concat())
        .exits(0)
        .json_lines();
    let made = lines.iter().filter(|line| line["action"] == "create");
    assert_eq!(made.count(), 20);
    let lines = project
        .run(&["uninstall", "--auto-approve", "--json"])
        .exits(0)
        .json_lines();
    let removed = lines.iter().filter(|line| line["type"] == "removed_object");
    assert_eq!(removed.count(), 20);
}

/// Killed with -9 at one write after the other: pods start all the while, the next run does the rest, and in the end nothing is
/// left.
#[test]
fn wherever_it_is_interrupted_pods_start_and_the_next_run_does_the_rest() {
    let Some(cluster) = cluster() else {
        return;
    };
    let project = project(&cluster);
    let before = there(&cluster);
    let handles = handles(&project, &cluster);
    let put_in = install(&COVERED);
    let take_out = ["uninstall", "--name", NAME, "--auto-approve"];
    // Every other write, and in turn before and after it: a namespace takes seconds to go.
    for (i, number) in (0..30).step_by(2).enumerate() {
        let fault = [Fault::HangAfter, Fault::HangBefore][i % 2];
        let was_struck = killed(&project, &cluster, &put_in, fault, number);
        pods_start(&cluster);
        project.run(&put_in).exits(0);
        project.run(&put_in).exits(0).shows("No changes.");
        let handle = handles.make("shop", "api-settings", b"one");
        secret(&cluster, "shop", handle.as_str());
        let was_struck_too = killed(&project, &cluster, &take_out, fault, number);
        pods_start(&cluster);
        project.run(&take_out).exits(0);
        pods_start(&cluster);
        is_as_before(&cluster, &before);
        if !was_struck && !was_struck_too {
            assert!(number > 20, "only {number} writes");
            return;
        }
    }
    panic!("there are more writes than were counted on");
}

/// Runs until a write, and kills it there. `false`: there were not so many.
fn killed(
    project: &Project,
    cluster: &ControlPlane,
    args: &[&str],
    fault: Fault,
    number: usize,
) -> bool {
    let proxy = CuttingProxy::start(cluster);
    proxy.strike(fault, move |write| write.number == Some(number));
    let kubeconfig = cluster.kubeconfig("admin", Some(&proxy.url()));
    let mut child = project
        .command(args)
        .env("KUBECONFIG", kubeconfig)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    loop {
        if !proxy.struck().is_empty() {
            child.kill().unwrap();
            child.wait().unwrap();
            return true;
        }
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}
