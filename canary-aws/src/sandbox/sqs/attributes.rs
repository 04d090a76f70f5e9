//! Attributes of queues.

use serde_json::{Map, Value, json};

use super::queue::{Queue, Sqs, name_in};
use crate::sandbox::access;
use crate::sandbox::call::{Answer, Call, number};
use crate::sandbox::entropy::Entropy;
use crate::sandbox::failure::Failure;

/// Numbers with their least, most and default: seconds, and bytes of a message.
const NUMBERS: [(&str, i64, i64, i64); 5] = [
    ("VisibilityTimeout", 0, 43_200, 30),
    ("MessageRetentionPeriod", 60, 1_209_600, 345_600),
    ("DelaySeconds", 0, 900, 0),
    ("ReceiveMessageWaitTimeSeconds", 0, 20, 0),
    ("MaximumMessageSize", 1024, 1_048_576, 1_048_576),
];

const TEXTS: [&str; 6] = [
    "Policy",
    "RedrivePolicy",
    "RedriveAllowPolicy",
    "KmsMasterKeyId",
    "KmsDataKeyReusePeriodSeconds",
    "SqsManagedSseEnabled",
];

/// A number that was not told.
pub(super) fn default(name: &str) -> i64 {
    let known = NUMBERS.iter().find(|(known, ..)| *known == name);
    known.map_or(0, |(.., default)| *default)
}

/// The attributes in a call, checked.
pub(super) fn parse(sqs: &Sqs, call: &Call<'_>) -> Result<Vec<(String, String)>, Failure> {
    let mut parsed = Vec::new();
    for (name, value) in call.params["Attributes"].as_object().into_iter().flatten() {
        let value = value.as_str().unwrap_or_default();
        let wrong = || {
            Failure::bad(
                "InvalidAttributeValue",
                format!("Invalid value for the parameter {name}."),
            )
        };
        if let Some((_, least, most, _)) = NUMBERS.iter().find(|(known, ..)| known == name) {
            let number: i64 = value.parse().map_err(|_| wrong())?;
            if number < *least || number > *most {
                return Err(wrong());
            }
        } else if !TEXTS.contains(&name.as_str()) {
            let shown: String = name.chars().take(64).collect();
            return Err(Failure::bad(
                "InvalidAttributeName",
                format!("Unknown Attribute {shown}."),
            ));
        }
        let fits = match name.as_str() {
            _ if value.is_empty() => true,
            "Policy" => access::parse(value).is_some(),
            "RedrivePolicy" => redrives(sqs, value),
            _ => true,
        };
        if !fits {
            return Err(wrong());
        }
        parsed.push((name.clone(), value.to_owned()));
    }
    Ok(parsed)
}

/// To a queue that is there, after 1 to 1000 receipts.
fn redrives(sqs: &Sqs, text: &str) -> bool {
    let Ok(policy) = serde_json::from_str::<Value>(text) else {
        return false;
    };
    let most = number(&policy, "maxReceiveCount").unwrap_or_default();
    let target = policy["deadLetterTargetArn"].as_str().unwrap_or_default();
    (1..=1000).contains(&most) && sqs.queues.contains_key(name_in(target, ':'))
}

/// Changes attributes; an empty text takes one back.
pub(super) fn change(queue: &mut Queue, changes: Vec<(String, String)>) {
    for (name, value) in changes {
        if value.is_empty() {
            queue.attributes.remove(&name);
        } else {
            queue.attributes.insert(name, value);
        }
    }
}

pub(super) fn set(sqs: &mut Sqs, call: &Call<'_>, _: &mut Entropy) -> Answer {
    let changes = parse(sqs, call)?;
    let queue = sqs.of_mut(call)?;
    queue.modified = call.now;
    change(queue, changes);
    Ok(Value::Null)
}

pub(super) fn get(sqs: &Sqs, call: &Call<'_>) -> Answer {
    let queue = sqs.of(call)?;
    let wanted = call.texts("AttributeNames");
    let all = attributes(queue, call);
    let chosen: Map<String, Value> = all
        .into_iter()
        .filter(|(name, _)| wanted.contains(&"All") || wanted.contains(&name.as_str()))
        .collect();
    Ok(json!({ "Attributes": chosen }))
}

fn attributes(queue: &Queue, call: &Call<'_>) -> Map<String, Value> {
    let count = |fits: &dyn Fn(bool, bool) -> bool| {
        let messages = queue.messages.iter();
        messages
            .filter(|message| fits(message.in_flight(call.now), message.visible > call.now))
            .count()
            .to_string()
    };
    let mut all = Map::new();
    let mut put = |name: &str, value: String| {
        all.insert(name.to_owned(), Value::String(value));
    };
    put("QueueArn", queue.arn.clone());
    put("CreatedTimestamp", queue.created.as_second().to_string());
    put(
        "LastModifiedTimestamp",
        queue.modified.as_second().to_string(),
    );
    put("ApproximateNumberOfMessages", count(&|_, later| !later));
    put(
        "ApproximateNumberOfMessagesNotVisible",
        count(&|in_flight, _| in_flight),
    );
    put(
        "ApproximateNumberOfMessagesDelayed",
        count(&|in_flight, later| later && !in_flight),
    );
    put("SqsManagedSseEnabled", "true".to_owned());
    for (name, .., default) in NUMBERS {
        put(name, default.to_string());
    }
    for (name, value) in &queue.attributes {
        put(name, value.clone());
    }
    all
}
