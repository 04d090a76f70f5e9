//! Up to ten of the same at once, each with an answer of its own.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::messages::{change_one, delete_one, send_one};
use super::queue::{Queue, Sqs};
use crate::sandbox::call::{Answer, Call, text};
use crate::sandbox::entropy::Entropy;
use crate::sandbox::failure::Failure;

/// Entries of a batch.
const MOST: usize = 10;

/// Does it for each entry.
fn each(
    sqs: &mut Sqs,
    call: &Call<'_>,
    mut one: impl FnMut(&mut Queue, &Value) -> Answer,
) -> Answer {
    let queue = sqs.of_mut(call)?;
    let entries = call.list("Entries");
    if entries.is_empty() {
        return Err(Failure::bad(
            "EmptyBatchRequest",
            "There should be at least one entry in the request.",
        ));
    }
    if entries.len() > MOST {
        return Err(Failure::bad(
            "TooManyEntriesInBatchRequest",
            format!("Maximum number of entries per request are {MOST}."),
        ));
    }
    let ids: BTreeSet<Option<&str>> = entries.iter().map(|entry| text(entry, "Id")).collect();
    if ids.len() < entries.len() || ids.contains(&None) {
        return Err(Failure::bad(
            "BatchEntryIdsNotDistinct",
            "Two or more batch entries in the request have the same Id.",
        ));
    }
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    for entry in entries {
        let id = text(entry, "Id");
        match one(queue, entry) {
            Ok(answer) => {
                let mut answer = if answer.is_null() { json!({}) } else { answer };
                answer["Id"] = json!(id);
                done.push(answer);
            }
            Err(failure) => failed.push(json!({
                "Id": id,
                "SenderFault": true,
                "Code": failure.code,
                "Message": failure.message,
            })),
        }
    }
    Ok(json!({ "Successful": done, "Failed": failed }))
}

pub(super) fn send(sqs: &mut Sqs, call: &Call<'_>, entropy: &mut Entropy) -> Answer {
    each(sqs, call, |queue, entry| {
        send_one(queue, call, entry, entropy)
    })
}

pub(super) fn delete(sqs: &mut Sqs, call: &Call<'_>, _: &mut Entropy) -> Answer {
    each(sqs, call, delete_one)
}

pub(super) fn change_visibility(sqs: &mut Sqs, call: &Call<'_>, _: &mut Entropy) -> Answer {
    each(sqs, call, |queue, entry| change_one(queue, call, entry))
}
