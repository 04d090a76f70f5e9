//! Recorded logs of real clusters: nobody is accused who is not to blame, and one who is gets found.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod support;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use support::audit::{Record, findings as detect, record, told};
use support::{Project, dataset};

fn nowhere(config: &str) -> Project {
    Project::at(PathBuf::from("/nonexistent"), config)
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

/// The lines of a log.
fn lines(log: &Path) -> Vec<String> {
    let bytes = std::fs::read(log).unwrap();
    let mut text = String::new();
    if bytes.starts_with(&[0x1f, 0x8b]) {
        GzDecoder::new(bytes.as_slice())
            .read_to_string(&mut text)
            .unwrap();
    } else {
        text = String::from_utf8(bytes).unwrap();
    }
    text.lines().map(str::to_owned).collect()
}

/// What is told with each of these touches put late into the log alone, and was not without it. Nothing else may change.
#[track_caller]
fn each_is_found(project: &Project, log: &Path, touches: &[(Record, &str)]) {
    let whole = lines(log);
    let before = detect(project, log);
    let at = whole.len() * 9 / 10;
    let moment: serde_json::Value = serde_json::from_str(&whole[at]).unwrap();
    let moment = moment["stageTimestamp"].as_str().unwrap();
    for (touch, expected) in touches {
        let mut spliced = whole.clone();
        spliced.insert(at, touch.clone().at(moment).line());
        let path = project.path("spliced.log");
        std::fs::write(&path, spliced.join("\n")).unwrap();
        let (old, new): (Vec<_>, Vec<_>) = detect(project, &path)
            .into_iter()
            .partition(|found| before.contains(found));
        assert_eq!(told(&new), [*expected], "{new:#?}");
        assert_eq!(old, before);
    }
}

/// A request in another namespace than the builder's.
fn within(namespace: &str, verb: &str, resource: &str, name: &str) -> Record {
    let path = format!("/api/v1/namespaces/{namespace}/{resource}/{name}");
    record(verb, resource, name)
        .with("/objectRef/namespace", namespace.into())
        .uri(path.trim_end_matches('/'))
}

/// Any request with a token of that account.
fn using(account: &str, jti: &str) -> Record {
    let extra = serde_json::json!({ "authentication.kubernetes.io/credential-id": [jti] });
    record("list", "pods", "")
        .by(account, "a")
        .with("/user/extra", extra)
        .code(403)
}

fn living() -> Option<(PathBuf, String, serde_json::Value)> {
    let folder = dataset("living-cluster")?;
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
    Some((folder.join("audit.log.gz"), config, canaries))
}

/// Uids with severities.
fn summary(found: &[serde_json::Value]) -> BTreeMap<String, String> {
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    found
        .iter()
        .map(|found| {
            (
                text(&found["finding_info"]["uid"]),
                text(&found["severity"]),
            )
        })
        .collect()
}

#[test]
fn a_living_clusters_log_in_any_order_and_with_lines_twice_tells_the_same() {
    let Some((log, config, _)) = living() else {
        return;
    };
    let project = nowhere(&config);
    let expected = summary(&detect(&project, &log));
    let ordered = lines(&log);
    // Steps by a prime that does not divide the number of lines visit each of them once.
    for step in [7_919, 104_729] {
        let n = ordered.len();
        assert!(!n.is_multiple_of(step));
        let mut shuffled: Vec<&str> = (0..n).map(|i| ordered[i * step % n].as_str()).collect();
        shuffled.extend(ordered.iter().step_by(10).map(String::as_str));
        let path = project.path("shuffled.log");
        std::fs::write(&path, shuffled.join("\n")).unwrap();
        assert_eq!(summary(&detect(&project, &path)), expected);
    }
}

#[test]
fn each_touch_put_into_a_living_clusters_log_is_found() {
    let Some((log, config, canaries)) = living() else {
        return;
    };
    let project = nowhere(&config);
    with_known_readers(&project, &config, &log);
    let all = canaries["canaries"].as_array().unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let of = |kind: &str| all.iter().find(|canary| canary["kind"] == kind).unwrap();
    let (secret, account) = (of("Secret"), of("ServiceAccount"));
    let number = all.iter().position(|canary| canary == account).unwrap();
    let (namespace, name) = (text(&account["namespace"]), text(&account["name"]));
    let user = format!("system:serviceaccount:{namespace}:{name}");
    let jti = text(&account["credentialId"]);
    let first = all.iter().position(|canary| canary == secret).unwrap();
    let touches = [
        (
            within(
                &text(&secret["namespace"]),
                "get",
                "secrets",
                &text(&secret["name"]),
            ),
            &*format!("Critical secret.c{first} was read"),
        ),
        (
            record("list", "secrets", "").everywhere(),
            "Medium 10 canaries were read among others",
        ),
        (
            using(&user, &jti),
            &*format!("High service_account.c{number} was used, and refused"),
        ),
    ];
    each_is_found(&project, &log, &touches);
}

#[test]
fn traces_of_others_accuse_nobody_of_touching_what_is_not_in_them() {
    let config = "[kubernetes]\n[secret.a]\nnamespace = \"elsewhere\"\nname = \"unknown\"\ntemplate = \"postgres\"\n\
         [service_account.b]\nnamespace = \"elsewhere\"\nname = \"nobody\"\n";
    let project = nowhere(config);
    let mut logs: Vec<PathBuf> = Vec::new();
    if let Some(folder) = dataset("falco/test/trace_files/k8s_audit") {
        let entries = std::fs::read_dir(folder).unwrap();
        logs.extend(entries.map(|entry| entry.unwrap().path()));
    }
    logs.extend(dataset("audit2rbac/testdata/demo.log"));
    for log in logs {
        let path = log.display().to_string();
        let ran = project.run(&["detect", "--planned", "--audit-log", &path, "--json"]);
        assert_eq!(ran.out, "", "{path}");
        // One of them is no record at all.
        let is_none = path.ends_with("fal_01_003.json");
        ran.exits(i32::from(is_none));
    }
}

#[test]
fn a_trace_that_names_a_canary_is_found() {
    let Some(folder) = dataset("falco/test/trace_files/k8s_audit") else {
        return;
    };
    for (file, config, expected) in [
        (
            "delete_secret.json",
            "[secret.a]\nnamespace = \"default\"\nname = \"example-secret\"\ntemplate = \"postgres\"\n",
            "Critical secret.a was deleted",
        ),
        (
            "delete_serviceaccount.json",
            "[service_account.a]\nnamespace = \"default\"\nname = \"myacct\"\n",
            "Critical service_account.a was deleted",
        ),
    ] {
        let project = nowhere(&format!("[kubernetes]\n{config}"));
        assert_eq!(told(&detect(&project, &folder.join(file))), [expected]);
    }
}

#[test]
fn in_a_living_cluster_only_the_one_who_rewrote_every_secret_is_left() {
    let Some((log, config, _)) = living() else {
        return;
    };
    let project = nowhere(&config);
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
    let touches = [
        (
            within("analytics", "get", "secrets", "analytics-db-admin"),
            "Critical secret.a was read",
        ),
        (
            within("monitoring", "list", "secrets", ""),
            "Medium secret.b was read among others",
        ),
        (
            using("system:serviceaccount:analytics:deployer", "JTI=x"),
            "High service_account.d was used, and refused",
        ),
    ];
    each_is_found(&project, &log, &touches);
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

    let touches = [
        (
            within("default", "get", "secrets", "postgres-admin"),
            "Critical secret.a was read",
        ),
        (
            record("list", "secrets", "").everywhere(),
            "Medium secret.a was read among others",
        ),
        (
            using("system:serviceaccount:kube-system:maintenance", "JTI=x"),
            "High service_account.c was used, and refused",
        ),
    ];
    each_is_found(&project, &log, &touches);
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
            "a record of a log is damaged, and may hide a touch",
            "secret.a was read"
        ]
    );
}
