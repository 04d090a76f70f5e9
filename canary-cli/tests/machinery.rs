//! What Kubernetes itself does to canaries by rule, on a real control plane, beside the same names with stolen
//! credentials.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod support;

use canary_fixtures::{ControlPlane, Options};
use serde_json::{Value, json};
use support::{Project, alerts, until};

fn cluster() -> Option<ControlPlane> {
    let options = Options {
        controllers: true,
        ..Options::default()
    };
    let cluster = ControlPlane::for_test_alone(&options)?;
    let all = json!([{ "apiGroups": ["*"], "resources": ["*"], "verbs": ["*"] }]);
    cluster.grant_everywhere("operator", &all);
    Some(cluster)
}

fn planted(cluster: &ControlPlane, namespace: &str, more: &str) -> Project {
    let config = format!(
        "[kubernetes]\n[secret.db]\nnamespace = \"{namespace}\"\nname = \"orders-db-admin\"\ntemplate = \"postgres\"\n{more}"
    );
    let project = Project::new(cluster, "operator", &config);
    project.run(&["apply", "--auto-approve"]).exits(0);
    project
}

fn user(alert: &Value) -> &str {
    alert["evidences"][0]["actor"]["user"]["name"]
        .as_str()
        .unwrap()
}

fn users(project: &Project, cluster: &ControlPlane) -> Vec<String> {
    let mut users: Vec<String> = alerts(project, cluster)
        .iter()
        .map(|alert| user(alert).to_owned())
        .collect();
    users.sort();
    users
}

#[test]
fn who_gives_a_canary_an_owner_is_told_and_the_garbage_collector_that_follows_is_not() {
    let Some(cluster) = cluster() else { return };
    let namespace = cluster.namespace("shop");
    let project = planted(&cluster, &namespace, "");
    let base = format!("/api/v1/namespaces/{namespace}");
    let owner = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "owner" } });
    let owner = cluster.admin("POST", &format!("{base}/configmaps"), Some(&owner));
    let secret = format!("{base}/secrets/orders-db-admin");
    let patch = json!({ "metadata": { "ownerReferences": [{
        "apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"],
    }] } });
    cluster.admin("PATCH", &secret, Some(&patch));
    cluster.admin("DELETE", &format!("{base}/configmaps/owner"), None);
    // Asked for by a list of nothing but metadata's names, so that waiting touches nothing more by name.
    until("the garbage collector removes it", || {
        let log = cluster.audit_log().since(0);
        log.iter().any(|event| {
            event["verb"] == "delete"
                && event["objectRef"]["name"] == "orders-db-admin"
                && event["responseStatus"]["code"] == 200
        })
    });
    assert_eq!(users(&project, &cluster), ["admin"]);
}

#[test]
fn who_deletes_a_namespace_is_told_and_the_namespace_controller_that_follows_is_not() {
    let Some(cluster) = cluster() else { return };
    let namespace = cluster.namespace("shop");
    let legacy = format!(
        "[service_account.bot]\nnamespace = \"{namespace}\"\nname = \"bot\"\ntoken = \"legacy\"\n"
    );
    let project = planted(&cluster, &namespace, &legacy);
    assert_eq!(users(&project, &cluster), Vec::<String>::new());
    let path = format!("/api/v1/namespaces/{namespace}");
    cluster.admin("DELETE", &path, None);
    until("the namespace is gone", || {
        cluster
            .request("admin", "GET", &path, None)
            .is_some_and(|answer| answer.status == 404)
    });
    let told = alerts(&project, &cluster);
    assert_eq!(users(&project, &cluster), ["admin"], "{told:#?}");
    assert_eq!(told[0]["severity"], "Medium");
    assert!(
        told[0]["finding_info"]["title"]
            .as_str()
            .unwrap()
            .contains("deleted among others"),
        "{told:#?}"
    );
}

