//! A queue that is listened to, on the account in memory.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod queues_support;
mod sandbox_support;
mod trail_support;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName;
use canary_aws::Client;
use canary_aws::sandbox::{Fault, FaultKind, Sandbox, SandboxClock, SandboxOptions};
use canary_aws::trail::{QueueError, QueueListener};
use canary_core::detect::{Event, Interest, Listen as _};
use queues_support::{ALL, Gathered, all, client, lines, soon};
use sandbox_support::{ACCOUNT, admin, options};
use serde_json::json;
use trail_support::{credential, record, tripwire};

/// Behind this what was received and not deleted is seen again.
const HIDDEN: Duration = Duration::from_secs(121);
/// Within this what is there comes.
const SOON: Duration = Duration::from_millis(1500);

/// An account with a queue, and one for its dead letters.
struct Bench {
    sandbox: Sandbox,
    sqs: aws_sdk_sqs::Client,
    s3: aws_sdk_s3::Client,
    client: Client,
    url: String,
    dead: String,
}

impl Bench {
    /// With as many receipts before a message is a dead letter; without such a queue.
    async fn new(most_receives: Option<u32>) -> Self {
        let options = SandboxOptions {
            clock: SandboxClock::running(),
            ..options()
        };
        let sandbox = Sandbox::start(options).await.unwrap();
        let config = admin(&sandbox).await;
        let sqs = aws_sdk_sqs::Client::new(&config);
        let dead = sqs.create_queue().queue_name("dead").send().await.unwrap();
        let mut call = sqs.create_queue().queue_name("trail");
        if let Some(most) = most_receives {
            let policy = json!({ "deadLetterTargetArn": format!("arn:aws:sqs:eu-west-1:{ACCOUNT}:dead"), "maxReceiveCount": most });
            call = call.attributes(QueueAttributeName::RedrivePolicy, policy.to_string());
        }
        let queue = call.send().await.unwrap();
        Self {
            s3: aws_sdk_s3::Client::new(&config),
            client: client(&config, ACCOUNT),
            url: queue.queue_url.unwrap(),
            dead: dead.queue_url.unwrap(),
            sandbox,
            sqs,
        }
    }

    async fn listen(&self) -> QueueListener {
        self.listen_for(&ALL).await
    }

    async fn listen_for(&self, interest: &Interest) -> QueueListener {
        QueueListener::connect(&self.client, "sqs://trail", interest, lines())
            .await
            .unwrap()
    }

    async fn send(&self, body: &str) {
        let call = self.sqs.send_message().queue_url(&self.url);
        call.message_body(body).send().await.unwrap();
    }

    async fn send_record(&self, id: &str) {
        self.send(&record(json!({ "eventID": id })).to_string())
            .await;
    }

    /// How many messages a queue has, hidden ones too.
    async fn count(&self, url: &str) -> u32 {
        let call = self.sqs.get_queue_attributes().queue_url(url);
        let answer = call
            .attribute_names(QueueAttributeName::All)
            .send()
            .await
            .unwrap();
        let attributes = answer.attributes.unwrap();
        let of = |name| attributes[&name].parse::<u32>().unwrap();
        of(QueueAttributeName::ApproximateNumberOfMessages)
            + of(QueueAttributeName::ApproximateNumberOfMessagesNotVisible)
    }

    /// Ends a listener, and lets what is hidden be seen again.
    async fn crash(&self, listener: QueueListener) {
        drop(listener);
        // A long poll would take what is seen again, until its connection is seen to be closed.
        tokio::time::sleep(Duration::from_millis(300)).await;
        self.sandbox.clock().advance(HIDDEN);
    }

    /// Lets what is hidden be seen again, and gathers what comes, so many times.
    async fn rounds(&self, listener: &mut QueueListener, rounds: usize) -> Gathered {
        let mut gathered = Gathered::default();
        for _ in 0..rounds {
            while let Some(listened) = soon(listener, Duration::from_millis(500)).await {
                listener.done(&listened.position).await.unwrap();
                gathered.add(listened);
            }
            self.sandbox.clock().advance(HIDDEN);
        }
        gathered
    }

