//! Names, labels and generations that change and are taken back: nothing of ours is forgotten, and every way out that is
//! shown is one.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod support;

use std::collections::BTreeSet;

use canary_fixtures::ControlPlane;
use serde_json::json;
use support::Project;
use support::named::{config, names, planted, secret};

#[test]
fn a_name_that_changes_and_comes_back_leaves_nothing_behind_that_is_not_known() {
    let Some(cluster) = ControlPlane::for_test() else {
        return;
    };
    let namespace = cluster.namespace("names");
    let project = Project::new(cluster, "admin", "");
    for name in ["one", "two", "three", "one", "four"] {
        project.configure(&config(&[secret(&namespace, "a", name)]));
        project.settles();
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
    let Some((cluster, namespace, project)) = planted("taken") else {
        return;
    };
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
    project.settles();
    project.configure(&both("other", "mine"));
    project
        .run(&["plan"])
        .exits(0)
        .shows("has the name of secret.b, which is planted");
    project.configure(&both("mine", "other"));
    project.run(&["plan", "--detailed-exitcode"]).exits(0);
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
    project.settles();
    let path = format!("/api/v1/namespaces/{namespace}/secrets/kc");
    let before = cluster.admin("GET", &path, None);
    project.configure(&labelled("new"));
    project.settles();
    // The world did not change at all.
    assert_eq!(cluster.admin("GET", &path, None), before);

    let free = |name: &str, key: &str| {
        config(&[format!(
            "[secret.a]\nnamespace = \"{namespace}\"\nname = \"{name}\"\ndata = {{ {key} = \"{{password}}\" }}\n"
        )])
    };
    for (name, key) in [("x", "one"), ("y", "one"), ("x", "two")] {
        project.configure(&free(name, key));
        project.settles();
    }
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
    project.settles();
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
    project.settles();
    project
        .run(&["plan", "--destroy", "--target", "secret.k1"])
        .exits(0)
        .shows("1 to destroy");
    project
        .run(&["plan", "--destroy", "--target", "service_account.s"])
        .exits(0)
        .shows("4 to destroy");
}
