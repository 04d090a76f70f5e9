//! SQS in the sandbox, by the production client.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod sandbox_support;

use std::time::{Duration, Instant};

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{
    DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName, QueueAttributeName,
    SendMessageBatchRequestEntry,
};
use canary_aws::sandbox::{Sandbox, SandboxOptions};
use sandbox_support::{ACCOUNT, admin, code, options, sandbox};

async fn client(sandbox: &Sandbox) -> Client {
    Client::new(&admin(sandbox).await)
}

async fn queue(sqs: &Client, name: &str) -> String {
    let made = sqs.create_queue().queue_name(name).send().await.unwrap();
    made.queue_url().unwrap().to_owned()
}

async fn receive(sqs: &Client, url: &str) -> Vec<Message> {
    let call = sqs
        .receive_message()
        .queue_url(url)
        .max_number_of_messages(10);
    let call = call.message_system_attribute_names(MessageSystemAttributeName::All);
    call.send().await.unwrap().messages.unwrap_or_default()
}

#[tokio::test]
async fn a_message_is_hidden_while_it_is_worked_on_and_comes_back() {
    let sandbox = sandbox().await;
    let sqs = client(&sandbox).await;
    let url = queue(&sqs, "events").await;
    let sent = sqs
        .send_message()
        .queue_url(&url)
        .message_body("hello")
        .send()
        .await
        .unwrap();
    assert_eq!(
        sent.md5_of_message_body(),
        Some("5d41402abc4b2a76b9719d911017c592")
    );
    let first = receive(&sqs, &url).await;
    assert_eq!(first[0].body(), Some("hello"));
    assert!(receive(&sqs, &url).await.is_empty());
    sandbox.clock().advance(Duration::from_secs(30));
    let second = receive(&sqs, &url).await;
    let count =
        &second[0].attributes().unwrap()[&MessageSystemAttributeName::ApproximateReceiveCount];
    assert_eq!(count, "2");
    // The first receipt is not the last any more.
    let old = first[0].receipt_handle().unwrap();
    sqs.delete_message()
        .queue_url(&url)
        .receipt_handle(old)
        .send()
        .await
        .unwrap();
    let hide = sqs
        .change_message_visibility()
        .queue_url(&url)
        .visibility_timeout(0);
    hide.receipt_handle(second[0].receipt_handle().unwrap())
        .send()
        .await
        .unwrap();
    let third = receive(&sqs, &url).await;
    let last = third[0].receipt_handle().unwrap();
    sqs.delete_message()
        .queue_url(&url)
        .receipt_handle(last)
        .send()
        .await
        .unwrap();
    sandbox.clock().advance(Duration::from_secs(60));
    assert!(receive(&sqs, &url).await.is_empty());
    let bad = sqs
        .delete_message()
        .queue_url(&url)
        .receipt_handle("nonsense")
        .send()
        .await;
    assert_eq!(code(bad), "ReceiptHandleIsInvalid");
}

#[tokio::test]
async fn what_was_received_too_often_goes_to_the_dead_letters() {
    let sandbox = sandbox().await;
    let sqs = client(&sandbox).await;
    let dead = queue(&sqs, "dead").await;
    let policy = format!(
        r#"{{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:{ACCOUNT}:dead","maxReceiveCount":2}}"#
    );
    let made = sqs
        .create_queue()
        .queue_name("events")
        .attributes(QueueAttributeName::RedrivePolicy, policy);
    let made = made
        .attributes(QueueAttributeName::VisibilityTimeout, "0")
        .send()
        .await
        .unwrap();
    let url = made.queue_url().unwrap();
    sqs.send_message()
        .queue_url(url)
        .message_body("poison")
        .send()
        .await
        .unwrap();
    assert_eq!(receive(&sqs, url).await.len(), 1);
    assert_eq!(receive(&sqs, url).await.len(), 1);
    assert!(receive(&sqs, url).await.is_empty());
    assert_eq!(receive(&sqs, &dead).await[0].body(), Some("poison"));
}

