//! Who touched a canary, told from a real API server's audit log.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod support;

use canary_fixtures::{ControlPlane, Options};
use serde_json::{Value, json};
use support::Project;

fn config(namespace: &str) -> String {
    format!(
        "[kubernetes]\n[secret.db]\nnamespace = \"{namespace}\"\nname = \"orders-db-admin\"\ntemplate = \"postgres\"\n\
         [service_account.deployer]\nnamespace = \"{namespace}\"\nname = \"deployer\"\n\
         [secret.config]\nnamespace = \"{namespace}\"\nname = \"deployer-kubeconfig\"\ntemplate = \"kubeconfig\"\n\
         of = \"service_account.deployer\"\n"
    )
}

/// A cluster with planted canaries, of which the planter's own calls are known.
struct Watched {
    cluster: ControlPlane,
    project: Project,
    namespace: String,
}

impl Watched {
    fn new() -> Option<Self> {
        let options = Options {
            controllers: true,
            ..Options::default()
        };
        let cluster = ControlPlane::for_test_alone(&options)?;
        let namespace = cluster.namespace("shop");
        let all = json!([{ "apiGroups": ["*"], "resources": ["*"], "verbs": ["*"] }]);
        cluster.grant_everywhere("operator", &all);
        let project = Project::new(&cluster, "operator", &config(&namespace));
        project.run(&["apply", "--auto-approve"]).exits(0);
        Some(Self {
            cluster,
            project,
            namespace,
        })
    }

    fn secret(&self, name: &str) -> String {
        format!("/api/v1/namespaces/{}/secrets/{name}", self.namespace)
    }

    /// The alerts as OCSF findings.
    fn alerts(&self) -> Vec<Value> {
        let log = self.cluster.audit_log();
        let path = log.path().display().to_string();
        let ran = self
            .project
            .run(&["detect", "--audit-log", &path, "--json"])
            .exits(0);
        ran.json_lines()
    }

    /// The alerts of one user.
    fn alerts_of(&self, user: &str) -> Vec<Value> {
        let of = |alert: &Value| alert["evidences"][0]["actor"]["user"]["name"] == user;
        self.alerts().into_iter().filter(of).collect()
    }
}

#[test]
fn our_own_calls_and_the_controllers_raise_nothing() {
    let Some(watched) = Watched::new() else {
        return;
    };
    let ledger = watched.project.ledger();
    for _ in 0..20 {
        watched
            .project
            .run(&["plan", "--detailed-exitcode"])
            .exits(0);
    }
    assert_eq!(watched.project.ledger(), ledger);
    assert_eq!(watched.alerts(), Vec::<Value>::new());
    let log = watched.cluster.audit_log().path().display().to_string();
    watched
        .project
        .run(&["detect", "--audit-log", &log, "--exit-code"])
        .exits(0);
}

#[test]
fn each_way_of_touching_is_one_alert_with_who_and_what() {
    let Some(watched) = Watched::new() else {
        return;
    };
    let cluster = &watched.cluster;
    let namespace = &watched.namespace;
    // Denied, by name.
    let path = watched.secret("orders-db-admin");
    assert_eq!(
        cluster
            .request("intruder", "GET", &path, None)
            .unwrap()
            .status,
        403
    );
    let denied = watched.alerts_of("intruder");
    assert_eq!(denied.len(), 1, "{denied:#?}");
    assert_eq!(denied[0]["severity"], "High");
    assert_eq!(denied[0]["resources"][0]["name"], "secret.db");

    // Allowed: by name, by a list with a field selector, by a dry-run patch: one alert, of the gravest kind.
    let all = json!([{ "apiGroups": [""], "resources": ["secrets"], "verbs": ["*"] }]);
    cluster.grant("alice", namespace, &all);
    cluster.request("alice", "GET", &path, None).unwrap();
    let list = format!("/api/v1/namespaces/{namespace}/secrets");
    cluster
        .request(
            "alice",
            "GET",
            &format!("{list}?fieldSelector=metadata.name%3Dorders-db-admin"),
            None,
        )
        .unwrap();
    let nothing = json!({ "metadata": {} });
    cluster
        .request(
            "alice",
            "PATCH",
            &format!("{path}?dryRun=All"),
            Some(&nothing),
        )
        .unwrap();
    let named = watched.alerts_of("alice");
    assert_eq!(named.len(), 1, "{named:#?}");
    assert_eq!(named[0]["severity"], "Critical");
    assert_eq!(named[0]["count"], 3);
    assert_eq!(named[0]["evidences"].as_array().unwrap().len(), 3);

    // A list of everything covers both Secrets: an alert of its own, and medium.
    cluster.grant(
        "auditor",
        namespace,
        &json!([{ "apiGroups": [""], "resources": ["secrets"], "verbs": ["list"] }]),
    );
    assert_eq!(
        cluster
            .request("auditor", "GET", &list, None)
            .unwrap()
            .status,
        200
    );
    let covering = watched.alerts_of("auditor");
    assert_eq!(covering.len(), 1, "{covering:#?}");
    assert_eq!(covering[0]["severity"], "Medium");
    assert_eq!(covering[0]["resources"].as_array().unwrap().len(), 2);

    // Somebody who was refused other kinds before is looking around.
    cluster.grant(
        "system:node:node1",
        namespace,
        &json!([{ "apiGroups": [""], "resources": ["secrets"], "verbs": ["list"] }]),
    );
    let nodes = "system:node:node1";
    cluster
        .request(nodes, "GET", "/api/v1/replicationcontrollers", None)
        .unwrap();
    cluster.request(nodes, "GET", &list, None).unwrap();
    let graver = watched.alerts_of(nodes);
    assert_eq!(graver.len(), 1, "{graver:#?}");
    assert_eq!(graver[0]["severity"], "High");
    assert!(
        graver[0]["unmapped"]["aggravated"]
            .to_string()
            .contains("refused other kinds"),
        "{graver:#?}"
    );

    // A selector that the decoys do not match covers none.
    cluster
        .request(
            "auditor",
            "GET",
            &format!("{list}?labelSelector=owner%3Dhelm"),
            None,
        )
        .unwrap();
    assert_eq!(watched.alerts_of("auditor")[0]["count"], 1);
}

