//! Listening to the files of a trail.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod queues_support;
mod trail_support;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use canary_aws::trail::{Counts, TrailFiles};
use canary_core::detect::{Defect, Event, Interest, Listen as _, Mention, Tripwire, Tripwires};
use flate2::Compression;
use flate2::write::GzEncoder;
use queues_support::lines;
use serde_json::{Value, json};
use trail_support::{credential, detonations, object, principal, record, tripwire};

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// Everything that is heard of these paths.
async fn listen(paths: &[&Path], interest: &Interest) -> (Vec<Event>, Counts) {
    let mut files = TrailFiles::new(
        paths.iter().map(|path| path.to_path_buf()),
        interest,
        lines(),
    );
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
    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(elsewhere.path().join("f.json"), records(&["g"])).unwrap();
    fs::write(elsewhere.path().join("h.json"), records(&["h"])).unwrap();
    let link = |to: &Path, name: &str| {
        std::os::unix::fs::symlink(to, folder.path().join(name)).unwrap();
    };
    link(folder.path(), "circle");
    link(elsewhere.path(), "linked");
    link(elsewhere.path(), "linked-again");
    let (events, counts) = listen(&[folder.path()], &Interest::Everything).await;
    assert_eq!(ids(&events), ["a", "b", "c", "d", "e", "g", "h"]);
    assert_eq!((counts.files, counts.unreadable), (5, 0));
    assert_eq!((counts.skipped, counts.others), (1, 1));
    assert_eq!((counts.records, counts.candidates), (7, 7));
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
async fn identifiers_that_a_carrier_encodes_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.json");
    let record =
        record(json!({"eventID": "a", "userIdentity": {"accessKeyId": "AKIAEXAMPLEOFACANARY"}}));
    let batch =
        json!({"messageType": "DATA_MESSAGE", "logEvents": [{"message": record.to_string()}]});
    let data = base64::engine::general_purpose::STANDARD.encode(gzip(&batch.to_string()));
    let interest = only(vec![tripwire(credential("AKIAEXAMPLEOFACANARY"))]);
    let forms = [
        json!({"awslogs": {"data": data}}),
        json!({"Records": [{"kinesis": {"data": data}}]}),
        json!({"Records": [{"kinesis": {"kinesisSchemaVersion": "1.0", "data": data}}]}),
        json!({"records": [{"recordId": "1", "data": data}]}),
    ];
    for form in forms {
        for text in [format!("{form}"), format!("{form:#}")] {
            fs::write(&path, &text).unwrap();
            let (events, _) = listen(&[&path], &interest).await;
            assert_eq!(ids(&events), ["a"], "{text}");
        }
    }
}

#[tokio::test]
async fn what_is_of_no_known_form_is_counted_and_alone_it_is_no_log() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, content: &Value| {
        let path = folder.path().join(name);
        fs::write(&path, content.to_string()).unwrap();
        path
    };
    let interest = only(vec![tripwire(credential("AKIAEXAMPLEOFACANARY"))]);
    let unknown = [
        put(
            "a.json",
            &json!({"items": [record(json!({"eventID": "a"}))]}),
        ),
        put(
            "b.json",
            &json!({"schemaVersion": "2.0", "type": "Recon:IAMUser/MaliciousIPCaller"}),
        ),
        put("c.json", &json!({"records": [{"a": 1}, {"b": 2}]})),
        put("d.json", &json!(["{\"a\":1}"])),
    ];
    for path in &unknown {
        let mut files = TrailFiles::new([path.clone()], &interest, lines());
        let ended = loop {
            match files.next().await {
                Ok(Some(listened)) => assert!(listened.events.is_empty()),
                ended => break ended,
            }
        };
        assert!(ended.is_err(), "{}", path.display());
    }
    // Of what is known, there may be none, and nobody may be in it.
    for known in [
        json!({"Records": []}),
        json!({"Records": [record(json!({"eventID": "a"}))]}),
        record(json!({"eventID": "a"})),
        json!({"events": [{"message": "I0101 klog"}]}),
        json!([record(json!({"eventID": "a"})).to_string()]),
        json!({"kind": "Event", "apiVersion": "audit.k8s.io/v1"}),
        json!({"digestStartTime": "x"}),
    ] {
        let path = put("e.json", &known);
        let (_, counts) = listen(&[&path], &interest).await;
        assert_eq!((counts.unknown, counts.unreadable), (0, 0), "{known}");
    }
    let (events, counts) = listen(&[folder.path()], &interest).await;
    assert_eq!((events.len(), counts.unknown), (0, 5));
}

