//! Nothing secret is in anything that the program prints or leaves behind.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::json;
use support::case::{Case, cluster};
use support::secrets::Secrets;
use support::thirty::Stage;

/// Every command that shows something, over everything that there is.
fn say_everything(case: &Case, canaries: &[String]) {
    let log = case.cluster.audit_log().path().display().to_string();
    for args in [
        &["check"][..],
        &["check", "--json"],
        &["plan"],
        &["plan", "--json"],
        &["plan", "--destroy"],
        &["plan", "--out", "saved"],
        &["show", "saved"],
        &["show", "saved", "--json"],
        &["list"],
        &["list", "--json"],
        &["graph"],
        &["graph", "--format", "mermaid"],
        &["drift"],
        &["drift", "--json"],
        &["detect", "--audit-log", &log],
        &["detect", "--audit-log", &log, "--json"],
        &["detect", "--audit-log", &log, "--planned"],
        &["known-readers", &log],
        &["unlock"],
    ] {
        let ran = case.project.run(&[args, &["-vv"]].concat());
        // There may be drift, and before the first apply there is nothing to watch.
        assert!(matches!(ran.code, 0 | 1 | 4), "{args:?}: {ran:#?}");
    }
    for canary in canaries {
        case.project.run(&["show", canary]).exits(0);
        case.project
            .run(&["show", canary, "--json", "-vv"])
            .exits(0);
    }
}

#[test]
fn nothing_secret_is_printed_or_left_behind() {
    let Some(cluster) = cluster() else {
        return;
    };
    let mut case = Case::new(cluster);
    let apply = ["apply", "--auto-approve", "-vv"];
    case.configure(Stage::Planted);
    let planned = case.planned(&[]);
    say_everything(&case, &[]);
    case.project.run(&apply).exits(0);
    let mut secrets = Secrets::of(&case.project, cluster, &case.namespaces);
    let mut canaries: Vec<String> = planned.iter().map(|touch| touch.address.clone()).collect();
    canaries.retain(|address| !address.contains('/'));

    // Somebody changes, labels and removes some, so that there is something to say about what they held.
    for (n, touch) in planned
        .iter()
        .filter(|touch| touch.kind == "Secret")
        .enumerate()
    {
        let path = format!(
            "/api/v1/namespaces/{}/secrets/{}",
            touch.namespace, touch.name
        );
        match n % 4 {
            0 => drop(cluster.admin(
                "PATCH",
                &path,
                Some(&json!({ "data": { "more": "c29tZXRoaW5nIGVsc2U=" } })),
            )),
            1 => drop(cluster.admin(
                "PATCH",
                &path,
                Some(&json!({ "metadata": { "labels": { "a": "b" } } })),
            )),
            2 => drop(cluster.admin("DELETE", &path, None)),
            _ => drop(cluster.request("intruder", "GET", &path, None)),
        }
    }
    say_everything(&case, &canaries);
    case.project
        .run(&[&apply[..], &["--json"]].concat())
        .exits(0);
    for namespace in &case.namespaces {
        secrets.read(cluster, namespace);
    }
    case.configure(Stage::Changed);
    say_everything(&case, &[]);
    case.project
        .run(&[
            "rotate",
            "service_account.runner",
            "--auto-approve",
            "--json",
        ])
        .exits(0);
    for namespace in &case.namespaces {
        secrets.read(cluster, namespace);
    }
    // A ledger that was lost, found again; and adopted.
    for name in ["ledger", "ledger.lock"] {
        std::fs::rename(
            case.project.path(".canary").join(name),
            case.project.path(name),
        )
        .unwrap();
    }
    case.project.run(&["plan"]).exits(0);
    case.project.run(&["recover", "-vv"]);
    case.project.run(&apply);
    for namespace in &case.namespaces {
        secrets.read(cluster, namespace);
    }
    case.project
        .run(&["destroy", "--retired-too", "--auto-approve", "-vv"]);
    assert!(secrets.len() > 150, "{}", secrets.len());
    secrets.do_not_show(&case.project);
}

#[test]
fn what_is_looked_for_would_be_found() {
    let Some(cluster) = cluster() else {
        return;
    };
    let mut case = Case::new(cluster);
    case.configure(Stage::Planted);
    let planned = case.planned(&[]);
    case.project.run(&["apply", "--auto-approve"]).exits(0);
    let secrets = Secrets::of(&case.project, cluster, &case.namespaces);
    secrets.do_not_show(&case.project);
    let login = planned
        .iter()
        .find(|touch| touch.address == "secret.login")
        .unwrap();
    let path = format!(
        "/api/v1/namespaces/{}/secrets/{}",
        login.namespace, login.name
    );
    let password = cluster.admin("GET", &path, None)["data"]["password"]
        .as_str()
        .unwrap()
        .to_owned();
    std::fs::write(case.project.path("left"), format!("x: {password}")).unwrap();
    let found = catch_unwind(AssertUnwindSafe(|| secrets.do_not_show(&case.project)));
    assert!(found.is_err());
}
