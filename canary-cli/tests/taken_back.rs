//! What is changed and taken back, held, replaced, or lost: nothing of ours is forgotten, and every way out that is shown
//! is one.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod support;

use std::collections::BTreeSet;

use canary_fixtures::{ControlPlane, Options};
use serde_json::{Value, json};
use support::Project;

/// A Secret of that label and name.
fn secret(namespace: &str, label: &str, name: &str) -> String {
    format!(
        "[secret.{label}]\nnamespace = \"{namespace}\"\nname = \"{name}\"\ntemplate = \"basic-auth\"\n"
    )
}

fn config(parts: &[String]) -> String {
    format!("[kubernetes]\n{}", parts.concat())
}

fn names(cluster: &ControlPlane, namespace: &str, kind: &str) -> BTreeSet<String> {
    let path = format!("/api/v1/namespaces/{namespace}/{kind}");
    let list = cluster.admin("GET", &path, None);
    let items = list["items"].as_array().unwrap();
    let name = |item: &Value| item["metadata"]["name"].as_str().unwrap().to_owned();
    items
        .iter()
        .map(name)
        .filter(|name| name != "default")
        .collect()
}

fn settled(project: &Project) {
    project.run(&["apply", "--auto-approve"]).exits(0);
    project.run(&["plan", "--detailed-exitcode"]).exits(0);
}

#[test]
fn a_name_that_changes_and_comes_back_leaves_nothing_behind_that_is_not_known() {
    let Some(cluster) = ControlPlane::for_test() else {
        return;
    };
    let namespace = cluster.namespace("names");
    let project = Project::new(cluster, "admin", "");
    for name in ["one", "two", "three", "one", "four"] {
        project.configure(&config(&[secret(&namespace, "a", name)]));
        settled(&project);
    }
    let all = ["one", "two", "three", "four"].map(str::to_owned);
    assert_eq!(names(cluster, &namespace, "secrets"), BTreeSet::from(all));
    project
        .run(&["destroy", "--auto-approve", "--retired-too"])
        .exits(0)
        .shows("4 destroyed");
    assert!(names(cluster, &namespace, "secrets").is_empty());
}

#[test]
fn a_name_that_somebody_has_changes_nothing_and_may_be_taken_back() {
    let Some(cluster) = ControlPlane::for_test() else {
        return;
    };
    let namespace = cluster.namespace("taken");
    let project = Project::new(
        cluster,
        "admin",
        &config(&[secret(&namespace, "a", "mine")]),
    );
    settled(&project);
    let theirs = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "theirs" } });
    cluster.admin(
        "POST",
        &format!("/api/v1/namespaces/{namespace}/secrets"),
        Some(&theirs),
    );
    project.configure(&config(&[secret(&namespace, "a", "theirs")]));
    project
        .run(&["apply", "--auto-approve"])
        .exits(7)
        .shows("exists and is not ours");
    project.run(&["list"]).exits(0).shows("mine");
    project.configure(&config(&[secret(&namespace, "a", "mine")]));
    project.run(&["plan", "--detailed-exitcode"]).exits(0);

    // Two that exchange their names are told whose they are.
    let both = |a: &str, b: &str| config(&[secret(&namespace, "a", a), secret(&namespace, "b", b)]);
    project.configure(&both("mine", "other"));
    settled(&project);
    project.configure(&both("other", "mine"));
    project
        .run(&["plan"])
        .exits(0)
        .shows("has the name of secret.b, which is planted");
    project.configure(&both("mine", "other"));
    project.run(&["plan", "--detailed-exitcode"]).exits(0);
}

#[test]
fn what_a_finalizer_holds_is_not_told_as_removed_nor_forgotten() {
    let Some(cluster) = ControlPlane::for_test() else {
        return;
    };
    let namespace = cluster.namespace("held");
    let project = Project::new(
        cluster,
        "admin",
        &config(&[secret(&namespace, "a", "mine")]),
    );
    settled(&project);
    let path = format!("/api/v1/namespaces/{namespace}/secrets/mine");
    let mut object = cluster.admin("GET", &path, None);
    object["metadata"]["finalizers"] = json!(["x.io/y"]);
    cluster.admin("PUT", &path, Some(&object));
    project
        .run(&["destroy", "--auto-approve"])
        .exits(7)
        .shows("is being deleted, and x.io/y holds it");
    project.run(&["list"]).exits(0).shows("mine");
    let mut object = cluster.admin("GET", &path, None);
    object["metadata"]["finalizers"] = json!([]);
    cluster.admin("PUT", &path, Some(&object));
    project.run(&["destroy", "--auto-approve"]).exits(0);
    assert!(!project.run(&["list"]).exits(0).out.contains("mine"));
}

