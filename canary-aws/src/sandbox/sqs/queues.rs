//! Queues themselves.

use std::collections::{BTreeMap, VecDeque};

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::attributes;
use super::queue::{Queue, Sqs, missing};
use crate::sandbox::call::{Answer, Call};
use crate::sandbox::clock::later;
use crate::sandbox::entropy::Entropy;
use crate::sandbox::failure::Failure;
use crate::sandbox::page::page;
use crate::sandbox::tags::Tags;

/// A name stays taken so long after its queue is gone, and one purge is under way so long.
const MINUTE: SignedDuration = SignedDuration::from_secs(60);

fn tags_in(value: &Value) -> Tags {
    let tags = value.as_object().into_iter().flatten();
    tags.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

pub(super) fn create(sqs: &mut Sqs, call: &Call<'_>, _: &mut Entropy) -> Answer {
    let name = call.required("QueueName")?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if name.len() > 80 || !name.bytes().all(plain) {
        return Err(call.invalid(
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
        ));
    }
    let changes = attributes::parse(sqs, call)?;
    if let Some(queue) = sqs.queues.get(name) {
        let wanted: BTreeMap<String, String> = changes.into_iter().collect();
        let same = wanted
            .iter()
            .all(|(name, value)| match queue.attributes.get(name) {
                Some(has) => has == value,
                None => attributes::default(name).to_string() == *value,
            });
        return match same {
            true => Ok(json!({ "QueueUrl": queue.url })),
            false => Err(Failure::bad(
                "QueueNameExists",
                "A queue already exists with the same name and a different value for attribute",
            )),
        };
    }
    if sqs
        .deleted
        .get(name)
        .is_some_and(|at| call.now < later(*at, MINUTE))
    {
        return Err(Failure::bad(
            "QueueDeletedRecently",
            "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
        ));
    }
    let mut queue = Queue {
        arn: format!("arn:aws:sqs:{}:{}:{name}", call.region, call.account),
        url: format!(
            "https://sqs.{}.amazonaws.com/{}/{name}",
            call.region, call.account
        ),
        created: call.now,
        modified: call.now,
        attributes: BTreeMap::new(),
        tags: tags_in(&call.params["tags"]),
        messages: VecDeque::new(),
        purged: None,
    };
    attributes::change(&mut queue, changes);
    let url = queue.url.clone();
    sqs.deleted.remove(name);
    sqs.queues.insert(name.to_owned(), queue);
    Ok(json!({ "QueueUrl": url }))
}

pub(super) fn url(sqs: &Sqs, call: &Call<'_>) -> Answer {
    let queue = sqs
        .queues
        .get(call.required("QueueName")?)
        .ok_or_else(missing)?;
    Ok(json!({ "QueueUrl": queue.url }))
}

pub(super) fn list(sqs: &Sqs, call: &Call<'_>) -> Answer {
    let prefix = call.text("QueueNamePrefix").unwrap_or_default();
    let (size, after) = call.page("NextToken", "MaxResults")?;
    let queues = sqs.queues.iter();
    let urls = queues
        .filter(|(name, _)| name.starts_with(prefix))
        .map(|(name, queue)| (name.clone(), queue.url.clone()));
    let page = page(urls, after.as_deref(), size);
    Ok(json!({ "QueueUrls": page.items, "NextToken": page.next }))
}

pub(super) fn delete(sqs: &mut Sqs, call: &Call<'_>, _: &mut Entropy) -> Answer {
    let name = Sqs::name(call)?;
    sqs.queues.remove(name).ok_or_else(missing)?;
    sqs.deleted.insert(name.to_owned(), call.now);
    Ok(Value::Null)
}

pub(super) fn purge(sqs: &mut Sqs, call: &Call<'_>, _: &mut Entropy) -> Answer {
    let queue = sqs.of_mut(call)?;
    if queue.purged.is_some_and(|at| call.now < later(at, MINUTE)) {
        return Err(Failure::new(
            403,
            "PurgeQueueInProgress",
            "Only one PurgeQueue operation is allowed every 60 seconds.",
        ));
    }
    queue.purged = Some(call.now);
    queue.messages.clear();
    Ok(Value::Null)
}

pub(super) fn tag(sqs: &mut Sqs, call: &Call<'_>, _: &mut Entropy) -> Answer {
    let added = tags_in(&call.params["Tags"]);
    sqs.of_mut(call)?.tags.extend(added);
    Ok(Value::Null)
}

pub(super) fn untag(sqs: &mut Sqs, call: &Call<'_>, _: &mut Entropy) -> Answer {
    let queue = sqs.of_mut(call)?;
    for key in call.texts("TagKeys") {
        queue.tags.remove(key);
    }
    Ok(Value::Null)
}

pub(super) fn tags(sqs: &Sqs, call: &Call<'_>) -> Answer {
    Ok(json!({ "Tags": sqs.of(call)?.tags }))
}
