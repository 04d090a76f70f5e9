//! What cannot be seen, is seen late, or by a clock that is off: nothing of ours is lost from sight.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod life_support;

use std::time::Duration;

use aws_sdk_iam::types::{StatusType, Tag};
use canary_aws::sandbox::{Consistency, Fault, FaultKind, Lag, SandboxOptions};
use canary_core::observe::Reason;
use canary_core::plan::{Action, Obstacle, Outside, Purpose};
use jiff::{SignedDuration, Timestamp};
use life_support::{CONFIG, Life, destroying, intruders, options, planted};

const LISTS: &str = "iam:ListAccessKeys";

fn pass(life: &Life, seconds: u64) {
    life.sandbox.clock().advance(Duration::from_secs(seconds));
}

fn late(seconds: i64) -> SandboxOptions {
    SandboxOptions {
        consistency: Consistency {
            lag: Lag::Time(SignedDuration::from_secs(seconds)),
            own_writes_at_once: false,
        },
        ..options()
    }
}

async fn delete_ours(life: &Life) {
    let (ours, _) = life.keys_of("svc-backup").await.remove(0);
    let iam = life.somebody().await;
    let request = iam.delete_access_key().user_name("svc-backup");
    request.access_key_id(ours).send().await.unwrap();
}

/// The list of keys is throttled for as long as one look goes on asking.
async fn throttle_the_first_look(life: &Life) {
    let before = life.sandbox.count(LISTS);
    life.sandbox.faults().throttle(LISTS, u32::MAX);
    drop(life.plan().await);
    life.sandbox.faults().clear();
    let both = life.sandbox.count(LISTS) - before;
    let one = u32::try_from(both / 2).unwrap();
    life.sandbox.faults().throttle(LISTS, one);
}

#[tokio::test]
async fn keys_that_only_the_second_look_could_list_are_still_ours() {
    let mut life = planted(options()).await;
    for generation in [1, 2] {
        if generation == 2 {
            life.rotate("iam_user.backup", 2);
            life.settles().await;
            pass(&life, 600);
        }
        throttle_the_first_look(&life).await;
        let plan = life.plan().await;
        assert!(plan.is_settled() && !plan.has_drift(), "{plan:#?}");
        assert_eq!(plan.gaps, []);
        throttle_the_first_look(&life).await;
        let before = life.writes();
        drop(life.apply().await);
        assert_eq!(life.writes(), before);
        life.keys_are_owned("svc-backup", Some("backup"), &[]).await;
    }
}

#[tokio::test]
async fn a_retired_key_beside_one_that_is_not_shown_yet_is_no_intruders() {
    let mut life = planted(late(60)).await;
    life.rotate("iam_user.backup", 2);
    let report = life.apply().await;
    assert!(report.is_complete(), "{report:#?}");
    let plan = life.plan().await;
    assert_eq!(intruders(&plan).len(), 0, "{plan:#?}");
    let is_full = |action: &Action| matches!(action, Action::Blocked(Obstacle::Full(_)));
    assert!(!plan.steps.iter().any(|step| is_full(&step.action)));
    pass(&life, 600);
    assert!(life.plan().await.is_settled());
}

#[tokio::test]
async fn a_key_whose_answer_was_lost_is_removed_however_late_it_can_be_seen() {
    let life = planted(options()).await;
    delete_ours(&life).await;
    let fault = Fault::once(FaultKind::CutAfter).on("iam:CreateAccessKey");
    life.sandbox.faults().push(fault);
    drop(life.apply().await);
    pass(&life, 200);
    life.sandbox.faults().throttle(LISTS, u32::MAX);
    drop(life.apply().await);
    life.sandbox.faults().clear();
    pass(&life, 200);
    life.settles().await;
    life.keys_are_owned("svc-backup", Some("backup"), &[]).await;
    assert_eq!(life.keys_of("svc-backup").await.len(), 1);
}