#[test]
fn what_somebody_put_in_its_place_can_be_imported_as_is_said() {
    let Some(cluster) = ControlPlane::for_test() else {
        return;
    };
    let namespace = cluster.namespace("placed");
    let project = Project::new(
        cluster,
        "admin",
        &config(&[secret(&namespace, "a", "mine")]),
    );
    settled(&project);
    let secrets = format!("/api/v1/namespaces/{namespace}/secrets");
    cluster.admin("DELETE", &format!("{secrets}/mine"), None);
    let other = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "mine" } });
    cluster.admin("POST", &secrets, Some(&other));
    let import = format!("canary import secret.a {namespace}/mine");
    project.run(&["plan"]).exits(0).shows(&import);
    project
        .run(&["import", "secret.a", &format!("{namespace}/mine")])
        .exits(0);
    // Of another type, it is made anew.
    settled(&project);
    let again = project.run(&["import", "secret.a", &format!("{namespace}/mine")]);
    again.exits(5).says("is known already");
}

#[test]
fn an_annotation_that_holds_the_values_shows_none_of_them() {
    let Some(cluster) = ControlPlane::for_test() else {
        return;
    };
    let namespace = cluster.namespace("words");
    let project = Project::new(
        cluster,
        "admin",
        &config(&[secret(&namespace, "a", "mine")]),
    );
    settled(&project);
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
    settled(&project);
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
    settled(&project);
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
    settled(&project);
    let object = cluster.admin("GET", &format!("{secrets}/{token}"), None);
    assert!(object["data"]["token"].as_str().unwrap().len() > 100);
    change(token, &|object| {
        object["metadata"]["labels"] =
            json!({ "kubernetes.io/legacy-token-invalid-since": "2026-11-20" });
    });
    project.run(&["drift"]).exits(4).shows("invalid-since");
    settled(&project);

    // The ledger is lost: the account is known by its token, and that by its name.
    std::fs::remove_file(project.path(".canary/ledger")).unwrap();
    project.run(&["recover"]).exits(0).says("Recovered 3.");
    project.run(&["plan", "--detailed-exitcode"]).exits(0);
}

#[test]
fn what_was_retired_before_the_ledger_was_lost_is_recovered_as_that() {
    let Some(cluster) = ControlPlane::for_test() else {
        return;
    };
    let namespace = cluster.namespace("lost");
    let chosen = format!("[secret.a]\nnamespace = \"{namespace}\"\ntemplate = \"basic-auth\"\n");
    let project = Project::new(cluster, "admin", &config(&[chosen]));
    settled(&project);
    project
        .run(&["rotate", "secret.a", "--auto-approve"])
        .exits(0);
    let before = names(cluster, &namespace, "secrets");
    assert_eq!(before.len(), 2);
    std::fs::remove_file(project.path(".canary/ledger")).unwrap();
    project.run(&["recover"]).exits(0).says("Recovered 2.");
    project.run(&["plan", "--detailed-exitcode"]).exits(0);
    project.run(&["list"]).exits(0).shows("secret.a@1");
    project
        .run(&["show", "secret.a@1"])
        .exits(0)
        .shows("secret.a@1");
    project
        .run(&["show", "secret.a@7"])
        .exits(1)
        .says("secret.a@7 is not planted");
    project
        .run(&["destroy", "--auto-approve", "--retired-too"])
        .exits(0);
    assert!(names(cluster, &namespace, "secrets").is_empty());
}

#[test]
fn what_admission_puts_into_every_object_is_no_reason_to_write_again() {
    let Some(cluster) = ControlPlane::for_test_alone(&Options::default()) else {
        return;
    };
    let namespace = cluster.namespace("admitted");
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
    let secrets = format!("/api/v1/namespaces/{namespace}/secrets");
    let mut tries = 0..600;
    loop {
        let body = json!({ "metadata": { "name": format!("try-{}", tries.next().unwrap()) } });
        let made = cluster.admin("POST", &secrets, Some(&body));
        if made["metadata"]["labels"]["team"] == "shop" {
            break;
        }
    }
    let project = Project::new(
        &cluster,
        "admin",
        &config(&[secret(&namespace, "a", "mine")]),
    );
    settled(&project);
    project.run(&["drift"]).exits(0);
    let path = format!("{secrets}/mine");
    let mut object = cluster.admin("GET", &path, None);
    assert_eq!(object["metadata"]["labels"]["team"], "shop");
    // What somebody else adds beside it is taken out again.
    object["metadata"]["labels"]["more"] = "x".into();
    cluster.admin("PUT", &path, Some(&object));
    project.run(&["drift"]).exits(4).shows("labels.more");
    settled(&project);
    let object = cluster.admin("GET", &path, None);
    assert_eq!(object["metadata"]["labels"], json!({ "team": "shop" }));
}

