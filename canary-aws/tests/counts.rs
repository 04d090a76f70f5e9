//! How many requests it takes.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod life_support;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use aws_sdk_iam::types::Tag;
use canary_aws::sandbox::SandboxOptions;
use canary_core::plan::Action;
use life_support::{Life, is_write, options};

/// Users with one key each, and notes for none.
fn users(count: usize) -> String {
    (0..count).fold(String::new(), |mut text, number| {
        writeln!(text, "[iam_user.u{number}]\nname = \"svc-{number}\"").unwrap();
        text
    })
}

/// Pages as AWS gives them.
fn wide() -> SandboxOptions {
    SandboxOptions {
        page_size: 1000,
        ..options()
    }
}

/// What was asked for since, but for what others asked.
fn since(life: &Life, before: &BTreeMap<String, usize>) -> BTreeMap<String, usize> {
    let mut now = life.sandbox.counts();
    for (operation, count) in before {
        *now.entry(operation.clone()).or_default() -= count;
    }
    now.retain(|_, count| *count > 0);
    now
}

/// Long enough for everything to be believed and for the next report to be a new one.
fn hours_pass(life: &Life) {
    life.sandbox.clock().advance(Duration::from_secs(5 * 3600));
}

#[tokio::test]
async fn a_hundred_users_are_made_by_two_writes_each_and_seen_by_six_requests() {
    let life = Life::begin(wide(), &users(100)).await;
    let report = life.apply().await;
    assert!(report.is_complete());
    let counts = life.sandbox.counts();
    let writes: usize = counts
        .iter()
        .filter(|(name, _)| is_write(name))
        .map(|(_, count)| count)
        .sum();
    let reads = counts.values().sum::<usize>() - writes;
    assert_eq!(writes, 200);
    assert!(reads <= 6, "{counts:#?}");

    hours_pass(&life);
    let before = life.sandbox.counts();
    assert!(life.apply().await.ended.is_empty());
    let counts = since(&life, &before);
    // The first report after so long is a new one, which is asked for twice.
    assert!(counts.values().sum::<usize>() <= 6, "{counts:#?}");
    assert_eq!(counts.get("iam:ListAccessKeys"), None);

    let before = life.sandbox.counts();
    let plan = life.plan().await;
    assert!(plan.is_settled());
    let counts = since(&life, &before);
    assert!(counts.values().sum::<usize>() <= 6, "{counts:#?}");
    // It says that it has the keys from a report.
    let earlier = plan.told_earlier.unwrap();
    assert_eq!(earlier.kinds, ["AccessKey".to_owned()].into());
    assert!(earlier.places == 100 && earlier.at <= plan.at);

    let iam = life.somebody().await;
    let tag = Tag::builder().key("theirs").value("x").build().unwrap();
    iam.tag_user()
        .user_name("svc-42")
        .tags(tag)
        .send()
        .await
        .unwrap();
    let before = life.sandbox.counts();
    let report = life.apply().await;
    assert_eq!((report.done(), report.not_done()), (1, 0));
    let counts = since(&life, &before);
    assert_eq!(counts.get("iam:UntagUser"), Some(&1));
    assert!(counts.values().sum::<usize>() <= 10, "{counts:#?}");
}

#[tokio::test]
async fn few_of_ours_among_a_thousand_are_looked_at_by_the_cheaper_way() {
    for (ours, strangers, is_bulk) in [(10, 990, true), (2, 990, false), (3, 990, true)] {
        let life = Life::begin(wide(), &users(ours)).await;
        let iam = life.somebody().await;
        for number in 0..strangers {
            iam.create_user()
                .user_name(format!("their-{number}"))
                .send()
                .await
                .unwrap();
        }
        life.settles().await;
        hours_pass(&life);
        let before = life.sandbox.counts();
        assert!(life.plan().await.is_settled());
        let counts = since(&life, &before);
        let pages = counts.get("iam:GetAccountAuthorizationDetails");
        let single = counts.get("iam:GetUser");
        // Ten pages of a hundred at the least, against four calls for each.
        assert_eq!(
            (pages.is_some(), single.is_some()),
            (is_bulk, !is_bulk),
            "{ours}: {counts:#?}"
        );
        let reports = counts.get("iam:GenerateCredentialReport");
        assert_eq!(reports.is_some(), ours >= 3, "{counts:#?}");
        let lists = counts
            .get("iam:ListAccessKeys")
            .copied()
            .unwrap_or_default();
        assert_eq!(lists, if ours >= 3 { 0 } else { ours }, "{counts:#?}");
    }
}

