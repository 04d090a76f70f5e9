//! In which forms records come: plain, and wrapped by the services that carry them.

use canary_core::detect::Defect;
use serde_json::value::RawValue;

use super::found::{Found, Poison};
use super::gunzip::GZIP;
use super::mend::mend;
use super::object::Object;
use super::walk::LISTS;
use super::{notices, read, subscription, time};

/// SNS around S3's notice, or around EventBridge's around a record: no service wraps more often.
const WRAPPED: usize = 6;

/// Tells what a queue's message, a Lambda's input, or any text holds, and reads it.
///
/// Known are records of CloudTrail in the forms of its files, of LookupEvents, of EventBridge and of subscriptions of
/// CloudWatch Logs (there also audit events of EKS), also through Kinesis and Firehose, and of what `filter-log-events` prints;
/// notices of S3, of CloudTrail and of EventBridge about new objects, also through SNS. The whole text is read at once: files go through [`TrailFiles`](super::TrailFiles).
#[must_use]
pub fn messages(body: &[u8]) -> Found {
    let mut found = Found::default();
    // A stream has the data of a subscription as they are.
    if body.starts_with(&GZIP) {
        subscription::unpacked(body, 0, &mut found);
    } else {
        match str::from_utf8(body) {
            Ok(text) => read_text(text, 0, &[], &mut found),
            Err(_) => read_text(
                &String::from_utf8_lossy(body),
                0,
                &[Defect::Encoding],
                &mut found,
            ),
        }
    }
    found
}

/// Reads one object, or one text in which a record stands, as a file is split into them.
pub(super) fn item(bytes: &[u8], defect: Option<Defect>) -> Found {
    let mut found = Found::default();
    let mut defects: Vec<Defect> = defect.into_iter().collect();
    let text = str::from_utf8(bytes).map_or_else(
        |_| {
            defects.push(Defect::Encoding);
            String::from_utf8_lossy(bytes)
        },
        std::borrow::Cow::Borrowed,
    );
    if defect.is_some() {
        cut(&text, 0, &defects, &mut found);
    } else if text.starts_with('"') {
        value(&text, 0, &defects, &mut found);
    } else {
        read_text(&text, 0, &defects, &mut found);
    }
    found
}

/// Reads a line of a log group: a record, an audit event of Kubernetes, or what another program wrote.
pub(super) fn logged(message: &str) -> Found {
    let mut found = Found::default();
    let at = At {
        text: "",
        depth: 0,
        defects: &[],
    };
    at.logged(message, &mut found);
    found
}

/// Reads any number of values. Where the syntax breaks, what stands before the break is read.
pub(super) fn read_text(text: &str, depth: usize, defects: &[Defect], found: &mut Found) {
    let text = text.trim_start_matches('\u{feff}').trim();
    if !text.starts_with(['{', '[']) {
        found.spoil(Poison::NoJson);
        return;
    }
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    loop {
        let from = values.byte_offset();
        match values.next() {
            None => return,
            Some(Ok(raw)) => value(raw.get(), depth, defects, found),
            Some(Err(_)) => {
                let mut defects = defects.to_vec();
                defects.push(Defect::Cut);
                cut(text.get(from..).unwrap_or_default(), depth, &defects, found);
                return;
            }
        }
    }
}

/// Reads what ends in the middle, as far as it goes.
fn cut(text: &str, depth: usize, defects: &[Defect], found: &mut Found) {
    let before = found.events.len();
    let mended = mend(text);
    let read = mended.as_deref().map(serde_json::from_str::<&RawValue>);
    let defect = defects.first().copied().unwrap_or(Defect::Cut);
    if let Some(Ok(raw)) = read {
        if Object::parse(raw.get()).is_ok_and(|object| Form::of(&object) == Form::Audit) {
            // Their reader knows how to read cut ones.
            let line = text.as_bytes().to_vec();
            found.damaged.push((line, read::lost(text, defect)));
            return;
        }
        let mut of_it = Found::default();
        value(raw.get(), depth, defects, &mut of_it);
        // What cannot be told so short is told as damage, below.
        found.take(of_it);
    }
    if found.events.len() == before {
        found.lose(|| read::lost(text, defect));
    }
}

