//! Answers that get lost and regions that do not answer, while what we listen by is made and looked at.

#![allow(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod listener_support;
mod sandbox_support;

use canary_aws::sandbox::{Fault, FaultKind};
use canary_core::check::Severity;
use canary_core::plan::Action;
use listener_support::{Account, told};
use sandbox_support::REGION;

const TABLE: &str =
    "[aws.listener]\nname = \"ops-events\"\ntrail = \"make\"\nbucket = \"acme-ops-events\"\n";

/// Everything that is written when it is made.
const WRITES: [&str; 10] = [
    "sqs:CreateQueue",
    "events:PutRule",
    "events:PutTargets",
    "iam:CreateRole",
    "iam:PutRolePolicy",
    "s3:CreateBucket",
    "s3:PutBucketPolicy",
    "cloudtrail:CreateTrail",
    "cloudtrail:StartLogging",
    "sqs:GetQueueAttributes",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_to_any_write_makes_nothing_twice_and_loses_nothing() {
    for kind in [FaultKind::CutAfter, FaultKind::ErrorAfter, FaultKind::Cut] {
        for write in WRITES {
            let account = Account::with(TABLE).await;
            account.sandbox.faults().push(Fault::once(kind).on(write));
            account.apply().await;
            account.later();
            let plan = account.plan().await;
            assert!(plan.is_settled(), "{kind:?} {write}: {}", told(&plan));
            account.destroy().await;
            account.later();
            let sqs = aws_sdk_sqs::Client::new(&account.admin(REGION).await);
            let queues = sqs.list_queues().send().await.unwrap();
            assert!(queues.queue_urls().is_empty(), "{kind:?} {write}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_to_any_removal_leaves_nothing() {
    for write in [
        "sqs:DeleteQueue",
        "events:DeleteRule",
        "events:RemoveTargets",
        "cloudtrail:StopLogging",
        "cloudtrail:DeleteTrail",
        "s3:DeleteBucketPolicy",
        "s3:DeleteBucket",
    ] {
        let account = Account::with(TABLE).await;
        account.apply().await;
        account.later();
        account
            .sandbox
            .faults()
            .push(Fault::once(FaultKind::CutAfter).on(write));
        account.destroy().await;
        account.later();
        let plan = account.plan().await;
        let is_new = |step: &canary_core::plan::Step| matches!(step.action, Action::Create { .. });
        assert!(plan.steps.iter().all(is_new), "{write}: {}", told(&plan));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_that_does_not_answer_keeps_its_rule_and_holds_up_nobody() {
    let account = Account::with("[aws.listener]\nname = \"ops-events\"\n").await;
    account.settles().await;
    // The first sixteen regions by name, which are asked at the same time.
    let hang = Fault::once(FaultKind::Hang).on("events:ListRules");
    account.sandbox.faults().push(hang.times(16));
    let view = account.view().await;
    account.sandbox.faults().release();
    let resources = view.desired.in_order();
    let rules = resources.filter(|resource| resource.handle.kind == "Rule");
    assert_eq!(rules.count(), 3);
    let is_told = |region: &str| {
        let begins = format!("region {region} could not be looked at");
        let mut notes = view.notes.iter();
        notes.any(|note| note.severity == Severity::Warning && note.message.starts_with(&begins))
    };
    assert!(is_told("af-south-1"), "{:?}", view.notes);
    assert!(!is_told("ap-southeast-2"), "{:?}", view.notes);
    account.settles().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_region_that_is_throttled_is_asked_again() {
    let account = Account::with("[aws.listener]\nname = \"ops-events\"\n").await;
    let throttle = Fault::once(FaultKind::Throttle).on("events:ListRules");
    account.sandbox.faults().push(throttle.times(3));
    let view = account.view().await;
    assert_eq!(view.observed.gaps, []);
    assert_eq!(account.plan().await.summary().add, 10);
}
