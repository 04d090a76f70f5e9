//! One record → [`Event`].

use std::collections::BTreeMap;

use canary_core::detect::METADATA;
use canary_core::detect::{Action, Defect, Event, Stage};
use serde_json::Value;

use super::bounds::{self, bounded, hex};
use super::identity;
use super::object::Object;
use super::outcome::{is_dry_run, outcome};
use super::redact::without_secrets;
use super::subjects::{self, Call, Subjects};
use super::things::Thing;
use super::time;
use super::verb::verb;

/// Whether there is anything in it that only a CloudTrail record has.
pub(super) fn is_record(object: &Object<'_>) -> bool {
    object.has("userIdentity")
        || (object.has("eventName") && object.has("eventSource"))
        || (object.has("eventID") && object.has("eventTime"))
}

/// Reads one record. `text` is the record as it stands.
pub(super) fn event(record: &Object<'_>, text: &str, mut defects: Vec<Defect>) -> Event {
    // What ends in the middle may not have come to what it would say next.
    let ends_early = !defects.iter().all(|defect| *defect == Defect::Encoding);
    let request = body(record, "requestParameters", &mut defects);
    let response = body(record, "responseElements", &mut defects);
    let source = field(record, "eventSource");
    let operation = field(record, "eventName");
    let region = field(record, "awsRegion");
    let account = field(record, "recipientAccountId");
    let service = source.strip_suffix(".amazonaws.com").unwrap_or(&source);
    let call = Call {
        service,
        operation: &operation,
        region: &region,
        account: &account,
    };
    let subjects = subjects::subjects(call, record, request.as_ref(), response.as_ref());
    let at = time::parsed(&field(record, "eventTime"));
    let id = match field(record, "eventID") {
        id if id.is_empty() => hex(text.as_bytes()),
        id => id,
    };
    let mut event = Event {
        provider: crate::provider(),
        stage: Stage::Complete,
        at,
        stage_at: at,
        actor: identity::actor(record),
        acting_as: None,
        action: action(record, call, &subjects),
        outcome: outcome(record, ends_early),
        mentions: subjects.mentions,
        annotations: annotations(record),
        gives: response.as_ref().map(subjects::gives).unwrap_or_default(),
        request_body: request,
        response_body: response,
        defects,
        id,
    };
    identity::mentions(record, &mut event.mentions);
    // The same record by any way, and no other: of what a request key is made of, only the id and this tell accounts apart.
    event.action.uri = format!("{source}/{operation}?account={account}&event={}", event.id);
    event
}

/// Reads a record of which the text is made here: something that was learned another way.
pub(crate) fn event_of(record: &Value) -> Event {
    let text = record.to_string();
    event(&Object::parse(&text).unwrap_or_default(), &text, Vec::new())
}

/// A record of which nothing is known but that it could not be read.
pub(super) fn lost(text: &str, defect: Defect) -> Event {
    event(&Object::default(), text, vec![defect])
}

fn field(record: &Object<'_>, key: &str) -> String {
    bounded(&record.text(key).unwrap_or_default(), bounds::NAME)
}

/// A body without its secrets. One that is nested too deeply may hide a name.
fn body(record: &Object<'_>, key: &str, defects: &mut Vec<Defect>) -> Option<Value> {
    let raw = record.raw(key)?;
    match serde_json::from_str::<Value>(raw) {
        Ok(mut value) => {
            without_secrets(&mut value);
            Some(value)
        }
        Err(_) => {
            if !defects.contains(&Defect::Oversize) {
                defects.push(Defect::Oversize);
            }
            None
        }
    }
}

/// Services whose objects belong to no region, wherever a call to them was made.
const GLOBAL: [&str; 6] = [
    "iam",
    "sts",
    "organizations",
    "route53",
    "cloudfront",
    "signin",
];

