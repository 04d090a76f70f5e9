//! Recorded logs of real clusters: nobody is accused who is not to blame, and one who is gets found.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod support;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use support::{Project, dataset};

fn nowhere(config: &str) -> Project {
    Project::at(PathBuf::from("/nonexistent"), config)
}

fn detect(project: &Project, log: &Path) -> Vec<serde_json::Value> {
    let log = log.display().to_string();
    let ran = project
        .run(&[
            "detect",
            "--planned",
            "--applied-by",
            "operator",
            "--audit-log",
            &log,
            "--json",
        ])
        .exits(0);
    ran.out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// With the entries that are proposed for this log.
fn with_known_readers(project: &Project, config: &str, log: &Path) {
    let log = log.display().to_string();
    let proposed = project
        .run(&[
            "known-readers",
            "--planned",
            "--applied-by",
            "operator",
            &log,
        ])
        .exits(0);
    project.configure(&format!("{config}\n{}", proposed.out));
}

#[test]
fn in_a_living_cluster_only_the_one_who_rewrote_every_secret_is_left() {
    let Some(folder) = dataset("living-cluster") else {
        return;
    };
    let text = std::fs::read_to_string(folder.join("canaries.json")).unwrap();
    let canaries: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut config = String::from("[kubernetes]\n");
    for (i, canary) in canaries["canaries"].as_array().unwrap().iter().enumerate() {
        let (kind, content) = match canary["kind"].as_str().unwrap() {
            "Secret" => ("secret", "data = { a = \"{password}\" }\n"),
            "ConfigMap" => ("config_map", "data = { a = \"{password}\" }\n"),
            _ => ("service_account", ""),
        };
        writeln!(
            config,
            "[{kind}.c{i}]\nnamespace = {}\nname = {}\n{content}",
            canary["namespace"], canary["name"]
        )
        .unwrap();
    }
    let project = nowhere(&config);
    let log = folder.join("audit.log.gz");
    let before = detect(&project, &log);
    assert!(
        before.len() > 10,
        "each covering reader is an alert: {}",
        before.len()
    );
    with_known_readers(&project, &config, &log);
    let after = detect(&project, &log);
    assert_eq!(after.len(), 1, "{after:#?}");
    assert_eq!(after[0]["evidences"][0]["actor"]["user"]["name"], "alice");
    assert_eq!(after[0]["severity"], "Critical");
    assert_eq!(after[0]["resources"].as_array().unwrap().len(), 10);
}

#[test]
fn while_helm_installs_nobody_is_accused() {
    let Some(folder) = dataset("neighbourhood") else {
        return;
    };
    let config = "[kubernetes]\n\
         [secret.a]\nnamespace = \"analytics\"\nname = \"analytics-db-admin\"\ntemplate = \"postgres\"\n\
         [secret.b]\nnamespace = \"monitoring\"\nname = \"remote-write-token\"\ntemplate = \"basic-auth\"\n\
         [config_map.c]\nnamespace = \"analytics\"\nname = \"vpn-gateway-env\"\ntemplate = \"env-file\"\n\
         [service_account.d]\nnamespace = \"analytics\"\nname = \"deployer\"\n";
    let project = nowhere(config);
    let log = folder.join("audit.log.gz");
    with_known_readers(&project, config, &log);
    let after = detect(&project, &log);
    assert_eq!(after, Vec::<serde_json::Value>::new(), "{after:#?}");
}

#[test]
fn a_quiet_cluster_accuses_nobody_and_a_read_spliced_into_it_is_found() {
    let Some(folder) = dataset("codenotary-immudb-log-audit") else {
        return;
    };
    let config = "[kubernetes]\n\
         [secret.a]\nnamespace = \"default\"\nname = \"postgres-admin\"\ntemplate = \"postgres\"\n\
         [config_map.b]\nnamespace = \"kube-system\"\nname = \"vpn-config\"\ntemplate = \"env-file\"\n\
         [service_account.c]\nnamespace = \"kube-system\"\nname = \"maintenance\"\n";
    let project = nowhere(config);
    let log = folder.join("test/k8s/k8s.log");
    with_known_readers(&project, config, &log);
    assert_eq!(detect(&project, &log), Vec::<serde_json::Value>::new());

    let text = std::fs::read_to_string(&log).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    let read = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"0b5f1f6e-6d7a-4e0b-9a55-3f4f3c1f2a10","stage":"ResponseComplete","requestURI":"/api/v1/namespaces/default/secrets/postgres-admin","verb":"get","user":{"username":"system:serviceaccount:web:frontend","uid":"u","groups":["system:serviceaccounts","system:authenticated"]},"sourceIPs":["10.0.0.9"],"userAgent":"curl/8.0","objectRef":{"resource":"secrets","namespace":"default","name":"postgres-admin","apiVersion":"v1"},"responseStatus":{"metadata":{},"code":200},"requestReceivedTimestamp":"2023-03-10T22:40:00.000000Z","stageTimestamp":"2023-03-10T22:40:00.000001Z"}"#;
    lines.insert(lines.len() / 2, read);
    let spliced = project.path("spliced.log");
    std::fs::write(&spliced, lines.join("\n")).unwrap();
    let found = detect(&project, &spliced);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(
        found[0]["evidences"][0]["actor"]["user"]["name"],
        "system:serviceaccount:web:frontend"
    );
    assert_eq!(found[0]["severity"], "Critical");
}

#[test]
fn a_cut_record_is_told_and_what_it_still_names_is_found() {
    let config = "[kubernetes]\n[secret.a]\nnamespace = \"shop\"\nname = \"db-admin\"\ntemplate = \"postgres\"\n";
    let project = nowhere(config);
    let head = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"a","stage":"ResponseComplete","requestURI":"/api/v1/namespaces/shop/"#;
    let whole = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"b","stage":"ResponseComplete","requestURI":"/healthz","verb":"get","user":{"username":"x"},"responseStatus":{"code":200}}"#;
    let log = project.path("audit.log");
    let named = format!(
        "{head}secrets/db-admin\",\"verb\":\"get\",\"user\":{{\"username\":\"mallory\",\"gro"
    );
    std::fs::write(
        &log,
        format!("{whole}\n{named}\n{{\"kind\":0}}\n{head}pods/x\",\"verb\":\"g\n{whole}\n"),
    )
    .unwrap();
    let mut titles: Vec<String> = detect(&project, &log)
        .iter()
        .map(|alert| alert["finding_info"]["title"].as_str().unwrap().to_owned())
        .collect();
    titles.sort();
    assert_eq!(
        titles,
        [
            "a record of the audit log is damaged, and may hide a touch",
            "secret.a was read"
        ]
    );
}
