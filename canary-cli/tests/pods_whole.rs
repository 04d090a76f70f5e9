//! From the configuration to the alert: planted, installed, run under the account that was installed, stolen from, told.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use canary_fixtures::{ControlPlane, Options};
use serde_json::{Value, json};
use support::{Project, until};

const NAME: &str = "settings-sync";
const CONFIG: &str =
    "[kubernetes]\n\n[pod_credentials.web]\nnamespaces = [\"web\"]\nbait = \"kubeconfig\"\n";

/// Dropped, it is killed.
struct Agent(Child);

impl Drop for Agent {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _ended = self.0.wait();
    }
}

fn secret(cluster: &ControlPlane, namespace: &str, name: &str) -> Value {
    let path = format!("/api/v1/namespaces/{namespace}/secrets/{name}");
    cluster.admin("GET", &path, None)["data"].clone()
}

/// As a kubelet mounts it.
fn mount(data: &Value, folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    for (name, value) in data.as_object().unwrap() {
        let bytes = STANDARD.decode(value.as_str().unwrap()).unwrap();
        fs::write(folder.join(name), bytes).unwrap();
    }
}

/// The agent as its Deployment starts it, but for where it listens: with what was installed, under the account that was.
fn start(cluster: &ControlPlane, folder: &Path) -> (Agent, u16) {
    mount(&secret(cluster, NAME, NAME), &folder.join("config"));
    mount(
        &secret(cluster, NAME, &format!("{NAME}-ca")),
        &folder.join("ca"),
    );
    let path = format!("/api/v1/namespaces/{NAME}/serviceaccounts/{NAME}/token");
    let token = cluster.admin("POST", &path, Some(&json!({ "spec": {} })));
    let token = token["status"]["token"].as_str().unwrap();
    let kubeconfig = cluster.kubeconfig_with_token("agent", token);
    let addresses = folder.join("addresses");
    let log = fs::File::create(folder.join("log")).unwrap();
    let process = Command::new(env!("CARGO_BIN_EXE_canaryd"))
        .env_clear()
        .args(["run", "--name", NAME, "--namespace", NAME])
        .args(["--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0"])
        .args(["--host", "127.0.0.1", "--drain", "0"])
        .arg("--config")
        .arg(folder.join("config"))
        .arg("--ca")
        .arg(folder.join("ca"))
        .arg("--kubeconfig")
        .arg(kubeconfig)
        .arg("--addresses")
        .arg(&addresses)
        .stderr(Stdio::from(log))
        .spawn()
        .unwrap();
    let agent = Agent(process);
    until("the agent listens", || addresses.exists());
    let text = fs::read_to_string(addresses).unwrap();
    let first = text.lines().next().unwrap();
    (agent, first.rsplit_once(':').unwrap().1.parse().unwrap())
}

/// No Service leads here: the configuration that was installed is asked at this port.
fn ask_here(cluster: &ControlPlane, port: u16) {
    let path =
        format!("/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/{NAME}");
    let mut hook = cluster.admin("GET", &path, None);
    for one in hook["webhooks"].as_array_mut().unwrap() {
        let client = one["clientConfig"].as_object_mut().unwrap();
        client.remove("service");
        client.insert("url".into(), format!("https://127.0.0.1:{port}/").into());
    }
    cluster.admin("PUT", &path, Some(&hook));
}

fn pod(name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name },
        "spec": { "containers": [{ "name": "app", "image": "registry.example/app:1" }] } })
}

/// The Secret that a pod waits for.
fn waits_for(cluster: &ControlPlane, name: &str) -> Option<String> {
    let pod = cluster.admin("GET", &format!("/api/v1/namespaces/web/pods/{name}"), None);
    let volumes = pod["spec"]["volumes"].as_array()?.iter();
    let mut names = volumes.filter_map(|volume| volume["secret"]["secretName"].as_str());
    names.next().map(str::to_owned)
}

/// The token in a pod's bait, once it is there.
fn bait(cluster: &ControlPlane, name: &str) -> String {
    let handle = waits_for(cluster, name).unwrap();
    let path = format!("/api/v1/namespaces/web/secrets/{handle}");
    until("the pod's bait is there", || {
        cluster
            .request("admin", "GET", &path, None)
            .is_some_and(|answer| answer.status == 200)
    });
    let data = secret(cluster, "web", &handle);
    let file = data.as_object().unwrap().values().next().unwrap();
    let text = String::from_utf8(STANDARD.decode(file.as_str().unwrap()).unwrap()).unwrap();
    let token = text
        .lines()
        .last()
        .unwrap()
        .trim()
        .strip_prefix("token: ")
        .unwrap();
    token.to_owned()
}

