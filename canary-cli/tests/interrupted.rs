//! Runs that are killed, stalled, or meet another, on a real API server and judged by its audit log.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod support;

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};

use canary_fixtures::ControlPlane;
use serde_json::Value;
use support::{Project, Ran};

const MANY: usize = 300;

fn config(namespace: &str) -> String {
    let secrets: String = (0..MANY)
        .map(|i| format!("[secret.s{i}]\nnamespace = \"{namespace}\"\nname = \"s{i}\"\ntemplate = \"basic-auth\"\n"))
        .collect();
    format!("[kubernetes]\n{secrets}")
}

/// Successful creates in a namespace, by name.
fn creates(cluster: &ControlPlane, namespace: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for event in cluster.audit_log().since(0) {
        if is_create(&event, namespace) {
            let name = event["objectRef"]["name"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            *counts.entry(name).or_default() += 1;
        }
    }
    counts
}

fn is_create(event: &Value, namespace: &str) -> bool {
    event["verb"] == "create"
        && event["objectRef"]["resource"] == "secrets"
        && event["objectRef"]["namespace"] == namespace
        && event["responseStatus"]["code"] == 201
}

/// Starts an apply and waits until that many creates of it are done.
fn begun(project: &Project, cluster: &ControlPlane, namespace: &str, done: usize) -> Child {
    let child = project
        .command(&["apply", "--auto-approve"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let seen = std::cell::Cell::new(0);
    cluster
        .audit_log()
        .wait_for(0, |event| {
            if is_create(event, namespace) {
                seen.set(seen.get() + 1);
            }
            seen.get() >= done
        })
        .unwrap();
    child
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill")
        .args([name, &child.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
}

/// Stops a run, though not in the middle of writing its ledger: there nobody may overtake it.
fn stop(project: &Project, child: &Child) {
    loop {
        signal(child, "-STOP");
        let mutex = std::fs::File::open(project.path(".canary/ledger.mutex")).unwrap();
        if mutex.try_lock().is_ok() {
            return;
        }
        drop(mutex);
        signal(child, "-CONT");
    }
}

#[test]
fn a_run_that_is_killed_is_gone_on_with_and_nothing_is_made_twice() {
    let Some(cluster) = ControlPlane::for_test() else {
        return;
    };
    for done in [1, 40, 150] {
        let namespace = cluster.namespace("killed");
        let project = Project::new(cluster, "admin", &config(&namespace));
        let mut child = begun(&project, cluster, &namespace, done);
        child.kill().unwrap();
        child.wait().unwrap();
        // The dead one's lock is taken over: its process is gone.
        project.run(&["apply", "--auto-approve"]).exits(0);
        project.run(&["plan", "--detailed-exitcode"]).exits(0);
        let ledger = project.ledger();
        project.run(&["apply", "--auto-approve"]).exits(0);
        assert_eq!(project.ledger(), ledger);
        let list = cluster.admin(
            "GET",
            &format!("/api/v1/namespaces/{namespace}/secrets"),
            None,
        );
        assert_eq!(list["items"].as_array().unwrap().len(), MANY);
        // A create whose client died meanwhile may be in the log without its code, so one may be missing there.
        let creates = creates(cluster, &namespace);
        let twice: Vec<_> = creates.iter().filter(|(_, n)| **n != 1).collect();
        assert!(twice.is_empty(), "killed after {done}: {twice:?}");
    }
}

#[test]
fn a_second_run_is_refused_by_name_and_a_stalled_one_writes_nothing_more() {
    let Some(cluster) = ControlPlane::for_test() else {
        return;
    };
    let namespace = cluster.namespace("stalled");
    let project = Project::new(cluster, "admin", &config(&namespace));
    let child = begun(&project, cluster, &namespace, 20);
    stop(&project, &child);
    project
        .run(&["apply", "--auto-approve"])
        .exits(6)
        .says("the ledger is locked by tester@")
        .says(&format!("process {}", child.id()));
    // Its lease runs out while it is stalled.
    let lock = project.path(".canary/ledger.lock");
    let mut state: Value = serde_json::from_slice(&std::fs::read(&lock).unwrap()).unwrap();
    state["holder"]["expires"] = "2020-01-01T00:00:00Z".into();
    std::fs::write(&lock, state.to_string()).unwrap();
    project.run(&["apply", "--auto-approve"]).exits(0);
    let ledger = project.ledger();
    signal(&child, "-CONT");
    let stalled: Ran = child.wait_with_output().unwrap().into();
    assert_ne!(stalled.code, 0);
    stalled.says("the lock on the ledger was lost");
    assert_eq!(project.ledger(), ledger);
    project.run(&["plan", "--detailed-exitcode"]).exits(0);
    assert_eq!(creates(cluster, &namespace).len(), MANY);
}

#[test]
fn a_lock_can_be_removed_by_hand() {
    let Some(cluster) = ControlPlane::for_test() else {
        return;
    };
    let namespace = cluster.namespace("unlock");
    let project = Project::new(cluster, "admin", &config(&namespace));
    project
        .run(&["unlock"])
        .exits(0)
        .says("Nobody holds the lock.");
    let mut child = begun(&project, cluster, &namespace, 5);
    stop(&project, &child);
    project
        .run(&["unlock"])
        .exits(0)
        .says("Removed the lock of tester@");
    project.run(&["apply", "--auto-approve"]).exits(0);
    child.kill().unwrap();
    child.wait().unwrap();
    project.run(&["plan", "--detailed-exitcode"]).exits(0);
}

#[test]
fn who_stands_still_in_the_middle_of_writing_is_not_overtaken_and_not_waited_for_without_end() {
    let Some(cluster) = ControlPlane::for_test() else {
        return;
    };
    let namespace = cluster.namespace("still");
    let project = Project::new(cluster, "admin", &config(&namespace));
    let mut child = begun(&project, cluster, &namespace, 5);
    child.kill().unwrap();
    child.wait().unwrap();
    let ledger = project.ledger();
    // As a process that is stopped there would.
    let mutex = std::fs::File::open(project.path(".canary/ledger.mutex")).unwrap();
    mutex.lock().unwrap();
    for args in [&["apply", "--auto-approve"][..], &["unlock"]] {
        project
            .run(args)
            .exits(6)
            .says("does not go on; locked by tester@")
            .says("let that process go on, or end it");
    }
    assert_eq!(project.ledger(), ledger);
    // Looking needs no lock.
    project.run(&["plan"]).exits(0);
    drop(mutex);
    project.run(&["apply", "--auto-approve"]).exits(0);
}

#[test]
fn the_first_request_to_end_lets_what_is_under_way_come_to_its_end() {
    let Some(cluster) = ControlPlane::for_test() else {
        return;
    };
    let namespace = cluster.namespace("drained");
    let project = Project::new(cluster, "admin", &config(&namespace));
    let child = begun(&project, cluster, &namespace, 5);
    signal(&child, "-TERM");
    let ran: Ran = child.wait_with_output().unwrap().into();
    // It may have been done before the signal came.
    if ran.code != 0 {
        ran.exits(7).says("Stopping").shows("Apply incomplete");
    }
    // Nothing is left open: the next run has only to go on.
    project.run(&["apply", "--auto-approve"]).exits(0);
    project.run(&["plan", "--detailed-exitcode"]).exits(0);
}