    async fn put(&self, key: &str, body: Vec<u8>) {
        let call = self.s3.put_object().bucket("trail-bucket").key(key);
        call.body(body.into()).send().await.unwrap();
    }

    async fn bucket(&self) {
        use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
        let here = CreateBucketConfiguration::builder()
            .location_constraint(BucketLocationConstraint::EuWest1)
            .build();
        let call = self.s3.create_bucket().bucket("trail-bucket");
        call.create_bucket_configuration(here).send().await.unwrap();
    }
}

fn notice(key: &str) -> String {
    let s3 = json!({ "bucket": { "name": "trail-bucket" }, "object": { "key": key } });
    json!({ "Records": [{ "eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": s3 }] })
        .to_string()
}

fn key(name: &str) -> String {
    format!("AWSLogs/{ACCOUNT}/CloudTrail/eu-west-1/2026/01/02/{name}.json")
}

#[tokio::test]
async fn nothing_is_deleted_before_it_is_done_and_everything_is_after() {
    let bench = Bench::new(Some(3)).await;
    for number in 0..25 {
        bench.send_record(&format!("event-{number:02}")).await;
    }
    let mut listener = bench.listen().await;
    let gathered = all(&mut listener).await;
    assert_eq!((gathered.events.len(), gathered.unreadable), (25, 0));
    assert_eq!(bench.count(&bench.url).await, 25);
    assert_eq!(bench.sandbox.count("sqs:DeleteMessageBatch"), 0);
    listener.done(&gathered.position).await.unwrap();
    assert_eq!(bench.count(&bench.url).await, 0);
    assert_eq!(bench.sandbox.count("sqs:DeleteMessageBatch"), 3);
    assert_eq!(listener.trouble(), None);
}

#[tokio::test]
async fn a_crash_loses_nothing_and_what_comes_again_is_the_same_request() {
    let bench = Bench::new(Some(3)).await;
    for id in ["a", "b", "c"] {
        bench.send_record(id).await;
    }
    let mut listener = bench.listen().await;
    let before = all(&mut listener).await;
    bench.crash(listener).await;
    let mut listener = bench.listen().await;
    // A position of before deletes nothing now.
    listener.done(&before.position).await.unwrap();
    let again = all(&mut listener).await;
    assert_eq!(again.ids(), ["a", "b", "c"]);
    assert_eq!(before.requests(), again.requests());
    assert_eq!(bench.count(&bench.url).await, 3);
}

#[tokio::test]
async fn what_comes_after_a_position_is_not_deleted_by_it() {
    let bench = Bench::new(Some(3)).await;
    let mut listener = bench.listen().await;
    bench.send_record("a").await;
    let first = soon(&mut listener, SOON).await.unwrap();
    bench.send_record("b").await;
    let second = soon(&mut listener, SOON).await.unwrap();
    assert_eq!(second.events[0].id, "b");
    listener.done(&first.position).await.unwrap();
    assert_eq!(bench.count(&bench.url).await, 1);
    bench.crash(listener).await;
    assert_eq!(all(&mut bench.listen().await).await.ids(), ["b"]);
}