#[tokio::test]
async fn keys_that_are_younger_than_the_report_are_listed_by_themselves() {
    let mut life = Life::begin(wide(), &users(20)).await;
    life.settles().await;
    hours_pass(&life);
    // The report is made now, and given again for four hours.
    assert!(life.plan().await.is_settled());
    for (number, canary) in ["iam_user.u3", "iam_user.u7"].into_iter().enumerate() {
        life.rotate(canary, 2);
        life.sandbox
            .clock()
            .advance(Duration::from_secs(60 + number as u64));
    }
    assert!(life.apply().await.is_complete());
    life.sandbox.clock().advance(Duration::from_secs(600));
    let before = life.sandbox.counts();
    assert!(life.plan().await.is_settled());
    let counts = since(&life, &before);
    assert_eq!(counts.get("iam:ListAccessKeys"), Some(&2), "{counts:#?}");
}

#[tokio::test]
async fn a_key_that_somebody_swapped_within_a_report_is_told() {
    let life = Life::begin(wide(), &users(5)).await;
    life.settles().await;
    hours_pass(&life);
    assert!(life.plan().await.is_settled());
    // The report that was made tells nothing of what happens now.
    let iam = life.somebody().await;
    let (id, _) = life.keys_of("svc-1").await.remove(0);
    iam.delete_access_key()
        .user_name("svc-1")
        .access_key_id(id)
        .send()
        .await
        .unwrap();
    hours_pass(&life);
    let plan = life.plan().await;
    let step = plan.step(&"iam_user.u1/key".parse().unwrap()).unwrap();
    assert!(matches!(step.action, Action::Create { .. }), "{plan:#?}");
}

#[tokio::test]
async fn a_key_that_died_since_the_report_is_not_planted_again() {
    let mut life = Life::begin(wide(), &users(5)).await;
    life.settles().await;
    hours_pass(&life);
    // The report is made now, and given again for four hours.
    assert!(life.plan().await.is_settled());
    life.sandbox.clock().advance(Duration::from_secs(3600));
    let iam = life.somebody().await;
    let (id, _) = life.keys_of("svc-1").await.remove(0);
    let request = iam.delete_access_key().user_name("svc-1");
    request.access_key_id(id).send().await.unwrap();
    let made = iam.create_access_key().user_name("svc-2").send().await;
    let theirs = made.unwrap().access_key.unwrap().access_key_id;
    // Somebody's key takes the room in another, which is rotated.
    life.config += "[note.n]\nof = \"iam_user.u1\"\n";
    life.rotate("iam_user.u2", 2);
    let before = life.sandbox.counts();
    let plan = life.plan().await;
    let counts = since(&life, &before);
    assert_eq!(counts.get("iam:ListAccessKeys"), Some(&2), "{counts:#?}");
    assert_eq!(counts.get("iam:GetUser"), None, "{counts:#?}");
    let told = plan.steps.iter().filter(|step| step.outside.is_some());
    assert_eq!(told.count(), 2, "{plan:#?}");
    let report = life.apply().await;
    assert_eq!(report.not_done(), 1, "{report:#?}");
    life.keys_are_owned("svc-1", Some("n"), &[]).await;
    life.keys_are_owned("svc-2", None, &[&theirs]).await;
    assert_eq!(life.most_keys(), 2);
}

