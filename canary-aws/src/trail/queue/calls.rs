//! What is asked of a queue.

use std::collections::BTreeMap;
use std::time::Instant;

use aws_sdk_sqs::types::{
    ChangeMessageVisibilityBatchRequestEntry, DeleteMessageBatchRequestEntry,
    MessageSystemAttributeName, QueueAttributeName,
};
use serde_json::Value;

use super::address::Address;
use super::error::QueueError;
use super::message::{HIDDEN, Message};
use crate::client::{CallError, Client};

/// As many messages as SQS gives, or takes in a batch.
pub(super) const BATCH: usize = 10;
/// The longest that SQS waits for a message.
pub(super) const LONG_POLL: i32 = 20;

/// A queue.
#[derive(Clone)]
pub(super) struct Queue {
    sqs: aws_sdk_sqs::Client,
    pub(super) url: String,
    pub(super) region: String,
    /// After so many receipts in vain a message goes to the dead-letter queue; `None`: there is none.
    pub(super) most_receives: Option<u32>,
}

impl Queue {
    /// Finds a queue.
    pub(super) async fn find(client: &Client, address: Address) -> Result<Self, QueueError> {
        let home = &client.connection.region;
        let (region, url) = match address {
            Address::Url { url, region } => (region.unwrap_or_else(|| home.clone()), Some(url)),
            Address::Name(name) => {
                let sqs = client.sqs(home);
                let ask = || sqs.get_queue_url().queue_name(&name).send();
                let answer = client.ask("sqs:GetQueueUrl", ask).await;
                let answer = answer.map_err(|error| QueueError::of(&name, &error))?;
                (home.clone(), answer.queue_url)
            }
        };
        let mut queue = Self {
            sqs: client.sqs(&region),
            url: url.unwrap_or_default(),
            region,
            most_receives: None,
        };
        let ask = || {
            let call = queue.sqs.get_queue_attributes().queue_url(&queue.url);
            call.attribute_names(QueueAttributeName::RedrivePolicy)
                .send()
        };
        let answer = client.ask("sqs:GetQueueAttributes", ask).await;
        let answer = answer.map_err(|error| QueueError::of(&queue.url, &error))?;
        let attributes = answer.attributes.unwrap_or_default();
        queue.most_receives = attributes
            .get(&QueueAttributeName::RedrivePolicy)
            .and_then(|policy| most_receives(policy));
        Ok(queue)
    }

    /// Receives messages, after so many seconds of waiting for the first at most.
    pub(super) async fn receive(&self, wait: i32) -> Result<Vec<Message>, CallError> {
        let call = self.sqs.receive_message().queue_url(&self.url);
        let call = call
            .max_number_of_messages(i32::try_from(BATCH).unwrap_or(1))
            .wait_time_seconds(wait)
            .visibility_timeout(seconds())
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount);
        let answer = call.send().await;
        let answer = answer.map_err(|error| CallError::of("sqs:ReceiveMessage", &error))?;
        let until = Instant::now() + HIDDEN;
        let messages = answer.messages.unwrap_or_default().into_iter();
        Ok(messages
            .map(|message| {
                let attributes = message.attributes.as_ref();
                let receives = attributes
                    .and_then(|all| all.get(&MessageSystemAttributeName::ApproximateReceiveCount))
                    .and_then(|count| count.parse().ok());
                Message {
                    id: message.message_id.unwrap_or_default(),
                    receipt: message.receipt_handle.unwrap_or_default(),
                    body: message.body.unwrap_or_default(),
                    receives: receives.unwrap_or(1),
                    until,
                }
            })
            .collect())
    }

    /// Hides messages for longer, by their receipts. One that cannot be hidden comes again.
    pub(super) async fn hide(&self, receipts: &[String]) -> Result<(), CallError> {
        let entries = receipts.iter().enumerate().filter_map(|(number, receipt)| {
            let entry = ChangeMessageVisibilityBatchRequestEntry::builder()
                .id(number.to_string())
                .receipt_handle(receipt)
                .visibility_timeout(seconds());
            // Nothing that it must have is missing.
            entry.build().ok()
        });
        let call = self.sqs.change_message_visibility_batch();
        let call = call
            .queue_url(&self.url)
            .set_entries(Some(entries.collect()));
        let answer = call.send().await;
        let answer =
            answer.map_err(|error| CallError::of("sqs:ChangeMessageVisibility", &error))?;
        for failed in answer.failed {
            tracing::debug!(code = failed.code, "a message was not hidden for longer");
        }
        Ok(())
    }

    /// Deletes messages, by id and receipt; gives the ids of those that are gone.
    pub(super) async fn delete(
        &self,
        messages: &[(String, String)],
    ) -> Result<Vec<String>, CallError> {
        let (mut ids, mut entries) = (BTreeMap::new(), Vec::new());
        for (number, (id, receipt)) in messages.iter().enumerate() {
            let entry = DeleteMessageBatchRequestEntry::builder()
                .id(number.to_string())
                .receipt_handle(receipt);
            entries.extend(entry.build());
            ids.insert(number.to_string(), id.clone());
        }
        let call = self.sqs.delete_message_batch().queue_url(&self.url);
        let call = call.set_entries(Some(entries));
        let answer = call.send().await;
        let answer = answer.map_err(|error| CallError::of("sqs:DeleteMessage", &error))?;
        for failed in &answer.failed {
            tracing::debug!(code = failed.code, "a message was not deleted");
            // What is wrong with a receipt stays wrong: the message comes again, with another.
            if !failed.sender_fault {
                ids.remove(&failed.id);
            }
        }
        Ok(ids.into_values().collect())
    }
}

fn seconds() -> i32 {
    i32::try_from(HIDDEN.as_secs()).unwrap_or(30)
}

/// `{"deadLetterTargetArn":"…","maxReceiveCount":5}`; older policies have the number as a text.
fn most_receives(policy: &str) -> Option<u32> {
    let policy: Value = serde_json::from_str(policy).ok()?;
    let most = policy.get("maxReceiveCount")?;
    let most = most.as_u64().or_else(|| most.as_str()?.parse().ok())?;
    u32::try_from(most).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_receipts_are_a_number_or_a_text() {
        let of = |most: &str| most_receives(&format!(r#"{{"maxReceiveCount":{most}}}"#));
        assert_eq!(
            (of("3"), of(r#""3""#), of("null")),
            (Some(3), Some(3), None)
        );
        assert_eq!(most_receives(""), None);
    }
}
