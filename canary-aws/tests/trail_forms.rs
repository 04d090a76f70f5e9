//! In which forms records come.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod trail_support;

use std::io::Write as _;

use base64::Engine as _;
use canary_aws::trail::{Found, Poison, S3Object, messages};
use canary_core::detect::{Defect, Event};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use trail_support::record;

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn named(id: &str) -> Value {
    record(json!({"eventID": id}))
}

fn read(value: &Value) -> Found {
    messages(value.to_string().as_bytes())
}

fn ids(found: &Found) -> Vec<&str> {
    found.events.iter().map(|event| event.id.as_str()).collect()
}

fn sns(message: &str) -> Value {
    json!({"Type": "Notification", "MessageId": "m", "TopicArn": "arn:aws:sns:eu-west-1:1:t", "Message": message})
}

fn awslogs(payload: &Value) -> Value {
    let data = base64::engine::general_purpose::STANDARD.encode(gzip(&payload.to_string()));
    json!({"awslogs": {"data": data}})
}

fn batch(lines: &[&str]) -> Value {
    let events: Vec<Value> = lines
        .iter()
        .map(|line| json!({"id": "1", "timestamp": 1, "message": line}))
        .collect();
    json!({"messageType": "DATA_MESSAGE", "owner": "1", "logGroup": "g", "logStream": "s", "logEvents": events})
}

#[test]
fn every_form_gives_the_same_events() {
    let (a, b) = (named("a"), named("b"));
    let forms = [
        json!({"Records": [a, b]}).to_string(),
        json!([a, b]).to_string(),
        format!("{a}\n{b}\n"),
        format!("\u{feff}{a:#}\n{b:#}"),
        json!({"Events": [
            {"EventId": "a", "CloudTrailEvent": a.to_string()},
            {"EventId": "b", "CloudTrailEvent": b.to_string()},
        ]})
        .to_string(),
        batch(&[&a.to_string(), &b.to_string()]).to_string(),
        awslogs(&batch(&[&a.to_string(), &b.to_string()])).to_string(),
        sns(&json!({"Records": [a, b]}).to_string()).to_string(),
    ];
    let expected: Vec<Event> = [a, b].iter().map(trail_support::event).collect();
    for form in forms {
        let found = messages(form.as_bytes());
        assert_eq!(found.events, expected, "{form}");
        assert_eq!((found.skipped, found.unreadable), (0, 0), "{form}");
    }
    let packed = gzip(&batch(&[&named("a").to_string()]).to_string());
    assert_eq!(ids(&messages(&packed)), ["a"]);
}

#[test]
fn what_came_through_kinesis_and_firehose_is_read_packed_or_not() {
    let line = named("a").to_string();
    let data = [
        gzip(&batch(&[&line]).to_string()),
        line.clone().into_bytes(),
        json!({"detail-type": "AWS API Call via CloudTrail", "source": "aws.iam", "detail": named("a")})
            .to_string()
            .into_bytes(),
    ];
    for data in data {
        let data = base64::engine::general_purpose::STANDARD.encode(data);
        let of_kinesis = json!({"Records": [{
            "kinesis": {"kinesisSchemaVersion": "1.0", "partitionKey": "1", "data": data},
            "eventSource": "aws:kinesis", "eventName": "aws:kinesis:record", "eventID": "shardId-0:1",
        }]});
        let of_firehose =
            json!({"invocationId": "i", "records": [{"recordId": "1", "data": data}]});
        assert_eq!(ids(&read(&of_kinesis)), ["a"]);
        assert_eq!(ids(&read(&of_firehose)), ["a"]);
    }
    let garbage = json!({"Records": [{"kinesis": {"data": "AAAA"}}]});
    assert!(read(&garbage).is_poison());
}

#[test]
fn what_the_command_line_prints_of_a_log_group_is_read() {
    let audit = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1"}"#;
    let lines = [
        named("a").to_string(),
        audit.to_owned(),
        "I0101 klog".to_owned(),
    ];
    let printed = lines.map(|line| json!({"logStreamName": "s", "timestamp": 1, "message": line}));
    let found = read(&json!({"events": printed, "searchedLogStreams": []}));
    assert_eq!(ids(&found), ["a"]);
    assert_eq!(found.kubernetes, [audit.as_bytes()]);
    assert_eq!((found.skipped, found.unreadable), (1, 0));
}