#[tokio::test]
async fn a_console_password_is_told_by_the_report_and_asked_for_where_it_says_so() {
    let life = Life::begin(wide(), &users(5)).await;
    life.settles().await;
    let iam = life.somebody().await;
    let request = iam.create_login_profile().user_name("svc-3");
    request.password("theirs-0123456789").send().await.unwrap();
    hours_pass(&life);
    let asked = |before: &BTreeMap<String, usize>| {
        let counts = since(&life, before);
        counts.get("iam:GetLoginProfile").copied()
    };
    let before = life.sandbox.counts();
    let plan = life.plan().await;
    assert_eq!(asked(&before), Some(1));
    let told: Vec<String> = plan
        .steps
        .iter()
        .filter(|step| step.outside.is_some())
        .map(|step| step.handle.path())
        .collect();
    assert_eq!(told, ["svc-3/console-password"]);
    // The same report, and no password any more.
    let request = iam.delete_login_profile().user_name("svc-3");
    request.send().await.unwrap();
    assert!(!life.plan().await.has_drift());
}

#[tokio::test]
async fn whom_the_report_does_not_know_yet_is_asked_for_a_password() {
    let mut life = Life::begin(wide(), &users(5)).await;
    life.settles().await;
    hours_pass(&life);
    // The report is made now, and given again for four hours.
    assert!(life.plan().await.is_settled());
    life.sandbox.clock().advance(Duration::from_secs(60));
    life.config = users(6);
    life.settles().await;
    let iam = life.somebody().await;
    let request = iam.create_login_profile().user_name("svc-5");
    request.password("theirs-0123456789").send().await.unwrap();
    life.sandbox.clock().advance(Duration::from_secs(600));
    let before = life.sandbox.counts();
    let plan = life.plan().await;
    let asked = since(&life, &before).get("iam:GetLoginProfile").copied();
    assert_eq!(asked, Some(1));
    let told = plan.steps.iter().filter(|step| step.outside.is_some());
    let told: Vec<String> = told.map(|step| step.handle.path()).collect();
    assert_eq!(told, ["svc-5/console-password"]);
}

#[tokio::test]
async fn every_list_is_followed_over_its_pages() {
    let config = format!(
        "{}[iam_role.r]\nname = \"their-role-9\"\n",
        users(10).replace("svc-", "zzz-")
    );
    let life = Life::begin(options(), &config).await;
    let iam = life.somebody().await;
    for number in 0..10 {
        iam.create_user()
            .user_name(format!("aaa-{number}"))
            .send()
            .await
            .unwrap();
        iam.create_group()
            .group_name(format!("g{number}"))
            .send()
            .await
            .unwrap();
    }
    life.settles().await;
    life.sandbox.clock().advance(Duration::from_secs(600));
    // Four of each, where a page has three.
    let names = [
        "AWSDenyAll",
        "ReadOnlyAccess",
        "SecurityAudit",
        "ViewOnlyAccess",
    ];
    for (number, name) in names.iter().enumerate() {
        let arn = format!("arn:aws:iam::aws:policy/{name}");
        drop(
            iam.attach_user_policy()
                .user_name("zzz-9")
                .policy_arn(&arn)
                .send()
                .await,
        );
        drop(
            iam.attach_role_policy()
                .role_name("their-role-9")
                .policy_arn(&arn)
                .send()
                .await,
        );
        iam.add_user_to_group()
            .user_name("zzz-9")
            .group_name(format!("g{number}"))
            .send()
            .await
            .unwrap();
        let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
        let request = iam
            .put_user_policy()
            .user_name("zzz-9")
            .policy_name(format!("p{number}"));
        request.policy_document(document).send().await.unwrap();
        let request = iam
            .put_role_policy()
            .role_name("their-role-9")
            .policy_name(format!("p{number}"));
        request.policy_document(document).send().await.unwrap();
    }
    let plan = life.plan().await;
    let intruders = plan
        .steps
        .iter()
        .filter(|step| format!("{:?}", step.outside).contains("Intruder"));
    assert_eq!(intruders.count(), 8, "{plan:#?}");
    let told = format!("{plan:?}");
    for number in 0..4 {
        assert!(told.contains(&format!("groups.g{number}")), "g{number}");
    }
    assert!(
        told.contains("attached.arn:aws:iam::aws:policy/ReadOnlyAccess"),
        "{told}"
    );
    drop(life.apply().await);
    let groups = iam
        .list_groups_for_user()
        .user_name("zzz-9")
        .send()
        .await
        .unwrap();
    assert!(groups.groups().is_empty());
}
