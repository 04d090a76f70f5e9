//! What is taken into the ledger: by proof after it was lost, and by request.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod support;

use canary_fixtures::{ControlPlane, Options};
use serde_json::json;
use support::Project;
use support::named::{config, names, planted, secret};

#[test]
fn what_somebody_put_in_its_place_can_be_imported_as_is_said() {
    let Some((cluster, namespace, project)) = planted("placed") else {
        return;
    };
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
    project.settles();
    let again = project.run(&["import", "secret.a", &format!("{namespace}/mine")]);
    again.exits(5).says("is known already");
}

#[test]
fn what_has_the_name_by_now_can_be_imported_and_what_was_planted_before_stays_known() {
    let Some((cluster, namespace, project)) = planted("instead") else {
        return;
    };
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
    project.settles();
    project
        .run(&["destroy", "--auto-approve", "--retired-too"])
        .exits(0)
        .shows("2 destroyed");
    assert!(names(cluster, &namespace, "secrets").is_empty());
}

#[test]
fn what_was_retired_before_the_ledger_was_lost_is_recovered_as_that() {
    let Some(cluster) = ControlPlane::for_test() else {
        return;
    };
    let namespace = cluster.namespace("lost");
    let chosen = format!("[secret.a]\nnamespace = \"{namespace}\"\ntemplate = \"basic-auth\"\n");
    let project = Project::new(cluster, "admin", &config(&[chosen]));
    project.settles();
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
        project.settles();
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
fn an_account_that_nothing_proves_any_more_is_told_and_left_alone() {
    let Some(cluster) = ControlPlane::for_test() else {
        return;
    };
    let namespace = cluster.namespace("doubt");
    let text = format!(
        "[kubernetes]\n[service_account.s]\nnamespace = \"{namespace}\"\n\
         [secret.k]\nnamespace = \"{namespace}\"\nname = \"kc\"\ntemplate = \"kubeconfig\"\nof = \"service_account.s\"\n"
    );
    let project = Project::new(cluster, "admin", &text);
    project.settles();
    let first = names(cluster, &namespace, "serviceaccounts");
    let first = first.first().unwrap().clone();
    // The one kubeconfig holds the new account's token from now on.
    project
        .run(&["rotate", "service_account.s", "--auto-approve"])
        .exits(0);
    std::fs::remove_file(project.path(".canary/ledger")).unwrap();
    let doubt =
        format!("service_account.s: ServiceAccount {namespace}/{first} is there and may be one");
    project
        .run(&["recover"])
        .exits(0)
        .says(&doubt)
        .says("Recovered 2.");
    project.settles();
    assert!(names(cluster, &namespace, "serviceaccounts").contains(&first));
}
