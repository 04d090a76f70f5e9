//! What of the sandbox no real server can be asked for: faults, chance, time, its end.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod sandbox_support;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::time::Duration;

use canary_core::testing::FakeClock;
use canary_fixtures::Request;
use canary_k8s::sandbox::{Fault, FaultKind, SandboxOptions, serve};
use sandbox_support::{MachineClock, Sand, Server as _, wait_for};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _};

const SECRETS: &str = "/api/v1/namespaces/default/secrets";

fn secret(name: &str) -> Value {
    json!({ "metadata": { "name": name }, "data": { "a": "eA==" } })
}

fn is_there(sand: &Sand, name: &str) -> bool {
    let path = format!("{SECRETS}/{name}");
    sand.ask("admin", "GET", &path, None).unwrap().status == 200
}

/// The verbs and codes in the log, of requests for Secrets.
fn told(sand: &Sand) -> Vec<String> {
    sand.events()
        .iter()
        .map(|event| {
            format!(
                "{} {}",
                event["verb"].as_str().unwrap(),
                event["responseStatus"]["code"]
            )
        })
        .collect()
}

#[test]
fn each_fault_does_what_it_says_to_what_is_kept_answered_and_logged() {
    for (kind, status, kept, logged) in [
        (FaultKind::TooManyRequests, Some(429), false, Some(429)),
        (FaultKind::Conflict, Some(409), false, Some(409)),
        (FaultKind::Error, Some(500), false, Some(500)),
        (FaultKind::ErrorAfter, Some(500), true, Some(500)),
        (FaultKind::Cut, None, false, None),
        (FaultKind::CutAfter, None, true, Some(201)),
    ] {
        let sand = Sand::start();
        sand.sandbox()
            .faults()
            .push(Fault::once(kind).on("POST", "/secrets"));
        let answer = sand.ask("admin", "POST", SECRETS, Some(&secret("a")));
        assert_eq!(answer.map(|answer| answer.status), status, "{kind:?}");
        let told = told(&sand);
        let wanted: Vec<String> = logged.iter().map(|code| format!("create {code}")).collect();
        assert_eq!(told, wanted, "{kind:?}");
        assert_eq!(is_there(&sand, "a"), kept, "{kind:?}");
        assert_eq!(sand.sandbox().faults().done(), 1);
        // It is over.
        let next = sand.ask("admin", "POST", SECRETS, Some(&secret("b")));
        assert_eq!(next.unwrap().status, 201, "{kind:?}");
    }
}

#[test]
fn a_request_hangs_until_it_is_released_or_given_up() {
    let sand = Sand::start();
    let faults = sand.sandbox().faults();
    for (kind, kept) in [(FaultKind::Hang, false), (FaultKind::HangAfter, true)] {
        faults.push(Fault::once(kind).on("POST", "/secrets"));
        let name = format!("{kind:?}").to_lowercase();
        std::thread::scope(|scope| {
            let asked = scope.spawn(|| sand.ask("admin", "POST", SECRETS, Some(&secret(&name))));
            sand.runtime.block_on(faults.wait_for_hanging(1));
            assert_eq!(is_there(&sand, &name), kept);
            faults.release();
            assert_eq!(asked.join().unwrap().unwrap().status, 201);
        });
        assert!(is_there(&sand, &name));
    }
    // Whoever goes away takes his request with him.
    faults.push(Fault::once(FaultKind::Hang).on("POST", "/secrets"));
    let body = secret("given-up").to_string();
    let mut stream = TcpStream::connect(("127.0.0.1", sand.sandbox().port())).unwrap();
    let head = format!(
        "POST {SECRETS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n\r\n{body}",
        sand.token("admin"),
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    sand.runtime.block_on(faults.wait_for_hanging(1));
    drop(stream);
    sand.runtime.block_on(faults.wait_for_hanging_at_most(0));
    faults.release();
    assert!(!is_there(&sand, "given-up"));
}

/// A watch as a raw connection: chunks are read as lines.
struct Watch(BufReader<TcpStream>);

impl Watch {
    fn open(sand: &Sand, path: &str) -> Self {
        let mut stream = TcpStream::connect(("127.0.0.1", sand.sandbox().port())).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n",
            sand.token("admin")
        );
        stream.write_all(head.as_bytes()).unwrap();
        Self(BufReader::new(stream))
    }

    /// The next event: its type and name.
    fn next(&mut self) -> (String, String) {
        loop {
            let mut line = String::new();
            assert_ne!(self.0.read_line(&mut line).unwrap(), 0, "the watch ended");
            if let Ok(event) = serde_json::from_str::<Value>(&line)
                && event.is_object()
            {
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                return (
                    text(&event["type"]),
                    text(&event["object"]["metadata"]["name"]),
                );
            }
        }
    }
}