#[tokio::test]
async fn what_was_put_right_moments_ago_is_not_told_again() {
    for seconds in [1, 4, 7] {
        let life = planted(late(seconds)).await;
        let iam = life.somebody().await;
        let (id, _) = life.keys_of("svc-backup").await.remove(0);
        let request = iam.update_access_key().user_name("svc-backup");
        let request = request.access_key_id(id).status(StatusType::Inactive);
        request.send().await.unwrap();
        let tag = Tag::builder().key("theirs").value("x").build().unwrap();
        let request = iam.tag_user().user_name("svc-backup").tags(tag);
        request.send().await.unwrap();
        pass(&life, 60);
        let report = life.apply().await;
        assert!(report.is_complete(), "{report:#?}");
        let plan = life.plan().await;
        assert!(plan.is_settled() && !plan.has_drift(), "{plan:#?}");
    }
}

#[tokio::test]
async fn what_was_changed_moments_ago_and_deleted_is_gone_and_not_merely_late() {
    let life = planted(options()).await;
    let iam = life.somebody().await;
    let (id, _) = life.keys_of("svc-backup").await.remove(0);
    let request = iam.update_access_key().user_name("svc-backup");
    let request = request.access_key_id(id).status(StatusType::Inactive);
    request.send().await.unwrap();
    pass(&life, 600);
    assert!(life.apply().await.is_complete());
    delete_ours(&life).await;
    let plan = life.plan().await;
    assert_eq!(plan.gaps, []);
    let key = plan.step(&"iam_user.backup/key".parse().unwrap()).unwrap();
    assert_eq!(key.outside, Some(Outside::Deleted));
    life.settles().await;
    life.keys_are_owned("svc-backup", Some("backup"), &[]).await;
}

const WITH_ROLE: &str = r#"
[iam_user.backup]
name = "svc-backup"
[note.backup]
of = "iam_user.backup"
[iam_role.ops]
name   = "ops-admin"
policy = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"*"}]}'
"#;

#[tokio::test]
async fn what_is_in_a_user_or_a_role_that_is_not_shown_yet_is_neither_gone_nor_forgotten() {
    let life = Life::begin(late(60), WITH_ROLE).await;
    let report = life.apply().await;
    assert!(report.is_complete(), "{report:#?}");
    let ours = life.ledger().await.records;
    let plan = life.plan().await;
    assert!(!plan.has_drift(), "{plan:#?}");
    drop(life.applied(destroying(true)).await);
    let left = life.ledger().await.records;
    for part in [
        "iam_user.backup",
        "iam_user.backup/key",
        "iam_role.ops",
        "iam_role.ops/policy",
    ] {
        let part = part.parse().unwrap();
        assert_eq!(left.get(&part), ours.get(&part), "{}", life.told());
    }
    pass(&life, 600);
    drop(life.applied(destroying(true)).await);
    pass(&life, 600);
    let iam = life.somebody().await;
    assert!(iam.get_user().user_name("svc-backup").send().await.is_err());
    assert!(iam.get_role().role_name("ops-admin").send().await.is_err());
    assert!(life.ledger().await.records.is_empty());
}

#[tokio::test]
async fn why_a_user_or_a_role_could_not_be_seen_stands_at_its_step_and_at_what_is_in_it() {
    let mut life = Life::begin(options(), WITH_ROLE).await;
    life.settles().await;
    pass(&life, 600);
    for (hidden, may, parts) in [
        (
            "iam:GetRole",
            ["iam:GetUser", "iam:List*"],
            ["iam_role.ops", "iam_role.ops/policy"],
        ),
        (
            "iam:GetUser",
            ["iam:GetRole*", "iam:ListUsers"],
            ["iam_user.backup", "iam_user.backup/key"],
        ),
    ] {
        let may: Vec<&str> = ["sts:*"].into_iter().chain(may).collect();
        life.keys = life
            .sandbox
            .principal(hidden.trim_start_matches("iam:"), &may);
        pass(&life, 600);
        let plan = life.plan().await;
        for part in parts {
            let step = plan.step(&part.parse().unwrap()).unwrap();
            let Action::Blocked(Obstacle::Unseen(Some(gap))) = &step.action else {
                panic!("{step:#?}");
            };
            let is_said = gap.detail.contains("iam:");
            assert!(is_said && gap.reason == Reason::Forbidden, "{gap:?}");
        }
        let main = plan.step(&parts[0].parse().unwrap()).unwrap();
        assert!(format!("{:?}", main.action).contains(hidden), "{main:#?}");
    }
}

