//! Queues.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_sqs::types::QueueAttributeName as Attribute;
use canary_core::apply::{Call, Made, RealizeError};
use canary_core::ledger::OutputValue;
use canary_core::observe::Object;

use super::content::text;
use super::error::{asking, changed, exists, incomplete, meaning, region};
use crate::client::Client;
use crate::observe::listener::queues::{self, Queue};

/// The output that is what readers call it by.
const URL: &str = "url";

/// The fields with the attributes that they are.
const FIELDS: [(&str, Attribute); 5] = [
    ("retention", Attribute::MessageRetentionPeriod),
    ("delay", Attribute::DelaySeconds),
    ("longest", Attribute::MaximumMessageSize),
    ("policy", Attribute::Policy),
    ("redrive", Attribute::RedrivePolicy),
];

/// The attributes that make it what it is to be. An empty one takes back what is there.
fn attributes(call: &Call) -> HashMap<Attribute, String> {
    let mut all: HashMap<Attribute, String> = FIELDS
        .into_iter()
        .map(|(field, attribute)| (attribute, text(call, field).unwrap_or_default().to_owned()))
        .collect();
    let is_owned = text(call, "encryption") == Some("sqs");
    all.insert(Attribute::SqsManagedSseEnabled, is_owned.to_string());
    all
}

/// As it was sent: attributes are shown by and by, up to a minute later.
fn sent(call: &Call, now: Queue) -> Queue {
    let fields = FIELDS.iter().map(|(field, _)| *field).chain(["encryption"]);
    let fields: BTreeMap<_, _> = fields
        .filter_map(|field| Some((field, text(call, field)?.to_owned())))
        .collect();
    Queue { fields, ..now }
}

fn made(queue: &Queue) -> Made {
    let made = Made {
        object: Some(queue.object()),
        ..Made::default()
    };
    made.with(URL, OutputValue::Public(queue.url.clone()))
}

async fn now(client: &Client, call: &Call) -> Result<Option<Queue>, RealizeError> {
    let found = queues::single(client, region(call), &call.handle.name).await;
    found.map_err(|error| asking(call, error))
}

/// SQS gives the queue that is there where it has the same attributes, so that is looked at first.
pub(super) async fn create(client: &Client, call: &Call) -> Result<Made, RealizeError> {
    if now(client, call).await?.is_some() {
        return Err(exists(call));
    }
    let services = client.in_region(region(call));
    let mut attributes = attributes(call);
    attributes.retain(|_, value| !value.is_empty());
    let request = services.sqs.create_queue().queue_name(&call.handle.name);
    let request = request.set_attributes(Some(attributes));
    let answer = client
        .send("sqs:CreateQueue", request.send())
        .await
        .map_err(|error| meaning(call, error))?;
    let url = answer.queue_url().ok_or_else(|| incomplete(call, "URL"))?;
    // Since when it is there is told by no answer to the making.
    let queue = queues::at(client, region(call), url.to_owned())
        .await
        .map_err(|error| meaning(call, error))?
        .ok_or_else(|| incomplete(call, "queue that is shown yet"))?;
    Ok(made(&sent(call, queue)))
}

pub(super) async fn find(client: &Client, call: &Call) -> Result<Option<Object>, RealizeError> {
    Ok(now(client, call).await?.map(|queue| queue.object()))
}

pub(super) async fn outputs(client: &Client, call: &Call) -> Result<Made, RealizeError> {
    let url = queues::url(client, region(call), &call.handle.name).await;
    let url = url.map_err(|error| asking(call, error))?;
    let url = url.ok_or_else(|| incomplete(call, "URL"))?;
    Ok(Made::default().with(URL, OutputValue::Public(url)))
}

/// All of its attributes in one request.
pub(super) async fn update(client: &Client, call: &Call) -> Result<Made, RealizeError> {
    let now = now(client, call).await?.ok_or_else(|| changed(call))?;
    if call.have.as_ref() != Some(&now.object().version) {
        return Err(changed(call));
    }
    let services = client.in_region(region(call));
    let mut attributes = attributes(call);
    if !matches!(
        now.fields.get("encryption").map(String::as_str),
        Some("sqs" | "none")
    ) {
        attributes.insert(Attribute::KmsMasterKeyId, String::new());
    }
    let request = services.sqs.set_queue_attributes().queue_url(&now.url);
    let request = request.set_attributes(Some(attributes));
    client
        .send("sqs:SetQueueAttributes", request.send())
        .await
        .map_err(|error| meaning(call, error))?;
    Ok(made(&sent(call, now)))
}

pub(super) async fn delete(client: &Client, call: &Call) -> Result<Made, RealizeError> {
    let Some(queue) = now(client, call).await? else {
        return Ok(Made::default());
    };
    let uid = queue.object().version.uid;
    if call.have.as_ref().is_none_or(|have| have.uid != uid) {
        // Another of that name: the one that was to go is gone.
        return Ok(Made::default());
    }
    let services = client.in_region(region(call));
    let request = services.sqs.delete_queue().queue_url(&queue.url);
    match client.send("sqs:DeleteQueue", request.send()).await {
        Ok(_) => Ok(Made::default()),
        Err(error) if error.is_absence() => Ok(Made::default()),
        Err(error) => Err(meaning(call, error)),
    }
}
