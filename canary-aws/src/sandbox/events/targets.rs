//! Targets of rules.

use serde_json::{Value, json};

use super::rules::Events;
use crate::sandbox::call::{Answer, Call, text};
use crate::sandbox::entropy::Entropy;
use crate::sandbox::failure::Failure;
use crate::sandbox::page::page;

/// Targets of one rule.
const TARGETS: usize = 5;

pub(super) fn put(events: &mut Events, call: &Call<'_>, _: &mut Entropy) -> Answer {
    let rule = events.of_mut(call, "Rule")?;
    let mut failed: Vec<Value> = Vec::new();
    for target in call.list("Targets") {
        let (Some(id), Some(arn)) = (text(target, "Id"), text(target, "Arn")) else {
            return Err(call.invalid("1 validation error detected: Value null at 'targets.1.member.id' failed to satisfy constraint: Member must not be null"));
        };
        if !arn.starts_with("arn:") {
            failed.push(json!({
                "TargetId": id,
                "ErrorCode": "ValidationException",
                "ErrorMessage": "Parameter Arn is not valid. Reason: Provided Arn is not in correct format.",
            }));
            continue;
        }
        if rule.targets.len() >= TARGETS && !rule.targets.contains_key(id) {
            return Err(Failure::bad(
                "LimitExceededException",
                "The requested resource exceeds the maximum number allowed.",
            ));
        }
        rule.targets.insert(id.to_owned(), target.clone());
    }
    Ok(json!({ "FailedEntryCount": failed.len(), "FailedEntries": failed }))
}

pub(super) fn list(events: &Events, call: &Call<'_>) -> Answer {
    let (_, rule) = events.of(call, "Rule")?;
    let (size, after) = call.page("NextToken", "Limit")?;
    let targets = rule.targets.iter();
    let targets = targets.map(|(id, target)| (id.clone(), target.clone()));
    let page = page(targets, after.as_deref(), size);
    Ok(json!({ "Targets": page.items, "NextToken": page.next }))
}

pub(super) fn remove(events: &mut Events, call: &Call<'_>, _: &mut Entropy) -> Answer {
    let rule = events.of_mut(call, "Rule")?;
    for id in call.texts("Ids") {
        rule.targets.remove(id);
    }
    Ok(json!({ "FailedEntryCount": 0, "FailedEntries": [] }))
}
