//! Applies to an account that are killed, told to end, or meet another, with a real API server that holds what they plant.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod support;

use std::collections::BTreeSet;
use std::process::{Child, Command, Stdio};

use canary_core::testing::leaks;
use canary_fixtures::aws::{Asked, Cloud};
use canary_fixtures::{ControlPlane, Fault};
use serde_json::{Value, json};
use support::{Project, Ran, base64};

const APPLY: [&str; 3] = ["apply", "--auto-approve", "-vv"];
const ROTATE: [&str; 4] = ["rotate", "iam_user.backup", "--auto-approve", "-vv"];

struct Case {
    cluster: &'static ControlPlane,
    cloud: Cloud,
    project: Project,
    namespace: String,
    secrets: Vec<Vec<u8>>,
}

impl Case {
    fn new() -> Option<Self> {
        let cloud = Cloud::for_test()?;
        let cluster = ControlPlane::for_test()?;
        let namespace = cluster.namespace("keys");
        let config = format!(
            "[kubernetes]\n[aws]\naccount = \"{}\"\nregion = \"eu-west-1\"\n\
             [iam_user.backup]\nname = \"svc-backup\"\n\
             policy = '{{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Effect\":\"Deny\",\"Action\":\"s3:*\",\"Resource\":\"*\"}}]}}'\n\
             [secret.backup]\nnamespace = \"{namespace}\"\nname = \"backup-s3\"\ntemplate = \"aws-credentials\"\n\
             of = \"iam_user.backup\"\n",
            cloud.account()
        );
        let project =
            Project::new(cluster, "admin", &config).in_account(&cloud, cloud.admin_keys());
        cloud.admin("iam:CreateUser", &json!({ "UserName": "theirs" }));
        cloud.admin("iam:CreateAccessKey", &json!({ "UserName": "theirs" }));
        Some(Self {
            cluster,
            cloud,
            project,
            namespace,
            secrets: Vec::new(),
        })
    }