#[tokio::test]
async fn a_user_that_is_deleted_before_its_key_is_made_is_waited_for_some_seconds() {
    let life = Life::begin(options(), CONFIG).await;
    let fault = Fault::once(FaultKind::Hang).on("iam:CreateAccessKey");
    life.sandbox.faults().push(fault);
    let applying = tokio::spawn(life.starting(Purpose::default()).await);
    life.sandbox.faults().wait_for_hanging(1).await;
    let iam = life.somebody().await;
    let request = iam.delete_user().user_name("svc-backup");
    request.send().await.unwrap();
    let began = life.sandbox.clock().now();
    life.sandbox.faults().release();
    let report = applying.await.unwrap().unwrap().report.unwrap();
    let told = format!("{report:?}");
    assert!(
        told.contains("Awaits") && !told.contains("Busy"),
        "{report:#?}"
    );
    let waited = life.sandbox.clock().now().duration_since(began);
    assert!(waited <= SignedDuration::from_secs(30), "{waited:#}");
    assert!(life.sandbox.count("iam:CreateAccessKey") > 3);
}

#[tokio::test]
async fn a_user_that_was_renamed_right_after_it_was_made_is_called_so() {
    let life = Life::begin(options(), CONFIG).await;
    life.settles().await;
    let iam = life.somebody().await;
    let request = iam.update_user().user_name("svc-backup");
    request.new_user_name("svc-x").send().await.unwrap();
    let plan = life.plan().await;
    let told = format!("{:?}", plan.gaps);
    assert!(told.contains("Renamed") && told.contains("svc-x"), "{told}");
    assert!(!plan.has_drift(), "{plan:#?}");
    drop(life.applied(destroying(true)).await);
    life.keys_are_owned("svc-x", None, &[]).await;
}

#[tokio::test]
async fn a_clock_that_is_an_hour_off_changes_nothing() {
    for hours in [-1, 1] {
        let options = SandboxOptions {
            checks_signing_time: true,
            ..late(4)
        };
        let mut life = Life::begin(options, CONFIG).await;
        life.ahead = SignedDuration::from_hours(hours);
        life.settles().await;
        pass(&life, 600);
        life.rotate("iam_user.backup", 2);
        life.settles().await;
        pass(&life, 600);
        life.is_settled().await;
        assert!(!life.plan().await.has_drift());
        life.keys_are_owned("svc-backup", Some("backup"), &[]).await;
        assert_eq!(life.keys_of("svc-backup").await.len(), 2);
    }
}

#[tokio::test]
async fn a_wrong_secret_key_is_not_tried_for_long_because_a_clock_is_off() {
    let mut life = planted(options()).await;
    let fault = Fault::once(FaultKind::WrongSignature).times(u32::MAX);
    life.sandbox.faults().push(fault);
    for (hours, most) in [(0, 1), (1, 3), (-1, 3)] {
        life.ahead = SignedDuration::from_hours(hours);
        let before = life.sandbox.requests().len();
        let engine = life.engine().await;
        let loaded = engine.load().await.unwrap();
        let refused = engine.look(loaded.ledger).await.unwrap_err().to_string();
        assert_eq!(life.sandbox.requests().len() - before, most);
        assert_eq!(refused.contains("this machine's clock"), hours != 0);
    }
}

/// A call whose answer is lost to one machine, and another machine that looks after it.
async fn lost_by_one_and_seen_by_another(first: i64, second: i64) -> Life {
    let mut life = planted(options()).await;
    delete_ours(&life).await;
    life.ahead = SignedDuration::from_mins(first);
    let fault = Fault::once(FaultKind::CutAfter).on("iam:CreateAccessKey");
    life.sandbox.faults().push(fault);
    drop(life.apply().await);
    life.ahead = SignedDuration::from_mins(second);
    life
}

