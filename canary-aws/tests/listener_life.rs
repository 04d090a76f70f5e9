//! What brings CloudTrail's events to a queue, from its making to its end, against an account in memory.

#![allow(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod listener_support;
mod sandbox_support;

use std::collections::BTreeMap;

use canary_core::detect::{Meaning, Mention};
use canary_core::disguise::giveaway;
use canary_core::plan::{Action, Obstacle, Outside};
use listener_support::{Account, REGIONS, told};
use sandbox_support::{REGION, user_with_key};

const TABLE: &str = "[aws.listener]\nname = \"ops-events\"\n";

async fn bodies(account: &Account) -> Vec<String> {
    let sqs = aws_sdk_sqs::Client::new(&account.admin(REGION).await);
    let url = account.output("aws.listener", "url").await;
    let mut bodies = Vec::new();
    loop {
        let request = sqs.receive_message().queue_url(&url);
        let answer = request.max_number_of_messages(10).send().await.unwrap();
        if answer.messages().is_empty() {
            return bodies;
        }
        let texts = answer
            .messages()
            .iter()
            .map(|m| m.body().unwrap().to_owned());
        bodies.extend(texts);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_enabled_region_is_heard_in_one_queue_and_nothing_is_left_in_the_end() {
    let account = Account::with(TABLE).await;
    let plan = account.plan().await;
    // Two queues, a role with its policy, and a rule with its target in each of three regions.
    assert_eq!(plan.summary().add, 10, "{}", told(&plan));
    let report = account.apply().await.unwrap();
    assert_eq!(report.done(), 10);
    account.settles().await;

    // Somebody's keys are used in two regions, for calls that only read.
    let iam = aws_sdk_iam::Client::new(&account.admin(REGION).await);
    let stolen = user_with_key(&iam, "svc-backup").await;
    for region in ["us-east-1", "ap-southeast-2", REGION] {
        let thief = account.sts(stolen.clone(), region).await;
        thief.get_caller_identity().send().await.unwrap();
    }
    let bodies = bodies(&account).await;
    for region in REGIONS {
        let is_it = |body: &&String| {
            body.contains("GetCallerIdentity")
                && body.contains(&format!("\"awsRegion\":\"{region}\""))
                && body.contains(stolen.access_key_id())
        };
        assert_eq!(bodies.iter().filter(is_it).count(), 1, "{region}");
    }

    account.destroy().await;
    for region in REGIONS {
        let events = aws_sdk_eventbridge::Client::new(&account.admin(region).await);
        assert!(events.list_rules().send().await.unwrap().rules().is_empty());
    }
    let sqs = aws_sdk_sqs::Client::new(&account.admin(REGION).await);
    assert!(
        sqs.list_queues()
            .send()
            .await
            .unwrap()
            .queue_urls()
            .is_empty()
    );
    assert!(iam.list_roles().send().await.unwrap().roles().is_empty());
    let plan = account.plan().await;
    assert_eq!(plan.summary().add, 10, "{}", told(&plan));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_finds_nothing_to_do_asks_once_a_thing_and_once_a_region() {
    let account = Account::with(TABLE).await;
    account.settles().await;
    let before = account.sandbox.counts();
    account.plan().await;
    let after = account.sandbox.counts();
    let asked: BTreeMap<&str, usize> = after
        .iter()
        .map(|(name, count)| {
            let earlier = before.get(name).copied().unwrap_or_default();
            (name.as_str(), count - earlier)
        })
        .filter(|(_, count)| *count > 0)
        .collect();
    let expected = BTreeMap::from([
        ("sts:GetCallerIdentity", 1),
        // Every region of the partition: those that are not enabled know nobody.
        ("events:ListRules", 34),
        ("events:ListTargetsByRule", 3),
        ("sqs:GetQueueUrl", 2),
        ("sqs:GetQueueAttributes", 2),
        ("iam:ListRoles", 1),
        ("iam:GetRole", 1),
        ("iam:ListAttachedRolePolicies", 1),
        ("iam:ListRolePolicies", 1),
        ("iam:GetRolePolicy", 1),
        ("cloudtrail:DescribeTrails", 1),
        ("cloudtrail:ListTrails", 1),
        ("cloudtrail:GetTrailStatus", 1),
        ("cloudtrail:GetEventSelectors", 1),
    ]);
    assert_eq!(asked, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_change_is_told_and_repaired() {
    let account = Account::with(TABLE).await;
    account.settles().await;
    let elsewhere = aws_sdk_eventbridge::Client::new(&account.admin("us-east-1").await);
    let events = aws_sdk_eventbridge::Client::new(&account.admin(REGION).await);
    let sqs = aws_sdk_sqs::Client::new(&account.admin(REGION).await);
    let iam = aws_sdk_iam::Client::new(&account.admin(REGION).await);
    let url = account.output("aws.listener", "url").await;
    let name = "ops-events";
    elsewhere.disable_rule().name(name).send().await.unwrap();
    let request = events.remove_targets().rule(name).ids(name);
    request.send().await.unwrap();
    let attributes = [("Policy", ""), ("MaximumMessageSize", "1024")];
    let request = attributes.into_iter().fold(
        sqs.set_queue_attributes().queue_url(&url),
        |request, (name, value)| request.attributes(name.into(), value),
    );
    request.send().await.unwrap();
    let request = iam.delete_role_policy().role_name("ops-events-role");
    let request = request.policy_name("ops-events-policy");
    request.send().await.unwrap();

    let plan = account.plan().await;
    let outside = |address: &str| {
        plan.step(&address.parse().unwrap())
            .unwrap()
            .outside
            .clone()
    };
    let fields = |address: &str| match outside(address) {
        Some(Outside::Changed(changes)) => {
            let fields = changes.into_iter().map(|change| change.field);
            fields.collect::<Vec<_>>()
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(fields("aws.listener"), ["longest", "policy"]);
    assert_eq!(fields("aws.listener/rule-us-east-1"), ["state"]);
    assert_eq!(
        outside("aws.listener/target-eu-west-1"),
        Some(Outside::Deleted)
    );
    assert_eq!(outside("aws.listener/role-policy"), Some(Outside::Deleted));
    account.settles().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_others_put_beside_ours_is_told_and_left_alone() {
    let account = Account::with(TABLE).await;
    account.settles().await;
    let events = aws_sdk_eventbridge::Client::new(&account.admin("us-east-1").await);
    let target = aws_sdk_eventbridge::types::Target::builder().id("copy");
    let target = target
        .arn("arn:aws:sqs:us-east-1:999999999999:theirs")
        .build()
        .unwrap();
    let request = events.put_targets().rule("ops-events").targets(target);
    request.send().await.unwrap();
    let plan = account.plan().await;
    let is_theirs = |step: &&canary_core::plan::Step| step.handle.name == "copy";
    let step = plan.steps.iter().find(is_theirs).unwrap();
    assert_eq!(step.action, Action::Blocked(Obstacle::Stranger));
    assert!(matches!(step.outside, Some(Outside::Intruder { .. })));
    account.apply().await;
    let listed = events.list_targets_by_rule().rule("ops-events");
    assert_eq!(listed.send().await.unwrap().targets().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_written_says_what_it_is_for() {
    let table =
        "[aws.listener]\nname = \"ops-events\"\ntrail = \"make\"\nbucket = \"acme-ops-events\"\n";
    let account = Account::with(table).await;
    account.settles().await;
    let written = account.sandbox.events();
    let ours = written.iter().filter(|event| event["readOnly"] == false);
    let parameters: Vec<String> = ours
        .map(|event| event["requestParameters"].to_string())
        .collect();
    assert!(parameters.len() > 10, "{parameters:?}");
    for text in parameters {
        assert_eq!(giveaway(&text), None, "{text}");
        assert!(!text.to_ascii_lowercase().contains("tag"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_changes_it_touches_it() {
    let account = Account::with(TABLE).await;
    account.settles().await;
    let tripwires = account.tripwires().await;
    let object = |group: &str, resource: &str, namespace: &str, name: &str| Mention::Object {
        group: group.into(),
        resource: resource.into(),
        namespace: namespace.into(),
        name: name.into(),
    };
    let wanted = [
        object("sqs", "queues", REGION, "ops-events"),
        object("sqs", "queues", REGION, "ops-events-dlq"),
        object("events", "rules", REGION, "ops-events"),
        object("events", "rules", "us-east-1", "ops-events"),
        object("events", "rules", "ap-southeast-2", "ops-events"),
    ];
    for mention in &wanted {
        let found = tripwires
            .iter()
            .find(|tripwire| tripwire.mention == *mention);
        assert_eq!(found.unwrap().meaning, Meaning::Behaviour);
    }
    assert_eq!(tripwires.len(), wanted.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn under_another_name_the_new_is_there_before_the_old_goes() {
    let mut account = Account::with(TABLE).await;
    account.settles().await;
    account
        .configured("[aws.listener]\nname = \"platform-bus\"\n")
        .await;
    account.apply().await;
    account.later();
    let plan = account.plan().await;
    let summary = plan.summary();
    assert_eq!(
        (summary.add, summary.destroy, summary.blocked),
        (0, 10, 0),
        "{}",
        told(&plan)
    );
    account.settles().await;
    let sqs = aws_sdk_sqs::Client::new(&account.admin(REGION).await);
    assert_eq!(
        sqs.list_queues().send().await.unwrap().queue_urls().len(),
        2
    );
    account.configured("").await;
    account.settles().await;
    assert!(
        sqs.list_queues()
            .send()
            .await
            .unwrap()
            .queue_urls()
            .is_empty()
    );
}
