//! What groups and forgotten bindings give a decoy service account, on a real API server of each test's own: bindings
//! of the whole cluster would disturb others.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod support;

use std::path::PathBuf;

use canary_fixtures::{ControlPlane, Options};
use serde_json::{Value, json};
use support::Project;

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

fn config(namespace: &str) -> String {
    format!(
        r#"
[kubernetes]

[service_account.ci]
namespace = "{namespace}"
name      = "deployer"

[secret.kubeconfig]
namespace = "{namespace}"
template  = "kubeconfig"
of        = "service_account.ci"
"#
    )
}

fn role(name: &str, rules: &Value) -> Value {
    json!({ "metadata": { "name": name }, "rules": rules })
}

fn binding(name: &str, role_kind: &str, role: &str, subject: &Value) -> Value {
    json!({
        "metadata": { "name": name },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": role_kind, "name": role },
        "subjects": [subject],
    })
}

fn group(name: &str) -> Value {
    json!({ "kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": name })
}

fn reading(resource: &str) -> Value {
    json!([{ "apiGroups": [""], "resources": [resource], "verbs": ["get", "list"] }])
}

/// The RBAC requests of a run, as the server logged them.
fn rbac_requests(
    cluster: &ControlPlane,
    project: &Project,
    args: &[&str],
    exit: i32,
) -> Vec<String> {
    let from = cluster.audit_log().position();
    project.run(args).exits(exit);
    let events = cluster.audit_log().since(from);
    let mut asked: Vec<String> = events
        .iter()
        .filter(|event| {
            let agent = event["userAgent"].as_str().unwrap_or_default();
            let group = event["objectRef"]["apiGroup"].as_str().unwrap_or_default();
            agent.starts_with("kubectl/") && group == "rbac.authorization.k8s.io"
        })
        .map(|event| {
            let resource = event["objectRef"]["resource"].as_str().unwrap_or_default();
            format!("{} {resource}", event["verb"].as_str().unwrap_or_default())
        })
        .collect();
    asked.sort();
    asked
}

#[test]
fn a_cluster_as_it_comes_out_of_the_box_gives_a_decoy_nothing() {
    let Some(cluster) = ControlPlane::for_test_alone(&Options::default()) else {
        return;
    };
    let namespace = cluster.namespace("ci");
    let project = Project::new(&cluster, "admin", &config(&namespace));
    let three = [
        "list clusterrolebindings",
        "list clusterroles",
        "list rolebindings",
    ];
    assert_eq!(rbac_requests(&cluster, &project, &["check"], 0), three);
    assert_eq!(rbac_requests(&cluster, &project, &["plan"], 0), three);
    let offline = ["check", "--offline"];
    assert_eq!(rbac_requests(&cluster, &project, &offline, 0).len(), 0);
    for command in ["check", "plan"] {
        let ran = project.run(&[command]).exits(0);
        for word in ["rights", "may ", "blocked", "Unsafe"] {
            assert!(!ran.out.contains(word), "{word} in:\n{}", ran.out);
        }
    }
    project.run(&["apply", "--auto-approve"]).exits(0);
    project.run(&["plan", "--detailed-exitcode"]).exits(0);
    // Nothing of the ledger changes.
    let before = project.ledger();
    project.run(&["check"]).exits(0);
    assert_eq!(project.ledger(), before);

    // What has no rights is not asked about.
    let secrets = format!(
        "[kubernetes]\n[secret.a]\nnamespace = \"{namespace}\"\ntemplate = \"basic-auth\"\n"
    );
    let project = Project::new(&cluster, "admin", &secrets);
    for command in ["check", "plan"] {
        assert_eq!(rbac_requests(&cluster, &project, &[command], 0).len(), 0);
    }
}

