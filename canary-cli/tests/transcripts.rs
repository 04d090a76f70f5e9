//! The scripts of `fixtures/scripts`, run as a person would type them: once against the sandbox and once against a real
//! kube-apiserver. Both must give the transcript that stands there. `TRYCMD=overwrite` writes it anew, from the real server.
//!
//! A script is Markdown; `NAME/` beside it holds the project's files. In each, namespaces `shop` and `ci` are there and
//! `operator` may do everything. `someone USER METHOD PATH [JSON]` is a request by anybody else (this very program);
//! `someone USER steal PATH FILE` keeps a Secret's kubeconfig, and `kubeconfig:FILE` is whoever its token says.
//! What differs by nature stands as `[..]`: uids, tokens' and alerts' identifiers, times.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a test whose ground cannot be laid has failed, and a person reads what it prints"
)]

mod support;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use canary_cli::SystemClock;
use canary_fixtures::{ControlPlane, Options, Request, Response};
use canary_k8s::sandbox::{Sandbox, SandboxOptions, User};
use serde_json::{Value, json};

/// Opens nothing but these scripts.
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

const USERS: [(&str, &str); 4] = [
    ("admin", "system:masters"),
    ("operator", "operators"),
    ("alice", "platform:admins"),
    ("intruder", "intruders"),
];

fn main() -> ExitCode {
    if std::env::var_os("SOMEONE_FOLDER").is_some() {
        return someone();
    }
    let mut scripts: Vec<PathBuf> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "md"))
        .collect();
    scripts.sort();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut failed = 0;
    let mut passed = 0;
    for script in &scripts {
        let name = script.file_stem().unwrap().to_string_lossy().into_owned();
        // The real one first: it is the one that is right.
        let outcomes = [
            ("the real server", on_real(script)),
            ("the sandbox", Some(runtime.block_on(on_sandbox(script)))),
        ];
        for (server, outcome) in outcomes {
            match outcome {
                Some(true) => passed += 1,
                Some(false) => {
                    failed += 1;
                    eprintln!("FAILED: {name} on {server}");
                }
                None => {}
            }
        }
    }
    println!("{passed} passed, {failed} failed");
    ExitCode::from(u8::from(failed > 0 || passed == 0))
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/scripts")
}

/// `None`: there is none here, which was said.
fn on_real(script: &Path) -> Option<bool> {
    let cluster = ControlPlane::for_test_alone(&Options::default())?;
    let stage = tempfile::tempdir().unwrap();
    for (user, _) in USERS {
        let kubeconfig = cluster.kubeconfig(user, None);
        std::fs::copy(kubeconfig, stage.path().join(format!("{user}.kubeconfig"))).unwrap();
        std::fs::write(
            stage.path().join(format!("{user}.token")),
            cluster.token(user),
        )
        .unwrap();
    }
    std::fs::write(stage.path().join("ca.pem"), cluster.ca_pem()).unwrap();
    Some(run(
        script,
        stage.path(),
        cluster.port(),
        cluster.audit_log().path(),
    ))
}

async fn on_sandbox(script: &Path) -> bool {
    let stage = tempfile::tempdir().unwrap();
    let audit_log = stage.path().join("server-audit.log");
    let users = USERS.map(|(user, group)| User::new(user, &[group]));
    let sandbox = Sandbox::start(SandboxOptions {
        users: users.to_vec(),
        audit_log: audit_log.clone(),
        seed: [3; 32],
        clock: Arc::new(SystemClock),
        port: 0,
    })
    .await
    .unwrap();
    for (user, _) in USERS {
        let path = stage.path().join(format!("{user}.kubeconfig"));
        sandbox.write_kubeconfig(&path, user, "prod").unwrap();
        std::fs::write(
            stage.path().join(format!("{user}.token")),
            sandbox.token(user).unwrap(),
        )
        .unwrap();
    }
    let port = sandbox.port();
    let (script, folder) = (script.to_owned(), stage.path().to_owned());
    tokio::task::spawn_blocking(move || run(&script, &folder, port, &audit_log))
        .await
        .unwrap()
}

/// Lays the ground and runs the script in a folder of its own.
fn run(script: &Path, stage: &Path, port: u16, audit_log: &Path) -> bool {
    ground(stage, port);
    let name = script.file_name().unwrap();
    let here = stage.join(name);
    std::fs::copy(script, &here).unwrap();
    let project = here.with_extension("in");
    std::fs::create_dir(&project).unwrap();
    for entry in std::fs::read_dir(script.with_extension("")).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, project.join(path.file_name().unwrap())).unwrap();
    }
    std::os::unix::fs::symlink(audit_log, project.join("audit.log")).unwrap();
    let cases = trycmd::TestCases::new();
    cases
        .case(&here)
        .register_bin("canary", Path::new(env!("CARGO_BIN_EXE_canary")))
        .register_bin("someone", std::env::current_exe().unwrap())
        .register_bin("rm", Path::new("/bin/rm"))
        .env(
            "KUBECONFIG",
            stage.join("operator.kubeconfig").display().to_string(),
        )
        .env("CANARY_KEY", KEY)
        .env("USER", "maria")
        // One after the other, so that they are told in one order.
        .env("CANARY_PARALLELISM", "1")
        .env("SOMEONE_FOLDER", stage.display().to_string())
        .env("SOMEONE_PORT", port.to_string());
    let passed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| cases.run())).is_ok();
    // The real server is right.
    let overwrites = std::env::var_os("TRYCMD").is_some_and(|mode| mode == "overwrite");
    if overwrites && stage.join("ca.pem").exists() {
        std::fs::write(script, unlike(&std::fs::read_to_string(&here).unwrap())).unwrap();
    }
    passed
}

