//! The sieve passes over no record that a full reading would find a touch in.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod trail_support;

use std::collections::BTreeSet;

use canary_aws::trail::{Sieve, messages};
use canary_core::detect::{Event, Mention, Tripwire, Tripwires};
use proptest::prelude::*;
use serde_json::{Value, json};
use trail_support::{credential, detonations, object, principal, record, tripwire};

/// Whether an event touches something.
fn touches(event: &Event, tripwires: &[Tripwire]) -> bool {
    !Tripwires::new(tripwires.to_vec()).touches(event).is_empty()
}

#[track_caller]
fn assert_not_passed_over(text: &str, tripwires: &[Tripwire], sieve: &Sieve) -> bool {
    let found = messages(text.as_bytes());
    let touched = found.events.iter().any(|event| touches(event, tripwires));
    let may = sieve.may_touch(text.as_bytes());
    assert!(may || !touched, "passed over: {text}\n{tripwires:?}");
    may
}

/// Every character of every text as an escape, the keys the other way round, and space wherever there may be some.
fn escaped(value: &Value) -> String {
    let text = |text: &str| {
        let units = text.encode_utf16().map(|unit| format!("\\u{unit:04x}"));
        format!("\"{}\"", units.collect::<String>())
    };
    match value {
        Value::String(string) => text(string),
        Value::Array(list) => {
            let list: Vec<String> = list.iter().map(escaped).collect();
            format!("[ {} ]", list.join(" ,\t"))
        }
        Value::Object(entries) => {
            let entries = entries.iter().rev();
            let entries: Vec<String> = entries
                .map(|(key, value)| format!("{} : {}", text(key), escaped(value)))
                .collect();
            format!("{{\n{}\r\n}}", entries.join(" ,\n"))
        }
        other => other.to_string(),
    }
}

/// Keys the other way round.
fn reversed(value: &Value) -> String {
    match value {
        Value::Array(list) => {
            let list: Vec<String> = list.iter().map(reversed).collect();
            format!("[{}]", list.join(","))
        }
        Value::Object(entries) => {
            let entries = entries.iter().rev();
            let entries: Vec<String> = entries
                .map(|(key, value)| format!("{}:{}", json!(key), reversed(value)))
                .collect();
            format!("{{{}}}", entries.join(","))
        }
        other => other.to_string(),
    }
}

/// A record as different programs write it.
fn written(record: &Value) -> [String; 7] {
    let plain = record.to_string();
    [
        plain.clone(),
        format!("{record:#}"),
        reversed(record),
        escaped(record),
        plain.replace('/', "\\/"),
        json!({"CloudTrailEvent": plain}).to_string(),
        json!({"detail-type": "AWS API Call via CloudTrail", "detail": record}).to_string(),
    ]
}

/// What a tripwire can be on: everything that is mentioned, but what covers others.
fn watchable(records: &[Value]) -> BTreeSet<Mention> {
    let events = records.iter().map(trail_support::event);
    let mentions = events.flat_map(|event| event.mentions);
    mentions
        .filter(|mention| !matches!(mention, Mention::Collection { .. } | Mention::Under { .. }))
        .collect()
}

#[test]
fn every_touch_in_the_detonations_is_a_candidate_whatever_is_watched_and_however_it_is_written() {
    let mut passed_over = 0;
    for (path, records) in detonations() {
        let mentions = watchable(&records);
        assert!(!mentions.is_empty(), "{}", path.display());
        let texts: Vec<[String; 7]> = records.iter().map(written).collect();
        for mention in mentions {
            let tripwires = [tripwire(mention)];
            let sieve = Sieve::new(&tripwires);
            for text in texts.iter().flatten() {
                passed_over += usize::from(!assert_not_passed_over(text, &tripwires, &sieve));
            }
        }
    }
    assert!(
        detonations().is_empty() || passed_over > 1_000,
        "{passed_over}"
    );
}

