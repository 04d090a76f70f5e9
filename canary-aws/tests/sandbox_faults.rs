//! What goes wrong when the sandbox is told so: throttling, errors, lost answers, late belief.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod sandbox_support;

use std::time::{Duration, Instant};

use aws_smithy_runtime_api::client::result::SdkError;
use canary_aws::sandbox::{
    Consistency, Fault, FaultKind, Lag, Sandbox, SandboxClock, SandboxOptions,
};
use jiff::SignedDuration;
use sandbox_support::{admin, code, config, of, options, sandbox, user_with_key};

#[tokio::test]
async fn each_service_throttles_in_its_own_words() {
    let sandbox = sandbox().await;
    let config = admin(&sandbox).await;
    for operation in [
        "iam:CreateUser",
        "ssm:GetParameter",
        "sqs:GetQueueUrl",
        "s3:ListBuckets",
    ] {
        sandbox.faults().throttle(operation, 1);
    }
    let iam = aws_sdk_iam::Client::new(&config);
    let create = || iam.create_user().user_name("u").send();
    assert_eq!(code(create().await), "Throttling");
    assert_eq!(
        code(
            aws_sdk_ssm::Client::new(&config)
                .get_parameter()
                .name("/a")
                .send()
                .await
        ),
        "ThrottlingException"
    );
    assert_eq!(
        code(
            aws_sdk_sqs::Client::new(&config)
                .get_queue_url()
                .queue_name("q")
                .send()
                .await
        ),
        "RequestThrottled"
    );
    assert_eq!(
        code(aws_sdk_s3::Client::new(&config).list_buckets().send().await),
        "SlowDown"
    );
    assert!(sandbox.events().is_empty());
    create().await.unwrap();
    assert_eq!(
        (sandbox.count("iam:CreateUser"), sandbox.faults().done()),
        (2, 4)
    );
}

#[tokio::test]
async fn before_the_write_nothing_is_done_and_after_it_everything() {
    let sandbox = sandbox().await;
    let iam = aws_sdk_iam::Client::new(&admin(&sandbox).await);
    for (kind, done) in [
        (FaultKind::Error, false),
        (FaultKind::ErrorAfter, true),
        (FaultKind::Cut, false),
        (FaultKind::CutAfter, true),
    ] {
        let name = format!("{kind:?}");
        sandbox
            .faults()
            .push(Fault::once(kind).on("iam:CreateUser"));
        let made = iam.create_user().user_name(&name).send().await.unwrap_err();
        match kind {
            FaultKind::Cut | FaultKind::CutAfter => {
                assert!(matches!(made, SdkError::DispatchFailure(_)), "{made:?}");
            }
            _ => {
                let response = made.raw_response().unwrap();
                assert_eq!(response.status().as_u16(), 500);
            }
        }
        assert_eq!(
            iam.get_user().user_name(&name).send().await.is_ok(),
            done,
            "{name}"
        );
    }
}

#[tokio::test]
async fn an_answer_that_hangs_comes_when_it_is_released() {
    let sandbox = sandbox().await;
    let iam = aws_sdk_iam::Client::new(&admin(&sandbox).await);
    sandbox
        .faults()
        .push(Fault::once(FaultKind::HangAfter).on("iam:"));
    let call = tokio::spawn(iam.create_user().user_name("u").send());
    sandbox.faults().wait_for_hanging(1).await;
    assert_eq!(iam.list_users().send().await.unwrap().users().len(), 2);
    sandbox.faults().release();
    call.await.unwrap().unwrap();
}

