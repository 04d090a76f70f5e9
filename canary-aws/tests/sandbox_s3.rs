//! S3 in the sandbox, by the production client.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod sandbox_support;

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use canary_aws::sandbox::Sandbox;
use sandbox_support::{admin, code, sandbox};

async fn client(sandbox: &Sandbox) -> Client {
    // An endpoint that is an address is spoken to path style.
    let s3 = Client::new(&admin(sandbox).await);
    s3.create_bucket().bucket("ledger").send().await.unwrap();
    s3
}

fn bytes(text: &str) -> ByteStream {
    ByteStream::from(text.as_bytes().to_vec())
}

#[tokio::test]
async fn of_two_writers_one_wins() {
    let sandbox = sandbox().await;
    let s3 = client(&sandbox).await;
    let fresh = |text: &str| {
        s3.put_object()
            .bucket("ledger")
            .key("a b+c/x")
            .if_none_match("*")
            .body(bytes(text))
            .send()
    };
    let first = fresh("one").await.unwrap();
    assert_eq!(code(fresh("two").await), "PreconditionFailed");
    let tag = first.e_tag().unwrap().to_owned();
    let over = |text: &str| {
        s3.put_object()
            .bucket("ledger")
            .key("a b+c/x")
            .if_match(&tag)
            .body(bytes(text))
            .send()
    };
    over("three").await.unwrap();
    assert_eq!(code(over("four").await), "PreconditionFailed");
    let got = s3
        .get_object()
        .bucket("ledger")
        .key("a b+c/x")
        .send()
        .await
        .unwrap();
    assert_eq!(got.body.collect().await.unwrap().to_vec(), b"three");
    let missing = s3
        .put_object()
        .bucket("ledger")
        .key("none")
        .if_match(&tag)
        .body(bytes("x"))
        .send()
        .await;
    assert_eq!(code(missing), "NoSuchKey");
}

#[tokio::test]
async fn an_object_is_seen_without_its_content_and_goes_once() {
    let sandbox = sandbox().await;
    let s3 = client(&sandbox).await;
    s3.put_object()
        .bucket("ledger")
        .key("k")
        .body(bytes("12345"))
        .send()
        .await
        .unwrap();
    let head = || s3.head_object().bucket("ledger").key("k").send();
    assert_eq!(head().await.unwrap().content_length(), Some(5));
    assert_eq!(
        code(s3.delete_bucket().bucket("ledger").send().await),
        "BucketNotEmpty"
    );
    s3.delete_object()
        .bucket("ledger")
        .key("k")
        .send()
        .await
        .unwrap();
    assert!(
        head()
            .await
            .unwrap_err()
            .into_service_error()
            .is_not_found()
    );
    assert!(
        s3.get_object()
            .bucket("ledger")
            .key("k")
            .send()
            .await
            .unwrap_err()
            .into_service_error()
            .is_no_such_key()
    );
    s3.delete_bucket().bucket("ledger").send().await.unwrap();
    assert!(
        s3.head_bucket()
            .bucket("ledger")
            .send()
            .await
            .unwrap_err()
            .into_service_error()
            .is_not_found()
    );
}

#[tokio::test]
async fn objects_are_listed_by_prefix_in_pages() {
    let sandbox = sandbox().await;
    let s3 = client(&sandbox).await;
    for number in 0..5 {
        s3.put_object()
            .bucket("ledger")
            .key(format!("logs/{number}&"))
            .body(bytes("x"))
            .send()
            .await
            .unwrap();
    }
    s3.put_object()
        .bucket("ledger")
        .key("other")
        .body(bytes("x"))
        .send()
        .await
        .unwrap();
    let mut pages = s3
        .list_objects_v2()
        .bucket("ledger")
        .prefix("logs/")
        .into_paginator()
        .send();
    let mut keys = Vec::new();
    while let Some(page) = pages.next().await {
        keys.extend(
            page.unwrap()
                .contents()
                .iter()
                .map(|object| object.key().unwrap().to_owned()),
        );
    }
    assert_eq!(
        keys,
        ["logs/0&", "logs/1&", "logs/2&", "logs/3&", "logs/4&"]
    );
    assert_eq!(
        s3.list_buckets().send().await.unwrap().buckets()[0].name(),
        Some("ledger")
    );
}

#[tokio::test]
async fn a_bucket_has_the_policy_that_was_put() {
    let sandbox = sandbox().await;
    let s3 = client(&sandbox).await;
    let get = || s3.get_bucket_policy().bucket("ledger").send();
    assert_eq!(code(get().await), "NoSuchBucketPolicy");
    let policy = r#"{"Statement":[{"Effect":"Allow","Principal":{"Service":"cloudtrail.amazonaws.com"},"Action":"s3:PutObject","Resource":"*"}]}"#;
    s3.put_bucket_policy()
        .bucket("ledger")
        .policy(policy)
        .send()
        .await
        .unwrap();
    assert_eq!(get().await.unwrap().policy(), Some(policy));
    let wrong = s3
        .put_bucket_policy()
        .bucket("ledger")
        .policy("{")
        .send()
        .await;
    assert_eq!(code(wrong), "MalformedPolicy");
}
