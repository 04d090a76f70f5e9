//! Answers that are lost or refused, regions that are not there, rights that are not given.

mod kinds_support;

use canary_aws::sandbox::{Consistency, Fault, FaultKind, Lag, SandboxOptions};
use canary_core::graph::{Address, CanaryId};
use canary_core::observe::{Place, Reason};
use canary_core::plan::{Action, Obstacle};
use kinds_support::{HOME, Life, options};

const ALL: &str = r#"
[ssm_parameter.orders]
name     = "/prod/orders/db-password"
template = "password"
tags     = { team = "orders" }
[secretsmanager_secret.orders]
name     = "prod/orders"
template = "postgres"
recovery = "7d"
[s3_object.orders]
logged = true
bucket      = "orders-archive"
make_bucket = true
name        = "prod/db.env"
template    = "env-file"
tags        = { team = "orders" }
"#;

/// Everything that writes, at the planting and at the rotation.
const PLANTING: [&str; 4] = [
    "ssm:PutParameter",
    "secretsmanager:CreateSecret",
    "s3:CreateBucket",
    "s3:PutObject",
];
const ROTATION: [&str; 3] = [
    "ssm:PutParameter",
    "secretsmanager:UpdateSecret",
    "s3:PutObject",
];
const REMOVAL: [&str; 4] = [
    "ssm:DeleteParameter",
    "secretsmanager:DeleteSecret",
    "s3:DeleteObject",
    "s3:DeleteBucket",
];

fn rotated() -> String {
    ALL.replace(".orders]", ".orders]\ngeneration = 2")
}

fn push(life: &Life, kind: FaultKind, operations: &[&str]) {
    for operation in operations {
        life.sandbox.faults().push(Fault::once(kind).on(operation));
    }
}

async fn whole_life(kind: FaultKind) {
    let mut life = Life::begin(ALL).await;
    push(&life, kind, &PLANTING);
    for _ in 0..3 {
        life.apply().await;
    }
    let counts = life.sandbox.counts();
    assert_eq!(life.sandbox.faults().done(), PLANTING.len(), "{counts:?}");
    life.settles().await;
    life.configure(&rotated()).await;
    push(&life, kind, &ROTATION);
    for _ in 0..3 {
        life.apply().await;
    }
    life.settles().await;
    push(&life, kind, &REMOVAL);
    for _ in 0..3 {
        life.destroy().await;
    }
    assert_eq!(
        life.sandbox.faults().done(),
        PLANTING.len() + ROTATION.len() + REMOVAL.len(),
        "{kind:?}"
    );
    assert!(life.ledger().await.records.is_empty(), "{kind:?}");
    // What waits for its deletion is taken back.
    life.settles().await;
}

#[tokio::test]
async fn services_that_are_busy_are_asked_again() {
    whole_life(FaultKind::Throttle).await;
}

#[tokio::test]
async fn what_was_done_without_an_answer_is_done_once() {
    whole_life(FaultKind::CutAfter).await;
}

#[tokio::test]
async fn what_was_done_and_called_a_failure_is_done_once() {
    whole_life(FaultKind::ErrorAfter).await;
}

#[tokio::test]
async fn what_was_never_done_is_done() {
    whole_life(FaultKind::Cut).await;
}

#[tokio::test]
async fn what_is_shown_late_is_waited_for() {
    let options = SandboxOptions {
        consistency: Consistency {
            lag: Lag::Reads(2),
            own_writes_at_once: false,
        },
        ..options()
    };
    let source = ALL.split("[secretsmanager_secret").next().unwrap();
    let life = Life::with(options, source).await;
    life.apply().await;
    let plan = life.plan().await;
    assert!(plan.is_settled() && !plan.has_drift(), "{plan:#?}");
}

#[tokio::test]
async fn what_may_not_be_asked_is_a_gap_and_the_rest_goes_on() {
    let mut life = Life::begin(ALL).await;
    let keys = life.sandbox.principal(
        "reader",
        &[
            "sts:GetCallerIdentity",
            "ssm:*",
            "secretsmanager:DescribeSecret",
        ],
    );
    life.by(keys, ALL).await;
    let plan = life.plan().await;
    let action = |kind: &str| {
        let step = plan.step(&Address::of(CanaryId::new(kind, "orders")));
        step.unwrap().action.clone()
    };
    assert!(matches!(action("ssm_parameter"), Action::Create { .. }));
    // Whoever may not list secrets may still ask for each.
    assert!(matches!(
        action("secretsmanager_secret"),
        Action::Create { .. }
    ));
    let Action::Blocked(Obstacle::Unseen(Some(gap))) = action("s3_object") else {
        panic!("{:?}", action("s3_object"));
    };
    assert!(
        gap.reason == Reason::Forbidden && gap.detail.starts_with("s3:ListBucket"),
        "{gap:?}"
    );
}

#[tokio::test]
async fn a_region_that_is_not_enabled_is_a_gap_of_what_is_there_alone() {
    let there = ALL.replace(
        "[ssm_parameter.orders]",
        "[ssm_parameter.orders]\nregion = \"ap-east-1\"",
    );
    let life = Life::begin(&there).await;
    let plan = life.plan().await;
    assert_eq!(plan.gaps.len(), 1, "{:?}", plan.gaps);
    assert!(matches!(&plan.gaps[0].place, Place::Object(handle) if handle.kind == "Parameter"));
    let told = plan.gaps[0].to_string();
    assert!(told.contains("ap-east-1 is not enabled"), "{told}");
    assert!(told.contains("ssm:DescribeParameters"), "{told}");
    assert_eq!(plan.summary().add, 3);
    assert_eq!(HOME, "eu-west-1");
}