/// Reads one value.
fn value(text: &str, depth: usize, defects: &[Defect], found: &mut Found) {
    if depth > WRAPPED {
        found.spoil(Poison::TooDeep);
        return;
    }
    if text.starts_with('[') {
        let list: Vec<&RawValue> = serde_json::from_str(text).unwrap_or_default();
        let list: Vec<&str> = list.into_iter().map(RawValue::get).collect();
        members(&list, depth + 1, defects, found);
        return;
    }
    if text.starts_with('"') {
        match serde_json::from_str::<String>(text) {
            Ok(inner) => read_text(&inner, depth + 1, defects, found),
            Err(_) => found.spoil(Poison::UnknownForm),
        }
        return;
    }
    let Ok(object) = Object::parse(text) else {
        found.spoil(Poison::UnknownForm);
        return;
    };
    let at = At {
        text,
        depth,
        defects,
    };
    at.read(&object, found);
}

/// Reads the members of a list. Only the last of a list that ends in the middle is cut.
fn members(list: &[&str], depth: usize, defects: &[Defect], found: &mut Found) {
    let Some((last, before)) = list.split_last() else {
        return;
    };
    let mut whole = defects.to_vec();
    whole.retain(|defect| *defect == Defect::Encoding);
    for member in before {
        value(member, depth, &whole, found);
    }
    value(last, depth, defects, found);
}

/// Whether an object, or a text in which one stands, is of a form that is known here. What its members are is not looked at.
pub(super) fn is_known(item: &[u8]) -> bool {
    // As CloudTrail itself writes its records.
    if item.starts_with(RECORD) {
        return true;
    }
    let text = String::from_utf8_lossy(item);
    if text.starts_with('"') {
        return serde_json::from_str::<String>(&text).is_ok_and(|inner| is_known_object(&inner));
    }
    is_known_object(&text)
}

fn is_known_object(text: &str) -> bool {
    Object::parse(text).is_ok_and(|object| Form::of(&object) != Form::Unknown)
}

/// How every record begins in CloudTrail's own files.
const RECORD: &[u8] = br#"{"eventVersion":"#;

/// What an object is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A notice of S3.
    NoticeOfS3,
    /// Known, and means nothing here.
    Skipped,
    /// What came through Kinesis, in a Lambda's input.
    OfKinesis,
    /// What came through Firehose, in the input of its transformation.
    OfFirehose,
    /// A record of CloudTrail.
    Record,
    /// An event of EventBridge.
    OfBridge,
    /// One of those that `lookup-events` gives.
    LookedUp,
    /// A batch of a log group's subscription, packed.
    Subscription,
    /// An audit event of Kubernetes.
    Audit,
    /// A text that came through SNS.
    OfSns,
    /// A line of a log group.
    Logged,
    /// A notice of CloudTrail.
    NoticeOfTrail,
    /// Lists of any of these.
    Lists,
    Unknown,
}

impl Form {
    fn of(object: &Object<'_>) -> Self {
        let text = |key: &str| object.text(key).unwrap_or_default();
        if object.has("s3") && text("eventSource").ends_with("s3") {
            Self::NoticeOfS3
        } else if is_skipped(object) {
            Self::Skipped
        } else if object.has("kinesis") && !object.has("userIdentity") {
            Self::OfKinesis
        } else if read::is_record(object) {
            Self::Record
        } else if object.has("detail") && object.has("detail-type") {
            Self::OfBridge
        } else if object.text("CloudTrailEvent").is_some() {
            Self::LookedUp
        } else if object.has("awslogs") {
            Self::Subscription
        } else if text("apiVersion").starts_with("audit.k8s.io/") {
            Self::Audit
        } else if object.text("Message").is_some() {
            Self::OfSns
        } else if object.text("message").is_some() {
            Self::Logged
        } else if object.has("s3ObjectKey") {
            Self::NoticeOfTrail
        } else if object.has("recordId") && object.has("data") {
            Self::OfFirehose
        } else if LISTS.into_iter().any(|key| object.list(key).is_some()) {
            Self::Lists
        } else {
            Self::Unknown
        }
    }
}

/// An object in a text.
#[derive(Clone, Copy)]
struct At<'a> {
    text: &'a str,
    depth: usize,
    defects: &'a [Defect],
}

