//! Logs that are cut, overwritten, packed and broken: what they still tell is told, and that they are broken, too.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod support;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::Stdio;

use serde_json::json;
use support::Project;
use support::audit::{findings, log, record, told};

const CONFIG: &str = "[kubernetes]\n[secret.db]\nnamespace = \"shop\"\nname = \"db-admin\"\ntemplate = \"postgres\"\n";
const DAMAGED: &str = "Medium a record of a log is damaged, and may hide a touch";

fn project() -> Project {
    Project::at(PathBuf::from("/nonexistent"), CONFIG)
}

fn read() -> String {
    record("get", "secrets", "db-admin").line()
}

fn harmless() -> String {
    record("get", "secrets", "other").by("worker", "w").line()
}

#[test]
fn a_record_cut_at_any_byte_is_one_alert() {
    let project = project();
    let line = read();
    for end in 1..line.len() {
        let cut = line[..end].to_owned();
        let found = findings(
            &project,
            &log(&project, &[harmless(), cut.clone(), harmless()]),
        );
        assert_eq!(found.len(), 1, "{cut}: {found:#?}");
    }
}

#[test]
fn of_a_list_that_is_cut_only_the_last_record_is_damaged() {
    let project = project();
    let all: Vec<String> = (0..6)
        .map(|i| {
            record("get", "pods", "x")
                .by(&format!("user-{i}"), "u")
                .line()
        })
        .collect();
    let list = format!(
        "{{\"kind\":\"EventList\",\"apiVersion\":\"audit.k8s.io/v1\",\"items\":[{}",
        all.join(",")
    );
    let cut = list[..list.len() - 200].to_owned();
    assert_eq!(told(&findings(&project, &log(&project, &[cut]))), [DAMAGED]);
}

fn packed(text: &str) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(text.as_bytes()).unwrap();
    packer.finish().unwrap()
}

#[test]
fn a_packed_log_that_ends_in_the_middle_tells_what_it_holds_and_that_it_is_damaged() {
    let project = project();
    // Lines that do not pack away, so that the half holds the first of them.
    let rest: Vec<String> = (0..3000)
        .map(|i| {
            record("get", "secrets", "other")
                .with("/auditID", json!(format!("{:x}", i * 7_919)))
                .line()
        })
        .collect();
    let whole = packed(&format!("{}\n{}\n", read(), rest.join("\n")));
    let half = &whole[..whole.len() / 2];
    let path = project.path("audit.log.gz");
    std::fs::write(&path, half).unwrap();
    let expected = ["Critical secret.db was read", DAMAGED];
    assert_eq!(told(&findings(&project, &path)), expected);

    let mut child = project
        .command(&["detect", "--planned", "--audit-log", "-", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(half).unwrap();
    let ran = project.ran(child.wait_with_output().unwrap()).exits(0);
    let piped: Vec<serde_json::Value> = ran.json_lines();
    assert_eq!(told(&piped), expected);
    ran.says("1 records could not be read");
}

#[test]
fn a_log_of_which_much_cannot_be_read_is_an_alert_and_a_line_of_another_kind_is_none() {
    let project = project();
    let klog = "I1122 05:40:00.000000       1 trace.go:236] Trace".to_owned();
    assert_eq!(
        findings(&project, &log(&project, &[klog.clone(), harmless()])),
        Vec::<serde_json::Value>::new()
    );
    let path = log(&project, std::slice::from_ref(&klog));
    let path = path.display().to_string();
    project
        .run(&["detect", "--planned", "--audit-log", &path])
        .exits(1)
        .says("is a record of an audit log")
        .says_nothing_of("no canary was touched");
    project
        .run(&["detect", "--planned", "--audit-log", "nowhere.log"])
        .exits(1)
        .says("nowhere.log: the audit log cannot be read")
        .says_nothing_of("no canary was touched");
    let many = vec![klog; 100];
    assert_eq!(told(&findings(&project, &log(&project, &many))), [DAMAGED]);
}

#[test]
fn words_of_others_do_not_reach_a_terminal_as_they_are() {
    let project = project();
    let line = record("get", "secrets", "db-admin")
        .by("mal\u{1b}[2J\u{202e}lory", "m\u{7}")
        .with("/userAgent", json!("\u{1b}]0;x\u{7}\u{9b}1m"))
        .line();
    let path = log(&project, &[line]).display().to_string();
    let ran = project
        .run(&["detect", "--planned", "--audit-log", &path])
        .exits(0);
    assert!(ran.out.contains("mal"));
    assert!(
        !ran.out.contains(['\u{1b}', '\u{202e}', '\u{7}', '\u{9b}']),
        "{:?}",
        ran.out
    );
}

/// A project whose canaries are in a cluster and in an account.
#[cfg(feature = "aws")]
fn in_both() -> Project {
    let aws = "[aws]\naccount = \"111122223333\"\nregion = \"eu-west-1\"\n[iam_user.backup]\nname = \"svc-backup\"\n";
    Project::at(PathBuf::from("/nonexistent"), &format!("{CONFIG}{aws}"))
}

#[cfg(feature = "aws")]
fn replay(project: &Project, path: &str, more: &[&str]) -> support::Ran {
    let path = project.path(path).display().to_string();
    let args = ["detect", "--planned", "--cloudtrail", &path];
    project.run(&[&args[..], more].concat())
}

#[cfg(feature = "aws")]
#[test]
fn a_folder_without_a_log_is_an_error_and_what_is_beside_one_is_said() {
    let project = in_both();
    std::fs::create_dir(project.path("trail")).unwrap();
    replay(&project, "trail", &[])
        .exits(1)
        .says("there is no log in it")
        .says_nothing_of("no canary was touched");
    std::fs::write(project.path("trail/a.zst"), b"\x28\xb5\x2f\xfd").unwrap();
    std::fs::write(project.path("trail/b.json"), r#"{"Records":[]}"#).unwrap();
    for more in [&[][..], &["--json"]] {
        let ran = replay(&project, "trail", more)
            .exits(0)
            .says("1 files that are neither JSON nor gzip were passed by");
        assert_eq!(ran.err.matches("passed by").count(), 1);
    }
    // What is JSON and no log is said beside one, and alone it is an error.
    std::fs::write(project.path("trail/d.json"), r#"{"items":[]}"#).unwrap();
    replay(&project, "trail", &[])
        .exits(0)
        .says("1 JSON objects of no known form were passed by");
    replay(&project, "trail/d.json", &[])
        .exits(1)
        .says("1 JSON objects of no known form")
        .says_nothing_of("no canary was touched");
    std::fs::write(project.path("trail/c.json.gz"), [0; 10]).unwrap();
    let ran = replay(&project, "trail", &[]).exits(0);
    assert!(ran.out.contains("a record of a log is damaged"));
    assert!(ran.out.contains("c.json.gz"), "{}", ran.out);
}

#[cfg(feature = "aws")]
#[test]
fn audit_lines_of_a_cluster_are_read_from_a_file_of_a_log_group() {
    let project = in_both();
    let batch = json!({ "messageType": "DATA_MESSAGE", "logEvents": [{ "id": "1", "timestamp": 1, "message": read() }] });
    std::fs::write(project.path("plain"), read()).unwrap();
    std::fs::write(project.path("batch"), packed(&batch.to_string())).unwrap();
    for path in ["plain", "batch"] {
        let ran = replay(&project, path, &[]).exits(0);
        assert!(
            ran.out.contains("secret.db was read"),
            "{path}: {}",
            ran.out
        );
    }
}
