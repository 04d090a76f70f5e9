//! IAM in the sandbox, by the production client.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod sandbox_support;

use aws_sdk_iam::Client;
use aws_sdk_iam::types::{EntityType, StatusType, Tag};
use sandbox_support::{ACCOUNT, admin, code, config, message, of, sandbox, user_with_key};

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"sts:AssumeRole"}]}"#;
const DENY: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#;

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build().unwrap()
}

#[tokio::test]
async fn a_user_is_read_back_as_it_was_made() {
    let sandbox = sandbox().await;
    let iam = Client::new(&admin(&sandbox).await);
    let made = iam
        .create_user()
        .user_name("svc-Backup")
        .path("/service/")
        .tags(tag("team", "data & <storage>"))
        .send()
        .await
        .unwrap();
    let user = made.user().unwrap();
    assert_eq!(
        user.arn(),
        format!("arn:aws:iam::{ACCOUNT}:user/service/svc-Backup")
    );
    assert!(user.user_id().starts_with("AIDA") && user.user_id().len() == 21);
    let got = iam.get_user().user_name("svc-Backup").send().await.unwrap();
    let got = got.user().unwrap();
    assert_eq!(got.user_id(), user.user_id());
    assert_eq!(got.tags()[0].value(), "data & <storage>");
    assert_eq!(
        got.create_date().secs(),
        sandbox_support::start_of_time().as_second()
    );
}

#[tokio::test]
async fn names_differ_by_more_than_case_and_have_few_characters() {
    let sandbox = sandbox().await;
    let iam = Client::new(&admin(&sandbox).await);
    iam.create_user().user_name("backup").send().await.unwrap();
    let again = iam.create_user().user_name("BackUp").send().await;
    assert!(
        again
            .unwrap_err()
            .into_service_error()
            .is_entity_already_exists_exception()
    );
    for name in ["bad name!", &"x".repeat(65)] {
        assert_eq!(
            code(iam.create_user().user_name(name).send().await),
            "ValidationError"
        );
    }
    let path = iam
        .create_user()
        .user_name("x")
        .path("noslash")
        .send()
        .await;
    assert_eq!(code(path), "ValidationError");
}

#[tokio::test]
async fn a_user_has_two_keys_that_name_the_account() {
    let sandbox = sandbox().await;
    let iam = Client::new(&admin(&sandbox).await);
    iam.create_user().user_name("u").send().await.unwrap();
    for _ in 0..2 {
        let key = iam.create_access_key().user_name("u").send().await.unwrap();
        let key = key.access_key().unwrap();
        assert!(key.access_key_id().starts_with("AKIA") && key.access_key_id().len() == 20);
        assert_eq!(key.secret_access_key().len(), 40);
    }
    let third = iam.create_access_key().user_name("u").send().await;
    assert!(
        third
            .unwrap_err()
            .into_service_error()
            .is_limit_exceeded_exception()
    );
    let keys = iam.list_access_keys().user_name("u").send().await.unwrap();
    assert_eq!(keys.access_key_metadata().len(), 2);
}

#[tokio::test]
async fn users_come_in_pages_and_by_path() {
    let sandbox = sandbox().await;
    let iam = Client::new(&admin(&sandbox).await);
    for number in 0..7 {
        let name = format!("svc-{number}");
        iam.create_user()
            .user_name(name)
            .path("/service/")
            .send()
            .await
            .unwrap();
    }
    let first = iam
        .list_users()
        .path_prefix("/service/")
        .send()
        .await
        .unwrap();
    assert!(first.is_truncated() && first.users().len() == 3);
    let mut pages = iam
        .list_users()
        .path_prefix("/service/")
        .into_paginator()
        .items()
        .send();
    let mut names = Vec::new();
    while let Some(user) = pages.next().await {
        names.push(user.unwrap().user_name().to_owned());
    }
    assert_eq!(names.len(), 7);
    assert_eq!(sandbox.count("iam:ListUsers"), 4);
    let all = iam.list_users().max_items(1000).send().await.unwrap();
    assert_eq!(all.users().len(), 3, "a page holds what the account says");
}

