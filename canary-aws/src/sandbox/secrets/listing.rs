//! What of secrets is shown without their contents.

use serde_json::{Value, json};

use super::secret::{Secret, Secrets, stages};
use crate::sandbox::call::{Answer, Call, epoch, list as values_of, text};
use crate::sandbox::page::page;
use crate::sandbox::tags;

fn shape(secret: &Secret, stages_field: &str) -> Value {
    let mut shape = json!({
        "ARN": secret.arn,
        "Name": secret.name,
        "Description": secret.description,
        "KmsKeyId": secret.key,
        "LastChangedDate": epoch(secret.changed),
        "CreatedDate": epoch(secret.created),
        "DeletedDate": secret.deletion.map(|(at, _)| epoch(at)),
        "Tags": tags::shape(&secret.tags),
    });
    shape[stages_field] = stages(secret);
    shape
}

pub(super) fn describe(secrets: &Secrets, call: &Call<'_>) -> Answer {
    Ok(shape(secrets.of(call)?, "VersionIdsToStages"))
}

pub(super) fn list(secrets: &Secrets, call: &Call<'_>) -> Answer {
    call.number_within("MaxResults", 1, 100)?;
    let (size, after) = call.page("NextToken", "MaxResults")?;
    let filters = call.list("Filters");
    let marked_too = call.flag("IncludePlannedDeletion");
    let listed = secrets
        .secrets
        .iter()
        .filter(|(_, secret)| !secret.gone(call.now))
        .filter(|(_, secret)| marked_too || secret.deletion.is_none())
        .filter(|(_, secret)| fits(filters, secret))
        .map(|(name, secret)| (name.clone(), shape(secret, "SecretVersionsToStages")));
    let page = page(listed, after.as_deref(), size);
    Ok(json!({ "SecretList": page.items, "NextToken": page.next }))
}

/// Whether a secret fits all filters: values begin names, descriptions and tags, and one with `!` before it must not.
pub(super) fn fits(filters: &[Value], secret: &Secret) -> bool {
    filters.iter().all(|filter| {
        let mut values = values_of(filter, "Values").iter().filter_map(Value::as_str);
        let key = text(filter, "Key").unwrap_or_default();
        values.any(|value| match value.strip_prefix('!') {
            Some(value) => !begins(key, value, secret),
            None => begins(key, value, secret),
        })
    })
}

fn begins(key: &str, value: &str, secret: &Secret) -> bool {
    let small = value.to_ascii_lowercase();
    let description = secret.description.as_deref().unwrap_or_default();
    let in_description = description
        .split_whitespace()
        .any(|word| word.to_ascii_lowercase().starts_with(&small));
    match key {
        "name" => secret.name.starts_with(value),
        "description" => in_description,
        "tag-key" => secret.tags.keys().any(|key| key.starts_with(value)),
        "tag-value" => secret.tags.values().any(|tag| tag.starts_with(value)),
        "all" => in_description || secret.name.to_ascii_lowercase().contains(&small),
        _ => false,
    }
}
