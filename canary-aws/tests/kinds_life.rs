//! Parameters, secrets and objects from their planting to their removal.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod kinds_support;

use std::collections::BTreeSet;

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_ssm::types::ParameterType;
use canary_aws::sandbox::SandboxOptions;
use canary_core::graph::{Address, CanaryId};
use canary_core::plan::{Action, Obstacle, Outside, Plan, Purpose};
use kinds_support::{HOME, Life, options};

fn address(kind: &str, label: &str) -> Address {
    Address::of(CanaryId::new(kind, label))
}

fn drifted(plan: &Plan) -> Vec<String> {
    let steps = plan.steps.iter();
    let fields = steps.flat_map(|step| match &step.outside {
        Some(Outside::Changed(changes)) => changes.clone(),
        _ => Vec::new(),
    });
    fields.map(|change| change.field).collect()
}

const PARAMETERS: &str = r#"
[ssm_parameter.orders]
name        = "/prod/orders/db-password"
template    = "password"
description = "Orders database"
tags        = { team = "orders" }
[ssm_parameter.billing]
template = "api-token"
[ssm_parameter.elsewhere]
region = "us-east-1"
name   = "reporting"
type   = "String"
value  = "postgres://{username}:{password}@{host}/reports"
"#;

async fn ssm(life: &Life, region: &str) -> aws_sdk_ssm::Client {
    aws_sdk_ssm::Client::new(&life.sdk(region).await)
}

async fn put(ssm: &aws_sdk_ssm::Client, name: &str, value: &str) {
    let request = ssm.put_parameter().name(name).value(value).overwrite(true);
    let request = request.r#type(ParameterType::SecureString);
    request.send().await.unwrap();
}

async fn value(ssm: &aws_sdk_ssm::Client, name: &str) -> Option<String> {
    let request = ssm.get_parameter().name(name).with_decryption(true);
    let answer = request.send().await.ok()?;
    Some(answer.parameter()?.value()?.to_owned())
}

#[tokio::test]
async fn a_parameter_is_planted_kept_repaired_rotated_and_removed() {
    let mut life = Life::begin(PARAMETERS).await;
    let (home, away) = (ssm(&life, HOME).await, ssm(&life, "us-east-1").await);
    for name in ["/live/a", "/live/b", "/live/c", "/live/d", "/x/e"] {
        put(&home, name, "theirs").await;
    }
    assert_eq!(life.plan().await.summary().add, 3);
    life.settles().await;
    let billing = life.name("ssm_parameter", "billing").await;
    assert!(billing.starts_with("/live/billing"), "{billing}");
    let planted = value(&home, "/prod/orders/db-password").await.unwrap();
    assert_eq!(planted.len(), 24);
    let url = value(&away, "reporting").await.unwrap();
    assert!(
        url.contains(".us-east-1.rds.amazonaws.com/reports"),
        "{url}"
    );
    let printed = life.printed().await;
    for secret in [&planted, &value(&home, &billing).await.unwrap()] {
        assert!(!printed.contains(secret.as_str()));
    }

    // Somebody writes over one and takes its tag away, and deletes another.
    life.wait();
    put(&home, "/prod/orders/db-password", "theirs").await;
    let untag = home
        .remove_tags_from_resource()
        .resource_id("/prod/orders/db-password");
    let untag = untag.resource_type(aws_sdk_ssm::types::ResourceTypeForTagging::Parameter);
    untag.tag_keys("team").send().await.unwrap();
    away.delete_parameter()
        .name("reporting")
        .send()
        .await
        .unwrap();
    let plan = life.plan().await;
    assert_eq!(drifted(&plan), ["tags.team", "value"]);
    assert_eq!(
        life.sandbox.count("ssm:GetParameter"),
        3,
        "values are read by the test alone"
    );
    life.settles().await;
    assert_eq!(
        value(&home, "/prod/orders/db-password").await,
        Some(planted.clone())
    );
    assert_eq!(value(&away, "reporting").await, Some(url));

    // One with a name is rotated in its place, one without is kept beside a new one.
    let rotated = PARAMETERS.replace("]\nname        =", "]\ngeneration = 2\nname        =");
    let rotated = rotated.replace(
        "[ssm_parameter.billing]",
        "[ssm_parameter.billing]\ngeneration = 2",
    );
    life.configure(&rotated).await;
    life.settles().await;
    assert_ne!(
        value(&home, "/prod/orders/db-password").await,
        Some(planted)
    );
    let second = life.name("ssm_parameter", "billing").await;
    assert_ne!(second, billing);
    assert!(value(&home, &billing).await.is_some() && value(&home, &second).await.is_some());

    life.destroy().await;
    assert!(life.ledger().await.records.is_empty());
    let left = home.describe_parameters().send().await.unwrap();
    assert_eq!(left.parameters().len(), 3, "a page of theirs");
    for name in ["/prod/orders/db-password", &billing, &second] {
        assert_eq!(value(&home, name).await, None, "{name}");
    }
    assert_eq!(value(&home, "/live/a").await.as_deref(), Some("theirs"));
}

