//! The demo: the whole loop with nothing installed, and nothing left behind.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

use std::path::Path;
use std::process::{Command, Output};

fn demo(temporary: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_canary"))
        .arg("demo")
        .args(args)
        .current_dir(temporary)
        .env_clear()
        .env("TMPDIR", temporary)
        // Of somebody's real project: the demo must not take it.
        .env("CANARY_KEY", "not a key")
        .env("CANARY_CONFIG", "/nonexistent/canaries.toml")
        .output()
        .unwrap()
}

#[test]
fn it_tells_the_whole_loop_and_leaves_nothing_behind() {
    let temporary = tempfile::tempdir().unwrap();
    let output = demo(temporary.path(), &[]);
    let told = String::from_utf8(output.stdout).unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{told}\n{said}");
    let mut from = 0;
    for words in [
        "$ canary plan",
        "Plan: 7 to add, 0 to change, 0 to destroy.",
        "$ canary apply --auto-approve",
        "Apply complete! Resources: 7 added, 0 changed, 0 destroyed.",
        "$ kubectl get secrets --all-namespaces",
        "$ aws sts get-caller-identity --profile stolen",
        "$ canary detect --audit-log audit.log --cloudtrail cloudtrail --exit-code",
        "CRITICAL   iam_user.backup was used",
        "get secrets payments/backup-aws (200), by system:serviceaccount:ingress:traefik",
        "CRITICAL   2 canaries were read",
        "HIGH       service_account.deployer was used, and refused",
        "$ canary rotate service_account.deployer --auto-approve",
        "retired, kept alive until",
        "$ canary destroy --retired-too --auto-approve",
        "9 destroyed.",
    ] {
        let found = told[from..].find(words);
        assert!(
            found.is_some(),
            "no {words:?} behind byte {from} of:\n{told}"
        );
        from += found.unwrap();
    }
    let left: Vec<_> = std::fs::read_dir(temporary.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn what_it_keeps_can_be_played_with() {
    let temporary = tempfile::tempdir().unwrap();
    let output = demo(temporary.path(), &["--keep", "project"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let project = temporary.path().join("project");
    let run = |args: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_canary"))
            .args(args)
            .current_dir(&project)
            .env_clear()
            .output()
            .unwrap()
    };
    for (args, code) in [
        (&["list"][..], 0),
        (&["graph", "--format", "mermaid"], 0),
        // The account is not in the dump, so what is in it cannot be told.
        (
            &["plan", "--from", "cluster.json", "--detailed-exitcode"],
            2,
        ),
        (&["detect", "--audit-log", "audit.log", "--exit-code"], 9),
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {output:?}");
    }
    let again = demo(temporary.path(), &["--keep", "project"]);
    assert_eq!(again.status.code(), Some(1));
    let said = String::from_utf8(again.stderr).unwrap();
    assert!(said.contains("there is something in it"), "{said}");
}
