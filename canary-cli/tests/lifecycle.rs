//! The whole life of canaries on a real API server.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod support;

use canary_fixtures::ControlPlane;
use serde_json::{Value, json};
use support::Project;

fn config(namespace: &str) -> String {
    format!(
        r#"
[kubernetes]

[secret.db]
namespace = "{namespace}"
name      = "orders-db-admin"
template  = "postgres"

[secret.web]
namespace = "{namespace}"
template  = "tls"

[secret.pull]
namespace = "{namespace}"
template  = "docker-registry"

[secret.git]
namespace = "{namespace}"
template  = "ssh-key"

[secret.login]
namespace = "{namespace}"
template  = "basic-auth"

[secret.env]
namespace = "{namespace}"
template  = "env-file"

[secret.free]
namespace = "{namespace}"
data      = {{ "API_KEY" = "sk_live_{{token:32}}", "note" = "for {{{{ops}}}}" }}

[config_map.settings]
namespace = "{namespace}"
data      = {{ "DATABASE_URL" = "postgres://{{username}}:{{password}}@{{host}}/{{database}}" }}

[service_account.deployer]
namespace = "{namespace}"

[secret.kubeconfig]
namespace = "{namespace}"
template  = "kubeconfig"
of        = "service_account.deployer"
"#
    )
}

fn secrets(cluster: &ControlPlane, namespace: &str) -> Vec<Value> {
    let list = cluster.admin(
        "GET",
        &format!("/api/v1/namespaces/{namespace}/secrets"),
        None,
    );
    list["items"].as_array().unwrap().clone()
}

/// Every object of a namespace that could be ours, whole.
fn everything(cluster: &ControlPlane, namespace: &str) -> Vec<Value> {
    ["secrets", "configmaps", "serviceaccounts"]
        .iter()
        .flat_map(|kind| {
            let list = cluster.admin(
                "GET",
                &format!("/api/v1/namespaces/{namespace}/{kind}"),
                None,
            );
            list["items"].as_array().unwrap().clone()
        })
        .collect()
}