#[tokio::test]
async fn a_parameter_of_that_name_that_is_not_ours_is_left_alone() {
    let life = Life::begin(PARAMETERS).await;
    let away = ssm(&life, "us-east-1").await;
    put(&away, "reporting", "theirs").await;
    let elsewhere = address("ssm_parameter", "elsewhere");
    let blocked = |plan: &Plan| {
        let action = plan.step(&elsewhere).unwrap().action.clone();
        matches!(action, Action::Blocked(Obstacle::Foreign { .. }))
    };
    assert!(blocked(&life.plan().await));
    life.apply().await;
    assert_eq!(value(&away, "reporting").await.as_deref(), Some("theirs"));
    away.delete_parameter()
        .name("reporting")
        .send()
        .await
        .unwrap();
    life.settles().await;
    // Ours is deleted, and an hour later another is made that has been written as often.
    life.wait();
    away.delete_parameter()
        .name("reporting")
        .send()
        .await
        .unwrap();
    let hour = std::time::Duration::from_secs(3600);
    life.sandbox.clock().advance(hour);
    put(&away, "reporting", "theirs").await;
    assert!(blocked(&life.plan().await));
    life.destroy().await;
    assert_eq!(value(&away, "reporting").await.as_deref(), Some("theirs"));
}

const SECRETS: &str = r#"
[iam_user.backup]
name = "svc-backup"
[secretsmanager_secret.orders]
name        = "prod/orders"
template    = "postgres"
description = "Orders database"
tags        = { team = "orders" }
recovery    = "7d"
[secretsmanager_secret.billing]
template = "api-key"
[secretsmanager_secret.backup]
name     = "ops/backup"
template = "aws-credentials"
of       = "iam_user.backup"
region   = "us-east-1"
"#;

async fn secrets(life: &Life, region: &str) -> aws_sdk_secretsmanager::Client {
    aws_sdk_secretsmanager::Client::new(&life.sdk(region).await)
}

async fn secret(secrets: &aws_sdk_secretsmanager::Client, name: &str) -> Option<String> {
    let answer = secrets
        .get_secret_value()
        .secret_id(name)
        .send()
        .await
        .ok()?;
    Some(answer.secret_string()?.to_owned())
}

#[tokio::test]
async fn a_secret_is_planted_kept_repaired_rotated_and_removed() {
    let mut life = Life::begin(SECRETS).await;
    let (home, away) = (
        secrets(&life, HOME).await,
        secrets(&life, "us-east-1").await,
    );
    for name in ["live/a", "live/b", "live/c", "live/d"] {
        let request = home.create_secret().name(name).secret_string("theirs");
        request.send().await.unwrap();
    }
    life.settles().await;
    let billing = life.name("secretsmanager_secret", "billing").await;
    assert!(billing.starts_with("live/billing"), "{billing}");
    let planted = secret(&home, "prod/orders").await.unwrap();
    let read: serde_json::Value = serde_json::from_str(&planted).unwrap();
    assert!(
        read["engine"] == "postgres" && read["port"] == 5432,
        "{planted}"
    );
    let held = secret(&away, "ops/backup").await.unwrap();
    let held: serde_json::Value = serde_json::from_str(&held).unwrap();
    let key = held["aws_secret_access_key"].as_str().unwrap();
    let printed = life.printed().await;
    for hidden in [key, read["password"].as_str().unwrap()] {
        assert!(!printed.contains(hidden));
    }

    // A tag alone is changed: that is what is told.
    let tag = aws_sdk_secretsmanager::types::Tag::builder()
        .key("team")
        .value("red")
        .build();
    home.tag_resource()
        .secret_id("prod/orders")
        .tags(tag)
        .send()
        .await
        .unwrap();
    assert_eq!(drifted(&life.plan().await), ["tags.team"]);
    // Then the value, as often as to have no version of ours left.
    for value in ["one", "two", "three"] {
        let request = home.put_secret_value().secret_id("prod/orders");
        request.secret_string(value).send().await.unwrap();
    }
    assert_eq!(
        drifted(&life.plan().await),
        ["recovery", "tags.team", "value"]
    );
    life.settles().await;
    assert_eq!(secret(&home, "prod/orders").await, Some(planted.clone()));

    // A new key is held at once, and the old one goes on working.
    let rotated = SECRETS.replace("[iam_user.backup]", "[iam_user.backup]\ngeneration = 2");
    let rotated = rotated.replace(".billing]", ".billing]\ngeneration = 2");
    let rotated = rotated.replace(".orders]", ".orders]\ngeneration = 2");
    life.configure(&rotated).await;
    life.settles().await;
    assert!(!secret(&away, "ops/backup").await.unwrap().contains(key));
    assert_ne!(secret(&home, "prod/orders").await, Some(planted));
    assert!(secret(&home, &billing).await.is_some());
    assert_ne!(life.name("secretsmanager_secret", "billing").await, billing);

    life.destroy().await;
    let gone = away.describe_secret().secret_id("ops/backup").send().await;
    assert!(gone.is_err(), "deleted at once");
    let waits = home
        .describe_secret()
        .secret_id("prod/orders")
        .send()
        .await
        .unwrap();
    assert!(
        waits.deleted_date().is_some(),
        "deleted with its time to wait"
    );
    assert_eq!(secret(&home, "live/a").await.as_deref(), Some("theirs"));

    // Planted again it is taken back, because the name is not free.
    life.settles().await;
    assert_eq!(life.sandbox.count("secretsmanager:RestoreSecret"), 1);
    let again = home
        .describe_secret()
        .secret_id("prod/orders")
        .send()
        .await
        .unwrap();
    assert!(again.deleted_date().is_none() && again.arn() == waits.arn());
}

