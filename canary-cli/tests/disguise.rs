//! What shows of a canary in a cluster: nothing that its neighbours do not show.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod support;

use std::collections::BTreeSet;

use canary_fixtures::{ControlPlane, Options};
use serde_json::{Value, json};
use support::Project;

/// Makes Secrets as Helm 4 does.
fn helm_neighbours(cluster: &ControlPlane, namespace: &str) {
    let token = cluster.token("admin");
    for name in ["orders-postgresql", "billing-postgresql", "web-tls"] {
        let body = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name, "labels": {
                "app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/instance": name } },
            "type": "Opaque", "data": { "password": "eA==" },
        });
        let path = format!("/api/v1/namespaces/{namespace}/secrets/{name}?fieldManager=helm");
        let apply = [("Content-Type", "application/apply-patch+yaml")];
        let answer = cluster
            .request_with(&token, "PATCH", &path, Some(&body), &apply)
            .unwrap();
        assert_eq!(answer.status, 201, "{answer:?}");
    }
}

fn config(namespace: &str) -> String {
    format!(
        "[kubernetes]\n[secret.payments]\nnamespace = \"{namespace}\"\ntemplate = \"postgres\"\n\
         [secret.api]\nnamespace = \"{namespace}\"\nname = \"api-settings\"\ndata = {{ key = \"{{hex:40}}\" }}\n"
    )
}

fn objects(cluster: &ControlPlane, namespace: &str, kind: &str) -> Vec<Value> {
    let list = cluster.admin(
        "GET",
        &format!("/api/v1/namespaces/{namespace}/{kind}"),
        None,
    );
    list["items"].as_array().unwrap().clone()
}

fn writers(object: &Value) -> BTreeSet<(String, String)> {
    let entries = object["metadata"]["managedFields"].as_array().unwrap();
    entries
        .iter()
        .map(|entry| {
            (
                entry["manager"].as_str().unwrap().to_owned(),
                entry["operation"].as_str().unwrap().to_owned(),
            )
        })
        .collect()
}

#[test]
fn among_helms_secrets_it_is_written_as_helm_writes_and_stays_so_after_a_repair() {
    let Some(cluster) = ControlPlane::for_test() else {
        return;
    };
    let namespace = cluster.namespace("dress");
    helm_neighbours(cluster, &namespace);
    let theirs: BTreeSet<_> = objects(cluster, &namespace, "secrets")
        .iter()
        .flat_map(writers)
        .collect();
    let project = Project::new(cluster, "admin", &config(&namespace));
    project
        .run(&["plan"])
        .exits(0)
        .shows("as helm, by server-side apply")
        .shows("like 3 of 3");
    project.run(&["apply", "--auto-approve"]).exits(0);
    let ours = || -> Vec<Value> {
        let all = objects(cluster, &namespace, "secrets").into_iter();
        all.filter(|object| object["metadata"]["labels"].is_null())
            .collect()
    };
    assert_eq!(ours().len(), 2);
    for object in ours() {
        assert!(writers(&object).is_subset(&theirs), "{object:#}");
    }
    // Somebody adds a label and a key, and changes a value.
    let path = format!("/api/v1/namespaces/{namespace}/secrets/api-settings");
    let meddled = json!({ "metadata": { "labels": { "seen": "yes" } }, "data": { "more": "eA==", "key": "eA==" } });
    cluster.admin("PATCH", &path, Some(&meddled));
    project
        .run(&["drift"])
        .exits(4)
        .shows("metadata.labels.seen")
        .shows("data.more")
        .shows("data.key");
    project.run(&["apply", "--auto-approve"]).exits(0);
    project.run(&["plan", "--detailed-exitcode"]).exits(0);
    let repaired = cluster.admin("GET", &path, None);
    assert_eq!(repaired["data"].as_object().unwrap().len(), 1);
    assert!(repaired["metadata"]["labels"].is_null());
    assert!(writers(&repaired).is_subset(&theirs), "{repaired:#}");
}

