//! What others put into what is ours, or have under its name: told, and left alone.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod life_support;

use std::time::Duration;

use canary_aws::sandbox::{Fault, FaultKind};
use canary_core::plan::{Action, Obstacle, Outside, Plan, Purpose};
use life_support::{CONFIG, Life, destroying, intruders, options, planted};

async fn their_key(life: &Life) -> String {
    let iam = life.somebody().await;
    let made = iam
        .create_access_key()
        .user_name("svc-backup")
        .send()
        .await
        .unwrap();
    made.access_key().unwrap().access_key_id().to_owned()
}

fn blocked<'a>(plan: &'a Plan, address: &str) -> Option<&'a Obstacle> {
    match &plan.step(&address.parse().unwrap())?.action {
        Action::Blocked(obstacle) => Some(obstacle),
        _ => None,
    }
}

#[tokio::test]
async fn a_strangers_key_is_told_and_stays() {
    let life = planted(options()).await;
    let theirs = their_key(&life).await;
    let plan = life.plan().await;
    assert_eq!(intruders(&plan).len(), 1, "{plan:#?}");
    assert_eq!(intruders(&plan)[0].handle.name, theirs);
    drop(life.apply().await);
    life.sandbox.clock().advance(Duration::from_secs(600));
    drop(life.apply().await);
    assert!(
        life.keys_of("svc-backup")
            .await
            .contains(&(theirs.clone(), true))
    );
    life.keys_are_owned("svc-backup", Some("backup"), &[&theirs])
        .await;
}

#[tokio::test]
async fn where_a_stranger_takes_the_room_ours_is_replaced_and_theirs_stays() {
    let mut life = planted(options()).await;
    let theirs = their_key(&life).await;
    life.rotate("iam_user.backup", 2);
    let report = life.apply().await;
    let (id, _) = life.noted("backup").unwrap();
    let keys = life.keys_of("svc-backup").await;
    assert!(keys.contains(&(theirs.clone(), true)), "{keys:?}");
    assert!(keys.contains(&(id, true)), "{keys:?} {report:#?}");
    life.keys_are_owned("svc-backup", Some("backup"), &[&theirs])
        .await;
    assert_eq!(life.most_keys(), 2);
}

#[tokio::test]
async fn where_strangers_take_all_the_room_it_is_said() {
    let life = planted(options()).await;
    let iam = life.somebody().await;
    let (ours, _) = life.keys_of("svc-backup").await.remove(0);
    iam.delete_access_key()
        .user_name("svc-backup")
        .access_key_id(ours)
        .send()
        .await
        .unwrap();
    let theirs = [their_key(&life).await, their_key(&life).await];
    life.sandbox.clock().advance(Duration::from_secs(600));
    let plan = life.plan().await;
    assert_eq!(intruders(&plan).len(), 2);
    assert!(
        matches!(
            blocked(&plan, "iam_user.backup/key"),
            Some(Obstacle::Full(2))
        ),
        "{plan:#?}"
    );
    drop(life.apply().await);
    let keys = life.keys_of("svc-backup").await;
    assert!(
        theirs.iter().all(|id| keys.contains(&(id.clone(), true))),
        "{keys:?}"
    );
    let plan = life.plan_for(&destroying(true)).await;
    assert!(
        matches!(blocked(&plan, "iam_user.backup"), Some(Obstacle::Holds(_))),
        "{plan:#?}"
    );
}

/// A call whose answer was lost, with a stranger's keys made in the meantime.
async fn lost_between(before: usize, after: usize) -> (Life, Vec<String>) {
    let life = planted(options()).await;
    let (ours, _) = life.keys_of("svc-backup").await.remove(0);
    let iam = life.somebody().await;
    iam.delete_access_key()
        .user_name("svc-backup")
        .access_key_id(ours)
        .send()
        .await
        .unwrap();
    let mut theirs = Vec::new();
    for _ in 0..before {
        theirs.push(their_key(&life).await);
        life.sandbox.clock().advance(Duration::from_secs(600));
    }
    let fault = Fault::once(FaultKind::CutAfter).on("iam:CreateAccessKey");
    life.sandbox.faults().push(fault);
    drop(life.apply().await);
    for _ in 0..after {
        theirs.push(their_key(&life).await);
    }
    (life, theirs)
}

#[tokio::test]
async fn a_strangers_key_from_before_a_lost_answer_is_never_taken_for_ours() {
    let (life, theirs) = lost_between(1, 0).await;
    drop(life.apply().await);
    let keys = life.keys_of("svc-backup").await;
    assert!(keys.contains(&(theirs[0].clone(), true)), "{}", life.told());
    life.keys_are_owned("svc-backup", Some("backup"), &[&theirs[0]])
        .await;
}