#[tokio::test]
async fn what_hangs_on_a_user_keeps_it_from_being_deleted() {
    let sandbox = sandbox().await;
    let iam = Client::new(&admin(&sandbox).await);
    let key = user_with_key(&iam, "u").await;
    let delete = || iam.delete_user().user_name("u").send();
    let put = iam.put_user_policy().user_name("u").policy_name("deny");
    put.policy_document(DENY).send().await.unwrap();
    iam.create_group().group_name("g").send().await.unwrap();
    iam.add_user_to_group()
        .group_name("g")
        .user_name("u")
        .send()
        .await
        .unwrap();
    assert!(message(delete().await).contains("access keys"));
    let id = key.access_key_id();
    iam.delete_access_key()
        .user_name("u")
        .access_key_id(id)
        .send()
        .await
        .unwrap();
    assert!(message(delete().await).contains("policies"));
    iam.delete_user_policy()
        .user_name("u")
        .policy_name("deny")
        .send()
        .await
        .unwrap();
    assert_eq!(code(delete().await), "DeleteConflict");
    let groups = iam
        .list_groups_for_user()
        .user_name("u")
        .send()
        .await
        .unwrap();
    assert_eq!(groups.groups()[0].group_name(), "g");
    iam.remove_user_from_group()
        .group_name("g")
        .user_name("u")
        .send()
        .await
        .unwrap();
    delete().await.unwrap();
    assert_eq!(
        code(iam.get_user().user_name("u").send().await),
        "NoSuchEntity"
    );
}

#[tokio::test]
async fn a_key_that_is_not_active_is_not_known_and_can_come_back() {
    let sandbox = sandbox().await;
    let iam = Client::new(&admin(&sandbox).await);
    let key = user_with_key(&iam, "u").await;
    let sts = aws_sdk_sts::Client::new(&config(&sandbox, key.clone()).await);
    let set = |status| {
        let call = iam
            .update_access_key()
            .user_name("u")
            .access_key_id(key.access_key_id());
        call.status(status).send()
    };
    assert!(sts.get_caller_identity().send().await.is_ok());
    set(StatusType::Inactive).await.unwrap();
    assert_eq!(
        code(sts.get_caller_identity().send().await),
        "InvalidClientTokenId"
    );
    set(StatusType::Active).await.unwrap();
    assert!(sts.get_caller_identity().send().await.is_ok());
    assert_eq!(code(set(StatusType::from("Gone")).await), "ValidationError");
    let delete = iam
        .delete_access_key()
        .user_name("u")
        .access_key_id(key.access_key_id());
    delete.send().await.unwrap();
    assert_eq!(
        code(sts.get_caller_identity().send().await),
        "InvalidClientTokenId"
    );
}

#[tokio::test]
async fn a_user_without_policies_is_denied_in_aws_words() {
    let sandbox = sandbox().await;
    let key = user_with_key(&Client::new(&admin(&sandbox).await), "u").await;
    let config = config(&sandbox, key).await;
    let iam = Client::new(&config);
    let me = format!("User: arn:aws:iam::{ACCOUNT}:user/u is not authorized to perform:");
    assert_eq!(
        message(iam.list_users().send().await),
        format!(
            "{me} iam:ListUsers on resource: arn:aws:iam::{ACCOUNT}:user/ because no identity-based policy allows the iam:ListUsers action"
        )
    );
    assert_eq!(
        message(iam.create_access_key().user_name("other").send().await),
        format!(
            "{me} iam:CreateAccessKey on resource: user other because no identity-based policy allows the iam:CreateAccessKey action"
        )
    );
    let s3 = aws_sdk_s3::Client::new(&config);
    let buckets = s3.list_buckets().send().await;
    assert_eq!(
        message(buckets),
        format!(
            "{me} s3:ListAllMyBuckets because no identity-based policy allows the s3:ListAllMyBuckets action"
        )
    );
    let secrets = aws_sdk_secretsmanager::Client::new(&config);
    assert_eq!(
        code(secrets.list_secrets().send().await),
        "AccessDeniedException"
    );
}

#[tokio::test]
async fn a_principal_may_what_it_was_given_and_a_denial_wins() {
    let sandbox = sandbox().await;
    let keys = sandbox.principal("reader", &["iam:List*", "iam:GetUser"]);
    let reader = Client::new(&config(&sandbox, of(&keys)).await);
    assert!(reader.list_users().send().await.is_ok());
    assert_eq!(
        code(reader.create_user().user_name("x").send().await),
        "AccessDenied"
    );
    let iam = Client::new(&admin(&sandbox).await);
    let arn = "arn:aws:iam::aws:policy/AWSDenyAll";
    iam.attach_user_policy()
        .user_name("reader")
        .policy_arn(arn)
        .send()
        .await
        .unwrap();
    assert!(
        message(reader.list_users().send().await)
            .ends_with("with an explicit deny in an identity-based policy")
    );
    let unknown = iam
        .attach_user_policy()
        .user_name("reader")
        .policy_arn("arn:aws:iam::aws:policy/Nope");
    assert_eq!(code(unknown.send().await), "NoSuchEntity");
}

