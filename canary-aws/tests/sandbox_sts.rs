//! STS in the sandbox, by the production client.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod sandbox_support;

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_sts::Client;
use canary_aws::sandbox::Sandbox;
use sandbox_support::{
    ACCOUNT, admin, code, config, config_in, credentials, message, of, sandbox, user_with_key,
};

fn trusting(arn: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{arn}"}},"Action":"sts:AssumeRole"}}]}}"#
    )
}

fn role(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role/{name}")
}

async fn with_role(sandbox: &Sandbox, name: &str, trusted: &str) {
    let iam = aws_sdk_iam::Client::new(&admin(sandbox).await);
    let create = iam.create_role().role_name(name).max_session_duration(7200);
    create
        .assume_role_policy_document(trusting(trusted))
        .send()
        .await
        .unwrap();
}

fn session(given: &aws_sdk_sts::types::Credentials) -> Credentials {
    credentials(
        given.access_key_id(),
        given.secret_access_key(),
        Some(given.session_token()),
    )
}

#[tokio::test]
async fn a_session_of_a_role_is_who_it_says() {
    let sandbox = sandbox().await;
    with_role(&sandbox, "deploy", ACCOUNT).await;
    let sts = Client::new(&admin(&sandbox).await);
    let assumed = sts
        .assume_role()
        .role_arn(role("deploy"))
        .role_session_name("build-1");
    let assumed = assumed.send().await.unwrap();
    let given = assumed.credentials().unwrap();
    assert!(given.access_key_id().starts_with("ASIA"));
    let mine = Client::new(&config(&sandbox, session(given)).await);
    let me = mine.get_caller_identity().send().await.unwrap();
    assert_eq!(
        me.arn().unwrap(),
        format!("arn:aws:sts::{ACCOUNT}:assumed-role/deploy/build-1")
    );
    assert!(
        me.user_id().unwrap().starts_with("AROA") && me.user_id().unwrap().ends_with(":build-1")
    );
    let iam = aws_sdk_iam::Client::new(&config(&sandbox, session(given)).await);
    assert_eq!(code(iam.list_users().send().await), "AccessDenied");
}

#[tokio::test]
async fn a_session_without_its_token_or_after_its_end_is_refused() {
    let sandbox = sandbox().await;
    with_role(&sandbox, "deploy", ACCOUNT).await;
    let sts = Client::new(&admin(&sandbox).await);
    let assumed = sts
        .assume_role()
        .role_arn(role("deploy"))
        .role_session_name("s1");
    let assumed = assumed.duration_seconds(900).send().await.unwrap();
    let given = assumed.credentials().unwrap();
    let bare = credentials(given.access_key_id(), given.secret_access_key(), None);
    let bare = Client::new(&config(&sandbox, bare).await);
    assert_eq!(
        code(bare.get_caller_identity().send().await),
        "InvalidClientTokenId"
    );
    sandbox.clock().advance(Duration::from_secs(900));
    let late = Client::new(&config(&sandbox, session(given)).await);
    assert_eq!(
        code(late.get_caller_identity().send().await),
        "ExpiredToken"
    );
}

#[tokio::test]
async fn a_role_is_assumed_by_whom_it_trusts_and_a_missing_one_is_denied_alike() {
    let sandbox = sandbox().await;
    let iam = aws_sdk_iam::Client::new(&admin(&sandbox).await);
    let trusted = user_with_key(&iam, "trusted").await;
    let other = user_with_key(&iam, "other").await;
    with_role(
        &sandbox,
        "deploy",
        &format!("arn:aws:iam::{ACCOUNT}:user/trusted"),
    )
    .await;
    let assume = async |credentials: Credentials, name: &str| {
        let sts = Client::new(&config(&sandbox, credentials).await);
        sts.assume_role()
            .role_arn(role(name))
            .role_session_name("s1")
            .send()
            .await
    };
    assert!(assume(trusted.clone(), "deploy").await.is_ok());
    let denied = message(assume(other, "deploy").await);
    assert_eq!(
        denied,
        format!(
            "User: arn:aws:iam::{ACCOUNT}:user/other is not authorized to perform: sts:AssumeRole on resource: {}",
            role("deploy")
        )
    );
    assert_eq!(code(assume(trusted, "nothing").await), "AccessDenied");
}