#[tokio::test]
async fn what_one_machine_lost_another_knows_whatever_their_clocks_say() {
    for (first, second) in [(3, 0), (-3, 0), (0, 60), (-60, 60)] {
        let life = lost_by_one_and_seen_by_another(first, second).await;
        pass(&life, 300);
        drop(life.apply().await);
        life.settles().await;
        life.keys_are_owned("svc-backup", Some("backup"), &[]).await;
        assert_eq!(life.keys_of("svc-backup").await.len(), 1);
    }
}

#[tokio::test]
async fn a_strangers_key_is_not_ours_because_a_clock_was_ahead() {
    let mut life = planted(options()).await;
    delete_ours(&life).await;
    life.ahead = SignedDuration::from_mins(4);
    let fault = Fault::once(FaultKind::Cut).on("iam:CreateAccessKey");
    life.sandbox.faults().push(fault);
    drop(life.apply().await);
    life.ahead = SignedDuration::ZERO;
    pass(&life, 250);
    let iam = life.somebody().await;
    let made = iam.create_access_key().user_name("svc-backup").send().await;
    let theirs = made.unwrap().access_key.unwrap().access_key_id;
    drop(life.apply().await);
    let keys = life.keys_of("svc-backup").await;
    assert!(keys.contains(&(theirs.clone(), true)), "{}", life.told());
    life.keys_are_owned("svc-backup", Some("backup"), &[&theirs])
        .await;
}

#[tokio::test]
async fn nothing_is_written_after_the_lease_however_slow_the_questions_are() {
    let life = planted(options()).await;
    let iam = life.somebody().await;
    let tag = Tag::builder().key("theirs").value("x").build().unwrap();
    let request = iam.tag_user().user_name("svc-backup").tags(tag);
    request.send().await.unwrap();
    pass(&life, 600);
    // Each question is answered at last, after more than a minute.
    for question in [
        "iam:GetUser",
        "iam:ListAttachedUserPolicies",
        "iam:ListGroupsForUser",
        "iam:ListUserPolicies",
    ] {
        let fault = Fault::once(FaultKind::Throttle).on(question);
        life.sandbox.faults().push(fault.times(18));
    }
    let began = life.sandbox.clock().now();
    let report = life.apply().await;
    assert_eq!(report.not_done(), 1, "{report:#?}");
    let lease = SignedDuration::from_secs(180);
    for event in life.sandbox.events() {
        let at: Timestamp = event["eventTime"].as_str().unwrap().parse().unwrap();
        let is_ours = event["userIdentity"]["accessKeyId"] == life.keys.id.as_str();
        if is_ours && event["readOnly"] == false && at >= began {
            assert!(at.duration_since(began) < lease, "{event}");
        }
    }
    life.sandbox.faults().clear();
    life.settles().await;
}

#[tokio::test]
async fn an_account_that_is_throttled_for_a_minute_is_planned_and_changed_all_the_same() {
    let life = Life::begin(options(), CONFIG).await;
    let throttled = |life: &Life| {
        let end = life.sandbox.clock().now() + SignedDuration::from_secs(60);
        let fault = Fault::once(FaultKind::Throttle).on("iam:").until(end);
        life.sandbox.faults().push(fault);
    };
    throttled(&life);
    let plan = life.plan().await;
    assert!(plan.gaps.is_empty() && plan.has_changes(), "{plan:#?}");
    throttled(&life);
    life.settles().await;
    pass(&life, 600);
    throttled(&life);
    let plan = life.plan().await;
    assert!(plan.gaps.is_empty() && plan.is_settled(), "{plan:#?}");
    // It begins between the look and the first write.
    delete_ours(&life).await;
    pass(&life, 600);
    let fault = Fault::once(FaultKind::Throttle).on("iam:CreateAccessKey");
    let end = life.sandbox.clock().now() + SignedDuration::from_secs(60);
    life.sandbox.faults().push(fault.until(end));
    let applied = life.applied(Purpose::default()).await;
    let report = applied.report.unwrap();
    assert!(
        report.is_complete() || format!("{report:?}").contains("Busy"),
        "{report:#?}"
    );
    life.settles().await;
    life.keys_are_owned("svc-backup", Some("backup"), &[]).await;
    assert_eq!(life.most_keys(), 1);
}
