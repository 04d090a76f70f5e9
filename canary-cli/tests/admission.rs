//! A cluster that adds to what is written: by admission, and by a controller that comes late.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod support;

use std::time::{Duration, Instant};

use canary_fixtures::{ControlPlane, CuttingProxy, Fault, Options};
use serde_json::json;
use support::Project;
use support::named::{config, names, secret};

/// Long enough for a loaded machine; waiting ends as soon as it is so.
const PATIENCE: Duration = Duration::from_secs(60);

/// A namespace in a cluster that puts a label on every Secret.
fn labelling(cluster: &ControlPlane, prefix: &str) -> String {
    let namespace = cluster.namespace(prefix);
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingAdmissionPolicy",
        "metadata": { "name": "label" },
        "spec": {
            "matchConstraints": { "resourceRules": [{
                "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["secrets"],
            }] },
            "failurePolicy": "Fail", "reinvocationPolicy": "Never",
            "mutations": [{ "patchType": "ApplyConfiguration", "applyConfiguration": {
                "expression": "Object{metadata: Object.metadata{labels: {\"team\": \"shop\"}}}",
            } }],
        },
    });
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingAdmissionPolicyBinding",
        "metadata": { "name": "label" }, "spec": { "policyName": "label" },
    });
    let group = "/apis/admissionregistration.k8s.io/v1";
    cluster.admin(
        "POST",
        &format!("{group}/mutatingadmissionpolicies"),
        Some(&policy),
    );
    cluster.admin(
        "POST",
        &format!("{group}/mutatingadmissionpolicybindings"),
        Some(&binding),
    );
    // Policies are in force some moments later.
    let path = format!("/api/v1/namespaces/{namespace}/secrets?dryRun=All");
    let body = json!({ "metadata": { "name": "try" } });
    let began = Instant::now();
    while cluster.admin("POST", &path, Some(&body))["metadata"]["labels"]["team"] != "shop" {
        assert!(began.elapsed() < PATIENCE, "the policy is not in force");
        std::thread::sleep(Duration::from_millis(20));
    }
    namespace
}

#[test]
fn what_admission_puts_into_every_object_is_no_reason_to_write_again() {
    let Some(cluster) = ControlPlane::for_test_alone(&Options::default()) else {
        return;
    };
    let namespace = labelling(&cluster, "admitted");
    let secrets = format!("/api/v1/namespaces/{namespace}/secrets");
    let project = Project::new(
        &cluster,
        "admin",
        &config(&[secret(&namespace, "a", "mine")]),
    );
    project.settles();
    project.run(&["drift"]).exits(0);
    let path = format!("{secrets}/mine");
    let mut object = cluster.admin("GET", &path, None);
    assert_eq!(object["metadata"]["labels"]["team"], "shop");
    // What somebody else adds beside it is taken out again.
    object["metadata"]["labels"]["more"] = "x".into();
    cluster.admin("PUT", &path, Some(&object));
    project.run(&["drift"]).exits(4).shows("labels.more");
    project.settles();
    let object = cluster.admin("GET", &path, None);
    assert_eq!(object["metadata"]["labels"], json!({ "team": "shop" }));
}

/// What is known to be ours by its values alone may have been labelled by anybody since: that is told once.
fn is_told_and_settles(project: &Project, cluster: &ControlPlane, namespace: &str) {
    project.run(&["drift"]).exits(4).shows("labels.team");
    project.settles();
    let path = format!("/api/v1/namespaces/{namespace}/secrets/mine");
    let object = cluster.admin("GET", &path, None);
    assert_eq!(object["metadata"]["labels"], json!({ "team": "shop" }));
    project.run(&["drift"]).exits(0);
}

#[test]
fn what_was_made_is_ours_under_admission_too_when_its_answer_is_lost() {
    let Some(cluster) = ControlPlane::for_test_alone(&Options::default()) else {
        return;
    };
    let namespace = labelling(&cluster, "lost");
    let proxy = CuttingProxy::start(&cluster);
    let kubeconfig = cluster.kubeconfig("admin", Some(&proxy.url()));
    let text = config(&[secret(&namespace, "a", "mine")]);
    let project = Project::at(kubeconfig, &text);
    proxy.strike(Fault::CutAfter, |write| write.name == "mine");
    project.run(&["apply", "--auto-approve"]).exits(0);
    is_told_and_settles(&project, &cluster, &namespace);
}

#[test]
fn what_was_made_is_ours_under_admission_too_when_we_are_killed() {
    let Some(cluster) = ControlPlane::for_test_alone(&Options::default()) else {
        return;
    };
    let namespace = labelling(&cluster, "killed");
    let proxy = CuttingProxy::start(&cluster);
    let kubeconfig = cluster.kubeconfig("admin", Some(&proxy.url()));
    let text = config(&[secret(&namespace, "a", "mine")]);
    let project = Project::at(kubeconfig, &text);
    proxy.strike(Fault::HangAfter, |write| write.name == "mine");
    let mut child = project
        .command(&["apply", "--auto-approve"])
        .spawn()
        .unwrap();
    proxy.wait_until_struck().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    is_told_and_settles(&project, &cluster, &namespace);
}

#[test]
fn a_token_that_the_cluster_fills_in_late_is_held_by_its_kubeconfig_from_then_on() {
    let Some(cluster) = ControlPlane::for_test() else {
        return;
    };
    // Without controllers nobody fills it.
    let namespace = cluster.namespace("late");
    let text = format!(
        "[kubernetes]\n[service_account.s]\nnamespace = \"{namespace}\"\nname = \"bot\"\ntoken = \"legacy\"\n\
         [secret.k]\nnamespace = \"{namespace}\"\nname = \"kc\"\ntemplate = \"kubeconfig\"\nof = \"service_account.s\"\n"
    );
    let project = Project::new(cluster, "admin", &text);
    project
        .run(&["apply", "--auto-approve"])
        .exits(7)
        .shows("an output that it needs is not known");
    let all = names(cluster, &namespace, "secrets");
    let token = all
        .iter()
        .find(|name| name.starts_with("bot-token-"))
        .unwrap();
    let path = format!("/api/v1/namespaces/{namespace}/secrets/{token}");
    let filled = json!({ "data": { "token": "ZmlsbGVkLWluLWxhdGU=", "namespace": "eA==" } });
    cluster.admin("PATCH", &path, Some(&filled));
    project.settles();
    let path = format!("/api/v1/namespaces/{namespace}/secrets/kc");
    let kubeconfig = cluster.admin("GET", &path, None)["data"].to_string();
    // `filled-in-late`, at one of the three offsets of base64.
    let offsets = [
        "ZmlsbGVkLWluLWxhdG",
        "ZpbGxlZC1pbi1sYXRl",
        "maWxsZWQtaW4tbGF0Z",
    ];
    assert!(
        offsets.iter().any(|text| kubeconfig.contains(text)),
        "{kubeconfig}"
    );
}