const RECOVERED: &str = r#"
[secretsmanager_secret.orders]
name     = "prod/orders"
template = "postgres"
recovery = "7d"
"#;

#[tokio::test]
async fn a_secret_of_ours_that_waits_for_its_deletion_is_taken_back_however_a_repeat_is_answered() {
    for secrets_hide_deletion in [false, true] {
        let options = SandboxOptions {
            secrets_hide_deletion,
            ..options()
        };
        let mut life = Life::with(options, RECOVERED).await;
        let home = secrets(&life, HOME).await;
        life.settles().await;
        let planted = secret(&home, "prod/orders").await.unwrap();
        let waits = async || {
            let request = home.describe_secret().secret_id("prod/orders");
            request.send().await.unwrap().deleted_date().is_some()
        };
        // By us, by somebody, and by us with something else in it afterwards.
        life.destroy().await;
        assert!(waits().await);
        life.settles().await;
        assert!(!waits().await);
        let request = home.delete_secret().secret_id("prod/orders");
        request.send().await.unwrap();
        life.settles().await;
        assert!(!waits().await);
        assert_eq!(secret(&home, "prod/orders").await, Some(planted.clone()));
        life.destroy().await;
        life.configure(&format!("{RECOVERED}generation = 2\n"))
            .await;
        life.settles().await;
        assert!(!waits().await);
        assert_ne!(secret(&home, "prod/orders").await, Some(planted));
        assert_eq!(life.sandbox.count("secretsmanager:RestoreSecret"), 3);
    }
}

#[tokio::test]
async fn a_strangers_secret_that_waits_for_its_deletion_keeps_its_name() {
    let life = Life::begin(SECRETS).await;
    let home = secrets(&life, HOME).await;
    let request = home
        .create_secret()
        .name("prod/orders")
        .secret_string("theirs");
    request.send().await.unwrap();
    home.delete_secret()
        .secret_id("prod/orders")
        .send()
        .await
        .unwrap();
    let plan = life.plan().await;
    let step = plan
        .step(&address("secretsmanager_secret", "orders"))
        .unwrap();
    assert_eq!(step.action, Action::Blocked(Obstacle::Deleting));
    life.apply().await;
    home.restore_secret()
        .secret_id("prod/orders")
        .send()
        .await
        .unwrap();
    assert_eq!(
        secret(&home, "prod/orders").await.as_deref(),
        Some("theirs")
    );
}

const OBJECTS: &str = r#"
[s3_object.orders]
logged = true
bucket   = "orders-config"
name     = "prod/db.env"
template = "env-file"
tags     = { team = "orders + co" }
[s3_object.dump]
logged = true
bucket      = "orders-archive"
make_bucket = true
region      = "us-east-1"
name        = "users.json"
value       = '{{"root":"{password:30}"}}'
[s3_object.billing]
logged = true
bucket   = "orders-config"
template = "env-file"
"#;

async fn s3(life: &Life) -> aws_sdk_s3::Client {
    aws_sdk_s3::Client::new(&life.sdk(HOME).await)
}

