//! A disk that is full while the ledger is written.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod support;

use std::collections::BTreeMap;

use canary_fixtures::ControlPlane;
use support::{Project, Ran};

const MANY: usize = 60;

fn config(namespace: &str) -> String {
    let secrets: String = (0..MANY)
        .map(|i| format!("[secret.s{i}]\nnamespace = \"{namespace}\"\nname = \"s{i}\"\ntemplate = \"basic-auth\"\n"))
        .collect();
    format!("[kubernetes]\n{secrets}")
}

/// Runs with files that may not grow beyond so many blocks of 512 bytes: a write beyond fails, as on a full disk.
fn within(project: &Project, blocks: u32, args: &[&str]) -> Ran {
    let program = project.command(args);
    let mut limited = std::process::Command::new("sh");
    limited
        .arg("-c")
        // The signal that would end it is ignored, so that the write fails.
        .arg(format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\""))
        .arg("sh")
        .arg(program.get_program())
        .args(program.get_args())
        .current_dir(program.get_current_dir().unwrap())
        .env_clear()
        .envs(
            program
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
    project.ran(limited.output().unwrap())
}

/// How often each Secret was made there, by name.
fn creates(cluster: &ControlPlane, namespace: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for event in cluster
        .audit_log()
        .since_with(0, |line| line.contains(namespace))
    {
        if event["verb"] == "create"
            && event["responseStatus"]["code"] == 201
            && event["objectRef"]["resource"] == "secrets"
        {
            let name = event["objectRef"]["name"].as_str().unwrap().to_owned();
            *counts.entry(name).or_default() += 1;
        }
    }
    counts
}

#[test]
fn nothing_is_done_that_could_not_be_written_down_and_nothing_is_lost() {
    let Some(cluster) = ControlPlane::for_test() else {
        return;
    };
    let whole = {
        let namespace = cluster.namespace("roomy");
        let project = Project::new(cluster, "admin", &config(&namespace));
        project.run(&["apply", "--auto-approve"]).exits(0);
        u32::try_from(project.ledger().len() / 512).unwrap()
    };
    for blocks in [1, whole / 4, whole / 2, whole - 1] {
        let namespace = cluster.namespace("full");
        let project = Project::new(cluster, "admin", &config(&namespace));
        let ran = within(&project, blocks, &["apply", "--auto-approve"]);
        let done = creates(cluster, &namespace).len();
        // Partly applied, where something was.
        let code = if done == 0 { 1 } else { 7 };
        ran.exits(code)
            .says("the ledger could not be written")
            .says("File too large")
            .says("make room, then apply again");
        let there = project.ledger();
        // Still full: nothing more is done, and what is known stays as it is.
        let again = within(&project, blocks, &["apply", "--auto-approve"]);
        assert_ne!(again.code, 0);
        assert!(project.ledger().starts_with(&there[..there.len().min(26)]));
        project.run(&["apply", "--auto-approve"]).exits(0);
        project.run(&["plan", "--detailed-exitcode"]).exits(0);
        let creates = creates(cluster, &namespace);
        assert_eq!(creates.len(), MANY);
        let twice: Vec<_> = creates.iter().filter(|(_, n)| **n > 1).collect();
        assert!(twice.is_empty(), "within {blocks} blocks: {twice:?}");
    }
}

#[test]
fn without_room_for_the_lock_nothing_is_asked() {
    let Some(cluster) = ControlPlane::for_test() else {
        return;
    };
    let namespace = cluster.namespace("none");
    let project = Project::new(cluster, "admin", &config(&namespace));
    within(&project, 0, &["apply", "--auto-approve"])
        .exits(1)
        .says("ledger")
        .says("File too large");
    assert!(creates(cluster, &namespace).is_empty());
    assert!(project.ledger().is_empty());
    within(&project, 0, &["plan", "--out", "p"])
        .exits(1)
        .says("writing p");
    project.run(&["apply", "--auto-approve"]).exits(0);
}
