//! How contents are read.

use serde_json::{Value, json};

use super::listing::fits;
use super::secret::{Content, Secret, Secrets, marked};
use crate::sandbox::call::{Answer, Call, epoch};
use crate::sandbox::failure::Failure;
use crate::sandbox::page::page;

/// Secrets that are got at once.
const AT_ONCE: usize = 20;

fn value(secret: &Secret, id: Option<&str>, stage: Option<&str>) -> Answer {
    if secret.deletion.is_some() {
        return Err(marked());
    }
    let stage = stage.or(if id.is_none() {
        Some("AWSCURRENT")
    } else {
        None
    });
    let found = secret.versions.iter().find(|(version_id, version)| {
        id.is_none_or(|id| id == version_id.as_str())
            && stage.is_none_or(|stage| version.stages.contains(stage))
    });
    let (id, version) = found.ok_or_else(|| {
        let what = match (id, stage) {
            (Some(id), _) => format!("VersionId: {id}"),
            (None, stage) => format!("staging label: {}", stage.unwrap_or_default()),
        };
        Failure::bad(
            "ResourceNotFoundException",
            format!("Secrets Manager can't find the specified secret value for {what}"),
        )
    })?;
    let mut shape = json!({
        "ARN": secret.arn,
        "Name": secret.name,
        "VersionId": id,
        "VersionStages": version.stages,
        "CreatedDate": epoch(version.created),
    });
    match &version.content {
        Content::Text(text) => shape["SecretString"] = json!(text),
        Content::Binary(bytes) => shape["SecretBinary"] = json!(bytes),
    }
    Ok(shape)
}

pub(super) fn get(secrets: &Secrets, call: &Call<'_>) -> Answer {
    let secret = secrets.of(call)?;
    value(secret, call.text("VersionId"), call.text("VersionStage"))
}

pub(super) fn get_many(secrets: &Secrets, call: &Call<'_>) -> Answer {
    let ids = call.texts("SecretIdList");
    let filters = call.list("Filters");
    if ids.is_empty() == filters.is_empty() {
        return Err(call.invalid("You must include Filters or SecretIdList, but not both."));
    }
    if ids.len() > AT_ONCE {
        return Err(call.invalid("SecretIdList holds more than 20 secrets."));
    }
    if !ids.is_empty() {
        let (mut values, mut errors): (Vec<Value>, Vec<Value>) = Default::default();
        for id in ids {
            let found = secrets.find(id, call.now);
            match found.and_then(|secret| value(secret, None, None)) {
                Ok(value) => values.push(value),
                Err(failure) => errors.push(json!({
                    "SecretId": id,
                    "ErrorCode": failure.code,
                    "Message": failure.message,
                })),
            }
        }
        return Ok(json!({ "SecretValues": values, "Errors": errors }));
    }
    call.number_within("MaxResults", 1, 20)?;
    let (size, after) = call.page("NextToken", "MaxResults")?;
    let values = secrets
        .secrets
        .iter()
        .filter(|(_, secret)| secret.deletion.is_none() && fits(filters, secret))
        .filter_map(|(name, secret)| Some((name.clone(), value(secret, None, None).ok()?)));
    let page = page(values, after.as_deref(), size.min(AT_ONCE));
    Ok(json!({ "SecretValues": page.items, "NextToken": page.next, "Errors": [] }))
}
