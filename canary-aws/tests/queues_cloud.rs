//! Queues and log groups that are listened to, on an emulated account.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod queues_support;
mod trail_support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use canary_aws::logs::{LogsError, LogsListener, LogsOptions};
use canary_aws::trail::QueueListener;
use canary_core::detect::{Interest, Listen as _, RequestKey};
use canary_fixtures::aws::{Cloud, Delivery, Way};
use jiff::Timestamp;
use queues_support::{ALL, Gathered, all, client, config, lines, soon};
use serde_json::{Value, json};
use trail_support::{credential, event, record, tripwire};

async fn connect(cloud: &Cloud) -> canary_aws::Client {
    let keys = cloud.admin_keys();
    let config = config(&cloud.url(), &keys.access_key_id, &keys.secret_access_key).await;
    client(&config, cloud.account())
}

const BUCKET_HERE: &[u8] = b"<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>";

/// Everything that came by some way comes twice, and is gone when it is done.
async fn comes_twice_and_is_gone_once_done(way: impl Fn(String) -> Way) {
    let Some(cloud) = Cloud::for_test() else {
        return;
    };
    let queue = cloud.admin("sqs:CreateQueue", &json!({ "QueueName": "trail" }));
    let queue = queue["QueueUrl"].as_str().unwrap();
    let bucket = format!("trail-{}", cloud.account());
    let admin = cloud.client(cloud.admin_keys());
    let made = admin.s3("PUT", &format!("/{bucket}"), BUCKET_HERE).unwrap();
    assert!(made.is_success(), "{made:?}");
    for name in ["a", "b", "c", "d", "e", "f", "g"] {
        cloud.admin("iam:CreateUser", &json!({ "UserName": name }));
    }
    let records = cloud.records();
    let expected: BTreeMap<RequestKey, usize> = records
        .iter()
        .map(|record| (event(record).request(), 2))
        .collect();
    assert_eq!(expected.len(), records.len());
    let way = way(bucket);
    let delivery = Delivery {
        twice: true,
        shuffled: true,
    };
    cloud.deliver(queue, &way, delivery).unwrap();

    let client = connect(&cloud).await;
    let mut listener = QueueListener::connect(&client, "sqs://trail", &ALL, None)
        .await
        .unwrap();
    let gathered = all(&mut listener).await;
    assert_eq!(gathered.requests(), expected);
    assert_eq!((gathered.unreadable, listener.trouble()), (0, None));
    let waiting = || {
        let asked = json!({ "QueueUrl": queue, "AttributeNames": ["All"] });
        let told = cloud.admin("sqs:GetQueueAttributes", &asked);
        let of =
            |name: &str| -> u32 { told["Attributes"][name].as_str().unwrap().parse().unwrap() };
        of("ApproximateNumberOfMessages") + of("ApproximateNumberOfMessagesNotVisible")
    };
    assert!(waiting() > 0);
    listener.done(&gathered.position).await.unwrap();
    assert_eq!(waiting(), 0);
    // Digests are not fetched.
    let fetched = cloud.requests();
    let is_digest = |name: &str| name.contains("CloudTrail-Digest");
    let fetched = fetched
        .iter()
        .filter(|asked| asked.operation == "s3:GetObject");
    assert!(fetched.into_iter().all(|asked| !is_digest(&asked.name)));
}

