//! Events of an account that come by a queue, followed: each alert told, and nothing forgotten before it is kept.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod support;

use std::collections::BTreeSet;

use canary_fixtures::aws::{Cloud, Delivery, Way};
use serde_json::{Value, json};
use support::following::Following;
use support::{Project, until};

const QUEUE: &str = "platform-events";

/// An account with a user whose key is planted nowhere else, and a queue.
struct Account {
    cloud: Cloud,
    project: Project,
    queue: String,
}

impl Account {
    fn new() -> Option<Self> {
        let cloud = Cloud::for_test()?;
        let text = format!(
            "[aws]\naccount = \"{}\"\nregion = \"eu-west-1\"\n[iam_user.backup]\nname = \"svc-backup\"\n\
             [iam_user.export]\nname = \"svc-export\"\n",
            cloud.account()
        );
        let project =
            Project::at("/nonexistent".into(), &text).in_account(&cloud, cloud.admin_keys());
        project.settles();
        let made = cloud.admin("sqs:CreateQueue", &json!({ "QueueName": QUEUE }));
        let queue = made["QueueUrl"].as_str().unwrap().to_owned();
        Some(Self {
            cloud,
            project,
            queue,
        })
    }

    /// Messages that the queue still has, seen or not.
    fn left(&self) -> u64 {
        let names = [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
        ];
        let asked = json!({ "QueueUrl": self.queue, "AttributeNames": names });
        let told = self.cloud.admin("sqs:GetQueueAttributes", &asked);
        let count = |name: &str| {
            told["Attributes"][name]
                .as_str()
                .unwrap()
                .parse::<u64>()
                .unwrap()
        };
        names.into_iter().map(count).sum()
    }

    /// Everything that was recorded so far comes to the queue, twice and out of order.
    fn deliver(&self) {
        let way = Way::EventBridge { reads: true };
        let delivery = Delivery {
            twice: true,
            shuffled: true,
        };
        self.cloud.deliver(&self.queue, &way, delivery).unwrap();
    }

    /// Somebody uses a key of ours.
    fn use_key_of(&self, user: &str) {
        let id = self.key_of(user);
        let keys =
            canary_fixtures::aws::Keys::told(&json!({ "AccessKeyId": id, "SecretAccessKey": "x" }));
        let thief = self.cloud.client(&keys).from_address("198.51.100.77");
        assert!(thief.call("sts:GetCallerIdentity", &json!({})).is_success());
    }

    /// The identifier of a user's key.
    fn key_of(&self, user: &str) -> String {
        let made = self
            .cloud
            .admin("iam:ListAccessKeys", &json!({ "UserName": user }));
        let id = &made["AccessKeyMetadata"][0]["AccessKeyId"];
        id.as_str().unwrap().to_owned()
    }

    /// The event of a call.
    fn event(&self, number: u32, call: (&str, &str), identity: &Value) -> Value {
        json!({
            "eventVersion": "1.11",
            "userIdentity": identity,
            "eventTime": format!("2026-11-20T10:{number:02}:00Z"),
            "eventSource": format!("{}.amazonaws.com", call.0),
            "eventName": call.1,
            "awsRegion": "eu-west-1",
            "sourceIPAddress": "198.51.100.77",
            "eventID": format!("00000000-0000-0000-0000-0000000000{number:02}"),
            "eventType": "AwsApiCall",
            "recipientAccountId": self.cloud.account(),
        })
    }

    /// The identity of a session of a role.
    fn session(&self, role: &str, key: &str) -> Value {
        let account = self.cloud.account();
        json!({
            "type": "AssumedRole",
            "principalId": format!("AROAEXAMPLE{role}:s"),
            "arn": format!("arn:aws:sts::{account}:assumed-role/{role}/s"),
            "accountId": account,
            "accessKeyId": key,
        })
    }

    /// Such an event, by which a session of a role was had.
    fn gives(&self, mut event: Value, role: &str, key: &str) -> Value {
        let arn = format!("arn:aws:iam::{}:role/{role}", self.cloud.account());
        event["requestParameters"] = json!({ "roleArn": arn });
        event["responseElements"] = json!({ "credentials": { "accessKeyId": key } });
        event
    }

    /// A key of ours gets a session of a role that is not ours, which gets one of yet another; both are used. The latest
    /// first.
    fn chain(&self) -> Vec<Value> {
        let account = self.cloud.account();
        let user = json!({
            "type": "IAMUser",
            "arn": format!("arn:aws:iam::{account}:user/svc-backup"),
            "accountId": account,
            "accessKeyId": self.key_of("svc-backup"),
        });
        let (first, second) = (
            self.session("Ci", "ASIAEXAMPLE00000001"),
            self.session("Ops", "ASIAEXAMPLE00000002"),
        );
        vec![
            self.event(4, ("ec2", "DescribeInstances"), &second),
            self.gives(
                self.event(3, ("sts", "AssumeRole"), &first),
                "Ops",
                "ASIAEXAMPLE00000002",
            ),
            self.event(2, ("s3", "ListBuckets"), &first),
            self.gives(
                self.event(1, ("sts", "AssumeRole"), &user),
                "Ci",
                "ASIAEXAMPLE00000001",
            ),
        ]
    }
}

