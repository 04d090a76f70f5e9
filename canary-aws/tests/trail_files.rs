//! Listening to the files of a trail.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod trail_support;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use canary_aws::trail::{Counts, TrailFiles};
use canary_core::detect::{Defect, Event, Interest, Listen as _, Mention, Tripwire, Tripwires};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use trail_support::{credential, detonations, object, principal, record, tripwire};

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// Everything that is heard of these paths.
async fn listen(paths: &[&Path], interest: &Interest) -> (Vec<Event>, Counts) {
    let mut files = TrailFiles::new(paths.iter().map(|path| path.to_path_buf()), interest);
    let mut events = Vec::new();
    let (mut bytes, mut lines, mut unreadable) = (0, 0, 0);
    while let Some(listened) = files.next().await.unwrap() {
        bytes += listened.bytes;
        lines += listened.lines;
        unreadable += listened.unreadable;
        events.extend(listened.events);
    }
    let counts = files.counts();
    assert_eq!(
        (bytes, lines, unreadable),
        (counts.bytes, counts.records, counts.unreadable)
    );
    (events, counts)
}

fn only(tripwires: Vec<Tripwire>) -> Interest {
    Interest::Tripwires(Arc::new(tripwires))
}

fn ids(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.id.as_str()).collect()
}

fn records(ids: &[&str]) -> String {
    let records: Vec<Value> = ids
        .iter()
        .map(|id| record(json!({"eventID": id})))
        .collect();
    json!({"Records": records}).to_string()
}

#[tokio::test]
async fn a_folder_is_read_in_the_order_of_its_paths() {
    let folder = tempfile::tempdir().unwrap();
    let put = |path: &str, content: &[u8]| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    };
    put(
        "AWSLogs/1/CloudTrail/eu/02/b.json.gz",
        &gzip(&records(&["c", "d"])),
    );
    put(
        "AWSLogs/1/CloudTrail/eu/01/a.json",
        records(&["a", "b"]).as_bytes(),
    );
    put(
        "AWSLogs/1/CloudTrail/us/odd-name",
        records(&["e"]).as_bytes(),
    );
    put("AWSLogs/1/CloudTrail/us/readme.txt", b"what this is");
    put(
        "AWSLogs/1/CloudTrail-Digest/eu/d.json.gz",
        &gzip(r#"{"digestStartTime":"x"}"#),
    );
    std::os::unix::fs::symlink(folder.path(), folder.path().join("circle")).unwrap();
    let (events, counts) = listen(&[folder.path()], &Interest::Everything).await;
    assert_eq!(ids(&events), ["a", "b", "c", "d", "e"]);
    assert_eq!((counts.files, counts.skipped, counts.unreadable), (3, 3, 0));
    assert_eq!((counts.records, counts.candidates), (5, 5));
}

#[tokio::test]
async fn only_what_can_touch_is_read_in_full() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.json");
    let all = [
        record(json!({"eventID": "a"})),
        record(json!({"eventID": "b", "requestParameters": {"secretId": "prod/db"}})),
        record(json!({"eventID": "c"})),
    ];
    fs::write(&path, json!({"Records": all}).to_string()).unwrap();
    let secret = object("secretsmanager", "secrets", "eu-west-1", "prod/db");
    let (events, counts) = listen(&[&path], &only(vec![tripwire(secret)])).await;
    assert_eq!(ids(&events), ["b"]);
    assert_eq!((counts.records, counts.candidates), (3, 1));
}

#[tokio::test]
async fn a_file_that_was_not_read_to_its_end_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let whole = records(&["a", "b"]);
    let packed = gzip(&whole);
    let cases: [(&str, &[u8]); 3] = [
        ("cut.json", &whole.as_bytes()[..whole.len() - 40]),
        ("cut.json.gz", &packed[..packed.len() - 20]),
        (
            "broken.json.gz",
            &[&packed[..30], &[0xff; 30], &packed[60..]].concat(),
        ),
    ];
    let interest = only(vec![tripwire(credential("AKIAEXAMPLEOFACANARY"))]);
    for (name, bytes) in cases {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let (events, _) = listen(&[&path], &interest).await;
        assert!(
            events
                .iter()
                .any(|event| event.defects.contains(&Defect::Cut)),
            "{name}"
        );
    }
}

#[tokio::test]
async fn what_is_named_and_not_there_is_an_error() {
    let mut files = TrailFiles::new([PathBuf::from("/nowhere/trail")], &Interest::Everything);
    let error = files.next().await.unwrap_err();
    assert_eq!(error.source_name, "/nowhere/trail");
    assert!(files.next().await.unwrap().is_none());
}