#[tokio::test]
async fn documents_are_checked_and_come_back_percent_encoded() {
    let sandbox = sandbox().await;
    let iam = Client::new(&admin(&sandbox).await);
    iam.create_user().user_name("u").send().await.unwrap();
    let put = |document: &str| {
        let call = iam.put_user_policy().user_name("u").policy_name("p");
        call.policy_document(document).send()
    };
    assert_eq!(code(put("{}").await), "MalformedPolicyDocument");
    let long = DENY.replace("\"*\"}", &format!("\"{}\"}}", "a".repeat(2048)));
    assert_eq!(code(put(&long).await), "LimitExceeded");
    put(DENY).await.unwrap();
    let got = iam
        .get_user_policy()
        .user_name("u")
        .policy_name("p")
        .send()
        .await
        .unwrap();
    assert!(got.policy_document().starts_with("%7B%22Version%22%3A"));
}

#[tokio::test]
async fn everything_about_users_and_roles_comes_in_pages() {
    let sandbox = sandbox().await;
    let iam = Client::new(&admin(&sandbox).await);
    for number in 0..4 {
        let name = format!("u{number}");
        iam.create_user()
            .user_name(&name)
            .tags(tag("n", &name))
            .send()
            .await
            .unwrap();
        let put = iam.put_user_policy().user_name(&name).policy_name("deny");
        put.policy_document(DENY).send().await.unwrap();
        let role = iam
            .create_role()
            .role_name(&name)
            .assume_role_policy_document(TRUST);
        role.send().await.unwrap();
    }
    let (mut users, mut roles, mut pages, mut marker) = (Vec::new(), Vec::new(), 0, None);
    loop {
        let call = iam.get_account_authorization_details().set_marker(marker);
        let call = call.filter(EntityType::User).filter(EntityType::Role);
        let page = call.send().await.unwrap();
        pages += 1;
        users.extend(page.user_detail_list().to_vec());
        roles.extend(page.role_detail_list().to_vec());
        marker = page.marker().map(ToOwned::to_owned);
        if !page.is_truncated() {
            break;
        }
    }
    assert_eq!((users.len(), roles.len(), pages), (5, 4, 3));
    let one = users
        .iter()
        .find(|user| user.user_name() == Some("u2"))
        .unwrap();
    assert_eq!(one.user_policy_list()[0].policy_name(), Some("deny"));
    assert_eq!(one.tags()[0].value(), "u2");
    let only = iam
        .get_account_authorization_details()
        .filter(EntityType::Role)
        .send()
        .await
        .unwrap();
    assert!(only.user_detail_list().is_empty() && only.role_detail_list().len() == 3);
}

#[tokio::test]
async fn a_role_lives_from_making_to_deletion() {
    let sandbox = sandbox().await;
    let iam = Client::new(&admin(&sandbox).await);
    let create = |trust: &str| {
        let call = iam.create_role().role_name("deploy").description("CI");
        call.assume_role_policy_document(trust)
            .max_session_duration(7200)
            .send()
    };
    assert_eq!(code(create(DENY).await), "MalformedPolicyDocument");
    create(TRUST).await.unwrap();
    assert_eq!(code(create(TRUST).await), "EntityAlreadyExists");
    iam.tag_role()
        .role_name("deploy")
        .tags(tag("team", "ci"))
        .send()
        .await
        .unwrap();
    let put = iam.put_role_policy().role_name("deploy").policy_name("p");
    put.policy_document(DENY).send().await.unwrap();
    iam.update_role()
        .role_name("deploy")
        .max_session_duration(3600)
        .send()
        .await
        .unwrap();
    let got = iam.get_role().role_name("DEPLOY").send().await.unwrap();
    let role = got.role().unwrap();
    assert_eq!(
        (role.max_session_duration(), role.tags().len()),
        (Some(3600), 1)
    );
    assert!(role.role_id().starts_with("AROA"));
    assert_eq!(
        code(iam.delete_role().role_name("deploy").send().await),
        "DeleteConflict"
    );
    iam.delete_role_policy()
        .role_name("deploy")
        .policy_name("p")
        .send()
        .await
        .unwrap();
    iam.delete_role().role_name("deploy").send().await.unwrap();
}

#[tokio::test]
async fn a_user_that_is_renamed_keeps_its_id_and_its_keys() {
    let sandbox = sandbox().await;
    let iam = Client::new(&admin(&sandbox).await);
    let key = user_with_key(&iam, "old").await;
    let before = iam.get_user().user_name("old").send().await.unwrap();
    iam.update_user()
        .user_name("old")
        .new_user_name("new")
        .new_path("/x/")
        .send()
        .await
        .unwrap();
    let after = iam.get_user().user_name("new").send().await.unwrap();
    let (before, after) = (before.user().unwrap(), after.user().unwrap());
    assert_eq!((before.user_id(), after.path()), (after.user_id(), "/x/"));
    let sts = aws_sdk_sts::Client::new(&config(&sandbox, key).await);
    let identity = sts.get_caller_identity().send().await.unwrap();
    assert_eq!(
        identity.arn().unwrap(),
        format!("arn:aws:iam::{ACCOUNT}:user/x/new")
    );
}