/// Who was found, by what it is called.
fn found(findings: &[Value]) -> BTreeSet<String> {
    let name = |finding: &Value| {
        let name = &finding["evidences"][0]["actor"]["user"]["name"];
        let name = name.as_str().unwrap();
        name.split('/').nth(1).unwrap().to_owned()
    };
    findings.iter().map(name).collect()
}

fn used(finding: &Value) -> &str {
    finding["finding_info"]["title"].as_str().unwrap()
}

#[test]
fn a_use_comes_by_a_queue_is_told_once_and_forgotten_once_it_is_kept() {
    let Some(account) = Account::new() else {
        return;
    };
    let source = format!("sqs://{QUEUE}");
    let following = Following::of(&account.project, &["--cloudtrail", &source]);
    account.use_key_of("svc-backup");
    account.deliver();
    let first = following.next();
    assert_eq!(used(&first), "iam_user.backup was used");
    until("the queue is empty", || account.left() == 0);
    account.use_key_of("svc-export");
    account.deliver();
    let second = following.next();
    assert_eq!(used(&second), "iam_user.export was used");
    until("the queue is empty", || account.left() == 0);
    // Our own calls, and the same again, told nothing.
    assert_eq!(following.end(), Vec::<Value>::new());
}

#[test]
fn what_a_killed_follower_had_taken_comes_again() {
    let Some(account) = Account::new() else {
        return;
    };
    let source = format!("sqs://{QUEUE}");
    let following = Following::of(&account.project, &["--cloudtrail", &source]);
    account.use_key_of("svc-backup");
    account.deliver();
    let told = following.next();
    drop(following.kill());
    account.use_key_of("svc-export");
    account.deliver();
    let following = Following::of(&account.project, &["--cloudtrail", &source]);
    let mut next = following.next();
    if next["finding_info"]["uid"] == told["finding_info"]["uid"] {
        // Killed between telling and keeping that it was told.
        next = following.next();
    }
    assert_eq!(used(&next), "iam_user.export was used");
}

#[test]
fn a_queue_that_may_not_be_read_any_more_is_told_of_at_once_and_at_the_end() {
    let Some(account) = Account::new() else {
        return;
    };
    let keys = account.cloud.principal("watcher", &["sqs:*"]);
    let project = account.project.in_account(&account.cloud, &keys);
    let said = || String::from_utf8(project.said()).unwrap();
    let source = format!("sqs://{QUEUE}");
    let following = Following::of(&project, &["--cloudtrail", &source]);
    until(
        "it is told what happens without a dead-letter queue",
        || said().contains("sqs://platform-events has no dead-letter queue"),
    );
    account.cloud.expire(&keys);
    // Ends the wait for a message, if it waits already.
    let message = json!({ "QueueUrl": account.queue, "MessageBody": "{}" });
    account.cloud.admin("sqs:SendMessage", &message);
    until("its trouble is told", || {
        said().contains("Note: trouble with sqs://platform-events")
    });
    assert_eq!(following.ends(1), Vec::<Value>::new());
    until("it is told again at the end", || {
        said().contains("Error: trouble with sqs://platform-events since 2")
    });
    let said = said();
    assert_eq!(said.matches("Note: trouble").count(), 1, "{said}");
    assert!(!said.contains("no canary was touched"), "{said}");
}

#[test]
fn a_queue_that_answers_again_is_told_of_and_a_follower_of_it_ends_well() {
    let Some(account) = Account::new() else {
        return;
    };
    let said = || String::from_utf8(account.project.said()).unwrap();
    let source = format!("sqs://{QUEUE}");
    account.use_key_of("svc-backup");
    let following = Following::of(&account.project, &["--cloudtrail", &source]);
    account.deliver();
    assert_eq!(used(&following.next()), "iam_user.backup was used");
    account.cloud.throttle("sqs:ReceiveMessage", 2);
    account.use_key_of("svc-export");
    account.deliver();
    assert_eq!(used(&following.next()), "iam_user.export was used");
    until("it is told that it is over", || {
        said().contains("Note: the trouble with sqs://platform-events is over")
    });
    // An alert may be told again, as of another incident by now.
    drop(following.end());
}