#[test]
fn the_controllers_names_with_stolen_credentials_are_told() {
    let Some(cluster) = cluster() else { return };
    let namespace = cluster.namespace("shop");
    let legacy = format!(
        "[service_account.bot]\nnamespace = \"{namespace}\"\nname = \"bot\"\ntoken = \"legacy\"\n"
    );
    let project = planted(&cluster, &namespace, &legacy);
    let secret = format!("/api/v1/namespaces/{namespace}/secrets/orders-db-admin");
    let mut expected = vec!["system:kube-controller-manager".to_owned()];
    for controller in ["generic-garbage-collector", "namespace-controller"] {
        let path = format!("/api/v1/namespaces/kube-system/serviceaccounts/{controller}/token");
        let request =
            json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {} });
        let token = cluster.admin("POST", &path, Some(&request));
        let token = token["status"]["token"].as_str().unwrap();
        let answer = cluster.request_with(token, "GET", &secret, None, &[]);
        assert_eq!(answer.unwrap().status, 200);
        expected.push(format!("system:serviceaccount:kube-system:{controller}"));
    }
    let answer = cluster.get_with_certificate("system:kube-controller-manager", &secret);
    assert_eq!(answer.unwrap().status, 200);
    let told = alerts(&project, &cluster);
    assert_eq!(users(&project, &cluster), expected, "{told:#?}");
    assert!(told.iter().all(|alert| alert["severity"] == "Critical"));
}

#[test]
fn a_node_that_reads_for_a_pod_is_one_alert_with_the_pod_and_its_maker() {
    let Some(cluster) = cluster() else { return };
    let namespace = cluster.namespace("shop");
    let project = planted(&cluster, &namespace, "");
    let rules = json!([{ "apiGroups": [""], "resources": ["pods"], "verbs": ["create"] }]);
    cluster.grant("alice", &namespace, &rules);
    let base = format!("/api/v1/namespaces/{namespace}");
    let read = format!(
        "{base}/secrets?fieldSelector=metadata.name%3Dorders-db-admin&watch=true&timeoutSeconds=1"
    );
    let node = "system:node:node1";
    // The node authorizer does not know the pod yet.
    assert_eq!(
        cluster.request(node, "GET", &read, None).unwrap().status,
        403
    );
    let pod = json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "report" }, "spec": {
        "nodeName": "node1", "automountServiceAccountToken": false,
        "containers": [{ "name": "c", "image": "i", "env": [{ "name": "P", "valueFrom": {
            "secretKeyRef": { "name": "orders-db-admin", "key": "password" } } }] }] } });
    let made = cluster.request("alice", "POST", &format!("{base}/pods"), Some(&pod));
    assert_eq!(made.unwrap().status, 201);
    until("the node may read", || {
        cluster
            .request(node, "GET", &read, None)
            .is_some_and(|answer| answer.status == 200)
    });
    let told = alerts(&project, &cluster);
    assert_eq!(users(&project, &cluster), [node], "{told:#?}");
    assert_eq!(told[0]["severity"], "Critical");
    let context = told[0]["unmapped"]["context"].to_string();
    assert!(
        context.contains(&format!("Pod {namespace}/report was made by alice")),
        "{context}"
    );
}

#[test]
fn a_node_that_is_refused_and_never_given_is_told() {
    let Some(cluster) = cluster() else { return };
    let namespace = cluster.namespace("shop");
    let project = planted(&cluster, &namespace, "");
    let path = format!("/api/v1/namespaces/{namespace}/secrets/orders-db-admin");
    let node = "system:node:node1";
    assert_eq!(
        cluster.request(node, "GET", &path, None).unwrap().status,
        403
    );
    let told = alerts(&project, &cluster);
    assert_eq!(users(&project, &cluster), [node]);
    assert_eq!(told[0]["severity"], "High");
}