#[tokio::test]
async fn the_last_use_of_a_key_is_told_also_of_a_denied_one() {
    let sandbox = sandbox().await;
    let iam = Client::new(&admin(&sandbox).await);
    let key = user_with_key(&iam, "u").await;
    let used = || {
        iam.get_access_key_last_used()
            .access_key_id(key.access_key_id())
            .send()
    };
    let before = used().await.unwrap();
    assert_eq!(before.access_key_last_used().unwrap().service_name(), "N/A");
    let thief = aws_sdk_ssm::Client::new(&config(&sandbox, key.clone()).await);
    assert_eq!(
        code(thief.describe_parameters().send().await),
        "AccessDeniedException"
    );
    let after = used().await.unwrap();
    assert_eq!(after.user_name(), Some("u"));
    let last = after.access_key_last_used().unwrap();
    assert_eq!((last.service_name(), last.region()), ("ssm", "eu-west-1"));
}

#[tokio::test]
async fn a_credential_report_is_made_at_most_every_four_hours() {
    let sandbox = sandbox().await;
    let iam = Client::new(&admin(&sandbox).await);
    assert_eq!(
        code(iam.get_credential_report().send().await),
        "ReportNotPresent"
    );
    let state = || async {
        let answer = iam.generate_credential_report().send().await.unwrap();
        answer.state().unwrap().as_str().to_owned()
    };
    assert_eq!(state().await, "STARTED");
    assert_eq!(state().await, "INPROGRESS");
    assert_eq!(state().await, "COMPLETE");
    let key = user_with_key(&iam, "late").await;
    let content = || async {
        let report = iam.get_credential_report().send().await.unwrap();
        String::from_utf8(report.content().unwrap().as_ref().to_vec()).unwrap()
    };
    let first = content().await;
    assert!(first.starts_with("user,arn,user_creation_time,"));
    assert!(first.lines().nth(1).unwrap().starts_with("<root_account>,"));
    assert!(
        !first.contains("late"),
        "what is younger than the report is not in it"
    );
    sandbox
        .clock()
        .advance(std::time::Duration::from_secs(4 * 3600));
    assert_eq!(
        code(iam.get_credential_report().send().await),
        "ReportExpired"
    );
    let sts = aws_sdk_sts::Client::new(&config(&sandbox, key).await);
    sts.get_caller_identity().send().await.unwrap();
    assert_eq!(state().await, "STARTED");
    assert_eq!(
        code(iam.get_credential_report().send().await),
        "ReportInProgress"
    );
    let second = content().await;
    let line = second
        .lines()
        .find(|line| line.starts_with("late,"))
        .unwrap();
    let fields: Vec<&str> = line.split(',').collect();
    assert_eq!(fields.len(), 22);
    assert_eq!(
        fields[8..13],
        [
            "true",
            "2026-11-03T09:14:11+00:00",
            "2026-11-03T13:14:11+00:00",
            "eu-west-1",
            "sts"
        ]
    );
}

#[tokio::test]
async fn the_summary_has_quotas() {
    let sandbox = sandbox().await;
    let iam = Client::new(&admin(&sandbox).await);
    let summary = iam.get_account_summary().send().await.unwrap();
    let map = summary.summary_map().unwrap();
    assert_eq!(map[&aws_sdk_iam::types::SummaryKeyType::UsersQuota], 5000);
    assert!(
        iam.list_account_aliases()
            .send()
            .await
            .unwrap()
            .account_aliases()
            .is_empty()
    );
}

#[tokio::test]
async fn a_policy_for_a_path_counts_for_the_users_below_it_and_tags_need_a_right() {
    let sandbox = sandbox().await;
    let iam = Client::new(&admin(&sandbox).await);
    let keys = sandbox.principal("operator", &[]);
    let policy = r#"{"Statement":{"Effect":"Allow","Action":["iam:CreateUser","iam:DeleteUser"],"Resource":"arn:aws:iam::*:user/service/*"}}"#;
    let put = iam.put_user_policy().user_name("operator").policy_name("p");
    put.policy_document(policy).send().await.unwrap();
    let operator = Client::new(&config(&sandbox, of(&keys)).await);
    let create = |name: &str, path: &str| operator.create_user().user_name(name).path(path);
    assert_eq!(code(create("a", "/").send().await), "AccessDenied");
    let tagged = create("a", "/service/").tags(tag("k", "v")).send().await;
    assert!(message(tagged).contains("iam:TagUser"));
    create("a", "/service/").send().await.unwrap();
    iam.create_user().user_name("b").send().await.unwrap();
    assert_eq!(
        code(operator.delete_user().user_name("b").send().await),
        "AccessDenied"
    );
    operator.delete_user().user_name("a").send().await.unwrap();
}
