//! Messages.

use std::collections::{BTreeSet, VecDeque};

use md5::{Digest as _, Md5};
use serde_json::{Value, json};

use super::queue::{Message, Queue, Sqs, name_in, receipt, seconds};
use crate::sandbox::call::{Answer, Call, number, text};
use crate::sandbox::clock::later;
use crate::sandbox::entropy::{Entropy, hex};
use crate::sandbox::failure::Failure;

pub(super) fn send(sqs: &mut Sqs, call: &Call<'_>, entropy: &mut Entropy) -> Answer {
    send_one(sqs.of_mut(call)?, call, call.params, entropy)
}

/// Puts one message in.
pub(super) fn send_one(
    queue: &mut Queue,
    call: &Call<'_>,
    params: &Value,
    entropy: &mut Entropy,
) -> Answer {
    let body = text(params, "MessageBody").filter(|body| !body.is_empty());
    let body = body.ok_or_else(|| {
        Failure::bad(
            "MissingParameter",
            "The request must contain the parameter MessageBody.",
        )
    })?;
    let most = usize::try_from(queue.number("MaximumMessageSize")).unwrap_or(usize::MAX);
    if body.len() > most {
        return Err(call.invalid(format!(
            "One or more parameters are invalid. Reason: Message must be shorter than {most} bytes."
        )));
    }
    let allowed = |character: char| {
        matches!(character, '\t' | '\n' | '\r')
            || (character >= ' ' && !matches!(character, '\u{fffe}' | '\u{ffff}'))
    };
    if !body.chars().all(allowed) {
        return Err(Failure::bad(
            "InvalidMessageContents",
            "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF.",
        ));
    }
    let delay = number(params, "DelaySeconds").unwrap_or_else(|| queue.number("DelaySeconds"));
    let id = entropy.uuid("message", &queue.arn);
    queue.messages.push_back(Message {
        id: id.clone(),
        body: body.to_owned(),
        attributes: params["MessageAttributes"].clone(),
        sender: call.caller.who.principal_id(call.account),
        sent: call.now,
        visible: later(call.now, seconds(delay.clamp(0, 900))),
        receives: 0,
        first_received: None,
    });
    Ok(json!({ "MessageId": id, "MD5OfMessageBody": md5(body) }))
}

fn md5(text: &str) -> String {
    hex(&Md5::digest(text.as_bytes()))
}

/// The queue that a receipt waits for a message of, and how many seconds; none when it does not wait. To be asked again until
/// nothing is to be waited for.
pub(in crate::sandbox) fn waits(sqs: &Sqs, params: &Value, now: jiff::Timestamp) -> Option<i64> {
    let name = name_in(text(params, "QueueUrl")?, '/');
    let queue = sqs.queues.get(name)?;
    if queue.messages.iter().any(|message| message.visible <= now) {
        return None;
    }
    let wait = number(params, "WaitTimeSeconds");
    let wait = wait.unwrap_or_else(|| queue.number("ReceiveMessageWaitTimeSeconds"));
    (1..=20).contains(&wait).then_some(wait)
}

pub(super) fn receive(sqs: &mut Sqs, call: &Call<'_>, _: &mut Entropy) -> Answer {
    let most = call.number("MaxNumberOfMessages").unwrap_or(1);
    let range = call.number("WaitTimeSeconds").unwrap_or(0);
    if !(1..=10).contains(&most) || !(0..=20).contains(&range) {
        return Err(call.invalid("Value for parameter MaxNumberOfMessages or WaitTimeSeconds is invalid. Reason: Must be between 1 and 10, if provided."));
    }
    let most = usize::try_from(most).unwrap_or(1);
    // Without the queue for dead letters they stay.
    let there: BTreeSet<String> = sqs.queues.keys().cloned().collect();
    let queue = sqs.of_mut(call)?;
    queue.expire(call.now);
    let hidden = call.number_within("VisibilityTimeout", 0, 43_200)?;
    let hidden = hidden.unwrap_or_else(|| queue.number("VisibilityTimeout"));
    let until = later(call.now, seconds(hidden));
    let redrive = queue.redrive().filter(|(name, _)| there.contains(name));
    let (mut given, mut dead) = (Vec::new(), Vec::new());
    let mut kept = VecDeque::with_capacity(queue.messages.len());
    for mut message in queue.messages.drain(..) {
        if given.len() == most || message.visible > call.now {
            kept.push_back(message);
            continue;
        }
        if redrive
            .as_ref()
            .is_some_and(|(_, most)| message.receives >= *most)
        {
            dead.push(message);
            continue;
        }
        message.receives = message.receives.saturating_add(1);
        message.first_received.get_or_insert(call.now);
        message.visible = until;
        given.push(shape(&message, call));
        kept.push_back(message);
    }
    queue.messages = kept;
    if let Some((name, _)) = redrive
        && let Some(target) = sqs.queues.get_mut(&name)
    {
        target
            .messages
            .extend(dead.into_iter().map(|message| Message {
                visible: call.now,
                ..message
            }));
    }
    match given.is_empty() {
        true => Ok(json!({})),
        false => Ok(json!({ "Messages": given })),
    }
}