#[tokio::test]
async fn where_nobody_can_tell_which_key_is_ours_none_is_removed() {
    let (life, theirs) = lost_between(0, 1).await;
    let before = life.keys_of("svc-backup").await;
    assert_eq!(before.len(), 2);
    for _ in 0..3 {
        drop(life.apply().await);
        life.sandbox.clock().advance(Duration::from_secs(200));
    }
    let keys = life.keys_of("svc-backup").await;
    assert!(keys.contains(&(theirs[0].clone(), true)), "{}", life.told());
    assert_eq!(keys, before);
    assert_eq!(intruders(&life.plan().await).len(), 2);
}

#[tokio::test]
async fn what_is_attached_joined_or_put_there_is_told_and_a_password_holds_the_user() {
    let life = planted(options()).await;
    let iam = life.somebody().await;
    let grants =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    let request = iam
        .put_user_policy()
        .user_name("svc-backup")
        .policy_name("theirs");
    request.policy_document(grants).send().await.unwrap();
    let arn = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    iam.attach_user_policy()
        .user_name("svc-backup")
        .policy_arn(arn)
        .send()
        .await
        .unwrap();
    iam.create_group()
        .group_name("admins")
        .send()
        .await
        .unwrap();
    iam.add_user_to_group()
        .user_name("svc-backup")
        .group_name("admins")
        .send()
        .await
        .unwrap();
    let plan = life.plan().await;
    assert_eq!(intruders(&plan).len(), 1);
    let told = format!("{plan:?}");
    assert!(
        told.contains("groups.admins") && told.contains(arn),
        "{plan:#?}"
    );
    drop(life.apply().await);
    // A canary grants nothing: what others attached to it goes, what they wrote themselves stays.
    let attached = iam
        .list_attached_user_policies()
        .user_name("svc-backup")
        .send()
        .await
        .unwrap();
    assert!(attached.attached_policies().is_empty());
    let inline = iam
        .list_user_policies()
        .user_name("svc-backup")
        .send()
        .await
        .unwrap();
    assert_eq!(inline.policy_names(), ["theirs"]);
    let plan = life.plan_for(&destroying(true)).await;
    assert!(
        matches!(blocked(&plan, "iam_user.backup"), Some(Obstacle::Holds(_))),
        "{plan:#?}"
    );
}

#[tokio::test]
async fn a_user_of_our_name_is_not_taken_over_whatever_its_letters() {
    for name in ["svc-backup", "SVC-Backup"] {
        let life = Life::begin(options(), CONFIG).await;
        let iam = life.somebody().await;
        iam.create_user().user_name(name).send().await.unwrap();
        let plan = life.plan().await;
        let is_told = match blocked(&plan, "iam_user.backup") {
            Some(Obstacle::Foreign { .. }) => name == "svc-backup",
            Some(Obstacle::Unsafe(why)) => why.contains("User SVC-Backup is there"),
            _ => false,
        };
        assert!(is_told, "{name}: {plan:#?}");
        drop(life.apply().await);
        assert_eq!(life.ours_in_log(), [], "{name}");
        assert_eq!(life.keys_of(name).await, []);
    }
}

const DENIES: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"*"}]}"#;

#[tokio::test]
async fn the_policy_of_a_user_that_somebody_made_anew_is_left_alone() {
    let config = format!("[iam_user.backup]\nname = \"svc-backup\"\npolicy = '{DENIES}'\n");
    let mut life = Life::begin(options(), &config).await;
    life.settles().await;
    life.sandbox.clock().advance(Duration::from_secs(600));
    let iam = life.somebody().await;
    let (ours, _) = life.keys_of("svc-backup").await.remove(0);
    let (user, policy) = ("svc-backup", "svc-backup-policy");
    let request = iam.delete_access_key().user_name(user).access_key_id(ours);
    request.send().await.unwrap();
    let request = iam.delete_user_policy().user_name(user).policy_name(policy);
    request.send().await.unwrap();
    iam.delete_user().user_name(user).send().await.unwrap();
    iam.create_user().user_name(user).send().await.unwrap();
    let request = iam.put_user_policy().user_name(user).policy_name(policy);
    request.policy_document(DENIES).send().await.unwrap();
    life.sandbox.clock().advance(Duration::from_secs(600));
    let before = life.writes();
    assert_eq!(intruders(&life.plan().await).len(), 0);
    // Not declared any more, and then nothing of it.
    life.config = "[iam_user.backup]\nname = \"svc-backup\"\n".into();
    drop(life.apply().await);
    assert_eq!(life.writes(), before, "{}", life.told());
    life.applied(destroying(true)).await;
    assert_eq!(life.writes(), before, "{}", life.told());
    assert!(life.ledger().await.records.is_empty());
}