impl At<'_> {
    fn read(self, object: &Object<'_>, found: &mut Found) {
        let text = |key: &str| object.text(key).unwrap_or_default();
        let depth = self.depth + 1;
        match Form::of(object) {
            Form::NoticeOfS3 => notices::s3(object, found),
            Form::Skipped => found.skipped += 1,
            Form::OfKinesis => subscription::carried(&object.object("kinesis"), depth, found),
            Form::OfFirehose => subscription::carried(object, depth, found),
            Form::Record => {
                let event = read::event(object, self.text, self.defects.to_vec());
                found.events.push(event);
            }
            Form::OfBridge => self.bridged(object, found),
            Form::LookedUp => {
                let before = found.events.len();
                self.inside(&text("CloudTrailEvent"), found);
                dated(found, before, &text("EventTime"));
            }
            Form::Subscription => subscription::encoded(&object.object("awslogs"), depth, found),
            Form::Audit => found.kubernetes.push(self.text.as_bytes().to_vec()),
            Form::OfSns => self.inside(&text("Message"), found),
            Form::Logged => {
                let before = found.events.len();
                self.logged(&text("message"), found);
                dated(found, before, &text("timestamp"));
            }
            Form::NoticeOfTrail => notices::trail(object, found),
            Form::Lists => self.lists(object, found),
            Form::Unknown => found.spoil(Poison::UnknownForm),
        }
    }

    /// A text in a text.
    fn inside(self, text: &str, found: &mut Found) {
        read_text(text, self.depth + 1, self.defects, found);
    }

    /// A list of records, or of what wraps them.
    fn lists(self, object: &Object<'_>, found: &mut Found) {
        for list in LISTS.into_iter().filter_map(|key| object.list(key)) {
            members(&list, self.depth + 1, self.defects, found);
        }
    }

    /// An event of EventBridge.
    fn bridged(self, object: &Object<'_>, found: &mut Found) {
        // Some forward it as a text.
        let inner = object.text("detail").filter(|text| text.starts_with('{'));
        let raw = inner
            .as_deref()
            .or(object.raw("detail"))
            .unwrap_or_default();
        let kind = object.text("detail-type").unwrap_or_default();
        let Ok(detail) = Object::parse(raw) else {
            match inner.as_deref() {
                Some(inner) => self.inside(inner, found),
                None => Self::other(&kind, found),
            }
            return;
        };
        if object
            .text("source")
            .is_some_and(|source| source == "aws.s3")
            && detail.has("bucket")
        {
            let is_new = kind == "Object Created";
            let bucket = detail.object("bucket").text("name").unwrap_or_default();
            let key = detail.object("object").text("key").unwrap_or_default();
            // Not encoded here, unlike in S3's own notices.
            notices::fetch(found, is_new, &bucket, &key);
        } else if is_skipped(&detail) {
            found.skipped += 1;
        } else if read::is_record(&detail) {
            let before = found.events.len();
            let event = read::event(&detail, raw, self.defects.to_vec());
            found.events.push(event);
            dated(found, before, &object.text("time").unwrap_or_default());
        } else {
            Self::other(&kind, found);
        }
    }

    /// An event of EventBridge that holds no record: most kinds do not.
    fn other(kind: &str, found: &mut Found) {
        if kind.ends_with("via CloudTrail") {
            found.spoil(Poison::UnknownForm);
        } else {
            found.skipped += 1;
        }
    }

    /// A line of a log group. Other streams of the same group hold plain text.
    fn logged(self, message: &str, found: &mut Found) {
        let message = message.trim();
        if message.starts_with(AUDIT) {
            // Cut ones too: their reader knows how.
            found.kubernetes.push(message.as_bytes().to_vec());
        } else if message.starts_with('{') {
            let mut inner = Found::default();
            read_text(message, self.depth + 1, self.defects, &mut inner);
            if inner.poison == Some(Poison::UnknownForm) {
                found.skipped += 1;
                return;
            }
            found.take(inner);
        } else {
            found.skipped += 1;
        }
    }
}

/// What does not say when it was, of those behind so many, is of the time that what wraps it says.
fn dated(found: &mut Found, before: usize, time: &str) {
    for event in found.events.iter_mut().skip(before) {
        if event.at.is_none() {
            event.at = time::parsed(time);
            event.stage_at = event.at;
        }
    }
}

/// How every audit record begins that a kube-apiserver writes.
const AUDIT: &str = r#"{"kind":"Event","apiVersion":"audit.k8s.io/"#;

/// Whether it is known and means nothing here.
fn is_skipped(object: &Object<'_>) -> bool {
    let is = |key: &str, values: &[&str]| {
        object
            .text(key)
            .is_some_and(|text| values.contains(&text.as_ref()))
    };
    is("Event", &["s3:TestEvent"])
        || is("messageType", &["CONTROL_MESSAGE"])
        || is(
            "Type",
            &["SubscriptionConfirmation", "UnsubscribeConfirmation"],
        )
        || is("eventType", &["AwsCloudTrailInsight", "AwsAggregatedEvent"])
        || is("eventCategory", &["Insight", "Aggregated"])
        || object.has("digestStartTime")
}