async fn place(s3: &aws_sdk_s3::Client, bucket: &str, key: &str, text: &str) {
    let body = ByteStream::from(text.as_bytes().to_vec());
    let request = s3.put_object().bucket(bucket).key(key).body(body);
    request.send().await.unwrap();
}

async fn read(s3: &aws_sdk_s3::Client, bucket: &str, key: &str) -> Option<String> {
    let answer = s3.get_object().bucket(bucket).key(key).send().await.ok()?;
    let bytes = answer.body.collect().await.unwrap().into_bytes();
    Some(String::from_utf8(bytes.to_vec()).unwrap())
}

#[tokio::test]
async fn an_object_is_planted_kept_repaired_rotated_and_removed() {
    let mut life = Life::begin(OBJECTS).await;
    let s3 = s3(&life).await;
    // Without its bucket it cannot be planted, and no bucket is made unasked.
    let plan = life.plan().await;
    let step = plan.step(&address("s3_object", "orders")).unwrap();
    assert!(
        matches!(&step.action, Action::Blocked(Obstacle::NoPlace(_))),
        "{step:?}"
    );
    s3.create_bucket()
        .bucket("orders-config")
        .send()
        .await
        .unwrap();
    for key in ["live/a.env", "live/b.env", "live/c.env", "x.txt"] {
        place(&s3, "orders-config", key, "theirs").await;
    }
    life.settles().await;
    let billing = life.name("s3_object", "billing").await;
    assert!(
        billing.starts_with("live/billing") && billing.ends_with(".env"),
        "{billing}"
    );
    let planted = read(&s3, "orders-config", "prod/db.env").await.unwrap();
    assert!(planted.starts_with("DATABASE_URL=postgres://"));
    let dump = read(&s3, "orders-archive", "users.json").await.unwrap();
    assert_eq!(dump.len(), 41, "{dump}");
    assert!(!life.printed().await.contains(&dump[9..39]));

    place(&s3, "orders-config", "prod/db.env", "theirs").await;
    s3.delete_object()
        .bucket("orders-archive")
        .key("users.json")
        .send()
        .await
        .unwrap();
    let drift = drifted(&life.plan().await);
    assert_eq!(drift, ["content_type", "tags.team", "value"]);
    life.settles().await;
    assert_eq!(
        read(&s3, "orders-config", "prod/db.env").await,
        Some(planted.clone())
    );
    assert_eq!(read(&s3, "orders-archive", "users.json").await, Some(dump));

    let rotated = OBJECTS.replace(".billing]", ".billing]\ngeneration = 2");
    let rotated = rotated.replace(".orders]", ".orders]\ngeneration = 2");
    life.configure(&rotated).await;
    life.settles().await;
    assert_ne!(
        read(&s3, "orders-config", "prod/db.env").await,
        Some(planted)
    );
    assert!(read(&s3, "orders-config", &billing).await.is_some());

    // A bucket of ours that somebody put something into stays.
    place(&s3, "orders-archive", "theirs", "theirs").await;
    life.destroy().await;
    assert_eq!(
        read(&s3, "orders-archive", "theirs").await.as_deref(),
        Some("theirs")
    );
    s3.delete_object()
        .bucket("orders-archive")
        .key("theirs")
        .send()
        .await
        .unwrap();
    life.destroy().await;
    assert!(life.ledger().await.records.is_empty());
    let buckets = s3.list_buckets().send().await.unwrap();
    let names: Vec<_> = buckets
        .buckets()
        .iter()
        .map(|b| b.name().unwrap())
        .collect();
    assert_eq!(names, ["orders-config"]);
    assert_eq!(
        read(&s3, "orders-config", "live/a.env").await.as_deref(),
        Some("theirs")
    );
}

const SHARED: &str = r#"
[s3_object.dump]
logged = true
bucket      = "orders-archive"
make_bucket = true
name        = "users.json"
value       = '{{"root":"{password:30}"}}'
[s3_object.env]
logged = true
bucket   = "orders-archive"
name     = "prod.env"
template = "env-file"
"#;