#[tokio::test(flavor = "multi_thread")]
async fn records_by_eventbridge_come_twice_and_are_gone_once_they_are_done() {
    comes_twice_and_is_gone_once_done(|_| Way::EventBridge { reads: true }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_by_notices_of_the_bucket_come_twice_and_are_gone_once_they_are_done() {
    comes_twice_and_is_gone_once_done(|bucket| Way::S3 {
        bucket,
        through_sns: false,
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_by_notices_through_sns_come_twice_and_are_gone_once_they_are_done() {
    comes_twice_and_is_gone_once_done(|bucket| Way::S3 {
        bucket,
        through_sns: true,
    })
    .await;
}

const GROUP: &str = "/aws/eks/demo/cluster";
const MINUTE: i64 = 60_000;

/// A log group as EKS has one.
struct Logs {
    cloud: Cloud,
    client: canary_aws::Client,
    now: i64,
}

impl Logs {
    async fn new() -> Option<Self> {
        let cloud = Cloud::for_test()?;
        cloud.admin("logs:CreateLogGroup", &json!({ "logGroupName": GROUP }));
        for stream in ["kube-apiserver-audit-1", "kube-apiserver-audit-2", "other"] {
            cloud.admin(
                "logs:CreateLogStream",
                &json!({ "logGroupName": GROUP, "logStreamName": stream }),
            );
        }
        Some(Self {
            client: connect(&cloud).await,
            cloud,
            now: Timestamp::now().as_millisecond(),
        })
    }

    /// Writes to a stream; times are against the start of the test.
    fn put(&self, stream: &str, entries: &[(i64, String)]) {
        let entries: Vec<Value> = entries
            .iter()
            .map(|(at, message)| json!({ "timestamp": self.now + at, "message": message }))
            .collect();
        self.cloud.admin(
            "logs:PutLogEvents",
            &json!({ "logGroupName": GROUP, "logStreamName": stream, "logEvents": entries }),
        );
    }

    async fn listen(&self, options: &LogsOptions, position: Option<&str>) -> LogsListener {
        self.listen_for(&ALL, options, position).await
    }

    async fn listen_for(
        &self,
        interest: &Interest,
        options: &LogsOptions,
        position: Option<&str>,
    ) -> LogsListener {
        LogsListener::connect(&self.client, GROUP, options, interest, lines(), position)
            .await
            .unwrap()
    }

    /// Reads to the end from a position.
    async fn read(&self, position: Option<&str>) -> Gathered {
        let options = LogsOptions::of_group(GROUP);
        let mut listener = self.listen(&options, position).await;
        let mut gathered = Gathered::default();
        while let Some(listened) = listener.next().await.unwrap() {
            gathered.add(listened);
        }
        gathered
    }
}

fn line(id: &str) -> String {
    format!(r#"{{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"{id}"}}"#)
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_are_late_and_out_of_order_come_each_once_across_a_restart() {
    let Some(logs) = Logs::new().await else {
        return;
    };
    logs.put(
        "kube-apiserver-audit-1",
        &[(-50 * MINUTE, line("a")), (-MINUTE, line("b"))],
    );
    logs.put("other", &[(-MINUTE, line("of another stream"))]);
    let first = logs.read(None).await;
    assert_eq!(first.ids(), [line("a"), line("b")]);
    // Written later, and earlier by their own times.
    logs.put(
        "kube-apiserver-audit-2",
        &[(-9 * MINUTE, line("c")), (-2 * MINUTE, line("d"))],
    );
    let second = logs.read(Some(&first.position)).await;
    assert_eq!(second.ids(), [line("c"), line("d")]);
    logs.put(
        "kube-apiserver-audit-1",
        &[(-3 * MINUTE, line("e")), (0, line("f"))],
    );
    // As after a crash: what was told and not kept comes again, and nothing is lost.
    let again = logs.read(Some(&first.position)).await;
    assert_eq!(again.ids(), [line("c"), line("d"), line("e"), line("f")]);
    let third = logs.read(Some(&second.position)).await;
    assert_eq!(third.ids(), [line("e"), line("f")]);
    let last = logs.read(Some(&third.position)).await;
    assert_eq!(last.ids(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_ahead_hides_nothing() {
    let Some(logs) = Logs::new().await else {
        return;
    };
    logs.put("kube-apiserver-audit-1", &[(100 * MINUTE, line("ahead"))]);
    let first = logs.read(None).await;
    assert_eq!(first.ids(), [line("ahead")]);
    logs.put("kube-apiserver-audit-2", &[(0, line("in time"))]);
    let second = logs.read(Some(&first.position)).await;
    assert_eq!(second.ids(), [line("in time")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_pages_are_read() {
    let Some(logs) = Logs::new().await else {
        return;
    };
    let entries: Vec<(i64, String)> = (0..2500)
        .map(|number| (-MINUTE + number, line(&format!("{number:04}"))))
        .collect();
    logs.put("kube-apiserver-audit-1", &entries);
    let gathered = logs.read(None).await;
    let expected: Vec<String> = entries.into_iter().map(|(_, line)| line).collect();
    assert_eq!(gathered.ids(), expected);
    assert_eq!(gathered.lines, 2500);
    assert!(logs.cloud.count("logs:FilterLogEvents") >= 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_are_told_apart_by_what_stands_in_them() {
    let Some(logs) = Logs::new().await else {
        return;
    };
    let cut = line("a")[..55].to_owned() + "[Truncated...]";
    let of_trail = record(json!({ "eventID": "of-the-trail" })).to_string();
    let messages = [
        cut.clone(),
        of_trail,
        "I0101 00:00:00.000000 klog text".to_owned(),
        r#"{"level":"info","msg":"of another program"}"#.to_owned(),
    ];
    let entries: Vec<(i64, String)> = messages
        .into_iter()
        .map(|message| (-MINUTE, message))
        .collect();
    logs.put("other", &entries);
    let options = LogsOptions {
        streams: None,
        ..LogsOptions::default()
    };
    let mut listener = logs.listen(&options, None).await;
    let listened = listener.next().await.unwrap().unwrap();
    let ids: Vec<&str> = listened
        .events
        .iter()
        .map(|event| event.id.as_str())
        .collect();
    assert_eq!(ids, [cut.as_str(), "of-the-trail"]);
    assert_eq!((listened.lines, listened.unreadable), (4, 0));
    assert_eq!(listener.counts().skipped, 2);
    assert!(listener.next().await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_followed_group_is_waited_on_and_read_again_for_what_is_planted() {
    let Some(logs) = Logs::new().await else {
        return;
    };
    let mut ours = record(json!({ "eventID": "ours" }));
    ours["userIdentity"]["accessKeyId"] = "AKIACANARYCANARY0001".into();
    logs.put("other", &[(-MINUTE, ours.to_string())]);
    let options = LogsOptions {
        streams: None,
        follow: true,
        ..LogsOptions::default()
    };
    let nothing = Interest::Tripwires(Arc::default());
    let mut listener = logs.listen_for(&nothing, &options, None).await;
    let before = all(&mut listener).await;
    assert_eq!((before.events.len(), before.lines), (0, 1));
    let planted = tripwire(credential("AKIACANARYCANARY0001"));
    listener.want(&Interest::Tripwires(Arc::new(vec![planted])), lines());
    assert_eq!(all(&mut listener).await.ids(), ["ours"]);
    logs.put("other", &[(0, line("new"))]);
    let listened = soon(&mut listener, Duration::from_secs(20)).await.unwrap();
    assert_eq!(listened.events[0].id, line("new"));
    // Too many requests for a moment.
    logs.cloud.throttle("logs:FilterLogEvents", 1);
    logs.put("other", &[(1, line("newer"))]);
    let listened = soon(&mut listener, Duration::from_secs(20)).await.unwrap();
    assert_eq!(listened.events[0].id, line("newer"));
    assert_eq!(listener.trouble(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_is_not_there_and_a_position_of_others_are_errors_at_the_start() {
    let Some(logs) = Logs::new().await else {
        return;
    };
    let error = async |group: &str, position: Option<&str>| {
        let options = LogsOptions::default();
        let listener =
            LogsListener::connect(&logs.client, group, &options, &ALL, None, position).await;
        listener.err().unwrap()
    };
    let missing = error("/aws/eks/other/cluster", None).await;
    assert!(matches!(missing, LogsError::Missing { .. }), "{missing}");
    let position = error(GROUP, Some("7:1")).await;
    assert!(matches!(position, LogsError::Position { .. }), "{position}");
}