#[test]
fn a_group_that_gives_a_decoy_rights_blocks_it_until_the_binding_is_gone() {
    let Some(cluster) = ControlPlane::for_test_alone(&Options::default()) else {
        return;
    };
    let namespace = cluster.namespace("ci");
    let project = Project::new(&cluster, "admin", &config(&namespace));
    let path = format!("{RBAC}/namespaces/{namespace}");
    let body = role("pods", &reading("pods"));
    cluster.admin("POST", &format!("{path}/roles"), Some(&body));
    let subject = group(&format!("system:serviceaccounts:{namespace}"));
    let body = binding("everybody", "Role", "pods", &subject);
    cluster.admin("POST", &format!("{path}/rolebindings"), Some(&body));

    let told = format!(
        "may get and list pods in namespace {namespace}, through RoleBinding {namespace}/everybody to group \
         system:serviceaccounts:{namespace}"
    );
    let help = format!(
        "remove RoleBinding {namespace}/everybody, or choose another namespace for the canary"
    );
    project.run(&["check"]).exits(3).shows(&told).shows(&help);
    project
        .run(&["plan"])
        .exits(0)
        .shows(&format!("blocked: {told}"))
        .shows(&help)
        .shows("3 blocked");
    assert_eq!(
        rbac_requests(&cluster, &project, &["plan"], 0),
        [
            "get roles",
            "list clusterrolebindings",
            "list clusterroles",
            "list rolebindings"
        ]
    );
    project
        .run(&["apply", "--auto-approve"])
        .exits(7)
        .shows(&told)
        .shows("Nothing could be done");
    project
        .run(&["apply", "--auto-approve", "--json"])
        .exits(7)
        .shows(&told);
    let accounts = format!("/api/v1/namespaces/{namespace}/serviceaccounts");
    let there = cluster.admin("GET", &accounts, None);
    assert_eq!(there["items"], json!([]));

    cluster.admin("DELETE", &format!("{path}/rolebindings/everybody"), None);
    project.run(&["check"]).exits(0);
    project
        .run(&["apply", "--auto-approve"])
        .exits(0)
        .shows("3 added");

    // Given rights later, it stays where it is and is told; so is a retired one.
    let subject = json!({ "kind": "ServiceAccount", "namespace": namespace, "name": "deployer" });
    let body = binding("deployer", "Role", "pods", &subject);
    cluster.admin("POST", &format!("{path}/rolebindings"), Some(&body));
    let given = format!(
        "through RoleBinding {namespace}/deployer to system:serviceaccount:{namespace}:deployer"
    );
    project
        .run(&["plan", "--detailed-exitcode"])
        .exits(0)
        .shows("Unsafe       service_account.ci: may ")
        .shows(&given)
        .shows("No changes.");
    project
        .run(&["plan", "--json"])
        .exits(0)
        .shows("\"blast_radius\"");
    project
        .run(&["apply", "--auto-approve"])
        .exits(0)
        .shows(&given);
    project.configure(&config(&namespace).replace("\"deployer\"", "\"builder\""));
    project.run(&["apply", "--auto-approve"]).exits(0);
    project
        .run(&["plan", "--detailed-exitcode"])
        .exits(0)
        .shows(&format!(
            "Unsafe       service_account.ci: its retired ServiceAccount {namespace}/deployer may "
        ));
}