async fn lagging(lag: Lag, own: bool) -> Sandbox {
    let consistency = Consistency {
        lag,
        own_writes_at_once: own,
    };
    Sandbox::start(SandboxOptions {
        consistency,
        ..options()
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn others_read_late_what_was_written() {
    let sandbox = lagging(Lag::Reads(2), true).await;
    let mine = aws_sdk_iam::Client::new(&admin(&sandbox).await);
    let theirs = sandbox.principal("reader", &["iam:*"]);
    let theirs = aws_sdk_iam::Client::new(&config(&sandbox, of(&theirs)).await);
    mine.create_user().user_name("u").send().await.unwrap();
    assert!(mine.get_user().user_name("u").send().await.is_ok());
    for late in [true, true, false] {
        assert_eq!(theirs.get_user().user_name("u").send().await.is_err(), late);
    }
}

#[tokio::test]
async fn a_writer_can_be_made_to_miss_its_own_write_and_is_still_told_that_a_name_is_taken() {
    let sandbox = lagging(Lag::Time(SignedDuration::from_secs(10)), false).await;
    let iam = aws_sdk_iam::Client::new(&admin(&sandbox).await);
    iam.create_user().user_name("u").send().await.unwrap();
    assert_eq!(
        code(iam.get_user().user_name("u").send().await),
        "NoSuchEntity"
    );
    assert_eq!(
        code(iam.create_user().user_name("u").send().await),
        "EntityAlreadyExists"
    );
    sandbox.clock().advance(Duration::from_secs(10));
    assert!(iam.get_user().user_name("u").send().await.is_ok());
}

#[tokio::test]
async fn a_new_key_and_a_new_right_are_believed_late() {
    let sandbox = lagging(Lag::Time(SignedDuration::from_secs(4)), true).await;
    let iam = aws_sdk_iam::Client::new(&admin(&sandbox).await);
    let key = user_with_key(&iam, "u").await;
    let user = config(&sandbox, key).await;
    let sts = aws_sdk_sts::Client::new(&user);
    assert_eq!(
        code(sts.get_caller_identity().send().await),
        "InvalidClientTokenId"
    );
    sandbox.clock().advance(Duration::from_secs(4));
    assert!(sts.get_caller_identity().send().await.is_ok());
    let arn = "arn:aws:iam::aws:policy/IAMReadOnlyAccess";
    iam.attach_user_policy()
        .user_name("u")
        .policy_arn(arn)
        .send()
        .await
        .unwrap();
    let users = aws_sdk_iam::Client::new(&user);
    assert_eq!(code(users.list_users().send().await), "AccessDenied");
    sandbox.clock().advance(Duration::from_secs(4));
    assert!(users.list_users().send().await.is_ok());
}

#[tokio::test]
async fn the_same_seed_and_requests_give_the_same_records() {
    let run = async || {
        let clock = SandboxClock::standing(sandbox_support::start_of_time());
        let sandbox = Sandbox::start(SandboxOptions { clock, ..options() })
            .await
            .unwrap();
        let iam = aws_sdk_iam::Client::new(&admin(&sandbox).await);
        let (one, two) = tokio::join!(user_with_key(&iam, "one"), user_with_key(&iam, "two"));
        let mut ids: Vec<String> = sandbox
            .events()
            .iter()
            .map(|event| event["eventID"].to_string())
            .collect();
        ids.sort();
        (
            one.secret_access_key().to_owned(),
            two.access_key_id().to_owned(),
            ids,
        )
    };
    assert_eq!(run().await, run().await);
}

#[tokio::test]
async fn a_delayed_answer_comes_after_its_time_and_what_it_tells_is_done_before() {
    let sandbox = sandbox().await;
    let iam = aws_sdk_iam::Client::new(&admin(&sandbox).await);
    let delay = Duration::from_millis(300);
    let fault = Fault::once(FaultKind::Delay(delay)).on("iam:CreateUser");
    sandbox.faults().push(fault);
    let begun = Instant::now();
    let call = tokio::spawn(iam.create_user().user_name("u").send());
    while iam.get_user().user_name("u").send().await.is_err() {}
    assert!(!call.is_finished());
    call.await.unwrap().unwrap();
    assert!(begun.elapsed() >= delay);
}