#[tokio::test]
async fn a_damaged_record_tells_where_it_is_and_nothing_that_is_not_known() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.json");
    let text = r#"{"Records":[{"eventVersion":"1.11","userIdentity":{"type":"I"#;
    fs::write(&path, text).unwrap();
    let interest = only(vec![tripwire(credential("AKIAEXAMPLEOFACANARY"))]);
    let (events, _) = listen(&[&path], &interest).await;
    assert_eq!(events.len(), 1);
    let event = &events[0];
    assert!(
        event.action.name.starts_with("at byte 12 of ") && event.action.name.ends_with("/a.json")
    );
    assert_eq!(
        (event.action.verb.as_str(), event.action.operation.as_str()),
        ("", "")
    );
    assert_eq!((event.outcome.code, event.at), (None, None));
    let deep = folder
        .path()
        .join("a-folder-of-a-trail-with-a-long-name")
        .join("and-one-more-in-it");
    fs::create_dir_all(&deep).unwrap();
    let path = deep.join("123456789012_CloudTrail_eu-west-1_20260102T0305Z_abcdefghijklmnop.json");
    fs::write(&path, text).unwrap();
    let (events, _) = listen(&[&path], &interest).await;
    let name = &events[0].action.name;
    assert!(
        name.ends_with("_abcdefghijklmnop.json") && name.chars().count() < 115,
        "{name}"
    );
}

#[tokio::test]
async fn the_use_of_a_key_is_read_behind_what_is_nested_without_measure() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.json");
    let deep = format!("{}1{}", "{\"x\":".repeat(300), "}".repeat(300));
    let text = format!(
        r#"{{"Records":[{{"additionalEventData":{deep},"eventID":"a","userIdentity":{{"accessKeyId":"AKIAEXAMPLEOFACANARY"}}}}]}}"#
    );
    fs::write(&path, text).unwrap();
    let key = credential("AKIAEXAMPLEOFACANARY");
    let (events, counts) = listen(&[&path], &only(vec![tripwire(key.clone())])).await;
    assert_eq!(
        (ids(&events).as_slice(), counts.unreadable),
        (&["a"][..], 0)
    );
    assert!(events[0].mentions.contains(&key) && events[0].defects.is_empty());
}

#[tokio::test]
async fn an_audit_line_that_ends_in_the_middle_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.json");
    let interest = only(vec![tripwire(credential("AKIAEXAMPLEOFACANARY"))]);
    for line in [
        r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","objectRef":{"name":"d"#,
        r#"{"apiVersion":"audit.k8s.io/v1","kind":"Event","objectRef":{"name":"d"#,
    ] {
        fs::write(&path, line).unwrap();
        let (events, _) = listen(&[&path], &interest).await;
        // As it stands: its reader marks what is cut.
        assert_eq!(ids(&events), [line]);
        let nothing: canary_aws::trail::Lines = Box::new(|_| Vec::new());
        for lines in [None, Some(nothing)] {
            let mut files = TrailFiles::new([path.clone()], &interest, lines);
            let events = files.next().await.unwrap().unwrap().events;
            assert!(events.len() == 1 && events[0].is_cut(), "{line}");
            assert!(events[0].action.name.starts_with("at byte 0 of "));
        }
    }
}

#[tokio::test]
async fn a_file_that_is_nothing_but_brackets_is_told_in_few_words() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.json");
    fs::write(&path, "{".repeat(4_000_000)).unwrap();
    let interest = only(vec![tripwire(credential("AKIAEXAMPLEOFACANARY"))]);
    let (events, counts) = listen(&[&path], &interest).await;
    assert_eq!(counts.records, 4_000_000);
    assert!((100..150).contains(&events.len()), "{}", events.len());
    assert!(counts.unreadable > 3_999_000);
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
async fn a_file_that_was_a_log_by_its_name_or_its_beginning_is_told_as_damage() {
    let packed = gzip(&records(&["a"]));
    let utf16: Vec<u8> = records(&["a"])
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let cases: [(&str, &[u8]); 5] = [
        ("header.json.gz", &[&[0; 10], &packed[10..]].concat()),
        ("empty.json.gz", &[]),
        ("one.json.gz", &packed[..1]),
        ("utf-16.log", &utf16),
        ("utf-16", &[&[0xff, 0xfe], &utf16[..]].concat()),
    ];
    for (name, bytes) in cases {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        for path in [&path, folder.path()] {
            let (events, counts) = listen(&[path], &only(Vec::new())).await;
            assert!(events[0].is_cut(), "{name}");
            assert_eq!((events.len(), counts.unreadable), (1, 1), "{name}");
        }
    }
}

