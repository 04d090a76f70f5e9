//! What others do to what is planted: told, each thing of it, and put right.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod support;

use canary_fixtures::{ControlPlane, Options};
use serde_json::{Value, json};
use support::Project;
use support::named::{config, names, planted, secret};

#[test]
fn an_annotation_that_holds_the_values_shows_none_of_them() {
    let Some((cluster, namespace, project)) = planted("words") else {
        return;
    };
    let path = format!("/api/v1/namespaces/{namespace}/secrets/mine");
    let mut object = cluster.admin("GET", &path, None);
    let value = object["data"]["password"].as_str().unwrap().to_owned();
    let whole = object["data"].to_string();
    object["metadata"]["annotations"] =
        json!({ "kubectl.kubernetes.io/last-applied-configuration": whole });
    cluster.admin("PUT", &path, Some(&object));
    for args in [
        &["drift"][..],
        &["drift", "--json"],
        &["plan"],
        &["plan", "--json", "--out", "saved"],
        &["show", "saved", "--json"],
        &["apply", "--auto-approve", "--json"],
    ] {
        let ran = project.run(args);
        assert!(
            ran.out.contains("last-applied-configuration"),
            "{args:?}: {}",
            ran.out
        );
        // Not even the beginning of it.
        assert!(!ran.out.contains(&value[..8]), "{args:?}: {}", ran.out);
        assert!(!ran.err.contains(&value[..8]), "{args:?}: {}", ran.err);
    }
    project.run(&["plan", "--detailed-exitcode"]).exits(0);
}

#[test]
fn a_key_that_only_the_cluster_may_fill_is_drift_in_any_other_secret_and_a_token_that_changed_is_replaced()
 {
    let options = Options {
        controllers: true,
        ..Options::default()
    };
    let Some(cluster) = ControlPlane::for_test_alone(&options) else {
        return;
    };
    let namespace = cluster.namespace("filled");
    let account = format!(
        "[service_account.bot]\nnamespace = \"{namespace}\"\nname = \"bot\"\ntoken = \"legacy\"\n"
    );
    let parts = [secret(&namespace, "a", "mine"), account];
    let project = Project::new(&cluster, "admin", &config(&parts));
    project.settles();
    let secrets = format!("/api/v1/namespaces/{namespace}/secrets");
    let change = |name: &str, change: &dyn Fn(&mut Value)| {
        let path = format!("{secrets}/{name}");
        let mut object = cluster.admin("GET", &path, None);
        change(&mut object);
        cluster.admin("PUT", &path, Some(&object));
    };
    change("mine", &|object| {
        for name in ["token", "namespace", "ca.crt"] {
            object["data"][name] = "YQ==".into();
        }
    });
    project.run(&["drift"]).exits(4).shows("secret.a");
    project.settles();
    let all = names(&cluster, &namespace, "secrets");
    let token = all
        .iter()
        .find(|name| name.starts_with("bot-token-"))
        .unwrap();

    // Without its token the Secret is dead, and with another one it is somebody else's.
    change(token, &|object| object["data"]["token"] = "YWJj".into());
    project
        .run(&["drift"])
        .exits(4)
        .shows("service_account.bot");
    project.settles();
    let object = cluster.admin("GET", &format!("{secrets}/{token}"), None);
    assert!(object["data"]["token"].as_str().unwrap().len() > 100);
    change(token, &|object| {
        object["metadata"]["labels"] =
            json!({ "kubernetes.io/legacy-token-invalid-since": "2026-11-20" });
    });
    project.run(&["drift"]).exits(4).shows("invalid-since");
    project.settles();

    // The ledger is lost: the account is known by its token, and that by its name.
    std::fs::remove_file(project.path(".canary/ledger")).unwrap();
    project.run(&["recover"]).exits(0).says("Recovered 3.");
    project.run(&["plan", "--detailed-exitcode"]).exits(0);
}

#[test]
fn what_others_did_is_told_also_when_a_name_changes() {
    let options = Options {
        controllers: true,
        ..Options::default()
    };
    let Some(cluster) = ControlPlane::for_test_alone(&options) else {
        return;
    };
    let namespace = cluster.namespace("told");
    let secrets = format!("/api/v1/namespaces/{namespace}/secrets");
    let project = Project::new(
        &cluster,
        "admin",
        &config(&[secret(&namespace, "a", "one")]),
    );
    project.settles();
    let label = json!({ "metadata": { "labels": { "team": "red" } } });
    cluster.admin("PATCH", &format!("{secrets}/one"), Some(&label));
    project.configure(&config(&[secret(&namespace, "a", "two")]));
    project.run(&["drift"]).exits(4).shows("labels.team");
    project.settles();
    cluster.admin("DELETE", &format!("{secrets}/two"), None);
    project.configure(&config(&[secret(&namespace, "a", "three")]));
    project.run(&["drift"]).exits(4).shows("was deleted");
    project.settles();

    // A retired token that somebody made useless is made anew when it is wanted again, in one apply.
    let account = |name: &str| {
        config(&[format!(
            "[service_account.bot]\nnamespace = \"{namespace}\"\nname = \"{name}\"\ntoken = \"legacy\"\n"
        )])
    };
    project.configure(&account("bot"));
    project.settles();
    let all = names(&cluster, &namespace, "secrets");
    let token = all
        .iter()
        .find(|name| name.starts_with("bot-token-"))
        .unwrap();
    project.configure(&account("bot2"));
    project.settles();
    let spoilt = json!({ "data": { "token": "YWJj" } });
    cluster.admin("PATCH", &format!("{secrets}/{token}"), Some(&spoilt));
    project.configure(&account("bot"));
    project.run(&["drift"]).exits(4).shows("data.token");
    project.settles();
    let object = cluster.admin("GET", &format!("{secrets}/{token}"), None);
    assert!(object["data"]["token"].as_str().unwrap().len() > 100);
}

#[test]
fn drift_does_not_vouch_for_what_it_could_not_see() {
    let Some((cluster, _, project)) = planted("unseen") else {
        return;
    };
    let blind = cluster.kubeconfig("auditor", None);
    let ran = project
        .command(&["drift"])
        .env("KUBECONFIG", blind)
        .output()
        .unwrap();
    let ran = support::Ran::from(ran).exits(8);
    assert!(!ran.out.contains("Nobody changed"), "{}", ran.out);
    ran.shows("No drift in what could be seen; 1 planted resource could not be.");
}
