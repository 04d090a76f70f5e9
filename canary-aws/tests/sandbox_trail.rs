//! What the sandbox writes into its log, and how it reaches a queue.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod sandbox_support;

use std::time::Duration;

use aws_sdk_eventbridge::types::{RuleState, Target};
use aws_sdk_sqs::types::QueueAttributeName;
use canary_aws::sandbox::{Sandbox, SandboxOptions};
use jiff::SignedDuration;
use sandbox_support::{
    ACCOUNT, admin, code, config, config_in, credentials, of, options, sandbox, user_with_key,
};
use serde_json::{Value, json};

fn last(sandbox: &Sandbox) -> Value {
    sandbox.events().pop().unwrap()
}

#[tokio::test]
async fn a_write_is_logged_with_what_was_asked_and_given_but_no_secret() {
    let sandbox = sandbox().await;
    let iam = aws_sdk_iam::Client::new(&admin(&sandbox).await);
    let key = user_with_key(&iam, "svc-backup").await;
    let record = last(&sandbox);
    assert_eq!(record["eventSource"], "iam.amazonaws.com");
    assert_eq!(record["eventName"], "CreateAccessKey");
    assert_eq!(record["awsRegion"], "us-east-1");
    assert_eq!(
        record["requestParameters"],
        json!({ "userName": "svc-backup" })
    );
    assert_eq!(
        record["responseElements"]["accessKey"],
        json!({
            "userName": "svc-backup",
            "accessKeyId": key.access_key_id(),
            "status": "Active",
            "createDate": "Nov 3, 2026 9:14:11 AM",
        })
    );
    assert_eq!(record["userIdentity"]["type"], "IAMUser");
    assert_eq!(record["userIdentity"]["userName"], "administrator");
    assert_eq!(record["userIdentity"]["accessKeyId"], sandbox.admin().id);
    assert_eq!(
        (&record["readOnly"], &record["managementEvent"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(record["recipientAccountId"], ACCOUNT);
    assert!(
        record["userAgent"]
            .as_str()
            .unwrap()
            .contains("aws-sdk-rust")
    );
    let all = serde_json::to_string(&sandbox.events()).unwrap();
    assert!(!all.contains(key.secret_access_key()));
}

#[tokio::test]
async fn a_denied_call_is_logged_without_what_was_asked() {
    let sandbox = sandbox().await;
    let iam = aws_sdk_iam::Client::new(&admin(&sandbox).await);
    let key = user_with_key(&iam, "canary").await;
    let thief = aws_sdk_secretsmanager::Client::new(&config(&sandbox, key.clone()).await);
    assert_eq!(
        code(thief.get_secret_value().secret_id("prod/db").send().await),
        "AccessDeniedException"
    );
    let record = last(&sandbox);
    assert_eq!(record["errorCode"], "AccessDenied");
    let want = format!(
        "User: arn:aws:iam::{ACCOUNT}:user/canary is not authorized to perform: secretsmanager:GetSecretValue on resource: prod/db because no identity-based policy allows the secretsmanager:GetSecretValue action"
    );
    assert_eq!(record["errorMessage"], want);
    assert_eq!(
        (&record["requestParameters"], &record["responseElements"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(record["userIdentity"]["accessKeyId"], key.access_key_id());
    assert_eq!(record["awsRegion"], "eu-west-1");
}

#[tokio::test]
async fn nobody_and_what_aws_does_not_log_are_not_logged() {
    let sandbox = sandbox().await;
    let stranger = config(&sandbox, credentials("AKIAQQQQQQQQQQQQQQQQ", "x", None)).await;
    let sts = aws_sdk_sts::Client::new(&stranger);
    assert_eq!(
        code(sts.get_caller_identity().send().await),
        "InvalidClientTokenId"
    );
    let keys = sandbox.principal("thief", &[]);
    let sqs = aws_sdk_sqs::Client::new(&config(&sandbox, of(&keys)).await);
    let denied = sandbox_support::message(sqs.list_queues().send().await);
    assert!(denied.starts_with(&format!(
        "User: arn:aws:iam::{ACCOUNT}:user/thief is not authorized to perform: sqs:listqueues"
    )));
    assert!(sandbox.events().is_empty());
    assert_eq!(
        sandbox.requests(),
        ["sts:GetCallerIdentity", "sqs:ListQueues"]
    );
    // What the log misses, the key's last use tells.
    let iam = aws_sdk_iam::Client::new(&admin(&sandbox).await);
    let used = iam
        .get_access_key_last_used()
        .access_key_id(&keys.id)
        .send()
        .await
        .unwrap();
    assert_eq!(used.access_key_last_used().unwrap().service_name(), "sqs");
}

#[tokio::test]
async fn a_session_is_logged_with_its_role_and_when_it_was_issued() {
    let sandbox = sandbox().await;
    let iam = aws_sdk_iam::Client::new(&admin(&sandbox).await);
    let trust = format!(
        r#"{{"Statement":{{"Effect":"Allow","Principal":{{"AWS":"{ACCOUNT}"}},"Action":"sts:AssumeRole"}}}}"#
    );
    let role = iam
        .create_role()
        .role_name("web")
        .path("/pods/")
        .assume_role_policy_document(trust)
        .send()
        .await
        .unwrap();
    let arn = role.role().unwrap().arn().to_owned();
    let sts = aws_sdk_sts::Client::new(&admin(&sandbox).await);
    let given = sts
        .assume_role()
        .role_arn(&arn)
        .role_session_name("r4nd0m")
        .send()
        .await
        .unwrap();
    let given = given.credentials().unwrap();
    let record = last(&sandbox);
    assert_eq!(record["readOnly"], true);
    assert_eq!(
        record["responseElements"]["credentials"]["accessKeyId"],
        given.access_key_id()
    );
    assert_eq!(
        record["responseElements"]["credentials"]["secretAccessKey"],
        Value::Null
    );
    assert_eq!(record["resources"][0]["ARN"], arn.as_str());
    let session = credentials(
        given.access_key_id(),
        given.secret_access_key(),
        Some(given.session_token()),
    );
    let sts = aws_sdk_sts::Client::new(&config(&sandbox, session).await);
    sts.get_caller_identity().send().await.unwrap();
    let identity = last(&sandbox)["userIdentity"].clone();
    assert_eq!(identity["type"], "AssumedRole");
    assert_eq!(
        identity["arn"],
        format!("arn:aws:sts::{ACCOUNT}:assumed-role/web/r4nd0m")
    );
    let context = &identity["sessionContext"];
    assert_eq!(context["sessionIssuer"]["arn"], arn.as_str());
    assert_eq!(
        context["sessionIssuer"]["principalId"],
        role.role().unwrap().role_id()
    );
    assert_eq!(
        context["attributes"]["creationDate"],
        "2026-11-03T09:14:11Z"
    );
}

#[tokio::test]
async fn values_of_parameters_and_secrets_stay_out_of_the_log() {
    let sandbox = sandbox().await;
    let config = admin(&sandbox).await;
    let ssm = aws_sdk_ssm::Client::new(&config);
    let put = ssm
        .put_parameter()
        .name("/a")
        .value("hunter2")
        .r#type(aws_sdk_ssm::types::ParameterType::SecureString);
    put.send().await.unwrap();
    assert_eq!(last(&sandbox)["requestParameters"]["name"], "/a");
    let secrets = aws_sdk_secretsmanager::Client::new(&config);
    secrets
        .create_secret()
        .name("s")
        .secret_string("hunter2")
        .send()
        .await
        .unwrap();
    secrets
        .get_secret_value()
        .secret_id("s")
        .send()
        .await
        .unwrap();
    let all = serde_json::to_string(&sandbox.events()).unwrap();
    assert!(!all.contains("hunter2"));
    assert_eq!(
        last(&sandbox)["requestParameters"],
        json!({ "secretId": "s" })
    );
}

/// A queue that takes events, and a rule that sends them.
async fn pipeline(
    sandbox: &Sandbox,
    region: &str,
    state: RuleState,
) -> (aws_sdk_sqs::Client, String) {
    let config = config_in(sandbox, of(&sandbox.admin()), region).await;
    let sqs = aws_sdk_sqs::Client::new(&config);
    let arn = format!("arn:aws:sqs:{region}:{ACCOUNT}:trail");
    let policy = json!({ "Statement": [{
        "Effect": "Allow", "Principal": { "Service": "events.amazonaws.com" }, "Action": "sqs:SendMessage", "Resource": arn,
        "Condition": { "ArnLike": { "aws:SourceArn": format!("arn:aws:events:{region}:{ACCOUNT}:rule/*") } },
    }]});
    let made = sqs
        .create_queue()
        .queue_name("trail")
        .attributes(QueueAttributeName::Policy, policy.to_string());
    let url = made.send().await.unwrap().queue_url().unwrap().to_owned();
    let events = aws_sdk_eventbridge::Client::new(&config);
    let pattern = json!({ "detail-type": [{ "prefix": "AWS API Call" }], "detail": { "userIdentity": { "userName": ["canary"] } } });
    events
        .put_rule()
        .name("all")
        .event_pattern(pattern.to_string())
        .state(state)
        .send()
        .await
        .unwrap();
    let target = Target::builder().id("queue").arn(arn).build().unwrap();
    let put = events
        .put_targets()
        .rule("all")
        .targets(target)
        .send()
        .await
        .unwrap();
    assert_eq!(put.failed_entry_count(), 0);
    (sqs, url)
}

async fn bodies(sqs: &aws_sdk_sqs::Client, url: &str) -> Vec<Value> {
    let got = sqs
        .receive_message()
        .queue_url(url)
        .max_number_of_messages(10)
        .send()
        .await
        .unwrap();
    got.messages()
        .iter()
        .map(|message| serde_json::from_str(message.body().unwrap()).unwrap())
        .collect()
}

#[tokio::test]
async fn a_rule_for_all_management_events_brings_reads_to_the_queue() {
    let sandbox = sandbox().await;
    let (sqs, url) = pipeline(
        &sandbox,
        "eu-west-1",
        RuleState::EnabledWithAllCloudtrailManagementEvents,
    )
    .await;
    let iam = aws_sdk_iam::Client::new(&admin(&sandbox).await);
    let key = user_with_key(&iam, "canary").await;
    let sts = aws_sdk_sts::Client::new(&config(&sandbox, key.clone()).await);
    sts.get_caller_identity().send().await.unwrap();
    let got = bodies(&sqs, &url).await;
    assert_eq!(got.len(), 1, "what others did does not fit the pattern");
    assert_eq!(
        (&got[0]["source"], &got[0]["account"]),
        (&json!("aws.sts"), &json!(ACCOUNT))
    );
    assert_eq!(got[0]["detail-type"], "AWS API Call via CloudTrail");
    assert_eq!(got[0]["detail"], last_but(&sandbox, "GetCallerIdentity"));
}

fn last_but(sandbox: &Sandbox, name: &str) -> Value {
    sandbox
        .events()
        .into_iter()
        .rfind(|record| record["eventName"] == name)
        .unwrap()
}

#[tokio::test]
async fn a_rule_that_is_only_enabled_misses_reads() {
    let sandbox = sandbox().await;
    let (sqs, url) = pipeline(&sandbox, "eu-west-1", RuleState::Enabled).await;
    let iam = aws_sdk_iam::Client::new(&admin(&sandbox).await);
    let key = user_with_key(&iam, "canary").await;
    let sts = aws_sdk_sts::Client::new(&config(&sandbox, key.clone()).await);
    sts.get_caller_identity().send().await.unwrap();
    sts.get_session_token().send().await.unwrap();
    let got = bodies(&sqs, &url).await;
    let names: Vec<&Value> = got
        .iter()
        .map(|event| &event["detail"]["eventName"])
        .collect();
    assert_eq!(names, ["GetSessionToken"]);
}

#[tokio::test]
async fn iam_is_heard_in_its_own_region_alone_and_can_be_passed_on() {
    let sandbox = sandbox().await;
    let all = RuleState::EnabledWithAllCloudtrailManagementEvents;
    let (sqs, url) = pipeline(&sandbox, "eu-west-1", all.clone()).await;
    let iam = aws_sdk_iam::Client::new(&admin(&sandbox).await);
    let key = user_with_key(&iam, "canary").await;
    let thief = aws_sdk_iam::Client::new(&config(&sandbox, key).await);
    assert_eq!(code(thief.list_users().send().await), "AccessDenied");
    assert!(bodies(&sqs, &url).await.is_empty());
    let events = aws_sdk_eventbridge::Client::new(
        &config_in(&sandbox, of(&sandbox.admin()), "us-east-1").await,
    );
    events
        .put_rule()
        .name("on")
        .event_pattern(r#"{"source":["aws.iam"]}"#)
        .state(all)
        .send()
        .await
        .unwrap();
    let bus = format!("arn:aws:events:eu-west-1:{ACCOUNT}:event-bus/default");
    events
        .put_targets()
        .rule("on")
        .targets(Target::builder().id("bus").arn(bus).build().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(code(thief.list_users().send().await), "AccessDenied");
    assert_eq!(bodies(&sqs, &url).await.len(), 1);
}

#[tokio::test]
async fn a_queue_without_a_policy_gets_nothing() {
    let sandbox = sandbox().await;
    let (sqs, url) = pipeline(
        &sandbox,
        "eu-west-1",
        RuleState::EnabledWithAllCloudtrailManagementEvents,
    )
    .await;
    sqs.set_queue_attributes()
        .queue_url(&url)
        .attributes(QueueAttributeName::Policy, "")
        .send()
        .await
        .unwrap();
    let key = user_with_key(&aws_sdk_iam::Client::new(&admin(&sandbox).await), "canary").await;
    aws_sdk_sts::Client::new(&config(&sandbox, key).await)
        .get_caller_identity()
        .send()
        .await
        .unwrap();
    assert!(bodies(&sqs, &url).await.is_empty());
}

#[tokio::test]
async fn rules_and_targets_are_read_back_and_removed_in_order() {
    let sandbox = sandbox().await;
    pipeline(&sandbox, "eu-west-1", RuleState::Enabled).await;
    let events = aws_sdk_eventbridge::Client::new(&admin(&sandbox).await);
    let rule = events.describe_rule().name("all").send().await.unwrap();
    assert_eq!(rule.state(), Some(&RuleState::Enabled));
    let targets = events
        .list_targets_by_rule()
        .rule("all")
        .send()
        .await
        .unwrap();
    assert_eq!(targets.targets()[0].id(), "queue");
    assert_eq!(
        events
            .list_rules()
            .name_prefix("a")
            .send()
            .await
            .unwrap()
            .rules()
            .len(),
        1
    );
    assert_eq!(
        code(events.delete_rule().name("all").send().await),
        "ValidationException"
    );
    events
        .remove_targets()
        .rule("all")
        .ids("queue")
        .send()
        .await
        .unwrap();
    events.delete_rule().name("all").send().await.unwrap();
    assert!(
        events
            .describe_rule()
            .name("all")
            .send()
            .await
            .unwrap_err()
            .into_service_error()
            .is_resource_not_found_exception()
    );
    events
        .put_permission()
        .statement_id("org")
        .principal("210987654321")
        .action("events:PutEvents")
        .send()
        .await
        .unwrap();
    let bus = events.describe_event_bus().send().await.unwrap();
    assert!(bus.policy().unwrap().contains("210987654321"));
}

#[tokio::test]
async fn events_are_looked_up_the_latest_first() {
    let sandbox = sandbox().await;
    let config = config_in(&sandbox, of(&sandbox.admin()), "us-east-1").await;
    let iam = aws_sdk_iam::Client::new(&config);
    for name in ["a", "b", "c", "d"] {
        iam.create_user().user_name(name).send().await.unwrap();
    }
    let trail = aws_sdk_cloudtrail::Client::new(&config);
    let attribute = aws_sdk_cloudtrail::types::LookupAttribute::builder()
        .attribute_key(aws_sdk_cloudtrail::types::LookupAttributeKey::EventName)
        .attribute_value("CreateUser")
        .build()
        .unwrap();
    let mut pages = trail
        .lookup_events()
        .lookup_attributes(attribute)
        .into_paginator()
        .items()
        .send();
    let mut names = Vec::new();
    while let Some(event) = pages.next().await {
        let record: Value =
            serde_json::from_str(event.unwrap().cloud_trail_event().unwrap()).unwrap();
        names.push(
            record["requestParameters"]["userName"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
    }
    assert_eq!(names, ["d", "c", "b", "a"]);
}

#[tokio::test]
async fn a_trail_needs_its_bucket_and_data_events_need_a_trail() {
    let sandbox = sandbox().await;
    let config = admin(&sandbox).await;
    let s3 = aws_sdk_s3::Client::from_conf(
        aws_sdk_s3::config::Builder::from(&config)
            .force_path_style(true)
            .build(),
    );
    let trail = aws_sdk_cloudtrail::Client::new(&config);
    let create = || {
        trail
            .create_trail()
            .name("main")
            .s3_bucket_name("logs")
            .is_multi_region_trail(true)
            .send()
    };
    assert_eq!(code(create().await), "S3BucketDoesNotExistException");
    s3.create_bucket().bucket("logs").send().await.unwrap();
    assert_eq!(code(create().await), "InsufficientS3BucketPolicyException");
    let policy = json!({ "Statement": [
        { "Effect": "Allow", "Principal": { "Service": "cloudtrail.amazonaws.com" }, "Action": "s3:GetBucketAcl", "Resource": "arn:aws:s3:::logs" },
        { "Effect": "Allow", "Principal": { "Service": "cloudtrail.amazonaws.com" }, "Action": "s3:PutObject",
          "Resource": format!("arn:aws:s3:::logs/AWSLogs/{ACCOUNT}/*"),
          "Condition": { "StringEquals": { "s3:x-amz-acl": "bucket-owner-full-control" } } },
    ]});
    s3.put_bucket_policy()
        .bucket("logs")
        .policy(policy.to_string())
        .send()
        .await
        .unwrap();
    create().await.unwrap();
    let read = || s3.get_object().bucket("logs").key("k").send();
    let logged = |sandbox: &Sandbox| {
        sandbox
            .events()
            .iter()
            .filter(|record| record["eventName"] == "GetObject")
            .count()
    };
    assert_eq!(code(read().await), "NoSuchKey");
    assert_eq!(logged(&sandbox), 0);
    let resource = aws_sdk_cloudtrail::types::DataResource::builder()
        .r#type("AWS::S3::Object")
        .values("arn:aws:s3:::logs/")
        .build();
    let selector = aws_sdk_cloudtrail::types::EventSelector::builder()
        .data_resources(resource)
        .build();
    trail
        .put_event_selectors()
        .trail_name("main")
        .event_selectors(selector)
        .send()
        .await
        .unwrap();
    trail.start_logging().name("main").send().await.unwrap();
    assert_eq!(
        trail
            .get_trail_status()
            .name("main")
            .send()
            .await
            .unwrap()
            .is_logging(),
        Some(true)
    );
    assert_eq!(code(read().await), "NoSuchKey");
    assert_eq!(logged(&sandbox), 1);
    let elsewhere = aws_sdk_cloudtrail::Client::new(
        &config_in(&sandbox, of(&sandbox.admin()), "us-east-1").await,
    );
    let seen = elsewhere.describe_trails().send().await.unwrap();
    assert_eq!(seen.trail_list()[0].home_region(), Some("eu-west-1"));
    trail.stop_logging().name("main").send().await.unwrap();
    trail.delete_trail().name("main").send().await.unwrap();
}

#[tokio::test]
async fn events_come_late_and_twice_when_told() {
    let options = SandboxOptions {
        event_delay: SignedDuration::from_secs(60),
        event_copies: 2,
        ..options()
    };
    let sandbox = Sandbox::start(options).await.unwrap();
    let (sqs, url) = pipeline(&sandbox, "eu-west-1", RuleState::Enabled).await;
    let key = user_with_key(&aws_sdk_iam::Client::new(&admin(&sandbox).await), "canary").await;
    let sts = aws_sdk_sts::Client::new(&config(&sandbox, key).await);
    sts.get_session_token().send().await.unwrap();
    assert!(bodies(&sqs, &url).await.is_empty());
    sandbox.clock().advance(Duration::from_secs(60));
    let got = bodies(&sqs, &url).await;
    assert_eq!(got.len(), 2);
    assert_eq!(got[0]["detail"]["eventID"], got[1]["detail"]["eventID"]);
}

#[tokio::test]
async fn without_a_trail_no_event_comes_where_one_is_needed() {
    let options = SandboxOptions {
        events_need_trail: true,
        ..options()
    };
    let sandbox = Sandbox::start(options).await.unwrap();
    let (sqs, url) = pipeline(&sandbox, "eu-west-1", RuleState::Enabled).await;
    let key = user_with_key(&aws_sdk_iam::Client::new(&admin(&sandbox).await), "canary").await;
    let sts = aws_sdk_sts::Client::new(&config(&sandbox, key).await);
    sts.get_session_token().send().await.unwrap();
    assert!(bodies(&sqs, &url).await.is_empty());
}

#[tokio::test]
async fn the_right_to_one_of_several_parameters_is_not_enough() {
    let sandbox = sandbox().await;
    let keys = sandbox.principal("reader", &[]);
    let iam = aws_sdk_iam::Client::new(&admin(&sandbox).await);
    let policy = r#"{"Statement":{"Effect":"Allow","Action":"ssm:GetParameters","Resource":"arn:aws:ssm:*:*:parameter/app/*"}}"#;
    let put = iam.put_user_policy().user_name("reader").policy_name("p");
    put.policy_document(policy).send().await.unwrap();
    let ssm = aws_sdk_ssm::Client::new(&config(&sandbox, of(&keys)).await);
    assert!(ssm.get_parameters().names("/app/a").send().await.is_ok());
    assert_eq!(
        last(&sandbox)["resources"][0]["ARN"],
        format!("arn:aws:ssm:eu-west-1:{ACCOUNT}:parameter/app/a")
    );
    let both = ssm
        .get_parameters()
        .names("/app/a")
        .names("/prod/b")
        .send()
        .await;
    assert!(sandbox_support::message(both).contains("parameter/prod/b"));
}