#[test]
fn what_is_planned_is_planted_kept_repaired_and_removed() {
    let Some(cluster) = ControlPlane::for_test() else {
        return;
    };
    let namespace = cluster.namespace("life");
    let project = Project::new(cluster, "admin", &config(&namespace));
    project
        .run(&["plan", "--detailed-exitcode"])
        .exits(2)
        .shows("Plan: 11 to add, 0 to change, 0 to destroy.");
    project
        .run(&["apply", "--auto-approve"])
        .exits(0)
        .shows("Apply complete! Resources: 11 added, 0 changed, 0 destroyed.");
    project
        .run(&["plan", "--detailed-exitcode"])
        .exits(0)
        .shows("No changes.");
    project.run(&["drift"]).exits(0).shows("No drift.");

    // Somebody changes a value, adds a label, deletes one, and makes another of the same name.
    let path = format!("/api/v1/namespaces/{namespace}");
    let mine = |template: &str| -> String {
        let list = secrets(cluster, &namespace);
        let found = list
            .iter()
            .find(|secret| secret["data"][template].is_string());
        found.unwrap()["metadata"]["name"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let (tls, ssh, env) = (mine("tls.key"), mine("ssh-privatekey"), mine(".env"));
    let changed = json!({ "data": { "password": "aGFja2Vk" } });
    cluster.admin(
        "PATCH",
        &format!("{path}/secrets/orders-db-admin"),
        Some(&changed),
    );
    let labelled =
        json!({ "metadata": { "labels": { "team": "red" }, "annotations": { "x": "y" } } });
    cluster.admin("PATCH", &format!("{path}/secrets/{ssh}"), Some(&labelled));
    cluster.admin("DELETE", &format!("{path}/secrets/{tls}"), None);
    cluster.admin("DELETE", &format!("{path}/secrets/{env}"), None);
    let theirs = json!({ "metadata": { "name": env }, "data": { "theirs": "eA==" } });
    cluster.admin("POST", &format!("{path}/secrets"), Some(&theirs));

    project
        .run(&["drift"])
        .exits(4)
        .shows("data.password")
        .shows("metadata.labels.team")
        .shows("metadata.annotations.x")
        .shows("was deleted")
        .shows("another of that name was made")
        .shows("canary plan shows the ways out");
    // What can be repaired is; what is not ours is not touched.
    project.run(&["apply", "--auto-approve"]).exits(7);
    let there = cluster.admin("GET", &format!("{path}/secrets/{env}"), None);
    assert_eq!(there["data"], json!({ "theirs": "eA==" }));
    let repaired = cluster.admin("GET", &format!("{path}/secrets/{ssh}"), None);
    assert!(
        repaired["metadata"]["labels"].is_null() && repaired["metadata"]["annotations"].is_null()
    );
    let managers: Vec<&str> = repaired["metadata"]["managedFields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["manager"].as_str().unwrap())
        .collect();
    assert_eq!(managers, ["kubectl-create"]);

    // Adopted on request, it is made as declared.
    project
        .run(&["import", "secret.env", &format!("{namespace}/{env}")])
        .exits(0);
    project.run(&["apply", "--auto-approve"]).exits(0);
    let there = cluster.admin("GET", &format!("{path}/secrets/{env}"), None);
    assert!(there["data"]["theirs"].is_null() && there["data"][".env"].is_string());
    project.run(&["destroy", "--auto-approve"]).exits(0);
    assert_eq!(everything(cluster, &namespace), Vec::<Value>::new());
}

#[test]
fn a_lost_ledger_is_rebuilt_from_proof() {
    let Some(cluster) = ControlPlane::for_test() else {
        return;
    };
    let namespace = cluster.namespace("lost");
    let project = Project::new(cluster, "admin", &config(&namespace));
    project.run(&["apply", "--auto-approve"]).exits(0);
    let before = everything(cluster, &namespace);
    for name in ["ledger", "ledger.lock"] {
        std::fs::remove_file(project.path(".canary").join(name)).unwrap();
    }
    // Without the ledger nothing is ours, so nothing is touched.
    project
        .run(&["plan"])
        .exits(0)
        .shows("exists and is not ours");
    project.run(&["recover"]).exits(0).says("Recovered 10.");
    assert_eq!(everything(cluster, &namespace), before);
    // Only the token left nothing that could be found.
    project
        .run(&["apply", "--auto-approve"])
        .exits(0)
        .shows("1 added, 1 changed");
    project.run(&["plan", "--detailed-exitcode"]).exits(0);
    project.run(&["destroy", "--auto-approve"]).exits(0);
    assert!(everything(cluster, &namespace).is_empty());
}

#[test]
fn rotation_keeps_the_old_account_and_rewrites_who_holds_its_token() {
    let Some(cluster) = ControlPlane::for_test() else {
        return;
    };
    let namespace = cluster.namespace("rotate");
    let project = Project::new(cluster, "admin", &config(&namespace));
    project.run(&["apply", "--auto-approve"]).exits(0);
    let accounts = |cluster: &ControlPlane| {
        let list = cluster.admin(
            "GET",
            &format!("/api/v1/namespaces/{namespace}/serviceaccounts"),
            None,
        );
        list["items"].as_array().unwrap().len()
    };
    assert_eq!(accounts(cluster), 1);
    project
        .run(&["rotate", "service_account.deployer", "--auto-approve"])
        .exits(0);
    assert_eq!(accounts(cluster), 2);
    let text = std::fs::read_to_string(project.path("canaries.toml")).unwrap();
    assert!(text.contains("generation = 2"), "{text}");
    project
        .run(&["plan", "--detailed-exitcode"])
        .exits(0)
        .shows("Kept alive");
    project.run(&["destroy", "--auto-approve"]).exits(0);
    assert_eq!(accounts(cluster), 1);
    project
        .run(&["destroy", "--retired-too", "--auto-approve"])
        .exits(0);
    assert_eq!(accounts(cluster), 0);
}

#[test]
fn a_saved_plan_does_exactly_that_or_nothing() {
    let Some(cluster) = ControlPlane::for_test() else {
        return;
    };
    let namespace = cluster.namespace("saved");
    let project = Project::new(cluster, "admin", &config(&namespace));
    project
        .run(&["plan", "--out", "p"])
        .exits(0)
        .says("canary apply p");
    let path = format!("/api/v1/namespaces/{namespace}/secrets");
    let theirs = json!({ "metadata": { "name": "orders-db-admin" } });
    cluster.admin("POST", &path, Some(&theirs));
    project
        .run(&["apply", "p"])
        .exits(5)
        .says("the plan is stale")
        .says("secret.db: create was approved");
    cluster.admin("DELETE", &format!("{path}/orders-db-admin"), None);
    project.run(&["apply", "p"]).exits(0);
    let mut bytes = std::fs::read(project.path("p")).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(project.path("p2"), bytes).unwrap();
    project.run(&["apply", "p2"]).exits(5).says("does not open");
    project.configure("[kubernetes]\n");
    project
        .run(&["apply", "p"])
        .exits(5)
        .says("another configuration");
}

#[test]
fn requests_and_writes_are_as_few_as_can_be() {
    // Its own server: every request of ours in its log is counted.
    let Some(cluster) = ControlPlane::for_test_alone(&canary_fixtures::Options::default()) else {
        return;
    };
    let namespace = cluster.namespace("count");
    let many: String = (0..1000)
        .map(|i| format!("[secret.s{i}]\nnamespace = \"{namespace}\"\nname = \"s{i}\"\ntemplate = \"basic-auth\"\n"))
        .collect();
    let project = Project::new(&cluster, "admin", &format!("[kubernetes]\n{many}"));
    let requests = |args: &[&str]| {
        let from = cluster.audit_log().position();
        project.run(args).exits(0);
        // The server writes an event before it answers, so all of them are there.
        let ours = cluster.audit_log().since(from);
        ours.iter()
            .filter(|event| {
                event["userAgent"]
                    .as_str()
                    .unwrap_or_default()
                    .starts_with("kubectl/")
            })
            .count()
    };
    let first = requests(&["apply", "--auto-approve"]);
    assert!(first <= 1006, "{first} requests for the first apply");
    let before = project.ledger();
    let noop = requests(&["plan"]);
    assert!(noop <= 4, "{noop} requests for a plan with nothing to do");
    requests(&["apply", "--auto-approve"]);
    assert_eq!(
        project.ledger(),
        before,
        "an apply with nothing to do wrote the ledger"
    );
    let path = format!("/api/v1/namespaces/{namespace}/secrets");
    for i in 0..10 {
        let changed = json!({ "data": { "password": "eA==" } });
        cluster.admin("PATCH", &format!("{path}/s{i}"), Some(&changed));
    }
    let ten = requests(&["apply", "--auto-approve"]);
    assert!(ten <= 26, "{ten} requests to repair ten");
    project.run(&["plan", "--detailed-exitcode"]).exits(0);
}

#[test]
fn with_rights_to_named_objects_only_it_plans_applies_and_says_what_it_cannot_see() {
    let Some(cluster) = ControlPlane::for_test() else {
        return;
    };
    let namespace = cluster.namespace("few");
    let rules = json!([
        { "apiGroups": [""], "resources": ["secrets"], "verbs": ["create"] },
        { "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["one", "two"],
          "verbs": ["get", "update", "delete"] },
        { "apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["create"] },
        { "apiGroups": [""], "resources": ["serviceaccounts"], "resourceNames": ["three"],
          "verbs": ["get", "update", "delete"] },
        { "apiGroups": [""], "resources": ["serviceaccounts/token"], "resourceNames": ["three"],
          "verbs": ["create"] },
    ]);
    cluster.grant("operator", &namespace, &rules);
    let config = format!(
        "[kubernetes]\n[secret.a]\nnamespace = \"{namespace}\"\nname = \"one\"\ntemplate = \"basic-auth\"\n\
         [secret.b]\nnamespace = \"{namespace}\"\nname = \"two\"\ntemplate = \"postgres\"\n\
         [service_account.c]\nnamespace = \"{namespace}\"\nname = \"three\"\n"
    );
    let project = Project::new(cluster, "operator", &config);
    project
        .run(&["plan"])
        .exits(0)
        .shows("Plan: 4 to add")
        .shows("Not seen     rights that ClusterRoleBindings give: forbidden to you")
        .shows("Not seen     rights that RoleBindings give: forbidden to you")
        .shows(&format!(
            "Not seen     other objects: Secret in {namespace}: forbidden to you"
        ));
    project
        .run(&["apply", "--auto-approve"])
        .exits(0)
        .shows("4 added");
    project
        .run(&["plan", "--detailed-exitcode"])
        .exits(0)
        .shows("No changes.");
    let path = format!("/api/v1/namespaces/{namespace}/secrets/one");
    let changed = json!({ "data": { "password": "eA==" } });
    cluster.admin("PATCH", &path, Some(&changed));
    project
        .run(&["apply", "--auto-approve"])
        .exits(0)
        .shows("1 changed");
    project
        .run(&["destroy", "--auto-approve"])
        .exits(0)
        .shows("4 destroyed");
}

#[test]
fn another_cluster_is_refused_before_anything_is_touched() {
    let (Some(cluster), Some(other)) = (
        ControlPlane::for_test(),
        ControlPlane::for_test_alone(&canary_fixtures::Options::default()),
    ) else {
        return;
    };
    let namespace = cluster.namespace("site");
    let config = format!(
        "[kubernetes]\n[secret.a]\nnamespace = \"{namespace}\"\ntemplate = \"basic-auth\"\n"
    );
    let project = Project::new(cluster, "admin", &config);
    project.run(&["plan", "--out", "p"]).exits(0);
    project.run(&["apply", "p"]).exits(0);
    let from = other.audit_log().position();
    let mut command = project.command(&["plan"]);
    command.env("KUBECONFIG", other.kubeconfig("admin", None));
    let ran: support::Ran = command.output().unwrap().into();
    ran.exits(5).says("this ledger belongs to prod");
    let asked = other.audit_log().since(from);
    let ours = asked.iter().filter(|event| {
        event["userAgent"]
            .as_str()
            .unwrap_or_default()
            .starts_with("kubectl/")
    });
    assert_eq!(ours.count(), 1, "only where we are was asked");
}