fn action(record: &Object<'_>, call: Call<'_>, subjects: &Subjects) -> Action {
    let (verb, operation) = match (call.service, call.operation) {
        ("", "") => (String::new(), String::new()),
        (service, operation) => (
            verb(operation, record.flag("readOnly")).to_owned(),
            format!("{service}:{operation}"),
        ),
    };
    let is_global = GLOBAL.contains(&call.service);
    let mut action = Action {
        verb,
        operation,
        group: call.service.to_owned(),
        version: field(record, "apiVersion"),
        namespace: if is_global { "" } else { call.region }.to_owned(),
        dry_run: is_dry_run(record),
        ..Action::default()
    };
    if ABOUT_IT.contains(&(call.service, call.operation)) {
        action.subresource = METADATA.to_owned();
    }
    let about = subjects.about();
    if about.is_some_and(|(thing, _)| !reaches(call, thing)) {
        // Whoever reads what another service has written down of a thing reads nothing of it.
        if matches!(action.verb.as_str(), "get" | "list") {
            action.subresource = METADATA.to_owned();
        }
    } else if let Some((thing, is_alone)) = about {
        thing.group.clone_into(&mut action.group);
        thing.resource.clone_into(&mut action.resource);
        action.namespace.clone_from(&thing.namespace);
        if is_alone {
            action.name.clone_from(&thing.name);
        }
    } else if let Some((group, resource)) = subjects.covered() {
        group.clone_into(&mut action.group);
        resource.clone_into(&mut action.resource);
    }
    if let Some(part) = part(&action, call.operation) {
        action.subresource = part;
    }
    if is_first_version(record, call) {
        "create".clone_into(&mut action.verb);
    }
    action
}

/// Whether a call to its service can read or change the thing itself, and not only name it.
fn reaches(call: Call<'_>, thing: &Thing) -> bool {
    thing.group == call.service
        || match (call.service, call.operation) {
            ("sts" | "signin", _) => thing.group == "iam",
            // What it decrypts is what is in the thing.
            ("kms", operation) => operation == "Decrypt",
            // A parameter may be a reference to a secret.
            ("ssm", _) => thing.group == "secretsmanager",
            _ => false,
        }
}

/// What a call makes, writes or deletes that belongs to the thing which it names, and is not the thing.
fn part(action: &Action, operation: &str) -> Option<String> {
    match operation {
        "PutUserPolicy" | "PutRolePolicy" => return Some("policy".to_owned()),
        "PutObject" => return Some("content".to_owned()),
        _ if operation.starts_with("Assume") => return Some("session".to_owned()),
        _ => {}
    }
    let verbs = ["Create", "Delete"];
    let made = verbs.iter().find_map(|verb| operation.strip_prefix(verb))?;
    let made = snake(made);
    let is_itself = [&made, &format!("{made}s")].contains(&&action.resource);
    (!is_itself && !action.resource.is_empty()).then_some(made)
}

/// `AccessKey` → `access_key`.
fn snake(words: &str) -> String {
    let mut snake = String::new();
    for c in words.chars() {
        if c.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

/// Whether a parameter was made by it: the same call overwrites one.
fn is_first_version(record: &Object<'_>, call: Call<'_>) -> bool {
    (call.service, call.operation) == ("ssm", "PutParameter")
        && record.object("responseElements").raw("version") == Some("1")
}

/// Calls that tell about a thing and nothing of what is in it.
const ABOUT_IT: [(&str, &str); 15] = [
    ("s3", "GetObjectAcl"),
    ("s3", "GetObjectAttributes"),
    ("s3", "GetObjectLegalHold"),
    ("s3", "GetObjectRetention"),
    ("s3", "GetObjectTagging"),
    ("s3", "HeadObject"),
    ("s3", "ListParts"),
    ("secretsmanager", "DescribeSecret"),
    ("secretsmanager", "GetResourcePolicy"),
    ("secretsmanager", "ListSecretVersionIds"),
    ("secretsmanager", "ValidateResourcePolicy"),
    ("ssm", "DescribeParameters"),
    ("ssm", "ListTagsForResource"),
    ("ssm", "GetResourcePolicies"),
    ("ssm", "GetServiceSetting"),
];

fn annotations(record: &Object<'_>) -> BTreeMap<String, String> {
    const KEPT: [(&str, &str); 10] = [
        ("region", "awsRegion"),
        ("account", "recipientAccountId"),
        ("eventSource", "eventSource"),
        ("eventType", "eventType"),
        ("eventCategory", "eventCategory"),
        ("readOnly", "readOnly"),
        ("managementEvent", "managementEvent"),
        ("requestID", "requestID"),
        ("sharedEventID", "sharedEventID"),
        ("vpcEndpointId", "vpcEndpointId"),
    ];
    KEPT.into_iter()
        .map(|(name, key)| (name.to_owned(), field(record, key)))
        .filter(|(_, value)| !value.is_empty())
        .collect()
}
