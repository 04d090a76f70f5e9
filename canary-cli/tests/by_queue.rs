//! Events of an account that come by a queue, followed: each alert told, and nothing forgotten before it is kept.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod support;

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
        let made = self
            .cloud
            .admin("iam:ListAccessKeys", &json!({ "UserName": user }));
        let id = made["AccessKeyMetadata"][0]["AccessKeyId"].clone();
        let keys =
            canary_fixtures::aws::Keys::told(&json!({ "AccessKeyId": id, "SecretAccessKey": "x" }));
        let thief = self.cloud.client(&keys).from_address("198.51.100.77");
        assert!(thief.call("sts:GetCallerIdentity", &json!({})).is_success());
    }
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
