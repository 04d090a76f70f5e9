//! Queues, one by one: their lists hold nothing but names.

use std::collections::BTreeMap;

use aws_sdk_sqs::types::QueueAttributeName as Attribute;
use canary_core::observe::{Object, Seen};
use futures::StreamExt as _;
use jiff::Timestamp;
use serde_json::Value;

use super::look::{TOGETHER, may_know_us, soon};
use crate::catalog::{QUEUE, canonical};
use crate::client::{CallError, Client};
use crate::observe::look::Looking;
use crate::observe::principal::object;

/// A queue as it was seen.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    pub(crate) url: String,
    pub(crate) arn: String,
    pub(crate) created: Option<Timestamp>,
    /// What is declared of it, and what would hide an event.
    pub(crate) fields: BTreeMap<&'static str, String>,
}

impl Queue {
    pub(crate) fn object(&self) -> Object {
        let arn = ("arn".to_owned(), Seen::Public(self.arn.clone()));
        let fields = self.fields.iter();
        let fields = fields.map(|(name, value)| ((*name).to_owned(), Seen::Public(value.clone())));
        // Of two queues of one name the moment tells which it is.
        let since = self.created.map(|at| at.as_second().to_string());
        let uid = format!("{} {}", self.arn, since.unwrap_or_default());
        object(&uid, self.created, fields.chain([arn]).collect())
    }
}

/// Looks at the queues that are wanted.
pub(super) async fn look(client: &Client, looking: &mut Looking<'_>) {
    let looks = looking.named(QUEUE).into_iter().filter_map(|handle| {
        let region = handle.scope.clone()?;
        may_know_us(client, &region).then_some(async move {
            let found = soon(
                "sqs:GetQueueAttributes",
                single(client, &region, &handle.name),
            )
            .await;
            (handle, found)
        })
    });
    let found: Vec<_> = futures::stream::iter(looks)
        .buffer_unordered(TOGETHER)
        .collect()
        .await;
    for (handle, found) in found {
        looking.found(handle, found.map(|queue| queue.map(|queue| queue.object())));
    }
}

/// Whether there is a queue of that name, and what it is called by.
pub(crate) async fn url(
    client: &Client,
    region: &str,
    name: &str,
) -> Result<Option<String>, CallError> {
    let services = client.in_region(region);
    let answer = client
        .ask("sqs:GetQueueUrl", || {
            services.sqs.get_queue_url().queue_name(name).send()
        })
        .await;
    match answer {
        Ok(answer) => Ok(answer.queue_url().map(str::to_owned)),
        Err(error) if error.is_absence() => Ok(None),
        Err(error) => Err(error),
    }
}

/// One queue; `None` where there is none.
pub(crate) async fn single(
    client: &Client,
    region: &str,
    name: &str,
) -> Result<Option<Queue>, CallError> {
    match url(client, region, name).await? {
        Some(url) => at(client, region, url).await,
        None => Ok(None),
    }
}

/// The queue at a URL.
pub(crate) async fn at(
    client: &Client,
    region: &str,
    url: String,
) -> Result<Option<Queue>, CallError> {
    let services = client.in_region(region);
    let answer = client
        .ask("sqs:GetQueueAttributes", || {
            let request = services.sqs.get_queue_attributes().queue_url(&url);
            request.attribute_names(Attribute::All).send()
        })
        .await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) if error.is_absence() => return Ok(None),
        Err(error) => return Err(error),
    };
    let none = std::collections::HashMap::new();
    let told = answer.attributes().unwrap_or(&none);
    let text = |name: &Attribute| {
        told.get(name)
            .map(String::as_str)
            .filter(|text| !text.is_empty())
    };
    let mut fields = BTreeMap::new();
    for (name, attribute) in [
        ("retention", Attribute::MessageRetentionPeriod),
        ("delay", Attribute::DelaySeconds),
        ("longest", Attribute::MaximumMessageSize),
    ] {
        if let Some(value) = text(&attribute) {
            fields.insert(name, value.to_owned());
        }
    }
    if let Some(policy) = text(&Attribute::Policy) {
        let policy = canonical(policy).unwrap_or_else(|| policy.to_owned());
        fields.insert("policy", policy);
    }
    if let Some(redrive) = text(&Attribute::RedrivePolicy) {
        fields.insert("redrive", redrives(redrive));
    }
    let is_owned = text(&Attribute::SqsManagedSseEnabled) == Some("true");
    let key = text(&Attribute::KmsMasterKeyId);
    let encryption = key.unwrap_or(if is_owned { "sqs" } else { "none" });
    fields.insert("encryption", encryption.to_owned());
    let created = text(&Attribute::CreatedTimestamp).and_then(|text| text.parse().ok());
    Ok(Some(Queue {
        url,
        arn: text(&Attribute::QueueArn).unwrap_or_default().to_owned(),
        created: created.and_then(|second| Timestamp::from_second(second).ok()),
        fields,
    }))
}

/// In one form: the service tells the number as a text where it was written so.
fn redrives(text: &str) -> String {
    let Ok(mut policy) = serde_json::from_str::<Value>(text) else {
        return text.to_owned();
    };
    let number = policy["maxReceiveCount"].as_str();
    let number = number.and_then(|text| text.parse::<u64>().ok());
    if let Some(number) = number {
        policy["maxReceiveCount"] = number.into();
    }
    policy.to_string()
}