#[tokio::test]
async fn a_log_of_another_kind_is_told_as_damage() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.json");
    fs::write(&path, "{\"hello\":\"world\"}\n".repeat(1_000)).unwrap();
    let (events, counts) = listen(&[&path], &Interest::Everything).await;
    assert_eq!(counts.unreadable, 1_000);
    // A hundred at a time, and always the same.
    assert_eq!(events.len(), 10);
    assert!(events[0].is_cut());
    assert!(events.iter().all(|event| event.id == events[0].id));
}

/// An identifier with how to find it in a record without reading it as we do.
struct Watched {
    mention: Mention,
    is_in: Box<dyn Fn(&Value) -> bool>,
}

fn text<'v>(record: &'v Value, pointer: &str) -> &'v str {
    record
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn key(id: &str) -> Watched {
    let id = id.to_owned();
    Watched {
        mention: credential(&id),
        is_in: Box::new(move |record| text(record, "/userIdentity/accessKeyId") == id),
    }
}

fn unique_id(id: &str) -> Watched {
    let id = id.to_owned();
    Watched {
        mention: principal(&id),
        is_in: Box::new(move |record| {
            [
                "/userIdentity/principalId",
                "/userIdentity/sessionContext/sessionIssuer/principalId",
                "/responseElements/assumedRoleUser/assumedRoleId",
            ]
            .iter()
            .any(|pointer| text(record, pointer).split(':').next() == Some(&id))
        }),
    }
}

fn user(name: &str) -> Watched {
    let name = name.to_ascii_lowercase();
    Watched {
        mention: object("iam", "users", "", &name),
        is_in: Box::new(move |record| {
            text(record, "/requestParameters/userName").to_ascii_lowercase() == name
        }),
    }
}

fn secret(region: &str, name: &str) -> Watched {
    let (region, name) = (region.to_owned(), name.to_owned());
    Watched {
        mention: object("secretsmanager", "secrets", &region, &name),
        is_in: Box::new(move |record| {
            let id = text(record, "/requestParameters/secretId");
            let is_named = id.ends_with(&name) || id.contains(&format!(":{name}-"));
            let is_batch = text(record, "/eventName") == "BatchGetSecretValue";
            (is_named || is_batch) && text(record, "/awsRegion") == region
        }),
    }
}

fn parameter(region: &str, name: &str) -> Watched {
    let name = name.to_owned();
    Watched {
        mention: object("ssm", "parameters", region, &name),
        is_in: Box::new(move |record| {
            let names = record.pointer("/requestParameters/names");
            let names = names.and_then(Value::as_array);
            names.is_some_and(|names| names.iter().any(|other| *other == *name))
        }),
    }
}

/// Some of every identifier that occurs in a file.
fn watched(records: &[Value]) -> Vec<Watched> {
    let some = |pointer: &'static str| -> BTreeSet<&str> {
        let all = records.iter().map(|record| text(record, pointer));
        all.filter(|text| !text.is_empty()).collect()
    };
    let region = text(&records[0], "/awsRegion");
    let mut all: Vec<Watched> = Vec::new();
    all.extend(some("/userIdentity/accessKeyId").into_iter().map(key));
    let ids = some("/userIdentity/principalId");
    all.extend(ids.into_iter().filter(|id| id.starts_with('A')).map(|id| {
        let id = id.split(':').next().unwrap_or(id);
        unique_id(id)
    }));
    all.extend(some("/requestParameters/userName").into_iter().map(user));
    for id in some("/requestParameters/secretId") {
        let name = id.rsplit(':').next().unwrap();
        all.push(secret(region, name.rsplit_once('-').unwrap().0));
        all.push(secret(region, name));
    }
    let names = records
        .iter()
        .filter_map(|record| record.pointer("/requestParameters/names")?.as_array());
    let names: BTreeSet<&str> = names.flatten().filter_map(Value::as_str).collect();
    all.extend(names.into_iter().map(|name| parameter(region, name)));
    all
}

#[tokio::test]
async fn every_use_in_the_detonations_is_found_and_no_other() {
    let mut found = 0;
    for (path, records) in detonations() {
        for Watched { mention, is_in } in watched(&records) {
            let expected: BTreeSet<&str> = records
                .iter()
                .filter(|record| is_in(record))
                .map(|record| text(record, "/eventID"))
                .collect();
            assert!(!expected.is_empty(), "{mention:?}");
            let tripwires = vec![tripwire(mention.clone())];
            let index = Tripwires::new(tripwires.clone());
            for interest in [only(tripwires), Interest::Everything] {
                let (events, counts) = listen(&[&path], &interest).await;
                assert_eq!(counts.records, records.len() as u64);
                let touched: BTreeSet<&str> = events
                    .iter()
                    .filter(|event| !index.touches(event).is_empty())
                    .map(|event| event.id.as_str())
                    .collect();
                assert_eq!(touched, expected, "{mention:?} in {}", path.display());
            }
            found += expected.len();
        }
    }
    assert!(detonations().is_empty() || found > 500, "{found}");
}
