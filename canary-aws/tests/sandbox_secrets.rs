//! SSM and Secrets Manager in the sandbox, by the production clients.

mod sandbox_support;

use std::time::Duration;

use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType};
use aws_sdk_ssm::types::{ParameterStringFilter, ParameterType, ResourceTypeForTagging};
use sandbox_support::{ACCOUNT, admin, code, message, sandbox};

#[tokio::test]
async fn a_parameter_is_written_over_only_when_told() {
    let sandbox = sandbox().await;
    let ssm = aws_sdk_ssm::Client::new(&admin(&sandbox).await);
    let put = |value: &str, overwrite| {
        let call = ssm.put_parameter().name("/prod/db/password").value(value);
        call.r#type(ParameterType::SecureString)
            .overwrite(overwrite)
            .send()
    };
    assert_eq!(put("one", false).await.unwrap().version(), 1);
    assert!(
        put("two", false)
            .await
            .unwrap_err()
            .into_service_error()
            .is_parameter_already_exists()
    );
    assert_eq!(put("two", true).await.unwrap().version(), 2);
    let get = |name: &str, open| ssm.get_parameter().name(name).with_decryption(open).send();
    let got = get("/prod/db/password", true).await.unwrap();
    let got = got.parameter().unwrap();
    assert_eq!((got.value(), got.version()), (Some("two"), 2));
    assert_eq!(
        got.arn().unwrap(),
        format!("arn:aws:ssm:eu-west-1:{ACCOUNT}:parameter/prod/db/password")
    );
    let old = get("/prod/db/password:1", true).await.unwrap();
    assert_eq!(old.parameter().unwrap().value(), Some("one"));
    let sealed = get("/prod/db/password", false).await.unwrap();
    assert_ne!(sealed.parameter().unwrap().value(), Some("two"));
    assert!(
        get("/nothing", true)
            .await
            .unwrap_err()
            .into_service_error()
            .is_parameter_not_found()
    );
    for name in ["/aws/x", "a/b", "/a b"] {
        let wrong = ssm
            .put_parameter()
            .name(name)
            .value("x")
            .r#type(ParameterType::String)
            .send()
            .await;
        assert_eq!(code(wrong), "ValidationException", "{name}");
    }
}

#[tokio::test]
async fn parameters_are_listed_by_path_and_filter_in_pages() {
    let sandbox = sandbox().await;
    let ssm = aws_sdk_ssm::Client::new(&admin(&sandbox).await);
    for name in [
        "/prod/a",
        "/prod/b",
        "/prod/c",
        "/prod/d",
        "/prod/deep/e",
        "/test/a",
    ] {
        ssm.put_parameter()
            .name(name)
            .value("v")
            .r#type(ParameterType::String)
            .send()
            .await
            .unwrap();
    }
    let names = async |recursive| {
        let mut pages = ssm
            .get_parameters_by_path()
            .path("/prod/")
            .recursive(recursive)
            .into_paginator()
            .send();
        let mut names = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.unwrap();
            let found = page.parameters().iter();
            names.extend(found.map(|parameter| parameter.name().unwrap().to_owned()));
        }
        names
    };
    assert_eq!(names(false).await.len(), 4);
    assert_eq!(names(true).await.len(), 5);
    ssm.add_tags_to_resource()
        .resource_type(ResourceTypeForTagging::Parameter)
        .resource_id("/prod/b")
        .tags(
            aws_sdk_ssm::types::Tag::builder()
                .key("team")
                .value("db")
                .build()
                .unwrap(),
        )
        .send()
        .await
        .unwrap();
    let filter = ParameterStringFilter::builder()
        .key("tag:team")
        .values("db")
        .build()
        .unwrap();
    let tagged = ssm
        .describe_parameters()
        .parameter_filters(filter)
        .send()
        .await
        .unwrap();
    assert_eq!(tagged.parameters()[0].name(), Some("/prod/b"));
    let begins = ParameterStringFilter::builder()
        .key("Name")
        .option("BeginsWith")
        .values("/test")
        .build()
        .unwrap();
    let begun = ssm
        .describe_parameters()
        .parameter_filters(begins)
        .send()
        .await
        .unwrap();
    assert_eq!(begun.parameters().len(), 1);
    let several = ssm
        .get_parameters()
        .names("/prod/a")
        .names("/none")
        .send()
        .await
        .unwrap();
    assert_eq!(
        (several.parameters().len(), several.invalid_parameters()),
        (1, ["/none".to_owned()].as_slice())
    );
    ssm.delete_parameter().name("/prod/b").send().await.unwrap();
    let gone = ssm
        .list_tags_for_resource()
        .resource_type(ResourceTypeForTagging::Parameter)
        .resource_id("/prod/b");
    assert_eq!(code(gone.send().await), "InvalidResourceId");
}

#[tokio::test]
async fn the_same_creation_twice_is_one_and_another_is_refused() {
    let sandbox = sandbox().await;
    let secrets = aws_sdk_secretsmanager::Client::new(&admin(&sandbox).await);
    let token = "11111111-2222-4333-8444-555555555555";
    let create = |text: &str| {
        secrets
            .create_secret()
            .name("prod/db")
            .secret_string(text)
            .client_request_token(token)
            .send()
    };
    let first = create("s3cret").await.unwrap();
    let arn = first.arn().unwrap();
    assert!(arn.starts_with(&format!(
        "arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:prod/db-"
    )));
    assert_eq!(arn.rsplit('-').next().unwrap().len(), 6);
    assert_eq!(create("s3cret").await.unwrap().arn(), Some(arn));
    assert_eq!(code(create("other").await), "ResourceExistsException");
    for id in ["prod/db", arn, arn.rsplit_once('-').unwrap().0] {
        let got = secrets
            .get_secret_value()
            .secret_id(id)
            .send()
            .await
            .unwrap();
        assert_eq!(
            (got.secret_string(), got.version_id()),
            (Some("s3cret"), Some(token)),
            "{id}"
        );
    }
}

