//! Records for the tests: made ones, and those of the recorded detonations.

#![allow(dead_code, reason = "each test file uses its part of this")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use canary_aws::trail::messages;
use canary_core::detect::{Event, Meaning, Mention, Tripwire};
use serde_json::{Value, json};

/// The data sets, where they are: `CANARY_DATASETS`, or beside the repository.
#[expect(clippy::print_stderr, reason = "a skipped test must be seen")]
pub(crate) fn dataset(name: &str) -> Option<PathBuf> {
    let folder = match std::env::var_os("CANARY_DATASETS") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/datasets"),
    };
    let path = folder.join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("SKIPPED: the data set {name} is not here; CANARY_DATASETS names its folder");
    None
}

/// Each recorded detonation: its file, and its records.
pub(crate) fn detonations() -> Vec<(PathBuf, Vec<Value>)> {
    let Some(folder) = dataset("stratus-red-team/docs/detonation-logs") else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().contains("/aws."))
        .collect();
    files.sort();
    assert!(files.len() > 20);
    files
        .into_iter()
        .map(|path| {
            let records = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            (path, records)
        })
        .collect()
}

/// A record of a call by a user, with these fields over it.
pub(crate) fn record(fields: Value) -> Value {
    let mut record = json!({
        "eventVersion": "1.09",
        "userIdentity": {
            "type": "IAMUser",
            "principalId": "AIDAEXAMPLEALICE00001",
            "arn": "arn:aws:iam::123456789012:user/alice",
            "accountId": "123456789012",
            "accessKeyId": "AKIAEXAMPLEALICE0001",
            "userName": "alice"
        },
        "eventTime": "2026-01-02T03:04:05Z",
        "eventSource": "secretsmanager.amazonaws.com",
        "eventName": "GetSecretValue",
        "awsRegion": "eu-west-1",
        "sourceIPAddress": "203.0.113.9",
        "userAgent": "aws-cli/2.15",
        "requestParameters": null,
        "responseElements": null,
        "requestID": "11111111-2222-3333-4444-555555555555",
        "eventID": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
        "readOnly": true,
        "eventType": "AwsApiCall",
        "managementEvent": true,
        "recipientAccountId": "123456789012",
        "eventCategory": "Management"
    });
    let object = record.as_object_mut().unwrap();
    for (key, value) in fields.as_object().unwrap() {
        object.insert(key.clone(), value.clone());
    }
    record
}

/// The event of a record.
#[track_caller]
pub(crate) fn event(record: &Value) -> Event {
    let mut found = messages(record.to_string().as_bytes());
    assert_eq!(found.events.len(), 1, "{found:?}");
    assert_eq!((found.poison, found.unreadable), (None, 0));
    found.events.remove(0)
}

pub(crate) fn object(group: &str, resource: &str, namespace: &str, name: &str) -> Mention {
    Mention::Object {
        group: group.into(),
        resource: resource.into(),
        namespace: namespace.into(),
        name: name.into(),
    }
}

pub(crate) fn collection(group: &str, resource: &str, namespace: &str) -> Mention {
    Mention::Collection {
        group: group.into(),
        resource: resource.into(),
        namespace: namespace.into(),
    }
}

pub(crate) fn principal(name: &str) -> Mention {
    Mention::Principal(name.into())
}

pub(crate) fn credential(id: &str) -> Mention {
    Mention::Credential(id.into())
}

pub(crate) fn tripwire(mention: Mention) -> Tripwire {
    Tripwire {
        mention,
        meaning: Meaning::Content,
        address: "secret.a".parse().unwrap(),
        labels: None,
        fields: BTreeMap::new(),
    }
}

/// What an event mentions beside who called.
pub(crate) fn subjects(event: &Event) -> BTreeSet<Mention> {
    let caller = [
        credential("AKIAEXAMPLEALICE0001"),
        principal("AIDAEXAMPLEALICE00001"),
        principal("arn:aws:iam::123456789012:user/alice"),
    ];
    let mut mentions = event.mentions.clone();
    for mention in caller {
        assert!(mentions.remove(&mention), "{mention:?} is missing");
    }
    mentions
}