#[test]
fn a_create_never_merges_into_what_is_there() {
    let Some(cluster) = ControlPlane::for_test() else {
        return;
    };
    let namespace = cluster.namespace("merge");
    helm_neighbours(cluster, &namespace);
    let project = Project::new(cluster, "admin", &config(&namespace));
    project.run(&["plan", "--out", "p"]).exits(0);
    // It appears between the look and the write: only the server can tell. The lock is not asked for by others.
    let path = format!("/api/v1/namespaces/{namespace}/secrets");
    let theirs = json!({ "metadata": { "name": "api-settings" }, "data": { "theirs": "eA==" } });
    cluster.admin("POST", &path, Some(&theirs));
    project.run(&["apply", "p"]).exits(5);
    let there = cluster.admin("GET", &format!("{path}/api-settings"), None);
    assert_eq!(there["data"], json!({ "theirs": "eA==" }));
    assert_eq!(
        there["metadata"]["managedFields"].as_array().unwrap().len(),
        1
    );
}

#[test]
fn no_telling_word_is_anywhere_and_nothing_stays_behind() {
    let Some(cluster) = ControlPlane::for_test() else {
        return;
    };
    let namespace = cluster.namespace("words");
    let config = format!(
        "[kubernetes]\n[secret.canary-one]\nnamespace = \"{namespace}\"\ntemplate = \"postgres\"\n\
         [service_account.decoy]\nnamespace = \"{namespace}\"\n\
         [secret.honey]\nnamespace = \"{namespace}\"\ntemplate = \"kubeconfig\"\nof = \"service_account.decoy\"\n\
         [config_map.trap]\nnamespace = \"{namespace}\"\ntemplate = \"env-file\"\n"
    );
    let project = Project::new(cluster, "admin", &config);
    project.run(&["apply", "--auto-approve"]).exits(0);
    let everything = || -> Vec<Value> {
        ["secrets", "configmaps", "serviceaccounts", "events"]
            .iter()
            .flat_map(|kind| objects(cluster, &namespace, kind))
            .collect()
    };
    assert_eq!(everything().len(), 4);
    for object in everything() {
        let text = object["metadata"].to_string().to_lowercase();
        for word in ["canary", "decoy", "honey", "trap"] {
            assert!(!text.contains(word), "{word} in {text}");
        }
    }
    project.run(&["destroy", "--auto-approve"]).exits(0);
    assert_eq!(everything(), Vec::<Value>::new());
}

#[test]
fn a_telling_name_is_blocked_before_it_is_planted() {
    let Some(cluster) = ControlPlane::for_test() else {
        return;
    };
    let namespace = cluster.namespace("told");
    let config = format!(
        "[kubernetes]\n[secret.a]\nnamespace = \"{namespace}\"\nname = \"my-honeypot\"\ntemplate = \"basic-auth\"\n"
    );
    let project = Project::new(cluster, "admin", &config);
    project.run(&["check"]).exits(3).shows("`honey`");
    project
        .run(&["plan"])
        .exits(0)
        .shows("blocked: `my-honeypot` has the word `honey` in it");
    project.run(&["apply", "--auto-approve"]).exits(7);
    assert_eq!(objects(cluster, &namespace, "secrets"), Vec::<Value>::new());
}

#[test]
fn a_legacy_token_is_filled_by_the_cluster_held_by_a_kubeconfig_and_kept() {
    let options = Options {
        controllers: true,
        ..Options::default()
    };
    let Some(cluster) = ControlPlane::for_test_alone(&options) else {
        return;
    };
    let namespace = cluster.namespace("legacy");
    let config = format!(
        "[kubernetes]\n[service_account.runner]\nnamespace = \"{namespace}\"\nname = \"runner\"\ntoken = \"legacy\"\n\
         [secret.config]\nnamespace = \"{namespace}\"\nname = \"runner-kubeconfig\"\ntemplate = \"kubeconfig\"\n\
         of = \"service_account.runner\"\n"
    );
    let project = Project::new(&cluster, "admin", &config);
    project
        .run(&["apply", "--auto-approve"])
        .exits(0)
        .shows("3 added");
    project.run(&["plan", "--detailed-exitcode"]).exits(0);
    // Before we list them ourselves, nobody but us and the token controller touched them.
    let log = cluster.audit_log().path().display().to_string();
    project
        .run(&["detect", "--audit-log", &log, "--exit-code"])
        .exits(0);
    let secrets = objects(&cluster, &namespace, "secrets");
    let token = secrets
        .iter()
        .find(|secret| secret["type"] == "kubernetes.io/service-account-token");
    assert!(token.unwrap()["data"]["token"].is_string());
    // Its silent use shows as a label that the API server sets; that is no drift, and no reason to write.
    project.run(&["drift"]).exits(0);
    project.run(&["destroy", "--auto-approve"]).exits(0);
    assert_eq!(
        objects(&cluster, &namespace, "secrets"),
        Vec::<Value>::new()
    );
}