#[tokio::test]
async fn what_nobody_can_read_ends_with_the_dead_letters_and_is_counted_once() {
    let bench = Bench::new(Some(3)).await;
    bench.send("no json at all").await;
    bench.send(r#"{"of":"no known form"}"#).await;
    bench.send_record("a").await;
    let mut listener = bench.listen().await;
    let gathered = bench.rounds(&mut listener, 5).await;
    assert_eq!((gathered.ids(), gathered.unreadable), (vec!["a".into()], 2));
    assert_eq!(bench.count(&bench.url).await, 0);
    assert_eq!(bench.count(&bench.dead).await, 2);
}

#[tokio::test]
async fn without_dead_letters_what_nobody_can_read_is_deleted_at_the_fifth_time() {
    let bench = Bench::new(None).await;
    bench.send("no json at all").await;
    let mut listener = bench.listen().await;
    let gathered = bench.rounds(&mut listener, 4).await;
    assert_eq!(gathered.unreadable, 1);
    assert_eq!(bench.count(&bench.url).await, 1);
    let gathered = bench.rounds(&mut listener, 2).await;
    assert_eq!(gathered.unreadable, 0);
    assert_eq!(bench.count(&bench.url).await, 0);
}

#[tokio::test]
async fn an_object_that_comes_late_is_read_and_one_that_never_comes_is_counted_once() {
    let bench = Bench::new(Some(4)).await;
    bench.bucket().await;
    bench.send(&notice(&key("late"))).await;
    bench.send(&notice(&key("never"))).await;
    let mut listener = bench.listen().await;
    let gathered = bench.rounds(&mut listener, 2).await;
    assert_eq!((gathered.events.len(), gathered.unreadable), (0, 0));
    let file = json!({ "Records": [record(json!({ "eventID": "late" }))] });
    bench.put(&key("late"), file.to_string().into_bytes()).await;
    let gathered = bench.rounds(&mut listener, 4).await;
    // With it comes that something is lost.
    let ids = gathered.ids();
    assert!(ids.len() == 2 && ids.iter().any(|id| id == "late"));
    assert_eq!(gathered.unreadable, 1);
    assert_eq!(bench.count(&bench.url).await, 0);
    assert_eq!(bench.count(&bench.dead).await, 1);
}

#[tokio::test]
async fn a_large_object_is_handed_out_in_parts_and_its_message_is_not_done_before_the_last() {
    let bench = Bench::new(Some(3)).await;
    bench.bucket().await;
    let filler = "x".repeat(2000);
    let records: Vec<String> = (0..12_000)
        .map(|number| {
            record(json!({ "eventID": format!("{number:05}"), "additionalEventData": { "x": filler } }))
                .to_string()
        })
        .collect();
    let file = format!(r#"{{"Records":[{}]}}"#, records.join(","));
    assert!(file.len() > 30_000_000);
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(file.as_bytes()).unwrap();
    bench.put(&key("large"), encoder.finish().unwrap()).await;
    bench.send(&notice(&key("large"))).await;
    let mut listener = bench.listen().await;
    let (mut events, mut bytes, mut batches) = (0, 0, 0);
    while let Some(listened) = soon(&mut listener, Duration::from_secs(10)).await {
        batches += 1;
        // Within bounds, whatever the object's length is: as much as is handed out at once, and what four more kilobytes
        // of packed text, once begun, can hold.
        assert!(listened.bytes <= 8_400_000 + 4_200_000 && listened.events.len() <= 1024 + 1700);
        events += listened.events.len();
        bytes += listened.bytes;
        listener.done(&listened.position).await.unwrap();
        let is_whole = events == 12_000;
        assert_eq!(bench.count(&bench.url).await, u32::from(!is_whole));
        if is_whole {
            break;
        }
    }
    assert!(batches >= 4 && bytes > file.len() as u64);
    assert_eq!((events, listener.counts().files), (12_000, 1));
    assert_eq!(bench.sandbox.count("s3:GetObject"), 1);
}

#[tokio::test]
async fn what_other_services_put_into_the_bucket_is_not_fetched() {
    let bench = Bench::new(Some(3)).await;
    for kind in ["CloudTrail-Digest", "CloudTrail-Insight", "vpcflowlogs"] {
        let key = format!("AWSLogs/{ACCOUNT}/{kind}/eu-west-1/2026/01/02/a.json.gz");
        bench.send(&notice(&key)).await;
    }
    let mut listener = bench.listen().await;
    let gathered = bench.rounds(&mut listener, 1).await;
    assert_eq!((gathered.events.len(), gathered.unreadable), (0, 0));
    assert_eq!(listener.counts().skipped, 3);
    assert_eq!(bench.count(&bench.url).await, 0);
    assert_eq!(bench.sandbox.count("s3:GetObject"), 0);
}

#[tokio::test]
async fn what_cannot_touch_a_canary_is_dropped_and_comes_when_the_canary_is_planted() {
    let bench = Bench::new(Some(3)).await;
    let theirs = json!({ "eventID": "theirs" });
    let mut ours = record(json!({ "eventID": "ours" }));
    ours["userIdentity"]["accessKeyId"] = "AKIACANARYCANARY0001".into();
    let mut later = record(json!({ "eventID": "later" }));
    later["userIdentity"]["accessKeyId"] = "AKIACANARYCANARY0002".into();
    for record in [record(theirs), ours, later] {
        bench.send(&record.to_string()).await;
    }
    let of = |keys: &[&str]| {
        let tripwires = keys.iter().map(|key| tripwire(credential(key)));
        Interest::Tripwires(Arc::new(tripwires.collect()))
    };
    let mut listener = bench.listen_for(&of(&["AKIACANARYCANARY0001"])).await;
    let before = all(&mut listener).await;
    assert_eq!(before.ids(), ["ours"]);
    listener.want(&of(&["AKIACANARYCANARY0001", "AKIACANARYCANARY0002"]), None);
    // What was told for the old interest is not deleted any more before it was read for the new one.
    listener.done(&before.position).await.unwrap();
    assert_eq!(bench.count(&bench.url).await, 3);
    let after = all(&mut listener).await;
    // At once, and with its message, which is read again with those around it.
    let ids: BTreeSet<String> = after.ids().into_iter().collect();
    assert_eq!(ids, BTreeSet::from(["later".into(), "ours".into()]));
    listener.done(&after.position).await.unwrap();
    assert_eq!(bench.count(&bench.url).await, 0);
}

#[tokio::test]
async fn an_audit_line_of_kubernetes_is_given_to_its_reader_as_it_is() {
    let bench = Bench::new(Some(3)).await;
    let line = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"a"}"#;
    bench.send(line).await;
    let mut listener = bench.listen_for(&Interest::Tripwires(Arc::default())).await;
    assert_eq!(all(&mut listener).await.ids(), [line]);
}

#[tokio::test]
async fn a_wait_that_is_dropped_goes_on_with_the_next_call() {
    let bench = Bench::new(Some(3)).await;
    let mut listener = bench.listen().await;
    for _ in 0..20 {
        assert!(
            soon(&mut listener, Duration::from_millis(20))
                .await
                .is_none()
        );
    }
    // One at the start, and one that waits.
    assert_eq!(bench.sandbox.count("sqs:ReceiveMessage"), 2);
    bench.send_record("a").await;
    let listened = soon(&mut listener, SOON).await.unwrap();
    assert_eq!(listened.events[0].id, "a");
}

#[tokio::test]
async fn a_service_that_does_not_answer_is_waited_for_and_told_of() {
    let bench = Bench::new(Some(3)).await;
    let mut listener = bench.listen().await;
    bench
        .sandbox
        .faults()
        .push(Fault::once(FaultKind::Throttle).on("sqs:ReceiveMessage"));
    bench.send_record("a").await;
    assert!(
        soon(&mut listener, Duration::from_millis(500))
            .await
            .is_none()
    );
    let trouble = listener.trouble().unwrap();
    assert!(trouble.contains("sqs:ReceiveMessage"), "{trouble}");
    let listened = soon(&mut listener, Duration::from_secs(5)).await.unwrap();
    assert_eq!(listened.events[0].id, "a");
    assert_eq!(listener.trouble(), None);
}

#[tokio::test]
async fn what_is_not_deleted_at_once_is_deleted_later() {
    let bench = Bench::new(Some(3)).await;
    bench.send_record("a").await;
    let mut listener = bench.listen().await;
    let listened = soon(&mut listener, SOON).await.unwrap();
    bench
        .sandbox
        .faults()
        .push(Fault::once(FaultKind::Error).on("sqs:DeleteMessageBatch"));
    listener.done(&listened.position).await.unwrap();
    assert_eq!(bench.count(&bench.url).await, 1);
    assert!(listener.trouble().is_some());
    // It comes again meanwhile, and is not told again.
    bench.sandbox.clock().advance(HIDDEN);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert!(
        soon(&mut listener, Duration::from_millis(500))
            .await
            .is_none()
    );
    assert!(
        soon(&mut listener, Duration::from_millis(500))
            .await
            .is_none()
    );
    assert_eq!(bench.count(&bench.url).await, 0);
    assert_eq!(listener.trouble(), None);
}

#[tokio::test]
async fn a_queue_that_is_not_there_or_not_permitted_is_an_error_at_the_start() {
    let bench = Bench::new(Some(3)).await;
    let error = |address: &'static str, client: Client| async move {
        let listener = QueueListener::connect(&client, address, &ALL, None).await;
        listener.err().unwrap()
    };
    let missing = error("sqs://other", bench.client.clone()).await;
    assert!(matches!(missing, QueueError::Missing { .. }), "{missing}");
    let by_url = "sqs://sqs.eu-west-1.amazonaws.com/123456789012/other";
    let missing = error(by_url, bench.client.clone()).await;
    assert!(matches!(missing, QueueError::Missing { .. }), "{missing}");
    for allowed in [&["sqs:GetQueueUrl"][..], &["sqs:Get*"]] {
        let keys = bench.sandbox.principal("reader", allowed);
        let config = sandbox_support::config(&bench.sandbox, sandbox_support::of(&keys)).await;
        let denied = error("sqs://trail", client(&config, ACCOUNT)).await;
        assert!(matches!(denied, QueueError::Denied { .. }), "{denied}");
        assert!(!denied.to_string().contains('\n'));
    }
    let wrong = error("sqs://a/b", bench.client.clone()).await;
    assert!(matches!(wrong, QueueError::Address { .. }), "{wrong}");
    let by_url = "sqs://sqs.eu-west-1.amazonaws.com/123456789012/trail";
    bench.send_record("a").await;
    let listener = QueueListener::connect(&bench.client, by_url, &ALL, None).await;
    assert_eq!(all(&mut listener.unwrap()).await.ids(), ["a"]);
}