    fn keys_of(&self, user: &str) -> BTreeSet<String> {
        let listed = self
            .cloud
            .admin("iam:ListAccessKeys", &json!({ "UserName": user }));
        let keys = listed["AccessKeyMetadata"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        keys.iter()
            .map(|key| key["AccessKeyId"].as_str().unwrap().to_owned())
            .collect()
    }

    /// The credentials file that is planted: the identifier in it, and the secret.
    fn planted(&self) -> (String, String) {
        let path = format!("/api/v1/namespaces/{}/secrets/backup-s3", self.namespace);
        let secret = self.cluster.admin("GET", &path, None);
        let file = base64(secret["data"]["credentials"].as_str().unwrap());
        let file = String::from_utf8(file).unwrap();
        let value = |name: &str| {
            let line = file.lines().find(|line| line.starts_with(name)).unwrap();
            line.split(" = ").nth(1).unwrap().to_owned()
        };
        (value("aws_access_key_id"), value("aws_secret_access_key"))
    }

    fn start(&self, args: &[&str]) -> Child {
        let mut command = self.project.command(args);
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Runs until a write is struck, and kills it there.
    fn killed(&self, args: &[&str], fault: Fault, rule: impl Fn(&Asked) -> bool + Send + 'static) {
        let struck = self.cloud.struck().len();
        self.cloud.strike(fault, rule);
        let mut child = self.start(args);
        support::until("a write is struck", || self.cloud.struck().len() > struck);
        child.kill().unwrap();
        let ran = self.project.ran(child.wait_with_output().unwrap());
        assert_eq!(ran.code, -1, "it was killed: {ran:#?}");
    }

    /// Runs until all is done, at most three times; then a run has nothing to do, and everything is as it must be.
    fn settles(&mut self, keys: usize) {
        let mut ran = self.project.run(&APPLY);
        for _ in 0..2 {
            if ran.code != 0 {
                ran = self.project.run(&APPLY);
            }
        }
        ran.exits(0);
        let (writes, ledger) = (self.cloud.writes().len(), self.project.ledger());
        self.project.run(&APPLY).exits(0);
        assert_eq!(
            self.cloud.writes().len(),
            writes,
            "a run with nothing to do wrote"
        );
        assert_eq!(self.project.ledger(), ledger);
        let there = self.keys_of("svc-backup");
        assert_eq!(there.len(), keys, "{there:?}");
        assert_eq!(there, self.listed(), "a key without an owner");
        let (id, secret) = self.planted();
        assert!(there.contains(&id), "{id} is dead: {there:?}");
        self.secrets.push(secret.into_bytes());
        assert_eq!(self.keys_of("theirs").len(), 1);
        self.shows_no_secrets();
    }

    /// The keys that the ledger has.
    fn listed(&self) -> BTreeSet<String> {
        let list = self
            .project
            .run(&["show", "iam_user.backup", "--json"])
            .exits(0);
        let lines = list.json_lines().into_iter();
        lines
            .filter_map(|line: Value| {
                let id = &line["outputs"]["access_key_id"];
                Some(id.as_str()?.to_owned())
            })
            .collect()
    }

    fn shows_no_secrets(&self) {
        assert_eq!(leaks(&self.project.said(), &self.secrets), []);
        for (path, content) in self.project.files() {
            assert_eq!(leaks(&content, &self.secrets), [], "{}", path.display());
        }
    }

    /// The writes that a run of these arguments has, told by one that nothing befalls.
    fn writes_of(&self, args: &[&str]) -> Vec<(String, usize)> {
        let before = self.cloud.writes().len();
        self.project.run(args).exits(0);
        let writes = self.cloud.writes();
        writes[before..]
            .iter()
            .map(|asked| (asked.operation.clone(), asked.nth))
            .collect()
    }
}

fn is(operation: &str) -> impl Fn(&Asked) -> bool + Send + use<> {
    let operation = operation.to_owned();
    move |asked| asked.operation == operation && asked.name != "theirs"
}

#[test]
fn a_run_that_is_killed_at_any_write_of_a_first_apply_is_gone_on_with() {
    for operation in ["iam:CreateUser", "iam:PutUserPolicy", "iam:CreateAccessKey"] {
        for fault in [Fault::HangBefore, Fault::HangAfter] {
            let Some(mut case) = Case::new() else { return };
            case.killed(&APPLY, fault, is(operation));
            case.settles(1);
        }
    }
}

#[test]
fn a_run_that_is_killed_at_any_write_of_a_rotation_is_gone_on_with() {
    let Some(mut case) = Case::new() else { return };
    case.project.run(&APPLY).exits(0);
    // The second rotation has a key to remove first.
    let first = case.writes_of(&ROTATE);
    assert_eq!(first.len(), 1, "{first:?}");
    // That a key which was made moments ago is not there is believed after two minutes: a removal whose answer never came is
    // tried where time can be moved on (canary-aws/tests/faults.rs).
    for (operation, faults) in [
        ("iam:DeleteAccessKey", &[Fault::HangBefore][..]),
        (
            "iam:CreateAccessKey",
            &[Fault::HangBefore, Fault::HangAfter],
        ),
    ] {
        for &fault in faults {
            let (before, _) = case.planted();
            case.killed(&ROTATE, fault, is(operation));
            assert!(case.keys_of("svc-backup").len() <= 2);
            case.settles(2);
            let (after, _) = case.planted();
            assert_ne!(before, after);
            assert!(
                case.keys_of("svc-backup").contains(&before),
                "{operation} {fault:?}: the one before lives on"
            );
        }
    }
}

#[test]
fn whatever_else_befalls_the_making_of_a_key_leaves_one() {
    for fault in Fault::ALL {
        if matches!(fault, Fault::HangBefore | Fault::HangAfter) {
            continue;
        }
        let Some(mut case) = Case::new() else { return };
        case.cloud.strike(fault, is("iam:CreateAccessKey"));
        case.project.run(&APPLY);
        assert_eq!(case.cloud.struck().len(), 1);
        case.settles(1);
    }
}

#[test]
fn who_is_told_to_end_ends_when_what_is_under_way_has_come_to_its_end() {
    let Some(mut case) = Case::new() else { return };
    let child = case.start(&APPLY);
    support::until("the user is made", || {
        case.cloud.count("iam:CreateUser") > 1
    });
    let told = Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(told.success());
    let ran: Ran = case.project.ran(child.wait_with_output().unwrap());
    assert!(matches!(ran.code, 0 | 7), "{ran:#?}");
    case.settles(1);
    // Nothing was made twice.
    assert_eq!(case.cloud.count("iam:CreateUser"), 2);
}

#[test]
fn of_two_runs_at_once_one_is_refused() {
    let Some(mut case) = Case::new() else { return };
    case.cloud.strike(Fault::HangAfter, is("iam:CreateUser"));
    let mut child = case.start(&APPLY);
    case.cloud.wait_until_struck().unwrap();
    case.project
        .run(&APPLY)
        .exits(6)
        .says("the ledger is locked by tester@");
    child.kill().unwrap();
    child.wait().unwrap();
    case.settles(1);
}

#[test]
fn of_two_ledgers_for_one_account_the_second_takes_nothing_over() {
    let Some(mut case) = Case::new() else { return };
    case.settles(1);
    let keys = case.keys_of("svc-backup");
    let config = std::fs::read_to_string(case.project.path("canaries.toml")).unwrap();
    let other = Project::new(case.cluster, "admin", &config)
        .in_account(&case.cloud, case.cloud.admin_keys());
    let writes = case.cloud.writes().len();
    other
        .run(&["plan"])
        .exits(0)
        .shows("exists and is not ours");
    let ran = other.run(&["apply", "--auto-approve"]);
    assert_ne!(ran.code, 0, "{ran:#?}");
    other
        .run(&["destroy", "--retired-too", "--auto-approve"])
        .exits(0);
    assert_eq!(case.cloud.writes().len(), writes);
    assert_eq!(case.keys_of("svc-backup"), keys);
    case.settles(1);
}
