//! What SQS knows.

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::sandbox::call::Call;
use crate::sandbox::clock::later;
use crate::sandbox::failure::Failure;
use crate::sandbox::tags::Tags;

/// The queues of a region by name.
#[derive(Default)]
pub(in crate::sandbox) struct Sqs {
    pub(super) queues: BTreeMap<String, Queue>,
    /// When names became free.
    pub(super) deleted: BTreeMap<String, Timestamp>,
}

pub(in crate::sandbox) struct Queue {
    pub(super) arn: String,
    pub(super) url: String,
    pub(super) created: Timestamp,
    pub(super) modified: Timestamp,
    /// Those that differ from the defaults.
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) tags: Tags,
    pub(super) messages: VecDeque<Message>,
    pub(super) purged: Option<Timestamp>,
}

#[derive(Clone)]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) body: String,
    pub(super) attributes: Value,
    pub(super) sender: String,
    pub(super) sent: Timestamp,
    pub(super) visible: Timestamp,
    pub(super) receives: u32,
    pub(super) first_received: Option<Timestamp>,
}

impl Message {
    /// What stands for its last receipt.
    pub(super) fn handle(&self) -> String {
        use base64::Engine as _;
        let text = format!("{}:{}", self.id, self.receives);
        base64::engine::general_purpose::STANDARD.encode(text)
    }

    /// Received and not back yet.
    pub(super) fn in_flight(&self, now: Timestamp) -> bool {
        self.receives > 0 && self.visible > now
    }
}

/// The message and the receipt that a handle names; none when no queue gave it.
pub(super) fn receipt(handle: &str) -> Option<(String, u32)> {
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(handle)
        .ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (id, receives) = text.rsplit_once(':')?;
    Some((id.to_owned(), receives.parse().ok()?))
}

/// Seconds, as attributes have them.
pub(super) fn seconds(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}

/// The last part of a URL or an ARN.
pub(super) fn name_in(text: &str, separator: char) -> &str {
    text.rsplit(separator).next().unwrap_or(text)
}

pub(super) fn missing() -> Failure {
    Failure::bad("QueueDoesNotExist", "The specified queue does not exist.")
}

impl Sqs {
    /// The queue whose URL a call has: its account and name count.
    pub(super) fn of(&self, call: &Call<'_>) -> Result<&Queue, Failure> {
        self.queues.get(Self::name(call)?).ok_or_else(missing)
    }

    pub(super) fn of_mut(&mut self, call: &Call<'_>) -> Result<&mut Queue, Failure> {
        self.queues.get_mut(Self::name(call)?).ok_or_else(missing)
    }

    pub(super) fn name<'a>(call: &Call<'a>) -> Result<&'a str, Failure> {
        let url = call.required("QueueUrl")?;
        let mut parts = url.rsplit('/');
        let name = parts.next().unwrap_or_default();
        match parts.next() {
            Some(account) if account == call.account => Ok(name),
            _ => Err(missing()),
        }
    }

    /// The queue with an ARN.
    pub(in crate::sandbox) fn with_arn(&mut self, arn: &str) -> Option<&mut Queue> {
        self.queues.get_mut(name_in(arn, ':'))
    }
}

impl Queue {
    /// An attribute that is a number.
    pub(super) fn number(&self, name: &str) -> i64 {
        let told = self.attributes.get(name).and_then(|text| text.parse().ok());
        told.unwrap_or_else(|| super::attributes::default(name))
    }

    /// Where messages go that were received too often, and how often that is.
    pub(super) fn redrive(&self) -> Option<(String, u32)> {
        let policy: Value = serde_json::from_str(self.attributes.get("RedrivePolicy")?).ok()?;
        let most = crate::sandbox::call::number(&policy, "maxReceiveCount")?;
        let target = policy["deadLetterTargetArn"].as_str()?;
        Some((name_in(target, ':').to_owned(), u32::try_from(most).ok()?))
    }

    /// The queue's policy.
    pub(in crate::sandbox) fn policy(&self) -> Option<Value> {
        serde_json::from_str(self.attributes.get("Policy")?).ok()
    }

    /// Puts a message in that can be received from then on.
    pub(in crate::sandbox) fn put(
        &mut self,
        id: String,
        body: String,
        sender: &str,
        now: Timestamp,
        visible: Timestamp,
    ) {
        self.messages.push_back(Message {
            id,
            body,
            attributes: Value::Null,
            sender: sender.to_owned(),
            sent: now,
            visible,
            receives: 0,
            first_received: None,
        });
    }

    /// Forgets what was kept long enough.
    pub(super) fn expire(&mut self, now: Timestamp) {
        let kept = seconds(self.number("MessageRetentionPeriod"));
        self.messages
            .retain(|message| later(message.sent, kept) > now);
    }
}