#[tokio::test]
async fn a_policy_that_somebody_changed_after_the_look_is_not_removed() {
    let config = format!("[iam_user.backup]\nname = \"svc-backup\"\npolicy = '{DENIES}'\n");
    let mut life = Life::begin(options(), &config).await;
    life.settles().await;
    life.sandbox.clock().advance(Duration::from_secs(600));
    life.config = "[iam_user.backup]\nname = \"svc-backup\"\n".into();
    // While we wait for an answer, somebody else is faster.
    let fault = Fault::once(FaultKind::Hang).on("iam:GetUserPolicy");
    life.sandbox.faults().push(fault);
    let run = tokio::spawn(life.starting(Purpose::default()).await);
    life.sandbox.faults().wait_for_hanging(1).await;
    let iam = life.somebody().await;
    let theirs = DENIES.replace("s3", "sqs");
    let request = iam.put_user_policy().user_name("svc-backup");
    let request = request.policy_name("svc-backup-policy");
    request.policy_document(theirs).send().await.unwrap();
    life.sandbox.faults().release();
    let report = run.await.unwrap().unwrap().report.unwrap();
    assert_eq!(report.not_done(), 1, "{report:#?}");
    let there = iam
        .list_user_policies()
        .user_name("svc-backup")
        .send()
        .await
        .unwrap();
    assert_eq!(there.policy_names(), ["svc-backup-policy"]);
}

#[tokio::test]
async fn a_role_that_is_made_anew_takes_ours_with_it_and_nothing_of_others() {
    let config = format!("[iam_role.r]\nname = \"ops\"\npolicy = '{DENIES}'\n");
    let mut life = Life::begin(options(), &config).await;
    life.settles().await;
    life.sandbox.clock().advance(Duration::from_secs(600));
    let role = async |iam: &aws_sdk_iam::Client| {
        let role = iam.get_role().role_name("ops").send().await.unwrap();
        let role = role.role().unwrap();
        (role.path().to_owned(), role.role_id().to_owned())
    };
    let iam = life.somebody().await;
    let first = role(&iam).await;
    life.config = config.replace("policy", "path = \"/a/\"\npolicy");
    life.settles().await;
    let second = role(&iam).await;
    assert_eq!(second.0, "/a/");
    assert_ne!(second.1, first.1);
    // The policy is not declared any more when it moves again.
    life.sandbox.clock().advance(Duration::from_secs(600));
    life.config = "[iam_role.r]\nname = \"ops\"\npath = \"/b/\"\n".into();
    life.settles().await;
    assert_eq!(role(&iam).await.0, "/b/");
    let request = iam.put_role_policy().role_name("ops").policy_name("theirs");
    request.policy_document(DENIES).send().await.unwrap();
    life.sandbox.clock().advance(Duration::from_secs(600));
    life.config = "[iam_role.r]\nname = \"ops\"\npath = \"/c/\"\n".into();
    let before = life.writes();
    let plan = life.plan().await;
    assert!(
        matches!(blocked(&plan, "iam_role.r"), Some(Obstacle::Holds(_))),
        "{plan:#?}"
    );
    drop(life.apply().await);
    assert_eq!(life.writes(), before);
}

#[tokio::test]
async fn fewer_keys_and_a_rotation_at_once_keep_the_stolen_one_alive() {
    let config = CONFIG.replace("name =", "keys = 2\nname =");
    let mut life = Life::begin(options(), &config).await;
    life.settles().await;
    let (first, _) = life.noted("backup").unwrap();
    life.sandbox.clock().advance(Duration::from_secs(600));
    life.config = CONFIG.into();
    life.rotate("iam_user.backup", 2);
    life.settles().await;
    let keys = life.keys_of("svc-backup").await;
    assert!(keys.contains(&(first, true)), "{}", life.told());
    life.keys_are_owned("svc-backup", Some("backup"), &[]).await;
    assert_eq!(life.most_keys(), 2);
}