#[test]
fn what_does_not_say_when_it_was_is_of_the_time_of_what_wraps_it() {
    let at = "2026-01-02T03:04:05Z";
    let undated = record(json!({"eventID": "a", "eventTime": "once upon a time"}));
    let text = undated.to_string();
    let seconds = at.parse::<jiff::Timestamp>().unwrap().as_second();
    let forms = [
        json!({"detail-type": "AWS API Call via CloudTrail", "time": at, "detail": undated}),
        json!({"Events": [{"EventTime": at, "CloudTrailEvent": text}]}),
        json!({"Events": [{"EventTime": seconds, "CloudTrailEvent": text}]}),
        json!({"events": [{"timestamp": seconds * 1000, "message": text}]}),
        record(json!({"eventID": "a", "eventTime": seconds})),
        record(json!({"eventID": "a", "eventTime": "2026-01-02 03:04:05"})),
    ];
    for form in forms {
        let event = &read(&form).events[0];
        assert_eq!(event.at, at.parse().ok(), "{form}");
    }
    // What the record itself says comes first.
    let wrapped = json!({"detail-type": "AWS API Call via CloudTrail", "time": "2030-01-01T00:00:00Z", "detail": named("a")});
    assert_eq!(
        read(&wrapped).events[0].at,
        trail_support::event(&named("a")).at
    );
}

#[test]
fn events_of_eventbridge_are_read_whatever_their_kind() {
    for kind in [
        "AWS API Call via CloudTrail",
        "AWS Console Sign In via CloudTrail",
        "AWS Service Event via CloudTrail",
    ] {
        let event =
            json!({"version": "0", "detail-type": kind, "source": "aws.iam", "detail": named("a")});
        assert_eq!(ids(&read(&event)), ["a"]);
        assert_eq!(ids(&read(&sns(&event.to_string()))), ["a"]);
    }
    let event = json!({"detail-type": "AWS API Call via CloudTrail", "source": "aws.iam", "detail": named("a").to_string()});
    assert_eq!(ids(&read(&event)), ["a"]);
    for detail in [json!(7), json!("none"), json!({"a": 1})] {
        let event = json!({"detail-type": "AWS API Call via CloudTrail", "detail": detail});
        assert!(read(&event).is_poison(), "{event}");
    }
    let cut = &named("a").to_string()[..300];
    let event = json!({"detail-type": "AWS API Call via CloudTrail", "detail": cut});
    assert!(read(&event).events[0].is_cut());
    let other = json!({"detail-type": "EC2 Instance State-change Notification", "source": "aws.ec2", "detail": {"state": "running"}});
    let found = read(&other);
    assert_eq!((found.skipped, found.is_poison()), (1, false));
}

#[test]
fn notices_tell_what_to_fetch_in_every_form() {
    let key = "AWSLogs/1/CloudTrail/eu-west-1/2026/01/02/a b+c.json.gz";
    let notice = |event: &str, key: &str| {
        json!({"Records": [{
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "eventName": event,
            "userIdentity": {"principalId": "AWS:AIDA"},
            "s3": {"bucket": {"name": "trail"}, "object": {"key": key, "size": 7}}
        }]})
    };
    let expected = [S3Object {
        bucket: "trail".into(),
        key: key.into(),
    }];
    let encoded = key.replace('+', "%2B").replace(' ', "+");
    let all_encoded = encoded.replace('/', "%2F");
    let forms = [
        notice("ObjectCreated:Put", &encoded),
        notice("ObjectCreated:Put", &all_encoded),
        sns(&notice("ObjectCreated:CompleteMultipartUpload", &encoded).to_string()),
        json!({"s3Bucket": "trail", "s3ObjectKey": [key]}),
        json!({"detail-type": "Object Created", "source": "aws.s3",
               "detail": {"bucket": {"name": "trail"}, "object": {"key": key}}}),
    ];
    for form in forms {
        let found = read(&form);
        assert_eq!(found.objects, expected, "{form}");
        assert!(found.events.is_empty() && found.poison.is_none());
    }
    let skipped = [
        notice("ObjectRemoved:Delete", &encoded),
        notice("ObjectCreated:Put", "AWSLogs/1/CloudTrail-Digest/x.json.gz"),
        notice(
            "ObjectCreated:Put",
            "AWSLogs/1/CloudTrail-Insight/x.json.gz",
        ),
        json!({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "trail"}),
        sns(r#"{"Service":"Amazon S3","Event":"s3:TestEvent"}"#),
        json!({"Type": "SubscriptionConfirmation", "Message": "You have chosen", "Token": "t"}),
    ];
    for form in skipped {
        let found = read(&form);
        assert_eq!((found.skipped, found.objects.len()), (1, 0), "{form}");
        assert!(!found.is_poison());
    }
}

#[test]
fn lists_in_lists_and_texts_in_them_are_read_and_one_without_end_is_poison() {
    let (a, b) = (named("a"), named("b"));
    let found = read(&json!([[a.to_string()], [[b]]]));
    assert_eq!((ids(&found), found.unreadable), (vec!["a", "b"], 0));
    let deep = ["[".repeat(100_000), "]".repeat(100_000)].concat();
    assert_eq!(messages(deep.as_bytes()).poison, Some(Poison::TooDeep));
}

#[test]
fn many_damaged_lines_are_few_events_and_all_are_counted() {
    let lines = vec!["{"; 10_000];
    let found = read(&awslogs(&batch(&lines)));
    assert_eq!((found.events.len(), found.unreadable), (100, 9_900));
}

#[test]
fn digests_and_insights_are_skipped() {
    let digest =
        json!({"awsAccountId": "1", "digestStartTime": "x", "digestEndTime": "y", "logFiles": []});
    let aggregated = json!({
        "eventVersion": "1.0", "accountId": "1", "eventId": "a", "eventCategory": "Aggregated",
        "eventType": "AwsAggregatedEvent", "awsRegion": "eu-west-1", "eventSource": "s3.amazonaws.com",
        "timeWindow": {"windowStart": "2026-01-02T03:00:00Z"}, "summary": {"primaryDimension": {}},
    });
    let found = read(&json!({"Records": [aggregated]}));
    assert_eq!(
        (found.events.len(), found.skipped, found.unreadable),
        (0, 1, 0)
    );
    let insight = record(json!({"eventType": "AwsCloudTrailInsight", "eventCategory": "Insight"}));
    let found = read(&json!([digest, insight]));
    assert_eq!((found.skipped, found.events.len()), (2, 0));
}

#[test]
fn audit_lines_of_eks_are_handed_on_as_they_stand() {
    let line = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"x","verb":"get"}"#;
    let cut = &line[..70];
    let plain = "I0101 00:00:00 authenticator: access granted";
    let other = r#"{"level":"info","msg":"scheduler"}"#;
    let found = read(&awslogs(&batch(&[
        line,
        plain,
        cut,
        other,
        &named("a").to_string(),
    ])));
    assert_eq!(found.kubernetes, [line.as_bytes(), cut.as_bytes()]);
    assert_eq!(ids(&found), ["a"]);
    assert_eq!(found.skipped, 2);
    let control = json!({"messageType": "CONTROL_MESSAGE", "logEvents": [{"message": "CWL CONTROL MESSAGE"}]});
    assert_eq!(read(&awslogs(&control)).skipped, 1);
    assert_eq!(messages(line.as_bytes()).kubernetes, [line.as_bytes()]);
}