#[test]
fn a_thief_in_a_pod_is_told_by_the_pod_whose_credential_it_used() {
    let options = Options {
        controllers: true,
        ..Options::default()
    };
    let Some(cluster) = ControlPlane::for_test_alone(&options) else {
        return;
    };
    let body = json!({ "metadata": { "name": "web" } });
    cluster.admin("POST", "/api/v1/namespaces", Some(&body));
    until("there is a default account", || {
        let path = "/api/v1/namespaces/web/serviceaccounts/default";
        cluster
            .request("admin", "GET", path, None)
            .is_some_and(|answer| answer.status == 200)
    });
    let project = Project::new(&cluster, "admin", CONFIG);
    project.run(&["apply", "--auto-approve"]).exits(0);
    let image = "registry.example/settings-sync:1";
    project
        .run(&[
            "install",
            "--name",
            NAME,
            "--image",
            image,
            "--auto-approve",
        ])
        .exits(0);
    let folder = tempfile::tempdir().unwrap();
    let (_agent, port) = start(&cluster, folder.path());
    ask_here(&cluster, port);
    until("the webhook is asked", || {
        let path = "/api/v1/namespaces/web/pods?dryRun=All";
        let tried = cluster.admin("POST", path, Some(&pod("try")));
        let volumes = tried["spec"]["volumes"].as_array().map_or(0, Vec::len);
        volumes == 2
    });
    for name in ["a", "b"] {
        cluster.admin("POST", "/api/v1/namespaces/web/pods", Some(&pod(name)));
    }
    let (token_a, token_b) = (bait(&cluster, "a"), bait(&cluster, "b"));
    assert_ne!(token_a, token_b);
    let uid =
        cluster.admin("GET", "/api/v1/namespaces/web/pods/a", None)["metadata"]["uid"].clone();
    // What has happened up to here is nobody's touch but this test's own reading of the baits.
    let log = cluster.audit_log();
    let from = log.position();
    let path = "/api/v1/namespaces/web/configmaps";
    let answer = cluster.request_with(&token_a, "GET", path, None, &[]);
    assert_eq!(answer.unwrap().status, 403);
    let lines: Vec<String> = until_lines(&log, from, path);
    let stolen = folder.path().join("stolen.log");
    fs::write(&stolen, lines.join("\n") + "\n").unwrap();
    let stolen = stolen.to_str().unwrap();
    let ran = project.run(&["detect", "--audit-log", stolen]).exits(0);
    assert!(ran.out.contains("web/a"), "{}{}", ran.out, ran.err);
    assert!(!ran.out.contains("web/b"), "{}", ran.out);
    let ran = project
        .run(&["detect", "--audit-log", stolen, "--json"])
        .exits(0);
    let alerts: BTreeSet<String> = ran
        .json_lines()
        .into_iter()
        .filter(|line| line["class_uid"] == 2004)
        .map(|line| line.to_string())
        .collect();
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    assert!(alerts.first().unwrap().contains(uid.as_str().unwrap()));
    // The pod goes, and its Secret with it; the same event comes again later.
    let handle = waits_for(&cluster, "a").unwrap();
    let path = "/api/v1/namespaces/web/pods/a?gracePeriodSeconds=0";
    cluster.admin("DELETE", path, None);
    until("its Secret is gone", || {
        let path = format!("/api/v1/namespaces/web/secrets/{handle}");
        cluster
            .request("admin", "GET", &path, None)
            .is_some_and(|answer| answer.status == 404)
    });
    let ran = project.run(&["detect", "--audit-log", stolen]).exits(0);
    assert!(ran.out.contains("web/a"), "{}{}", ran.out, ran.err);
    // In the whole log, the test's own reading of both baits is told, and makes it uncertain who it was.
    let whole = log.path().to_str().unwrap();
    let ran = project.run(&["detect", "--audit-log", whole]).exits(0);
    assert!(ran.out.contains("admin"), "{}", ran.out);
}

/// The events of a path since then, once the answer to it is among them.
fn until_lines(log: &canary_fixtures::AuditLog, from: u64, path: &str) -> Vec<String> {
    until("the log has it", || {
        let found = log.since_with(from, |line| line.contains(path));
        found
            .iter()
            .any(|event| event["stage"] == "ResponseComplete")
    });
    let found = log.since_with(from, |line| line.contains(path));
    found.iter().map(ToString::to_string).collect()
}