#[tokio::test]
async fn a_new_value_makes_the_last_one_the_previous() {
    let sandbox = sandbox().await;
    let secrets = aws_sdk_secretsmanager::Client::new(&admin(&sandbox).await);
    secrets
        .create_secret()
        .name("k")
        .secret_string("one")
        .send()
        .await
        .unwrap();
    secrets
        .put_secret_value()
        .secret_id("k")
        .secret_string("two")
        .send()
        .await
        .unwrap();
    let get = async |stage: &str| {
        let got = secrets
            .get_secret_value()
            .secret_id("k")
            .version_stage(stage)
            .send()
            .await
            .unwrap();
        got.secret_string().unwrap().to_owned()
    };
    assert_eq!(
        (get("AWSCURRENT").await, get("AWSPREVIOUS").await),
        ("two".to_owned(), "one".to_owned())
    );
    secrets
        .update_secret()
        .secret_id("k")
        .secret_string("three")
        .description("d")
        .send()
        .await
        .unwrap();
    assert_eq!(
        (get("AWSCURRENT").await, get("AWSPREVIOUS").await),
        ("three".to_owned(), "two".to_owned())
    );
    let described = secrets
        .describe_secret()
        .secret_id("k")
        .send()
        .await
        .unwrap();
    assert_eq!(described.description(), Some("d"));
    assert_eq!(described.version_ids_to_stages().unwrap().len(), 2);
}

#[tokio::test]
async fn a_secret_waits_for_its_deletion_and_its_name_with_it() {
    let sandbox = sandbox().await;
    let secrets = aws_sdk_secretsmanager::Client::new(&admin(&sandbox).await);
    let create = || {
        secrets
            .create_secret()
            .name("prod/db")
            .secret_string("x")
            .send()
    };
    let made = create().await.unwrap();
    let short = secrets
        .delete_secret()
        .secret_id("prod/db")
        .recovery_window_in_days(3)
        .send()
        .await;
    assert_eq!(code(short), "InvalidParameterException");
    secrets
        .delete_secret()
        .secret_id("prod/db")
        .recovery_window_in_days(7)
        .send()
        .await
        .unwrap();
    let read = secrets.get_secret_value().secret_id("prod/db").send().await;
    assert_eq!(code(read), "InvalidRequestException");
    assert_eq!(
        message(create().await),
        "You can't create this secret because a secret with this name is already scheduled for deletion."
    );
    let listed = async |marked| {
        let list = secrets
            .list_secrets()
            .include_planned_deletion(marked)
            .send()
            .await
            .unwrap();
        list.secret_list().len()
    };
    assert_eq!((listed(false).await, listed(true).await), (0, 1));
    secrets
        .restore_secret()
        .secret_id("prod/db")
        .send()
        .await
        .unwrap();
    assert!(
        secrets
            .get_secret_value()
            .secret_id("prod/db")
            .send()
            .await
            .is_ok()
    );
    secrets
        .delete_secret()
        .secret_id("prod/db")
        .recovery_window_in_days(7)
        .send()
        .await
        .unwrap();
    sandbox.clock().advance(Duration::from_secs(7 * 24 * 3600));
    let gone = secrets.describe_secret().secret_id("prod/db").send().await;
    assert!(
        gone.unwrap_err()
            .into_service_error()
            .is_resource_not_found_exception()
    );
    let again = create().await.unwrap();
    assert_ne!(again.arn(), made.arn(), "another secret of the same name");
    secrets
        .delete_secret()
        .secret_id("prod/db")
        .force_delete_without_recovery(true)
        .send()
        .await
        .unwrap();
    create().await.unwrap();
}

#[tokio::test]
async fn secrets_are_listed_by_what_begins_their_names_and_got_in_batches() {
    let sandbox = sandbox().await;
    let secrets = aws_sdk_secretsmanager::Client::new(&admin(&sandbox).await);
    for name in ["prod/a", "prod/b", "prod/c", "prod/d", "test/a"] {
        secrets
            .create_secret()
            .name(name)
            .secret_string(name)
            .send()
            .await
            .unwrap();
    }
    let prod = || {
        Filter::builder()
            .key(FilterNameStringType::Name)
            .values("prod/")
            .build()
    };
    let mut pages = secrets
        .list_secrets()
        .filters(prod())
        .into_paginator()
        .send();
    let mut names = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        let found = page.secret_list().iter();
        names.extend(found.map(|secret| secret.name().unwrap().to_owned()));
    }
    assert_eq!(names, ["prod/a", "prod/b", "prod/c", "prod/d"]);
    assert_eq!(sandbox.count("secretsmanager:ListSecrets"), 2);
    let batch = secrets
        .batch_get_secret_value()
        .secret_id_list("test/a")
        .secret_id_list("none")
        .send()
        .await
        .unwrap();
    assert_eq!(batch.secret_values()[0].secret_string(), Some("test/a"));
    assert_eq!(
        batch.errors()[0].error_code(),
        Some("ResourceNotFoundException")
    );
    let tag = aws_sdk_secretsmanager::types::Tag::builder()
        .key("team")
        .value("db")
        .build();
    secrets
        .tag_resource()
        .secret_id("prod/a")
        .tags(tag)
        .send()
        .await
        .unwrap();
    let described = secrets
        .describe_secret()
        .secret_id("prod/a")
        .send()
        .await
        .unwrap();
    assert_eq!(described.tags()[0].value(), Some("db"));
    secrets
        .untag_resource()
        .secret_id("prod/a")
        .tag_keys("team")
        .send()
        .await
        .unwrap();
}