#[tokio::test]
async fn an_object_that_was_a_log_and_cannot_be_read_is_told_and_its_message_kept() {
    let bench = Bench::new(Some(3)).await;
    bench.bucket().await;
    let file = json!({ "Records": [record(json!({ "eventID": "a" }))] }).to_string();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(file.as_bytes()).unwrap();
    let mut zeroed = encoder.finish().unwrap();
    zeroed[..10].fill(0);
    let utf16: Vec<u8> = file.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (name, body) in [("zeroed", zeroed), ("utf-16", utf16), ("empty", Vec::new())] {
        bench.put(&key(name), body).await;
        bench.send(&notice(&key(name))).await;
    }
    let mut listener = bench.listen_for(&Interest::Tripwires(Arc::default())).await;
    let gathered = bench.rounds(&mut listener, 4).await;
    assert_eq!((gathered.events.len(), gathered.unreadable), (3, 3));
    assert!(gathered.events.iter().all(Event::is_cut));
    assert_eq!(bench.count(&bench.dead).await, 3);
}

#[tokio::test]
async fn an_object_of_nothing_but_damage_is_handed_out_in_small_parts() {
    let bench = Bench::new(Some(3)).await;
    bench.bucket().await;
    // As much of it as can be in little; and what makes an event of each few bytes.
    for (name, part) in [("braces", "{"), ("torn", "{\"userIdentity\":1,\"a\n")] {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder
            .write_all(part.repeat(1_500_000).as_bytes())
            .unwrap();
        bench.put(&key(name), encoder.finish().unwrap()).await;
        bench.send(&notice(&key(name))).await;
        let mut listener = bench.listen_for(&Interest::Tripwires(Arc::default())).await;
        let mut told = 0;
        for _ in 0..3 {
            let Some(listened) = soon(&mut listener, Duration::from_secs(10)).await else {
                break;
            };
            // As many as are handed out at once, and what 64 KB hold.
            assert!(listened.events.len() <= 1024 + 64 * 1024 / part.len().max(20) + 100);
            told += listened.events.len();
        }
        assert!(told >= 100);
        bench.sandbox.clock().advance(HIDDEN);
    }
}