#[tokio::test]
async fn white_space_before_and_padding_behind_are_no_damage() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, parts: &[&[u8]]| {
        fs::write(folder.path().join(name), parts.concat()).unwrap();
    };
    put("a", &[&[b' '; 700], records(&["a"]).as_bytes()]);
    put("b.gz", &[&gzip(&records(&["b"])), &[0; 700]]);
    let (events, counts) = listen(&[folder.path()], &Interest::Everything).await;
    assert_eq!((ids(&events), counts.unreadable), (vec!["a", "b"], 0));
}

#[tokio::test]
async fn paths_without_a_log_are_an_error() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("empty")).unwrap();
    for others in ["0 files", "1 files"] {
        let paths = [folder.path().to_path_buf()];
        let mut files = TrailFiles::new(paths, &Interest::Everything, None);
        let error = loop {
            match files.next().await {
                Ok(listened) => assert!(listened.unwrap().events.is_empty()),
                Err(error) => break error.source.unwrap().to_string(),
            }
        };
        assert!(error.contains(others), "{error}");
        assert!(files.next().await.unwrap().is_none());
        fs::write(folder.path().join("a.zst"), b"\x28\xb5\x2f\xfd").unwrap();
    }
}

#[tokio::test]
async fn lists_in_lists_and_records_in_texts_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b, c] = ["a", "b", "c"].map(|id| record(json!({"eventID": id})));
    let all = json!([[a.to_string(), b], [[c.to_string()]], 7, "other"]);
    let path = folder.path().join("a.json");
    fs::write(&path, all.to_string()).unwrap();
    let (events, _) = listen(&[&path], &Interest::Everything).await;
    assert_eq!(ids(&events), ["a", "b", "c"]);
}

#[tokio::test]
async fn audit_lines_of_kubernetes_are_given_to_their_reader_in_every_form() {
    let folder = tempfile::tempdir().unwrap();
    let line = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"a"}"#;
    let batch = json!({"messageType": "DATA_MESSAGE", "logEvents": [{"id": "1", "timestamp": 1, "message": line}]});
    let packed = gzip(&batch.to_string());
    let data = base64::engine::general_purpose::STANDARD.encode(&packed);
    let forms = [
        line.as_bytes().to_vec(),
        batch.to_string().into_bytes(),
        packed,
        json!({"awslogs": {"data": data}}).to_string().into_bytes(),
    ];
    for form in forms {
        let path = folder.path().join("a");
        fs::write(&path, form).unwrap();
        let (events, counts) = listen(&[&path], &only(Vec::new())).await;
        assert_eq!((ids(&events), counts.unreadable), (vec![line], 0));
    }
}

#[tokio::test]
async fn a_file_of_nothing_but_damage_makes_few_events_and_every_loss_is_counted() {
    const MANY: u64 = 2_000_000;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.json.gz");
    for (part, times) in [
        ("{", MANY),
        ("{\"a\":\"x\n", MANY),
        ("{}{\"a\":\"x\n", MANY),
    ] {
        fs::write(&path, gzip(&part.repeat(usize::try_from(times).unwrap()))).unwrap();
        let mut files = TrailFiles::new([path.clone()], &only(Vec::new()), None);
        let (mut told, mut unreadable, mut most) = (0, 0, 0);
        while let Some(listened) = files.next().await.unwrap() {
            most = most.max(listened.events.len());
            told += listened.events.len() as u64;
            unreadable += listened.unreadable;
        }
        // A hundred are told each, of the others how many, in ever larger numbers.
        assert!(unreadable >= times - 101, "{part}: {unreadable}");
        assert!((100..=200).contains(&told), "{part}: {told}");
        assert!(most <= 200, "{part}: {most}");
    }
}

#[tokio::test]
async fn what_is_named_and_not_there_is_an_error() {
    let mut files = TrailFiles::new(
        [PathBuf::from("/nowhere/trail")],
        &Interest::Everything,
        None,
    );
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
    // The first hundred, then 200 and 400, and always the same.
    assert_eq!(events.len(), 3);
    assert!(events.iter().all(Event::is_cut));
    assert!(
        events[2]
            .action
            .name
            .starts_with("400 that cannot be read, the last of ")
    );
    let (again, _) = listen(&[&path], &Interest::Everything).await;
    assert_eq!(ids(&again), ids(&events));
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