#[tokio::test]
async fn a_session_lasts_as_long_as_the_role_lets_it_and_a_chained_one_an_hour() {
    let sandbox = sandbox().await;
    with_role(&sandbox, "first", ACCOUNT).await;
    with_role(&sandbox, "second", &role("first")).await;
    let sts = Client::new(&admin(&sandbox).await);
    let assume = |seconds| {
        let call = sts
            .assume_role()
            .role_arn(role("first"))
            .role_session_name("s1");
        call.duration_seconds(seconds).send()
    };
    for wrong in [899, 7201, 43_201] {
        assert_eq!(code(assume(wrong).await), "ValidationError", "{wrong}");
    }
    let first = assume(7200).await.unwrap();
    let chained = Client::new(&config(&sandbox, session(first.credentials().unwrap())).await);
    let again = |seconds| {
        let call = chained
            .assume_role()
            .role_arn(role("second"))
            .role_session_name("s2");
        call.duration_seconds(seconds).send()
    };
    assert!(message(again(3601).await).contains("role chaining"));
    assert!(again(3600).await.is_ok());
    let spaced = sts
        .assume_role()
        .role_arn(role("first"))
        .role_session_name("a b")
        .send()
        .await;
    assert_eq!(code(spaced), "ValidationError");
}

#[tokio::test]
async fn borrowed_credentials_of_a_user_do_not_reach_iam() {
    let sandbox = sandbox().await;
    let sts = Client::new(&admin(&sandbox).await);
    let given = sts.get_session_token().send().await.unwrap();
    let borrowed = config(&sandbox, session(given.credentials().unwrap())).await;
    let sts = Client::new(&borrowed);
    let me = sts.get_caller_identity().send().await.unwrap();
    assert_eq!(
        me.arn().unwrap(),
        format!("arn:aws:iam::{ACCOUNT}:user/administrator")
    );
    let iam = aws_sdk_iam::Client::new(&borrowed);
    assert_eq!(code(iam.list_users().send().await), "InvalidClientTokenId");
    assert_eq!(
        code(sts.get_federation_token().name("bob").send().await),
        "AccessDenied"
    );
}

#[tokio::test]
async fn a_federated_user_may_what_both_give_and_outlives_the_key() {
    let sandbox = sandbox().await;
    let iam = aws_sdk_iam::Client::new(&admin(&sandbox).await);
    let keys = sandbox.principal("broker", &["sts:GetFederationToken", "ssm:*"]);
    let broker = Client::new(&config(&sandbox, of(&keys)).await);
    let policy =
        r#"{"Statement":{"Effect":"Allow","Action":"ssm:DescribeParameters","Resource":"*"}}"#;
    let given = broker
        .get_federation_token()
        .name("bob")
        .policy(policy)
        .send()
        .await
        .unwrap();
    let federated = session(given.credentials().unwrap());
    let delete = iam
        .delete_access_key()
        .user_name("broker")
        .access_key_id(&keys.id);
    delete.send().await.unwrap();
    let config = config(&sandbox, federated).await;
    let me = Client::new(&config)
        .get_caller_identity()
        .send()
        .await
        .unwrap();
    assert_eq!(
        me.arn().unwrap(),
        format!("arn:aws:sts::{ACCOUNT}:federated-user/bob")
    );
    let ssm = aws_sdk_ssm::Client::new(&config);
    assert!(ssm.describe_parameters().send().await.is_ok());
    assert_eq!(
        code(ssm.get_parameter().name("/a").send().await),
        "AccessDeniedException"
    );
}

#[tokio::test]
async fn sessions_from_before_a_revocation_are_shut_out_and_later_ones_not() {
    let sandbox = sandbox().await;
    with_role(&sandbox, "web", ACCOUNT).await;
    let iam = aws_sdk_iam::Client::new(&admin(&sandbox).await);
    let read = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    iam.attach_role_policy()
        .role_name("web")
        .policy_arn(read)
        .send()
        .await
        .unwrap();
    let sts = Client::new(&admin(&sandbox).await);
    let users = async || {
        let given = sts
            .assume_role()
            .role_arn(role("web"))
            .role_session_name("pod")
            .send()
            .await
            .unwrap();
        aws_sdk_iam::Client::new(&config(&sandbox, session(given.credentials().unwrap())).await)
    };
    let old = users().await;
    assert!(old.list_users().send().await.is_ok());
    sandbox.clock().advance(Duration::from_secs(5));
    let until = sandbox.clock().now().to_string();
    let revoke = format!(
        r#"{{"Statement":{{"Effect":"Deny","Action":"*","Resource":"*","Condition":{{"DateLessThan":{{"aws:TokenIssueTime":"{until}"}}}}}}}}"#
    );
    let put = iam
        .put_role_policy()
        .role_name("web")
        .policy_name("AWSRevokeOlderSessions");
    put.policy_document(revoke).send().await.unwrap();
    assert_eq!(code(old.list_users().send().await), "AccessDenied");
    assert!(users().await.list_users().send().await.is_ok());
}

#[tokio::test]
async fn in_a_region_that_is_not_enabled_no_key_is_known() {
    let sandbox = sandbox().await;
    let config = config_in(&sandbox, of(&sandbox.admin()), "ap-east-1").await;
    let identity = Client::new(&config).get_caller_identity().send().await;
    assert_eq!(code(identity), "InvalidClientTokenId");
    assert!(sandbox.events().is_empty());
}