#[test]
fn a_legacy_token_that_is_used_is_one_alert_though_the_api_server_dates_it() {
    let Some(cluster) = cluster() else { return };
    let namespace = cluster.namespace("shop");
    let legacy = format!(
        "[service_account.bot]\nnamespace = \"{namespace}\"\nname = \"bot\"\ntoken = \"legacy\"\n"
    );
    let project = planted(&cluster, &namespace, &legacy);
    let from = cluster.audit_log().position();
    // Read by an administrator who is told for it, in the end.
    let base = format!("/api/v1/namespaces/{namespace}");
    let secrets = cluster.admin("GET", &format!("{base}/secrets"), None);
    let token = secrets["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|item| item["type"] == "kubernetes.io/service-account-token")
        .unwrap()["data"]["token"]
        .as_str()
        .unwrap()
        .to_owned();
    let token = String::from_utf8(support::base64(&token)).unwrap();
    cluster
        .request_with(&token, "GET", &format!("{base}/pods"), None, &[])
        .unwrap();
    let dated =
        |event: &Value| event["user"]["username"] == "system:apiserver" && event["verb"] == "patch";
    cluster.audit_log().wait_for(from, dated).unwrap();
    let account = format!("system:serviceaccount:{namespace}:bot");
    assert_eq!(users(&project, &cluster), ["admin".to_owned(), account]);
}

#[test]
fn a_watch_that_was_open_before_a_canary_was_planted_is_told() {
    let Some(cluster) = cluster() else { return };
    let namespace = cluster.namespace("shop");
    let rules = json!([{ "apiGroups": [""], "resources": ["secrets"], "verbs": ["watch"] }]);
    cluster.grant("auditor", &namespace, &rules);
    let path = format!("/api/v1/namespaces/{namespace}/secrets?watch=true");
    let open = cluster.watch("auditor", &path);
    let project = planted(&cluster, &namespace, "");
    let told = alerts(&project, &cluster);
    assert_eq!(users(&project, &cluster), ["auditor"], "{told:#?}");
    assert_eq!(told[0]["evidences"][0]["api"]["operation"], "watch");
    drop(open);
    cluster
        .audit_log()
        .wait_for(0, |event| {
            event["user"]["username"] == "auditor" && event["stage"] == "ResponseComplete"
        })
        .unwrap();
    // Its end is the same request.
    let again = alerts(&project, &cluster);
    assert_eq!(again.len(), 1);
    assert_eq!(again[0]["count"], 1);
}

#[test]
fn a_watch_that_ended_before_a_canary_was_planted_is_nothing() {
    let Some(cluster) = cluster() else { return };
    let namespace = cluster.namespace("shop");
    let rules = json!([{ "apiGroups": [""], "resources": ["secrets"], "verbs": ["watch"] }]);
    cluster.grant("auditor", &namespace, &rules);
    let path = format!("/api/v1/namespaces/{namespace}/secrets?watch=true");
    let from = cluster.audit_log().position();
    drop(cluster.watch("auditor", &path));
    let ended = |event: &Value| {
        event["user"]["username"] == "auditor" && event["stage"] == "ResponseComplete"
    };
    let ended = cluster.audit_log().wait_for(from, ended).unwrap();
    // What is planted is dated in whole seconds: the next one.
    let second = |time: &Value| time.as_str().unwrap()[..19].to_owned();
    let last = second(&ended.last().unwrap()["stageTimestamp"]);
    until("the second after the next has come", || {
        let name = cluster.namespace("later");
        let made = cluster.admin("GET", &format!("/api/v1/namespaces/{name}"), None);
        let mut seconds = [last.clone(), second(&made["metadata"]["creationTimestamp"])];
        seconds.sort();
        let differ = |text: &str| text[17..19].parse::<i32>().unwrap();
        seconds[0][..16] != seconds[1][..16] || differ(&seconds[1]) - differ(&seconds[0]) > 2
    });
    let project = planted(&cluster, &namespace, "");
    assert_eq!(alerts(&project, &cluster), Vec::<Value>::new());
}