/// What differs from run to run, and nothing else, becomes a wildcard.
fn unlike(transcript: &str) -> String {
    let mut text = transcript.to_owned();
    for (pattern, with) in [
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", "[..]"),
        (r"\d{4}-\d\d-\d\d", "[..]"),
        (r"\d+\.\d s\n", "[..] s\n"),
        (r"canary show [0-9a-f]{8}", "canary show [..]"),
        (r"[0-9a-f]{8}-[0-9a-f-]{27}", "[..]"),
        // As many as a server writes of its own doings.
        (r"\d+ bytes, \d+ events", "[..] bytes, [..] events"),
        (r"our own, \d+ by the control plane", "our own[..]"),
    ] {
        let pattern = regex::Regex::new(pattern).unwrap();
        text = pattern.replace_all(&text, with).into_owned();
    }
    text
}

fn ground(stage: &Path, port: u16) {
    let made = |path: &str, body: &Value| {
        let answer = request(stage, port, "admin", "POST", path, Some(body)).unwrap();
        assert_eq!(answer.status, 201, "{path}: {}", answer.body);
    };
    for namespace in ["shop", "ci"] {
        let body =
            json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace } });
        made("/api/v1/namespaces", &body);
    }
    let api = "rbac.authorization.k8s.io/v1";
    let role = json!({ "apiVersion": api, "kind": "ClusterRole", "metadata": { "name": "operators" },
        "rules": [{ "apiGroups": ["*"], "resources": ["*"], "verbs": ["*"] }] });
    made(&format!("/apis/{api}/clusterroles"), &role);
    let binding = json!({ "apiVersion": api, "kind": "ClusterRoleBinding", "metadata": { "name": "operators" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "operators" },
        "subjects": [{ "kind": "Group", "name": "operators", "apiGroup": "rbac.authorization.k8s.io" }] });
    made(&format!("/apis/{api}/clusterrolebindings"), &binding);
    // Which cluster this is, and nothing else.
    let base = format!("/apis/{api}/namespaces/kube-system");
    let role = json!({ "apiVersion": api, "kind": "Role", "metadata": { "name": "which-cluster" },
        "rules": [{ "apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"] }] });
    made(&format!("{base}/roles"), &role);
    let binding = json!({ "apiVersion": api, "kind": "RoleBinding", "metadata": { "name": "which-cluster" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "which-cluster" },
        "subjects": [{ "kind": "Group", "name": "intruders", "apiGroup": "rbac.authorization.k8s.io" }] });
    made(&format!("{base}/rolebindings"), &binding);
}

fn request(
    stage: &Path,
    port: u16,
    user: &str,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> std::io::Result<Response> {
    let token = std::fs::read_to_string(stage.join(format!("{user}.token")))
        .unwrap_or_else(|_| user.to_owned());
    let request = Request {
        method,
        path,
        token: &token,
        body,
        headers: &[("User-Agent", "kubectl/v1.36.3")],
    };
    match std::fs::read_to_string(stage.join("ca.pem")) {
        Ok(ca) => request.send_to(&ca, port),
        Err(_) => request.send_plain(port),
    }
}

fn someone() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [user, method, path, rest @ ..] = args.as_slice() else {
        eprintln!("someone USER METHOD PATH [JSON]");
        return ExitCode::from(64);
    };
    let stage = PathBuf::from(std::env::var_os("SOMEONE_FOLDER").unwrap());
    let port = std::env::var("SOMEONE_PORT").unwrap().parse().unwrap();
    let steals = method == "steal";
    let method = if steals { "GET" } else { method };
    let body: Option<Value> = rest
        .first()
        .filter(|_| !steals)
        .map(|text| serde_json::from_str(text).unwrap());
    let answer = request(&stage, port, &who(user), method, path, body.as_ref()).unwrap();
    let body = &answer.body;
    if steals {
        let text = body["data"]["kubeconfig"].as_str().unwrap();
        std::fs::write(rest.first().unwrap(), support::base64(text)).unwrap();
    }
    let kind = body["kind"].as_str().unwrap_or("nothing");
    let what = match (kind, body["items"].as_array()) {
        ("Status", _) if answer.status >= 400 => {
            body["reason"].as_str().unwrap_or_default().to_owned()
        }
        (kind, Some(items)) => format!("{kind} of {}", items.len()),
        (kind, None) => {
            let name = body["metadata"]["name"].as_str().unwrap_or_default();
            format!("{kind} {name}").trim().to_owned()
        }
    };
    println!("{} {what}", answer.status);
    ExitCode::SUCCESS
}

/// A user of the stage, or the token of a stolen kubeconfig.
fn who(user: &str) -> String {
    let Some(path) = user.strip_prefix("kubeconfig:") else {
        return user.to_owned();
    };
    let text = std::fs::read_to_string(path).unwrap();
    let token = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("token:"));
    token.unwrap().trim().trim_matches('"').to_owned()
}