#[tokio::test]
async fn a_console_password_that_somebody_gave_is_told_and_keeps_the_user() {
    let life = planted(options()).await;
    let iam = life.somebody().await;
    let request = iam.create_login_profile().user_name("svc-backup");
    request.password("theirs-0123456789").send().await.unwrap();
    let before = life.writes();
    let plan = life.plan().await;
    assert!(plan.has_drift());
    assert_eq!(intruders(&plan).len(), 1, "{plan:#?}");
    assert_eq!(intruders(&plan)[0].handle.kind, "LoginProfile");
    drop(life.apply().await);
    assert_eq!(life.writes(), before);
    // IAM would not remove the user.
    let plan = life.plan_for(&destroying(true)).await;
    let Some(Obstacle::Holds(handle)) = blocked(&plan, "iam_user.backup") else {
        panic!("{plan:#?}");
    };
    assert_eq!(handle.kind, "LoginProfile");
    life.applied(destroying(true)).await;
    iam.get_login_profile()
        .user_name("svc-backup")
        .send()
        .await
        .unwrap();
    let request = iam.delete_login_profile().user_name("svc-backup");
    request.send().await.unwrap();
    life.applied(destroying(true)).await;
    assert!(life.ledger().await.records.is_empty(), "{}", life.told());
    let gone = iam.get_user().user_name("svc-backup").send().await;
    assert!(gone.is_err());
}

#[tokio::test]
async fn a_user_that_somebody_made_anew_is_left_alone() {
    let life = planted(options()).await;
    let iam = life.somebody().await;
    let (ours, _) = life.keys_of("svc-backup").await.remove(0);
    iam.delete_access_key()
        .user_name("svc-backup")
        .access_key_id(ours)
        .send()
        .await
        .unwrap();
    iam.delete_user()
        .user_name("svc-backup")
        .send()
        .await
        .unwrap();
    iam.create_user()
        .user_name("svc-backup")
        .send()
        .await
        .unwrap();
    life.sandbox.clock().advance(Duration::from_secs(600));
    let before = life.writes().len();
    let plan = life.plan().await;
    let step = plan.step(&"iam_user.backup".parse().unwrap()).unwrap();
    assert!(
        matches!(step.outside, Some(Outside::Recreated { .. })),
        "{plan:#?}"
    );
    drop(life.apply().await);
    assert_eq!(life.writes().len(), before, "{}", life.told());
    life.applied(destroying(true)).await;
    assert!(iam.get_user().user_name("svc-backup").send().await.is_ok());
}

#[tokio::test]
async fn a_key_of_ours_that_was_made_in_anothers_user_is_removed_and_the_user_stays() {
    let life = Life::begin(options(), "[iam_user.backup]\nname = \"svc-backup\"\n").await;
    let iam = life.somebody().await;
    let user = "svc-backup";
    // Between the user and its key, somebody else is faster.
    let fault = Fault::once(FaultKind::Hang).on("iam:CreateAccessKey");
    life.sandbox.faults().push(fault);
    let run = tokio::spawn(life.starting(Purpose::default()).await);
    life.sandbox.faults().wait_for_hanging(1).await;
    iam.delete_user().user_name(user).send().await.unwrap();
    iam.create_user().user_name(user).send().await.unwrap();
    life.sandbox.faults().release();
    drop(run.await.unwrap().unwrap());
    assert_eq!(life.keys_of(user).await.len(), 1, "{}", life.told());
    life.sandbox.clock().advance(Duration::from_secs(600));
    life.applied(destroying(true)).await;
    assert_eq!(life.keys_of(user).await, [], "{}", life.told());
    assert!(iam.get_user().user_name(user).send().await.is_ok());
    assert!(life.ledger().await.records.is_empty());
}

#[tokio::test]
async fn a_user_that_somebody_renamed_keeps_its_keys_until_it_has_its_name_again() {
    let life = planted(options()).await;
    let iam = life.somebody().await;
    let rename = async |from: &str, to: &str| {
        let request = iam.update_user().user_name(from).new_user_name(to);
        request.send().await.unwrap();
        life.sandbox.clock().advance(Duration::from_secs(600));
    };
    rename("svc-backup", "svc-old").await;
    let plan = life.plan().await;
    let told = format!("{:?}", plan.gaps);
    assert!(
        told.contains("Renamed") && told.contains("svc-old"),
        "{told}"
    );
    let before = life.writes();
    drop(life.apply().await);
    assert_eq!(life.writes(), before, "a second user was made");
    rename("svc-old", "svc-backup").await;
    life.settles().await;
    life.keys_are_owned("svc-backup", Some("backup"), &[]).await;
}