#[test]
fn a_widened_discovery_and_a_binding_to_a_role_that_is_not_there_are_told() {
    let Some(cluster) = ControlPlane::for_test_alone(&Options::default()) else {
        return;
    };
    let namespace = cluster.namespace("ci");
    let project = Project::new(&cluster, "admin", &config(&namespace));
    let user = json!({ "kind": "User", "apiGroup": "rbac.authorization.k8s.io",
                       "name": format!("system:serviceaccount:{namespace}:deployer") });
    let body = binding("later", "ClusterRole", "deployer", &user);
    cluster.admin("POST", &format!("{RBAC}/clusterrolebindings"), Some(&body));
    let warning = "would be given what ClusterRole deployer says as soon as somebody makes it, through \
                   ClusterRoleBinding later";
    project.run(&["check"]).exits(0).shows(warning);
    project
        .run(&["plan"])
        .exits(0)
        .shows(&format!("Note         service_account.ci: {warning}"))
        .shows("Plan: 3 to add");

    let path = format!("{RBAC}/clusterroles/system:discovery");
    let mut discovery = cluster.admin("GET", &path, None);
    let rules = discovery["rules"].as_array_mut().unwrap();
    rules.extend(reading("configmaps").as_array().unwrap().clone());
    cluster.admin("PUT", &path, Some(&discovery));
    project.run(&["check"]).exits(3).shows(
        "may get and list configmaps in the whole cluster, through ClusterRoleBinding system:discovery to group \
         system:authenticated",
    );
}

#[test]
fn a_binding_on_the_second_page_counts() {
    let Some(cluster) = ControlPlane::for_test_alone(&Options::default()) else {
        return;
    };
    let namespace = cluster.namespace("ci");
    let project = Project::new(&cluster, "admin", &config(&namespace));
    // More than a page of 500, and the one that matters is the last by name.
    let path = format!("{RBAC}/clusterrolebindings");
    for number in 0..500 {
        let subject = group("nobody");
        let body = binding(&format!("a{number}"), "ClusterRole", "view", &subject);
        cluster.admin("POST", &path, Some(&body));
    }
    let subject = group("system:serviceaccounts");
    let body = binding("zz", "ClusterRole", "cluster-admin", &subject);
    cluster.admin("POST", &path, Some(&body));
    let asked = rbac_requests(&cluster, &project, &["check"], 3);
    let pages = asked
        .iter()
        .filter(|one| *one == "list clusterrolebindings");
    assert_eq!(pages.count(), 2);
    project.run(&["check"]).exits(3).shows(
        "may do anything with everything in the whole cluster; do anything with every path of the API server, through \
         ClusterRoleBinding zz to group system:serviceaccounts",
    );
}