fn shape(message: &Message, call: &Call<'_>) -> Value {
    let mut shape = json!({
        "MessageId": message.id,
        "ReceiptHandle": message.handle(),
        "Body": message.body,
        "MD5OfBody": md5(&message.body),
    });
    let wanted = [
        call.texts("AttributeNames"),
        call.texts("MessageSystemAttributeNames"),
    ]
    .concat();
    let first = message.first_received.unwrap_or(call.now);
    let mut attributes = json!({});
    for (name, value) in [
        ("SenderId", message.sender.clone()),
        ("SentTimestamp", message.sent.as_millisecond().to_string()),
        ("ApproximateReceiveCount", message.receives.to_string()),
        (
            "ApproximateFirstReceiveTimestamp",
            first.as_millisecond().to_string(),
        ),
    ] {
        if wanted.contains(&"All") || wanted.contains(&name) {
            attributes[name] = json!(value);
        }
    }
    if attributes
        .as_object()
        .is_some_and(|attributes| !attributes.is_empty())
    {
        shape["Attributes"] = attributes;
    }
    if !call.texts("MessageAttributeNames").is_empty() && message.attributes.is_object() {
        shape["MessageAttributes"] = message.attributes.clone();
    }
    shape
}

fn handle_of(params: &Value) -> Result<(String, u32), Failure> {
    let handle = text(params, "ReceiptHandle").unwrap_or_default();
    receipt(handle).ok_or_else(|| {
        let shown: String = handle.chars().take(100).collect();
        Failure::new(
            404,
            "ReceiptHandleIsInvalid",
            format!("The input receipt handle \"{shown}\" is not a valid receipt handle."),
        )
    })
}

pub(super) fn delete(sqs: &mut Sqs, call: &Call<'_>, _: &mut Entropy) -> Answer {
    delete_one(sqs.of_mut(call)?, call.params)
}

/// Removes a message by its last receipt. One that was given again since stays, without a word.
pub(super) fn delete_one(queue: &mut Queue, params: &Value) -> Answer {
    let (id, receives) = handle_of(params)?;
    queue
        .messages
        .retain(|message| message.id != id || message.receives != receives);
    Ok(Value::Null)
}

pub(super) fn change_visibility(sqs: &mut Sqs, call: &Call<'_>, _: &mut Entropy) -> Answer {
    change_one(sqs.of_mut(call)?, call, call.params)
}

/// Hides a message for longer, or shows it again.
pub(super) fn change_one(queue: &mut Queue, call: &Call<'_>, params: &Value) -> Answer {
    let (id, receives) = handle_of(params)?;
    let timeout = number(params, "VisibilityTimeout").unwrap_or(-1);
    if !(0..=43_200).contains(&timeout) {
        return Err(call.invalid("Value for parameter VisibilityTimeout is invalid. Reason: VisibilityTimeout must be an integer between 0 and 43200."));
    }
    let message = queue.messages.iter_mut().find(|message| message.id == id);
    let message = message.ok_or_else(missing_message)?;
    if message.receives != receives || !message.in_flight(call.now) {
        return Err(missing_message());
    }
    message.visible = later(call.now, seconds(timeout));
    Ok(Value::Null)
}

fn missing_message() -> Failure {
    Failure::bad(
        "MessageNotInflight",
        "Value for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.",
    )
}