#[test]
fn a_rotation_that_was_not_begun_leaves_the_file_as_it_was_and_one_that_was_touches_nothing_else() {
    let Some(cluster) = ControlPlane::for_test() else {
        return;
    };
    let namespace = cluster.namespace("turned");
    let text = config(&[
        secret(&namespace, "a", "mine"),
        secret(&namespace, "b", "other"),
    ]);
    let nowhere = Project::at(std::path::PathBuf::from("/nonexistent"), &text);
    nowhere
        .run(&["rotate", "secret.a", "--auto-approve"])
        .exits(1)
        .says("as it was before");
    assert_eq!(
        std::fs::read_to_string(nowhere.path("canaries.toml")).unwrap(),
        text
    );

    let project = Project::new(cluster, "admin", &text);
    settled(&project);
    // Kept elsewhere, and led to by a link.
    std::fs::rename(project.path("canaries.toml"), project.path("kept.toml")).unwrap();
    std::os::unix::fs::symlink("kept.toml", project.path("canaries.toml")).unwrap();
    project.configure(&config(&[secret(&namespace, "a", "mine")]));
    project
        .run(&["rotate", "secret.a", "--auto-approve"])
        .exits(0);
    assert!(project.path("canaries.toml").is_symlink());
    let kept = std::fs::read_to_string(project.path("kept.toml")).unwrap();
    assert!(kept.contains("generation = 2"), "{kept}");
    assert!(names(cluster, &namespace, "secrets").contains("other"));
}

#[test]
fn removing_one_removes_what_needs_it_and_not_what_it_needs() {
    let Some(cluster) = ControlPlane::for_test() else {
        return;
    };
    let namespace = cluster.namespace("needs");
    let account = format!("[service_account.s]\nnamespace = \"{namespace}\"\nname = \"bot\"\n");
    let holder = |label: &str| {
        format!(
            "[secret.{label}]\nnamespace = \"{namespace}\"\nname = \"{label}\"\ntemplate = \"kubeconfig\"\n\
             of = \"service_account.s\"\n"
        )
    };
    let text = config(&[account, holder("k1"), holder("k2")]);
    let project = Project::new(cluster, "admin", &text);
    settled(&project);
    project
        .run(&["plan", "--destroy", "--target", "secret.k1"])
        .exits(0)
        .shows("1 to destroy");
    project
        .run(&["plan", "--destroy", "--target", "service_account.s"])
        .exits(0)
        .shows("4 to destroy");
}