#[test]
fn a_queue_that_is_not_there_is_named_and_a_queue_is_not_replayed() {
    let Some(account) = Account::new() else {
        return;
    };
    let project = &account.project;
    project
        .run(&["detect", "--cloudtrail", "sqs://nowhere", "--follow"])
        .exits(1)
        .says("nowhere");
    project
        .run(&["detect", "--cloudtrail", "sqs://platform-events"])
        .exits(64)
        .says("needs --follow");
}

#[test]
fn what_was_done_with_sessions_that_a_key_of_ours_got_is_found_whichever_event_comes_first() {
    let Some(account) = Account::new() else {
        return;
    };
    let source = format!("sqs://{QUEUE}");
    let following = Following::of(&account.project, &["--cloudtrail", &source]);
    for event in account.chain() {
        account
            .cloud
            .send_message(&account.queue, &event.to_string())
            .unwrap();
        // Each is forgotten by the queue before the next comes.
        until("the queue is empty", || account.left() == 0);
    }
    let everybody = BTreeSet::from(["Ci", "Ops", "svc-backup"].map(str::to_owned));
    let mut findings = Vec::new();
    while found(&findings) != everybody {
        findings.push(following.next());
    }
    assert!(
        findings
            .iter()
            .all(|finding| used(finding) == "iam_user.backup was used")
    );
    drop(following.end());
    // Whom an identity leads to is found after a restart as well.
    let following = Following::of(&account.project, &["--cloudtrail", &source]);
    let (ops, third) = (
        account.chain()[0]["userIdentity"].clone(),
        "ASIAEXAMPLE00000003",
    );
    let further = [
        account.event(6, ("iam", "ListRoles"), &account.session("Dev", third)),
        account.gives(account.event(5, ("sts", "AssumeRole"), &ops), "Dev", third),
    ];
    for event in further {
        // Whoever waited before may be given what comes next, and is not there any more to take it.
        for _ in 0..2 {
            account
                .cloud
                .send_message(&account.queue, &event.to_string())
                .unwrap();
        }
    }
    assert_eq!(
        found(&[following.next()]),
        BTreeSet::from(["Dev".to_owned()])
    );

    // Files tell the same in any order.
    let folder = tempfile::tempdir().unwrap();
    for (number, event) in account.chain().into_iter().enumerate() {
        let path = folder.path().join(format!("{number}.json"));
        std::fs::write(path, json!({ "Records": [event] }).to_string()).unwrap();
    }
    let folder = folder.path().display().to_string();
    let ran = account
        .project
        .run(&["detect", "--cloudtrail", &folder, "--json"])
        .exits(0);
    let findings: Vec<Value> = ran.json_lines();
    assert_eq!(found(&findings), everybody);
}

#[test]
fn a_chain_of_sessions_is_followed_to_its_end_and_a_session_of_the_same_name_is_told_apart() {
    let Some(account) = Account::new() else {
        return;
    };
    let role = |n: u32| (format!("R{n}"), format!("ASIAEXAMPLE000000{n:02}"));
    let mut identity = json!({
        "type": "IAMUser",
        "arn": format!("arn:aws:iam::{}:user/svc-backup", account.cloud.account()),
        "accountId": account.cloud.account(),
        "accessKeyId": account.key_of("svc-backup"),
    });
    let mut events = Vec::new();
    for n in 1..=12 {
        let (name, key) = role(n);
        let event = account.event(n, ("sts", "AssumeRole"), &identity);
        let mut event = account.gives(event, &name, &key);
        identity = account.session(&name, &key);
        event["responseElements"]["assumedRoleUser"] = json!({
            "arn": identity["arn"],
            "assumedRoleId": identity["principalId"],
        });
        events.push(event);
    }
    events.push(account.event(30, ("s3", "ListBuckets"), &identity));
    let other = account.session("R3", "ASIAEXAMPLE0000OTHER");
    events.push(account.event(31, ("s3", "ListBuckets"), &other));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trail.json");
    std::fs::write(&path, json!({ "Records": events }).to_string()).unwrap();
    let path = path.display().to_string();
    let ran = account
        .project
        .run(&["detect", "--cloudtrail", &path, "--json"])
        .exits(0);
    let findings: Vec<Value> = ran.json_lines();
    let names: BTreeSet<String> = found(&findings);
    let expected = (1..=12).map(|n| role(n).0).chain(["svc-backup".to_owned()]);
    assert_eq!(names, expected.collect());
    let told: Vec<&Value> = findings
        .iter()
        .filter(|finding| finding.to_string().contains("another session of that name"))
        .collect();
    let key = |finding: &Value| finding["evidences"][0]["actor"]["user"]["credential_uid"].clone();
    assert_eq!(told.len(), 1, "{}", ran.out);
    assert_eq!(key(told[0]), "ASIAEXAMPLE0000OTHER");
}