#[test]
fn what_can_never_be_read_is_poison_and_says_why() {
    let too_often = (0..8).fold(named("a").to_string(), |inner, _| sns(&inner).to_string());
    let cases: [(&[u8], Poison); 6] = [
        (b"hello", Poison::NoJson),
        (b"", Poison::NoJson),
        (br#"{"hello":"world"}"#, Poison::UnknownForm),
        (br#"{"awslogs":{"data":"***"}}"#, Poison::NoBase64),
        (br#"{"awslogs":{"data":"aGVsbG8="}}"#, Poison::NoGzip),
        (too_often.as_bytes(), Poison::TooDeep),
    ];
    for (body, why) in cases {
        let found = messages(body);
        assert_eq!(found.poison, Some(why));
        assert!(found.is_poison() && found.unreadable == 1);
    }
    // One bad part does not spoil the others.
    let mixed = read(&json!([{"hello": "world"}, named("a")]));
    assert_eq!((ids(&mixed), mixed.unreadable), (vec!["a"], 1));
    assert!(!mixed.is_poison());
}

#[test]
fn a_cut_record_is_read_as_far_as_it_goes_wherever_the_cut_is() {
    let whole = named("a").to_string();
    let caller = trail_support::credential("AKIAEXAMPLEALICE0001");
    let mut told = 0;
    for end in 1..whole.len() {
        let found = messages(&whole.as_bytes()[..end]);
        assert_eq!(found.events.len(), 1, "{end}");
        assert!(found.events[0].defects.contains(&Defect::Cut), "{end}");
        told += usize::from(found.events[0].mentions.contains(&caller));
    }
    assert!(told > 100);
    let list = json!({"Records": [named("a"), named("b")]}).to_string();
    let found = messages(&list.as_bytes()[..list.len() - 40]);
    assert_eq!(found.events.len(), 2);
    assert!(found.events[0].defects.is_empty());
    assert!(found.events[1].is_cut());
}

#[test]
fn bytes_that_are_no_utf8_are_read_around() {
    let mut bytes = record(json!({"userAgent": "XX"})).to_string().into_bytes();
    let at = bytes.windows(2).position(|two| two == b"XX").unwrap();
    bytes[at] = 0xff;
    let found = messages(&bytes);
    assert_eq!(found.events[0].defects, [Defect::Encoding]);
    assert_eq!(found.events[0].actor.user_agent, "\u{fffd}X");
}
