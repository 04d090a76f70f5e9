//! Watching as a cluster lives: across what is planted meanwhile, across a kill, each alert told.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod support;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::Stdio;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use canary_fixtures::{ControlPlane, Options};
use serde_json::{Value, json};
use support::Project;
use support::audit::record;
use support::following::Following;

fn who(finding: &Value) -> &str {
    finding["evidences"][0]["actor"]["user"]["name"]
        .as_str()
        .unwrap()
}

fn touched(finding: &Value) -> Vec<&str> {
    let resources = finding["resources"].as_array().unwrap();
    resources
        .iter()
        .map(|resource| resource["name"].as_str().unwrap())
        .collect()
}

fn config(namespace: &str, names: &[&str]) -> String {
    let secrets: String = names
        .iter()
        .map(|name| {
            format!("[secret.{name}]\nnamespace = \"{namespace}\"\nname = \"{name}\"\ntemplate = \"postgres\"\n")
        })
        .collect();
    format!("[kubernetes]\n{secrets}")
}

#[test]
fn what_is_planted_while_it_watches_is_watched_and_a_kill_loses_nothing() {
    let Some(cluster) = ControlPlane::for_test_alone(&Options::default()) else {
        return;
    };
    let namespace = cluster.namespace("shop");
    let all = json!([{ "apiGroups": ["*"], "resources": ["*"], "verbs": ["*"] }]);
    cluster.grant_everywhere("operator", &all);
    let rules = json!([{ "apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "watch"] }]);
    cluster.grant("auditor", &namespace, &rules);
    let secrets = format!("/api/v1/namespaces/{namespace}/secrets");
    let project = Project::new(&cluster, "operator", &config(&namespace, &["first"]));

    // Nothing is planted yet, and a watch is open already.
    let watching = cluster.watch("auditor", &format!("{secrets}?watch=true"));
    let following = Following::start(&project, &cluster);
    project.run(&["apply", "--auto-approve"]).exits(0);
    let open = following.next();
    assert_eq!(
        (who(&open), touched(&open)),
        ("auditor", vec!["secret.first"])
    );
    assert_eq!(open["activity_id"], 1);

    // Another is planted: the same watch now covers it, which is an update.
    project.configure(&config(&namespace, &["first", "second"]));
    project.run(&["apply", "--auto-approve"]).exits(0);
    let update = following.next();
    assert_eq!(update["activity_id"], 2);
    assert_eq!(touched(&update), ["secret.first", "secret.second"]);
    assert_eq!(update["finding_info"]["uid"], open["finding_info"]["uid"]);

    // Read by name; then it is killed in the middle of whatever it does.
    let path = format!("{secrets}/second");
    cluster.request("intruder", "GET", &path, None).unwrap();
    let read = following.next();
    assert_eq!(
        (who(&read), touched(&read)),
        ("intruder", vec!["secret.second"])
    );
    assert_eq!(following.kill(), Vec::<Value>::new());
    // While nobody watches.
    cluster.request("auditor", "GET", &path, None).unwrap();
    let following = Following::start(&project, &cluster);
    let mut missed = following.next();
    if missed["finding_info"]["uid"] == read["finding_info"]["uid"] {
        // Killed between telling and keeping that it was told: told again, as the same.
        assert_eq!(missed, read);
        missed = following.next();
    }
    assert_eq!(
        (who(&missed), touched(&missed)),
        ("auditor", vec!["secret.second"])
    );
    // The watch by the same principal is graver in the light of it.
    let graver = following.next();
    assert_eq!(graver["finding_info"]["uid"], open["finding_info"]["uid"]);
    assert_eq!(graver["severity"], "High");
    assert_eq!(following.end(), Vec::<Value>::new());

    // Planted while nobody watches: the same watch is still open, and covers it.
    let names = ["first", "second", "third"];
    project.configure(&config(&namespace, &names));
    project.run(&["apply", "--auto-approve"]).exits(0);
    let following = Following::start(&project, &cluster);
    let update = following.next();
    assert_eq!(update["finding_info"]["uid"], open["finding_info"]["uid"]);
    assert_eq!(touched(&update), names.map(|name| format!("secret.{name}")));
    assert_eq!(following.end(), Vec::<Value>::new());
    drop(watching);

    // Ended in order, and started again: nothing is told twice.
    let following = Following::start(&project, &cluster);
    let other = format!("{secrets}/first");
    cluster.request("alice", "GET", &other, None).unwrap();
    assert_eq!(who(&following.next()), "alice");
    assert_eq!(following.end(), Vec::<Value>::new());

    // What was told is known to `show`.
    let uid = read["finding_info"]["uid"].as_str().unwrap();
    project
        .run(&["show", &uid[..8]])
        .exits(0)
        .shows("intruder")
        .shows("audit id");
    project
        .run(&["show", "00000000"])
        .exits(1)
        .says("no alert is known as 00000000");
}

#[test]
fn a_reader_of_its_output_that_is_gone_stops_it_before_an_alert_is_lost() {
    let Some(cluster) = ControlPlane::for_test_alone(&Options::default()) else {
        return;
    };
    let namespace = cluster.namespace("shop");
    let all = json!([{ "apiGroups": ["*"], "resources": ["*"], "verbs": ["*"] }]);
    cluster.grant_everywhere("operator", &all);
    let project = Project::new(&cluster, "operator", &config(&namespace, &["first"]));
    project.run(&["apply", "--auto-approve"]).exits(0);
    let log = cluster.audit_log().path().display().to_string();
    let mut child = project
        .command(&["detect", "--audit-log", &log, "--follow"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let path = format!("/api/v1/namespaces/{namespace}/secrets/first");
    cluster.request("intruder", "GET", &path, None).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    // The next one tells it.
    let following = Following::start(&project, &cluster);
    assert_eq!(who(&following.next()), "intruder");
}

/// A receiver of alerts that answers each POST with the next of these statuses, and then with 200.
fn receiver(listener: TcpListener, mut statuses: Vec<u16>) -> Receiver<Value> {
    let (tell, told) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let mut length = 0;
            loop {
                let mut line = String::new();
                if stream.read_line(&mut line).unwrap_or(0) == 0 {
                    break;
                }
                let lower = line.to_lowercase();
                if let Some(text) = lower.strip_prefix("content-length:") {
                    length = text.trim().parse().unwrap();
                }
                if line == "\r\n" {
                    let mut body = vec![0; length];
                    stream.read_exact(&mut body).unwrap();
                    let status = if statuses.is_empty() {
                        200
                    } else {
                        statuses.remove(0)
                    };
                    let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n");
                    stream.get_mut().write_all(answer.as_bytes()).unwrap();
                    if tell.send(serde_json::from_slice(&body).unwrap()).is_err() {
                        return;
                    }
                }
            }
        }
    });
    told
}

#[test]
fn a_receiver_that_fails_gets_every_alert_in_the_end_also_after_a_kill() {
    let Some(cluster) = ControlPlane::for_test_alone(&Options::default()) else {
        return;
    };
    let namespace = cluster.namespace("shop");
    let all = json!([{ "apiGroups": ["*"], "resources": ["*"], "verbs": ["*"] }]);
    cluster.grant_everywhere("operator", &all);
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let config = format!(
        "{}[alert.soc]\nwebhook = \"http://{address}/services/not-to-be-told\"\n",
        config(&namespace, &["first"])
    );
    let project = Project::new(&cluster, "operator", &config);
    project.run(&["apply", "--auto-approve"]).exits(0);
    let path = format!("/api/v1/namespaces/{namespace}/secrets/first");
    let patience = Duration::from_secs(60);

    // Refused twice, and then taken: the same alert each time.
    let received = receiver(listener, vec![500, 429]);
    let following = Following::start(&project, &cluster);
    cluster.request("intruder", "GET", &path, None).unwrap();
    let told = following.next();
    for _ in 0..3 {
        let taken = received.recv_timeout(patience).unwrap();
        assert_eq!(taken["finding_info"]["uid"], told["finding_info"]["uid"]);
        assert_eq!(taken["activity_id"], 1);
    }
    drop(following);

    // Nobody listens at the new place; then somebody does, after a kill.
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let config = format!(
        "{}[alert.soc]\nwebhook = \"http://{address}/services/not-to-be-told\"\n",
        self::config(&namespace, &["first"])
    );
    project.configure(&config);
    let log = cluster.audit_log().path().display().to_string();
    let mut child = project
        .command(&["detect", "--audit-log", &log, "--follow", "--json"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    cluster.request("alice", "GET", &path, None).unwrap();
    let mut said = String::new();
    BufReader::new(child.stderr.take().unwrap())
        .read_line(&mut said)
        .unwrap();
    assert!(said.contains("alert.soc does not take alerts"), "{said}");
    assert!(!said.contains("not-to-be-told"), "{said}");
    child.kill().unwrap();
    child.wait().unwrap();
    let received = receiver(TcpListener::bind(address).unwrap(), Vec::new());
    let following = Following::start(&project, &cluster);
    let mut taken = received.recv_timeout(patience).unwrap();
    if taken["finding_info"]["uid"] == told["finding_info"]["uid"] {
        // Killed before it was kept that it was delivered: at least once.
        taken = received.recv_timeout(patience).unwrap();
    }
    assert_eq!(who(&taken), "alice");
    drop(following);
}

/// What a follower of a stream that ends told.
fn of_stream(project: &Project, stream: &str) -> Vec<Value> {
    let args = [
        "detect",
        "--planned",
        "--follow",
        "--json",
        "--audit-log",
        "-",
    ];
    let mut child = project
        .command(&args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(stream.as_bytes()).unwrap();
    drop(stdin);
    let ran = project.ran(child.wait_with_output().unwrap()).exits(0);
    ran.json_lines()
}

#[test]
fn what_is_told_at_the_end_of_a_stream_is_delivered_by_the_next_run() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let config = format!(
        "{}[alert.soc]\nwebhook = \"http://{address}/\"\n",
        config("shop", &["first"])
    );
    let project = Project::at("/nonexistent".into(), &config);
    // Its answer could still come until then.
    let touch = record("get", "secrets", "first").received().line();
    let told = of_stream(&project, &format!("{touch}\n"));
    assert_eq!(told.len(), 1);
    let received = receiver(TcpListener::bind(address).unwrap(), Vec::new());
    assert_eq!(of_stream(&project, ""), Vec::<Value>::new());
    let taken = received.recv_timeout(Duration::from_secs(60)).unwrap();
    assert_eq!(taken["finding_info"]["uid"], told[0]["finding_info"]["uid"]);
}