#[test]
fn a_watch_tells_what_is_there_and_what_changes_and_is_logged_when_it_opens_and_ends() {
    let sand = Sand::start();
    sand.ask("admin", "POST", SECRETS, Some(&secret("first")));
    let mut watch = Watch::open(
        &sand,
        &format!(
            "{SECRETS}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&labelSelector=!hidden"
        ),
    );
    let event = |kind: &str, name: &str| (kind.to_owned(), name.to_owned());
    assert_eq!(watch.next(), event("ADDED", "first"));
    assert_eq!(watch.next(), event("BOOKMARK", ""));
    sand.ask("admin", "POST", SECRETS, Some(&secret("second")));
    assert_eq!(watch.next(), event("ADDED", "second"));
    let path = format!("{SECRETS}/first");
    sand.ask(
        "admin",
        "PATCH",
        &path,
        Some(&json!({ "data": { "a": "eQ==" } })),
    );
    assert_eq!(watch.next(), event("MODIFIED", "first"));
    // What the selector no longer covers is gone for this watch.
    sand.ask(
        "admin",
        "PATCH",
        &path,
        Some(&json!({ "metadata": { "labels": { "hidden": "1" } } })),
    );
    assert_eq!(watch.next(), event("DELETED", "first"));
    let stages = || -> Vec<String> {
        let events = sand.events();
        let watches = events.iter().filter(|event| event["verb"] == "watch");
        watches
            .map(|event| event["stage"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(stages(), ["ResponseStarted"]);
    drop(watch);
    wait_for("the end of a watch", || {
        // The server notices when it has something to say.
        sand.ask(
            "admin",
            "PATCH",
            &format!("{SECRETS}/second"),
            Some(&json!({ "data": { "a": "eg==" } })),
        );
        (stages() == ["ResponseStarted", "ResponseComplete"]).then_some(())
    });
}

#[test]
fn a_list_goes_on_as_it_began_until_the_past_is_forgotten() {
    let sand = Sand::start();
    for name in ["a", "b", "c", "d"] {
        sand.ask("admin", "POST", SECRETS, Some(&secret(name)));
    }
    let names = |body: &Value| -> Vec<String> {
        let items = body["items"].as_array().unwrap();
        items
            .iter()
            .map(|item| item["metadata"]["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let first = sand
        .ask("admin", "GET", &format!("{SECRETS}?limit=2"), None)
        .unwrap()
        .body;
    assert_eq!(names(&first), ["a", "b"]);
    assert_eq!(first["metadata"]["remainingItemCount"], 2);
    let rest = format!(
        "{SECRETS}?limit=9&continue={}",
        first["metadata"]["continue"].as_str().unwrap()
    );
    sand.ask("admin", "DELETE", &format!("{SECRETS}/c"), None);
    let second = sand.ask("admin", "GET", &rest, None).unwrap().body;
    assert_eq!(names(&second), ["c", "d"]);
    sand.sandbox().compact();
    let expired = sand.ask("admin", "GET", &rest, None).unwrap();
    assert_eq!(
        (expired.status, expired.body["reason"].as_str()),
        (410, Some("Expired"))
    );
    let token = expired.body["metadata"]["continue"].as_str().unwrap();
    let now = sand
        .ask("admin", "GET", &format!("{SECRETS}?continue={token}"), None)
        .unwrap();
    assert_eq!(names(&now.body), ["d"]);
}

#[test]
fn the_same_seed_clock_and_requests_give_the_same_bytes() {
    let at = "2026-11-22T05:54:13.5Z".parse().unwrap();
    let run = || {
        let sand = Sand::with_clock(Arc::new(FakeClock::at(at)));
        let account = json!({ "metadata": { "name": "robot" } });
        let accounts = "/api/v1/namespaces/default/serviceaccounts";
        sand.ask("admin", "POST", accounts, Some(&account));
        let token = sand.ask(
            "admin",
            "POST",
            &format!("{accounts}/robot/token"),
            Some(&json!({})),
        );
        sand.ask("admin", "POST", SECRETS, Some(&secret("a")));
        sand.ask("nobody", "GET", SECRETS, None);
        (token.unwrap().body, sand.audit())
    };
    let (token, log) = run();
    assert_eq!((token.clone(), log.clone()), run());
    assert_eq!(
        token["status"]["expirationTimestamp"],
        "2026-11-22T06:54:13Z"
    );
    assert!(
        log.iter()
            .all(|line| line.contains("2026-11-22T05:54:13.500000Z"))
    );
}

#[test]
fn a_token_ends_when_the_clock_says_so() {
    let clock = Arc::new(FakeClock::at("2026-11-22T05:00:00Z".parse().unwrap()));
    let sand = Sand::with_clock(clock.clone());
    let accounts = "/api/v1/namespaces/default/serviceaccounts";
    sand.ask(
        "admin",
        "POST",
        accounts,
        Some(&json!({ "metadata": { "name": "robot" } })),
    );
    let answer = sand.ask(
        "admin",
        "POST",
        &format!("{accounts}/robot/token"),
        Some(&json!({})),
    );
    let token = answer.unwrap().body["status"]["token"]
        .as_str()
        .unwrap()
        .to_owned();
    let status = |token: &str| {
        let request = Request {
            method: "GET",
            path: "/version",
            token,
            body: None,
            headers: &[],
        };
        sand.send(&request).unwrap().status
    };
    assert_eq!(status(&token), 200);
    let mut forged = token.clone();
    forged.replace_range(forged.len() - 8..forged.len() - 4, "AAAA");
    assert_eq!(status(&forged), 401);
    clock.pass(jiff::SignedDuration::from_secs(3600 + 61));
    assert_eq!(status(&token), 401);
}

#[test]
fn as_a_process_it_says_where_it_is_does_what_it_is_told_and_ends_with_its_input() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let options = SandboxOptions {
        users: sandbox_support::users(),
        audit_log: folder.path().join("audit.log"),
        seed: [3; 32],
        clock: Arc::new(MachineClock),
        port: 0,
    };
    let (ours, theirs) = tokio::io::duplex(4096);
    let (input, output) = tokio::io::split(theirs);
    runtime.block_on(async {
        let serving = serve(options, folder.path(), input, output);
        let telling = async move {
            let (read, mut write) = tokio::io::split(ours);
            let mut lines = tokio::io::BufReader::new(read).lines();
            let greeting: Value =
                serde_json::from_str(&lines.next_line().await.unwrap().unwrap()).unwrap();
            assert!(
                greeting["url"]
                    .as_str()
                    .unwrap()
                    .starts_with("http://127.0.0.1:")
            );
            assert!(
                std::path::Path::new(greeting["kubeconfigs"]["operator"].as_str().unwrap())
                    .is_file()
            );
            for (told, answer) in [
                (
                    r#"{"fault":{"kind":"error","path":"/secrets"}}"#,
                    "\"done\"",
                ),
                ("\"clear\"", "\"done\""),
                ("\"compact\"", "\"done\""),
            ] {
                write
                    .write_all(format!("{told}\n").as_bytes())
                    .await
                    .unwrap();
                assert_eq!(lines.next_line().await.unwrap().unwrap(), answer);
            }
            write.write_all(b"nonsense\n").await.unwrap();
            assert!(
                lines
                    .next_line()
                    .await
                    .unwrap()
                    .unwrap()
                    .starts_with("{\"error\":")
            );
            write.shutdown().await.unwrap();
            // Held until the other end is done.
            lines
        };
        let (served, _lines) = tokio::join!(serving, telling);
        served.unwrap();
    });
}

#[test]
fn its_files_are_for_their_owner_and_it_ends_with_its_watches() {
    let mut sand = Sand::start();
    let kubeconfig = sand.folder.path().join("kubeconfig");
    sand.sandbox()
        .write_kubeconfig(&kubeconfig, "operator", "demo")
        .unwrap();
    assert!(
        sand.sandbox()
            .write_kubeconfig(&kubeconfig, "nobody", "demo")
            .is_err()
    );
    for file in ["kubeconfig", "audit.log"] {
        let mode = std::fs::metadata(sand.folder.path().join(file))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let mut watch = Watch::open(
        &sand,
        &format!("{SECRETS}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"),
    );
    assert_eq!(watch.next().0, "BOOKMARK");
    let sandbox = sand.sandbox.take().unwrap();
    let port = sandbox.port();
    sand.runtime.block_on(sandbox.close());
    let mut rest = Vec::new();
    watch.0.read_to_end(&mut rest).unwrap();
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    let stages: Vec<String> = sand
        .events()
        .iter()
        .map(|event| event["stage"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(stages, ["ResponseStarted", "ResponseComplete"]);
}