#[test]
fn drift_does_not_vouch_for_what_it_could_not_see() {
    let Some(cluster) = ControlPlane::for_test() else {
        return;
    };
    let namespace = cluster.namespace("unseen");
    let project = Project::new(
        cluster,
        "admin",
        &config(&[secret(&namespace, "a", "mine")]),
    );
    settled(&project);
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

#[test]
fn a_damaged_lock_is_told_with_its_remedy() {
    let Some(cluster) = ControlPlane::for_test() else {
        return;
    };
    let namespace = cluster.namespace("locked");
    let project = Project::new(
        cluster,
        "admin",
        &config(&[secret(&namespace, "a", "mine")]),
    );
    settled(&project);
    for damage in ["{", ""] {
        std::fs::write(project.path(".canary/ledger.lock"), damage).unwrap();
        project
            .run(&["apply", "--auto-approve"])
            .exits(1)
            .says("ledger is damaged")
            .says("canary unlock");
        project
            .run(&["unlock"])
            .exits(0)
            .says("The lock was damaged.");
        settled(&project);
    }
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
    settled(&project);
    let label = json!({ "metadata": { "labels": { "team": "red" } } });
    cluster.admin("PATCH", &format!("{secrets}/one"), Some(&label));
    project.configure(&config(&[secret(&namespace, "a", "two")]));
    project.run(&["drift"]).exits(4).shows("labels.team");
    settled(&project);
    cluster.admin("DELETE", &format!("{secrets}/two"), None);
    project.configure(&config(&[secret(&namespace, "a", "three")]));
    project.run(&["drift"]).exits(4).shows("was deleted");
    settled(&project);

    // A retired token that somebody made useless is made anew when it is wanted again, in one apply.
    let account = |name: &str| {
        config(&[format!(
            "[service_account.bot]\nnamespace = \"{namespace}\"\nname = \"{name}\"\ntoken = \"legacy\"\n"
        )])
    };
    project.configure(&account("bot"));
    settled(&project);
    let all = names(&cluster, &namespace, "secrets");
    let token = all
        .iter()
        .find(|name| name.starts_with("bot-token-"))
        .unwrap();
    project.configure(&account("bot2"));
    settled(&project);
    let spoilt = json!({ "data": { "token": "YWJj" } });
    cluster.admin("PATCH", &format!("{secrets}/{token}"), Some(&spoilt));
    project.configure(&account("bot"));
    project.run(&["drift"]).exits(4).shows("data.token");
    settled(&project);
    let object = cluster.admin("GET", &format!("{secrets}/{token}"), None);
    assert!(object["data"]["token"].as_str().unwrap().len() > 100);
}

#[test]
fn another_label_or_content_for_what_is_there_is_one_apply() {
    let Some(cluster) = ControlPlane::for_test() else {
        return;
    };
    let namespace = cluster.namespace("label");
    let labelled = |label: &str| {
        config(&[format!(
            "[service_account.{label}]\nnamespace = \"{namespace}\"\nname = \"bot\"\n\
             [secret.k]\nnamespace = \"{namespace}\"\nname = \"kc\"\ntemplate = \"kubeconfig\"\nof = \"service_account.{label}\"\n"
        )])
    };
    let project = Project::new(cluster, "admin", &labelled("old"));
    settled(&project);
    let path = format!("/api/v1/namespaces/{namespace}/secrets/kc");
    let before = cluster.admin("GET", &path, None);
    project.configure(&labelled("new"));
    settled(&project);
    // The world did not change at all.
    assert_eq!(cluster.admin("GET", &path, None), before);

    let free = |name: &str, key: &str| {
        config(&[format!(
            "[secret.a]\nnamespace = \"{namespace}\"\nname = \"{name}\"\ndata = {{ {key} = \"{{password}}\" }}\n"
        )])
    };
    for (name, key) in [("x", "one"), ("y", "one"), ("x", "two")] {
        project.configure(&free(name, key));
        settled(&project);
    }
}

#[test]
fn each_of_several_that_were_retired_and_the_accounts_they_reach_are_recovered() {
    let options = Options {
        controllers: true,
        ..Options::default()
    };
    let Some(cluster) = ControlPlane::for_test_alone(&options) else {
        return;
    };
    let namespace = cluster.namespace("many");
    let at = |generation: u32| {
        config(&[format!(
            "[secret.a]\nnamespace = \"{namespace}\"\ntemplate = \"postgres\"\ngeneration = {generation}\n\
             [service_account.s]\nnamespace = \"{namespace}\"\ntoken = \"legacy\"\ngeneration = {generation}\n"
        )])
    };
    let project = Project::new(&cluster, "admin", &at(1));
    for generation in [1, 2, 1, 2] {
        project.configure(&at(generation));
        settled(&project);
    }
    let planted = names(&cluster, &namespace, "secrets").len()
        + names(&cluster, &namespace, "serviceaccounts").len();
    std::fs::remove_file(project.path(".canary/ledger")).unwrap();
    let words = format!("Recovered {planted}.");
    project.run(&["recover"]).exits(0).says(&words);
    project
        .run(&["destroy", "--auto-approve", "--retired-too"])
        .exits(0);
    assert!(names(&cluster, &namespace, "secrets").is_empty());
    assert!(names(&cluster, &namespace, "serviceaccounts").is_empty());
}

#[test]
fn what_has_the_name_by_now_can_be_imported_and_what_was_planted_before_stays_known() {
    let Some(cluster) = ControlPlane::for_test() else {
        return;
    };
    let namespace = cluster.namespace("instead");
    let project = Project::new(
        cluster,
        "admin",
        &config(&[secret(&namespace, "a", "mine")]),
    );
    settled(&project);
    let theirs = json!({ "metadata": { "name": "theirs" } });
    cluster.admin(
        "POST",
        &format!("/api/v1/namespaces/{namespace}/secrets"),
        Some(&theirs),
    );
    project.configure(&config(&[secret(&namespace, "a", "theirs")]));
    project
        .run(&["import", "secret.a", &format!("{namespace}/theirs")])
        .exits(0);
    settled(&project);
    project
        .run(&["destroy", "--auto-approve", "--retired-too"])
        .exits(0)
        .shows("2 destroyed");
    assert!(names(cluster, &namespace, "secrets").is_empty());
}
