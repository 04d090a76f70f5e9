//! What a server that refuses, hangs or holds on to things gets: a message that names the place, the right exit code, and
//! nothing lost.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod support;

use std::net::TcpListener;

use canary_fixtures::ControlPlane;
use serde_json::{Value, json};
use support::Project;

fn config(namespace: &str, password: u32) -> String {
    format!(
        "[kubernetes]\n[secret.a]\nnamespace = \"{namespace}\"\nname = \"orders\"\ndata = {{ password = \"{{password:{password}}}\" }}\n"
    )
}

/// A planted Secret, and where it is.
fn planted(cluster: &ControlPlane, prefix: &str) -> (Project, String, String) {
    let namespace = cluster.namespace(prefix);
    let project = Project::new(cluster, "admin", &config(&namespace, 20));
    project.run(&["apply", "--auto-approve"]).exits(0);
    let path = format!("/api/v1/namespaces/{namespace}/secrets/orders");
    (project, namespace, path)
}

fn patch(cluster: &ControlPlane, path: &str, body: &Value) {
    cluster.admin("PATCH", path, Some(body));
}

#[test]
fn a_server_with_a_certificate_of_another_authority_is_refused() {
    let Some(cluster) = ControlPlane::for_test() else {
        return;
    };
    let project = Project::at(cluster.distrusting_kubeconfig("admin"), &config("shop", 20));
    let from = cluster.audit_log().position();
    project
        .run(&["apply", "--auto-approve"])
        .exits(1)
        .says("invalid peer certificate");
    let asked = cluster
        .audit_log()
        .since_with(from, |line| line.contains("/shop"));
    assert!(asked.is_empty(), "{asked:#?}");
    assert!(project.ledger().is_empty());
}

#[test]
fn a_server_that_takes_the_connection_and_says_nothing_is_given_up() {
    let Some(cluster) = ControlPlane::for_test() else {
        return;
    };
    // The kernel takes connections for a listener that never asks for them.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", silent.local_addr().unwrap());
    let project = Project::at(cluster.kubeconfig("admin", Some(&url)), &config("shop", 20));
    project.run(&["plan"]).exits(1).says("not reachable");
}

#[test]
fn what_was_made_immutable_is_made_anew() {
    let Some(cluster) = ControlPlane::for_test() else {
        return;
    };
    let (project, namespace, path) = planted(cluster, "immutable");
    let before = cluster.admin("GET", &path, None);
    patch(cluster, &path, &json!({ "immutable": true }));
    project.run(&["drift"]).exits(4).shows("immutable");
    project.configure(&config(&namespace, 24));
    project
        .run(&["plan", "--detailed-exitcode"])
        .exits(2)
        .shows("1 to replace");
    project.run(&["apply", "--auto-approve"]).exits(0);
    let after = cluster.admin("GET", &path, None);
    assert_ne!(after["metadata"]["uid"], before["metadata"]["uid"]);
    assert_ne!(after["data"], before["data"]);
    assert!(after["immutable"].is_null());
    project.run(&["plan", "--detailed-exitcode"]).exits(0);
}

#[test]
fn what_is_being_deleted_is_waited_for() {
    let Some(cluster) = ControlPlane::for_test() else {
        return;
    };
    let (project, _, path) = planted(cluster, "deleting");
    let ledger = project.ledger();
    patch(
        cluster,
        &path,
        &json!({ "metadata": { "finalizers": ["example.com/hold"] } }),
    );
    cluster.admin("DELETE", &path, None);
    project.run(&["drift"]).exits(4).shows("being deleted");
    let held = "blocked: is being deleted, and something holds it";
    project.run(&["plan"]).exits(0).shows(held);
    project.run(&["apply", "--auto-approve"]).exits(7);
    project.run(&["destroy", "--auto-approve"]).exits(7);
    assert_eq!(project.ledger(), ledger);
    patch(
        cluster,
        &path,
        &json!({ "metadata": { "finalizers": null } }),
    );
    project.run(&["apply", "--auto-approve"]).exits(0);
    project.run(&["plan", "--detailed-exitcode"]).exits(0);
}

#[test]
fn what_something_holds_while_we_remove_it_is_waited_for_and_still_gives_its_thief_away() {
    let Some(cluster) = ControlPlane::for_test() else {
        return;
    };
    let (project, _, path) = planted(cluster, "held");
    patch(
        cluster,
        &path,
        &json!({ "metadata": { "finalizers": ["example.com/hold"] } }),
    );
    // It is there as long as something holds it, and so is what it means.
    let from = cluster.audit_log().position();
    project
        .run(&["destroy", "--auto-approve"])
        .exits(7)
        .shows("is being deleted, and example.com/hold holds it");
    project.run(&["list"]).exits(0).shows("orders");
    cluster.request("intruder", "GET", &path, None).unwrap();
    let events = cluster
        .audit_log()
        .since_with(from, |line| line.contains(&path));
    let lines: String = events.iter().map(|event| format!("{event}\n")).collect();
    std::fs::write(project.path("audit.log"), lines).unwrap();
    project
        .run(&["detect", "--audit-log", "audit.log", "--exit-code"])
        .exits(9)
        .shows("intruder");
    project
        .run(&["plan"])
        .exits(0)
        .shows("blocked: is being deleted, and something holds it");
    project.run(&["apply", "--auto-approve"]).exits(7);
    patch(
        cluster,
        &path,
        &json!({ "metadata": { "finalizers": null } }),
    );
    project.run(&["apply", "--auto-approve"]).exits(0);
    project.run(&["plan", "--detailed-exitcode"]).exits(0);
    project.run(&["destroy", "--auto-approve"]).exits(0);
    assert!(!project.run(&["list"]).exits(0).out.contains("orders"));
}

#[test]
fn a_namespace_that_is_being_removed_takes_nothing_more() {
    let Some(cluster) = ControlPlane::for_test() else {
        return;
    };
    // Without controllers it stays as it is: on its way out.
    let namespace = cluster.namespace("leaving");
    cluster.admin("DELETE", &format!("/api/v1/namespaces/{namespace}"), None);
    let project = Project::new(cluster, "admin", &config(&namespace, 20));
    project
        .run(&["apply", "--auto-approve"])
        .exits(7)
        .shows("because it is being terminated");
    assert_eq!(project.run(&["list"]).exits(0).out, "");
}

#[test]
fn what_another_made_of_our_name_after_the_plan_is_left_alone() {
    let Some(cluster) = ControlPlane::for_test() else {
        return;
    };
    let (project, namespace, path) = planted(cluster, "another");
    project.configure(&config(&namespace, 24));
    project.run(&["plan", "--out", "p"]).exits(0);
    cluster.admin("DELETE", &path, None);
    let list = format!("/api/v1/namespaces/{namespace}/secrets");
    let theirs = json!({ "metadata": { "name": "orders" }, "data": { "theirs": "eA==" } });
    let made = cluster.admin("POST", &list, Some(&theirs));
    project
        .run(&["apply", "p"])
        .exits(5)
        .says("the plan is stale");
    project
        .run(&["drift"])
        .exits(4)
        .shows("another of that name was made");
    project.run(&["apply", "--auto-approve"]).exits(7);
    project.run(&["destroy", "--auto-approve"]).exits(0);
    let there = cluster.admin("GET", &path, None);
    assert_eq!(
        there["metadata"]["resourceVersion"],
        made["metadata"]["resourceVersion"]
    );
}