#[test]
fn a_stolen_token_fires_wherever_it_is_used() {
    let Some(watched) = Watched::new() else {
        return;
    };
    let kubeconfig = watched
        .cluster
        .admin("GET", &watched.secret("deployer-kubeconfig"), None);
    let text = kubeconfig["data"]["kubeconfig"].as_str().unwrap();
    let text = String::from_utf8(support::base64(text)).unwrap();
    let token = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("token: "))
        .unwrap();
    let answer = watched
        .cluster
        .request_with(token, "GET", "/api/v1/namespaces", None, &[])
        .unwrap();
    assert_eq!(answer.status, 403, "a decoy account has no rights");
    let account = format!("system:serviceaccount:{}:deployer", watched.namespace);
    let used = watched.alerts_of(&account);
    assert_eq!(used.len(), 1, "{used:#?}");
    let touched: Vec<&str> = used[0]["resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|resource| resource["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        touched,
        ["service_account.deployer", "service_account.deployer/token"]
    );
}

#[test]
fn impersonation_of_a_decoy_and_reading_as_somebody_else_are_seen() {
    let Some(watched) = Watched::new() else {
        return;
    };
    let account = format!("system:serviceaccount:{}:deployer", watched.namespace);
    let headers = [("Impersonate-User", account.as_str())];
    let admin = watched.cluster.token("admin");
    watched
        .cluster
        .request_with(&admin, "GET", "/api/v1/namespaces", None, &headers)
        .unwrap();
    let seen = watched.alerts_of("admin");
    assert_eq!(seen.len(), 1, "{seen:#?}");
    assert_eq!(seen[0]["resources"][0]["name"], "service_account.deployer");
}

#[test]
fn the_operators_credentials_excuse_nothing_but_our_own_calls() {
    let Some(watched) = Watched::new() else {
        return;
    };
    let path = watched.secret("orders-db-admin");
    let from = watched.cluster.audit_log().position();
    watched
        .cluster
        .request("operator", "GET", &path, None)
        .unwrap();
    assert_eq!(watched.alerts_of("operator").len(), 1);
    // A replay of one of our requests: the same path and audit id, at another time.
    watched.project.run(&["plan"]).exits(0);
    let ours = watched.cluster.audit_log().since(from);
    let list = ours
        .iter()
        .find(|event| {
            event["verb"] == "list"
                && event["objectRef"]["resource"] == "secrets"
                && event["user"]["username"] == "operator"
        })
        .unwrap();
    let token = watched.cluster.token("operator");
    let headers = [("Audit-ID", list["auditID"].as_str().unwrap())];
    let before = watched.alerts_of("operator").len();
    watched
        .cluster
        .request_with(
            &token,
            "GET",
            list["requestURI"].as_str().unwrap(),
            None,
            &headers,
        )
        .unwrap();
    assert_eq!(watched.alerts_of("operator").len(), before + 1);
}