#[tokio::test]
async fn a_bucket_of_ours_that_canaries_stay_in_is_not_removed() {
    let mut life = Life::begin(SHARED).await;
    // The other one finds its bucket once that is made.
    life.apply().await;
    life.settles().await;
    let bucket = || Address::part_of(CanaryId::new("s3_object", "dump"), "bucket");
    let holds = |plan: &Plan, object: Address| {
        let step = plan.step(&bucket()).unwrap();
        assert_eq!(step.action, Action::Blocked(Obstacle::HoldsOurs(object)));
    };
    let one = Purpose {
        destroy: true,
        retired_too: true,
        targets: BTreeSet::from([CanaryId::new("s3_object", "dump")]),
    };
    holds(&life.plan_for(&one).await, address("s3_object", "env"));
    life.configure(&SHARED.replace("make_bucket = true", ""))
        .await;
    let before = life.sandbox.events().len();
    holds(&life.plan().await, address("s3_object", "dump"));
    life.apply().await;
    let events = life.sandbox.events().split_off(before);
    assert!(
        !events
            .iter()
            .any(|event| event["eventName"] == "DeleteBucket")
    );
    life.destroy().await;
    assert!(life.ledger().await.records.is_empty());
    let buckets = s3(&life).await.list_buckets().send().await.unwrap();
    assert!(buckets.buckets().is_empty(), "{buckets:?}");
}

#[tokio::test]
async fn a_part_whose_name_is_taken_is_told_with_a_way_out_of_its_own() {
    let life = Life::begin(SHARED).await;
    let request = s3(&life).await.create_bucket().bucket("orders-archive");
    request.send().await.unwrap();
    let plan = life.plan().await;
    let bucket = Address::part_of(CanaryId::new("s3_object", "dump"), "bucket");
    let Action::Blocked(Obstacle::Foreign { way_out, .. }) = &plan.step(&bucket).unwrap().action
    else {
        panic!("{plan:#?}");
    };
    assert!(way_out.as_ref().unwrap().contains("`make_bucket`"));
    // What can be imported is another matter.
    place(&s3(&life).await, "orders-archive", "prod.env", "theirs").await;
    let plan = life.plan().await;
    let action = &plan.step(&address("s3_object", "env")).unwrap().action;
    assert!(
        matches!(
            action,
            Action::Blocked(Obstacle::Foreign { way_out: None, .. })
        ),
        "{action:?}"
    );
}

#[tokio::test]
async fn what_our_key_proves_is_found_again_without_a_ledger() {
    let all = format!("{PARAMETERS}{SECRETS}{OBJECTS}");
    let mut life = Life::begin(&all).await;
    let s3 = s3(&life).await;
    s3.create_bucket()
        .bucket("orders-config")
        .send()
        .await
        .unwrap();
    life.settles().await;
    life.lose_ledger(&all).await;
    let before = life.sandbox.events().len();
    let found = life.recover().await;
    for (kind, label) in [
        ("ssm_parameter", "orders"),
        ("ssm_parameter", "billing"),
        ("ssm_parameter", "elsewhere"),
        ("secretsmanager_secret", "orders"),
        ("secretsmanager_secret", "billing"),
        ("s3_object", "orders"),
        ("s3_object", "dump"),
        ("s3_object", "billing"),
    ] {
        assert!(
            found.contains(&address(kind, label)),
            "{kind}.{label} in {found:?}"
        );
    }
    // Values were read for it, by requests that are known to be ours.
    let calls = &life.ledger().await.calls[&canary_aws::provider()];
    let mut events = life.sandbox.events().split_off(before);
    events.retain(|event| {
        event["eventName"] == "GetParameter" || event["eventName"] == "GetSecretValue"
    });
    assert!(events.len() > 4, "{events:#?}");
    for event in events {
        let request = event["requestID"].as_str().unwrap();
        assert!(calls.contains_key(request), "{event:#}");
    }
    // Whose key the other one holds only the ledger knew.
    assert!(!found.contains(&address("secretsmanager_secret", "backup")));
}

#[tokio::test]
async fn a_parameter_that_somebody_made_anew_is_imported_and_ours_is_known_already() {
    let life = Life::begin(PARAMETERS).await;
    life.settles().await;
    let ssm = ssm(&life, HOME).await;
    let name = "/prod/orders/db-password";
    put(&ssm, name, "changed").await;
    life.apply().await;
    life.wait();
    let orders = CanaryId::new("ssm_parameter", "orders");
    let path = format!("{HOME}/{name}");
    let known = life.import(orders.clone(), &path).await;
    assert!(known.is_err_and(|why| why.contains("known already")));

    ssm.delete_parameter().name(name).send().await.unwrap();
    put(&ssm, name, "theirs").await;
    let plan = life.plan().await;
    let step = plan.step(&address("ssm_parameter", "orders")).unwrap();
    assert!(
        matches!(step.action, Action::Blocked(Obstacle::Foreign { .. })),
        "{step:#?}"
    );
    life.import(orders, &path).await.unwrap();
    life.settles().await;
    assert_ne!(value(&ssm, name).await.unwrap(), "theirs");
}