#[test]
fn what_may_not_be_read_of_rbac_is_a_gap_and_the_nearest_bindings_are_read_where_they_may() {
    let Some(cluster) = ControlPlane::for_test_alone(&Options::default()) else {
        return;
    };
    let namespace = cluster.namespace("ci");
    let everything = json!([{ "apiGroups": [""], "verbs": ["*"],
        "resources": ["secrets", "serviceaccounts", "serviceaccounts/token"] }]);
    cluster.grant("operator", &namespace, &everything);
    let project = Project::new(&cluster, "operator", &config(&namespace));
    for command in ["check", "plan"] {
        project
            .run(&[command])
            .exits(0)
            .shows("rights that ClusterRoleBindings give: forbidden to you")
            .shows("rights that RoleBindings give: forbidden to you");
    }
    let bindings = json!([{ "apiGroups": ["rbac.authorization.k8s.io"], "verbs": ["get", "list"],
        "resources": ["rolebindings", "roles"] }]);
    cluster.grant("alice", &namespace, &bindings);
    cluster.grant("auditor", &namespace, &reading("serviceaccounts"));
    // The operator gets what alice has.
    let path = format!("{RBAC}/namespaces/{namespace}");
    let user =
        json!({ "kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "operator" });
    let body = binding("too", "Role", "granted-alice", &user);
    cluster.admin("POST", &format!("{path}/rolebindings"), Some(&body));
    let subject = json!({ "kind": "ServiceAccount", "namespace": namespace, "name": "deployer" });
    let body = binding("old", "Role", "granted-auditor", &subject);
    cluster.admin("POST", &format!("{path}/rolebindings"), Some(&body));
    for (command, exit) in [("check", 3), ("plan", 0)] {
        project
            .run(&[command])
            .exits(exit)
            .shows(&format!(
                "rights that RoleBindings outside {namespace} give: forbidden to you"
            ))
            .shows(&format!(
                "may get and list serviceaccounts in namespace {namespace}, through RoleBinding {namespace}/old"
            ));
    }
    // A role that may not be read is a gap of its own.
    let body = binding("older", "ClusterRole", "view", &subject);
    cluster.admin("POST", &format!("{path}/rolebindings"), Some(&body));
    project
        .run(&["plan"])
        .exits(0)
        .shows("Not seen     rights that ClusterRole view gives: forbidden to you");
}

#[test]
fn without_a_cluster_check_says_that_nobody_looked() {
    let project = Project::at(PathBuf::from("/nonexistent"), &config("ci"));
    project
        .run(&["check"])
        .exits(0)
        .shows("not seen rights of service_account.ci: not reachable")
        .says("is valid: 2 canaries");
    project
        .run(&["check", "--offline"])
        .exits(0)
        .shows("not seen rights of service_account.ci: nobody looked (--offline)");
    project
        .run(&["check", "--json"])
        .exits(0)
        .shows("\"type\":\"gap\"");
    let project = Project::at(
        PathBuf::from("/nonexistent"),
        "[kubernetes]\n[secret.a]\nnamespace = \"ci\"\ntemplate = \"basic-auth\"\n",
    );
    let ran = project.run(&["check"]).exits(0);
    assert!(!ran.out.contains("rights of"), "{}", ran.out);
}

#[test]
fn check_refuses_to_look_at_another_cluster_than_the_ledgers() {
    let (Some(cluster), Some(other)) = (
        ControlPlane::for_test_alone(&Options::default()),
        ControlPlane::for_test_alone(&Options::default()),
    ) else {
        return;
    };
    let namespace = cluster.namespace("ci");
    let project = Project::new(&cluster, "admin", &config(&namespace));
    project.run(&["apply", "--auto-approve"]).exits(0);
    let mut command = project.command(&["check"]);
    command.env("KUBECONFIG", other.kubeconfig("admin", None));
    let ran: support::Ran = command.output().unwrap().into();
    ran.exits(5).says("this ledger belongs to prod");
    project.run(&["check"]).exits(0);
}

#[test]
fn a_dump_is_judged_by_the_bindings_in_it_and_tells_when_there_are_none() {
    let project = Project::at(PathBuf::from("/nonexistent"), &config("ci"));
    let mut items = vec![
        json!({ "kind": "Namespace", "metadata": { "name": "kube-system", "uid": "k" } }),
        json!({ "kind": "Namespace", "metadata": { "name": "ci", "uid": "c" } }),
        json!({ "kind": "Secret", "metadata": { "name": "s", "namespace": "ci", "uid": "u", "resourceVersion": "1" } }),
        json!({ "kind": "ServiceAccount",
                "metadata": { "name": "default", "namespace": "ci", "uid": "v", "resourceVersion": "2" } }),
    ];
    let plan = |items: &[Value]| {
        let dump = json!({ "kind": "List", "items": items });
        std::fs::write(project.path("dump.json"), dump.to_string()).unwrap();
        project.run(&["plan", "--from", "dump.json"]).exits(0)
    };
    plan(&items)
        .shows("Not seen     rights of service_account.ci: nobody looked (not in the dump)")
        .shows("Plan: 3 to add");
    let mut add = |kind: &str, mut item: Value| {
        item["kind"] = kind.into();
        items.push(item);
    };
    add("ClusterRole", role("dev", &reading("secrets")));
    let subject = group("system:authenticated");
    add(
        "ClusterRoleBinding",
        binding("dev-access", "ClusterRole", "dev", &subject),
    );
    let ran = plan(&items)
        .shows(
            "blocked: may get and list secrets in the whole cluster, through ClusterRoleBinding dev-access to group \
             system:authenticated",
        )
        .shows("Not seen     rights that RoleBindings give: nobody looked (not in the dump)");
    assert!(!ran.out.contains("rights of"), "{}", ran.out);
}