#[test]
fn what_covers_without_naming_is_a_candidate() {
    let covering = [
        (
            object("secretsmanager", "secrets", "eu-west-1", "prod/db"),
            json!({"eventName": "BatchGetSecretValue", "requestParameters": null}),
        ),
        (
            object("ssm", "parameters", "eu-west-1", "/prod/db/password"),
            json!({"eventSource": "ssm.amazonaws.com", "eventName": "GetParametersByPath", "requestParameters": {"path": "/prod", "recursive": true}}),
        ),
        (
            object("ssm", "parameters", "eu-west-1", "/prod/db/password"),
            json!({"eventSource": "ssm.amazonaws.com", "eventName": "GetParametersByPath", "requestParameters": {"path": "/", "recursive": true}}),
        ),
        (
            object("s3", "objects", "backup", "dump.sql"),
            json!({"eventSource": "s3.amazonaws.com", "eventName": "DeleteObjects", "requestParameters": {"bucketName": "backup", "delete": ""}}),
        ),
        (
            object("s3", "objects", "backup", "dump.sql"),
            json!({"eventSource": "s3.amazonaws.com", "eventName": "CopyObject",
                   "requestParameters": {"bucketName": "x", "key": "y", "x-amz-copy-source": "backup/%64ump.sql"}}),
        ),
    ];
    for (mention, fields) in covering {
        let text = record(fields).to_string();
        let tripwires = [tripwire(mention)];
        assert!(
            touches(&messages(text.as_bytes()).events[0], &tripwires),
            "{text}"
        );
        assert!(Sieve::new(&tripwires).may_touch(text.as_bytes()), "{text}");
    }
}

#[test]
fn names_of_every_length_and_alphabet_are_found() {
    for name in [
        "a",
        "ab",
        "abcdef",
        "svc-backup-of-everything",
        "é",
        "日本",
        "a\"b\\c",
        "UPPER",
    ] {
        let tripwires = [tripwire(object(
            "secretsmanager",
            "secrets",
            "eu-west-1",
            name,
        ))];
        let sieve = Sieve::new(&tripwires);
        for text in written(&record(json!({"requestParameters": {"secretId": name}}))) {
            let found = messages(text.as_bytes());
            assert!(touches(&found.events[0], &tripwires), "{name}");
            assert!(sieve.may_touch(text.as_bytes()), "{name} in {text}");
        }
    }
}

#[test]
fn others_are_passed_over() {
    let tripwires = [
        tripwire(credential("AKIAEXAMPLEOFACANARY")),
        tripwire(principal("arn:aws:iam::123456789012:user/svc-backup")),
        tripwire(object("iam", "users", "", "svc-backup")),
        tripwire(object(
            "ssm",
            "parameters",
            "eu-west-1",
            "/prod/db/password",
        )),
    ];
    let sieve = Sieve::new(&tripwires);
    for text in [
        record(json!({})),
        record(json!({"requestParameters": {"secretId": "prod/db/passport"}})),
    ] {
        assert!(!sieve.may_touch(text.to_string().as_bytes()));
    }
}

proptest! {
    #[test]
    fn no_name_and_no_place_hides_a_touch(
        name in "[a-zA-Z0-9/_+=.@-]{1,40}",
        other in "[ -~]{0,30}",
        form in 0_usize..7,
        in_message in any::<bool>(),
    ) {
        let tripwires = [
            tripwire(object("secretsmanager", "secrets", "eu-west-1", &name)),
            tripwire(object("iam", "users", "", &name.to_ascii_lowercase())),
        ];
        let fields = if in_message {
            json!({"userAgent": other, "errorMessage": format!("not authorized to perform: x on resource: {name} because")})
        } else {
            json!({"userAgent": other, "requestParameters": {"secretId": name}})
        };
        let text = &written(&record(fields))[form];
        let events = messages(text.as_bytes()).events;
        prop_assert!(events.iter().any(|event| touches(event, &tripwires)) || in_message);
        assert_not_passed_over(text, &tripwires, &Sieve::new(&tripwires));
    }

    #[test]
    fn bytes_that_were_turned_over_hide_no_touch_that_is_still_read(
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        form in 0_usize..7,
        end in any::<prop::sample::Index>(),
    ) {
        let tripwires = [
            tripwire(object("secretsmanager", "secrets", "eu-west-1", "prod/db")),
            tripwire(credential("AKIAEXAMPLEALICE0001")),
        ];
        let mut bytes = written(&record(json!({"requestParameters": {"secretId": "prod/db"}})))[form].clone().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let end = end.index(bytes.len());
        let sieve = Sieve::new(&tripwires);
        for bytes in [&bytes[..], &bytes[..end]] {
            let touched = messages(bytes).events.iter().any(|event| touches(event, &tripwires));
            prop_assert!(sieve.may_touch(bytes) || !touched);
        }
    }
}