#[tokio::test]
async fn a_long_poll_ends_when_a_message_comes() {
    let options = SandboxOptions {
        clock: canary_aws::sandbox::SandboxClock::running(),
        ..options()
    };
    let sandbox = Sandbox::start(options).await.unwrap();
    let sqs = client(&sandbox).await;
    let url = queue(&sqs, "events").await;
    let (waiting, at) = (sqs.clone(), url.clone());
    let begun = Instant::now();
    let poll = tokio::spawn(async move {
        waiting
            .receive_message()
            .queue_url(at)
            .wait_time_seconds(20)
            .send()
            .await
            .unwrap()
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    sqs.send_message()
        .queue_url(&url)
        .message_body("at last")
        .send()
        .await
        .unwrap();
    let got = poll.await.unwrap();
    assert_eq!(got.messages()[0].body(), Some("at last"));
    assert!(begun.elapsed() < Duration::from_secs(15));
    let begun = Instant::now();
    let none = sqs
        .receive_message()
        .queue_url(&url)
        .wait_time_seconds(1)
        .send()
        .await
        .unwrap();
    assert!(none.messages().is_empty() && begun.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_batch_answers_for_each_entry() {
    let sandbox = sandbox().await;
    let sqs = client(&sandbox).await;
    let url = queue(&sqs, "events").await;
    let entry = |id: &str, body: &str| {
        SendMessageBatchRequestEntry::builder()
            .id(id)
            .message_body(body)
            .build()
            .unwrap()
    };
    let sent = sqs
        .send_message_batch()
        .queue_url(&url)
        .entries(entry("a", "one"))
        .entries(entry("b", "\u{1}"));
    let sent = sent.send().await.unwrap();
    assert_eq!(
        (sent.successful()[0].id(), sent.failed()[0].code()),
        ("a", "InvalidMessageContents")
    );
    let received = receive(&sqs, &url).await;
    let delete = DeleteMessageBatchRequestEntry::builder()
        .id("x")
        .receipt_handle(received[0].receipt_handle().unwrap());
    let deleted = sqs
        .delete_message_batch()
        .queue_url(&url)
        .entries(delete.build().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(deleted.successful()[0].id(), "x");
    let twice = sqs
        .send_message_batch()
        .queue_url(&url)
        .entries(entry("a", "1"))
        .entries(entry("a", "2"));
    assert_eq!(
        code(twice.send().await),
        "AWS.SimpleQueueService.BatchEntryIdsNotDistinct"
    );
}

#[tokio::test]
async fn a_queue_is_one_by_name_and_its_name_rests_a_minute() {
    let sandbox = sandbox().await;
    let sqs = client(&sandbox).await;
    let url = queue(&sqs, "events").await;
    assert_eq!(queue(&sqs, "events").await, url);
    let other = sqs
        .create_queue()
        .queue_name("events")
        .attributes(QueueAttributeName::VisibilityTimeout, "1");
    assert_eq!(code(other.send().await), "QueueAlreadyExists");
    let set = sqs
        .set_queue_attributes()
        .queue_url(&url)
        .attributes(QueueAttributeName::VisibilityTimeout, "99999999");
    assert_eq!(code(set.send().await), "InvalidAttributeValue");
    sqs.tag_queue()
        .queue_url(&url)
        .tags("team", "soc")
        .send()
        .await
        .unwrap();
    let tags = sqs.list_queue_tags().queue_url(&url).send().await.unwrap();
    assert_eq!(tags.tags().unwrap()["team"], "soc");
    let attributes = sqs
        .get_queue_attributes()
        .queue_url(&url)
        .attribute_names(QueueAttributeName::All);
    let attributes = attributes.send().await.unwrap();
    let arn = &attributes.attributes().unwrap()[&QueueAttributeName::QueueArn];
    assert_eq!(arn, &format!("arn:aws:sqs:eu-west-1:{ACCOUNT}:events"));
    assert_eq!(
        sqs.list_queues().send().await.unwrap().queue_urls(),
        std::slice::from_ref(&url)
    );
    sqs.purge_queue().queue_url(&url).send().await.unwrap();
    assert_eq!(
        code(sqs.purge_queue().queue_url(&url).send().await),
        "AWS.SimpleQueueService.PurgeQueueInProgress"
    );
    sqs.delete_queue().queue_url(&url).send().await.unwrap();
    let gone = sqs.get_queue_url().queue_name("events").send().await;
    assert!(
        gone.unwrap_err()
            .into_service_error()
            .is_queue_does_not_exist()
    );
    let again = sqs.create_queue().queue_name("events").send().await;
    assert!(
        again
            .unwrap_err()
            .into_service_error()
            .is_queue_deleted_recently()
    );
    sandbox.clock().advance(Duration::from_secs(60));
    queue(&sqs, "events").await;
}
