//! The examples do what they say.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use canary_fixtures::ControlPlane;

/// Cargo builds examples before it runs tests, beside the tests' own folder.
fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent()
        .unwrap()
        .parent()
        .unwrap()
        .join("examples")
        .join(name)
}

fn run(folder: &Path, name: &str, args: &[&str]) -> (i32, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new(example(name))
        .args(args)
        .current_dir(folder)
        .env("USER", "tester")
        .output()
        .unwrap();
    let text = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    (status.code().unwrap_or(-1), text.concat())
}

#[test]
fn a_provider_in_one_file_has_the_whole_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let canary = |args: &[&str]| run(at, "custom_provider", args);
    assert_eq!(canary(&["init"]).0, 0);
    std::fs::create_dir(at.join("shared")).unwrap();
    std::fs::write(at.join("shared/theirs.txt"), "theirs").unwrap();
    let config = "[files]\nfolder = \"shared\"\n[file.a]\nname = \"passwords.txt\"\n[file.b]\nname = \"theirs.txt\"\n";
    std::fs::write(at.join("canaries.toml"), config).unwrap();
    let (code, text) = canary(&["plan", "--detailed-exitcode"]);
    assert_eq!(code, 2, "{text}");
    assert!(
        text.contains("Plan: 1 to add, 0 to change, 0 to destroy. 1 blocked."),
        "{text}"
    );
    assert_eq!(canary(&["apply", "--auto-approve"]).0, 7);
    assert_eq!(
        std::fs::read_to_string(at.join("shared/theirs.txt")).unwrap(),
        "theirs"
    );
    std::fs::write(at.join("shared/passwords.txt"), "changed").unwrap();
    let (code, text) = canary(&["drift"]);
    assert_eq!(code, 4, "{text}");
    assert_eq!(canary(&["apply", "--auto-approve"]).0, 7);
    assert_eq!(
        std::fs::read(at.join("shared/passwords.txt"))
            .unwrap()
            .len(),
        20
    );
    let (code, text) = canary(&["destroy", "--auto-approve"]);
    assert_eq!(code, 0, "{text}");
    assert!(!at.join("shared/passwords.txt").exists());
    assert!(at.join("shared/theirs.txt").exists());
}

#[test]
fn an_embedder_runs_the_whole_loop() {
    let Some(cluster) = ControlPlane::for_test() else {
        return;
    };
    let namespace = cluster.namespace("embedded");
    let output = Command::new(example("embedder"))
        .arg(&namespace)
        .env("KUBECONFIG", cluster.kubeconfig("admin", None))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        text,
        "planned: 3 to add\napplied: 3 done\ndrift: false\nwatched: 4 identifiers\nremoved: 3 done\n"
    );
}
