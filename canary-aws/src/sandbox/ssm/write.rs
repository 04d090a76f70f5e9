//! How parameters are written.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::json;

use super::names::{self, reference};
use super::parameters::{Parameter, Ssm, Version, missing};
use crate::sandbox::call::{Answer, Call};
use crate::sandbox::entropy::Entropy;
use crate::sandbox::failure::Failure;
use crate::sandbox::tags::{self, Tags};

/// Versions of one parameter; the oldest go first.
const VERSIONS: usize = 100;

/// The longest value: of the standard tier, and of the others.
const STANDARD: usize = 4096;
const ADVANCED: usize = 8192;

pub(super) fn put(ssm: &mut Ssm, call: &Call<'_>, _: &mut Entropy) -> Answer {
    let name = names::new(call)?;
    let tier = call.text("Tier").unwrap_or("Standard");
    let value = value(call, tier)?;
    let existing = ssm.parameters.get(name).map(Arc::as_ref);
    let tags = tags(call, existing)?;
    let kind = kind(call, existing)?;
    let mut parameter = existing.cloned().unwrap_or_else(|| Parameter {
        kind: String::new(),
        description: None,
        tier: tier.to_owned(),
        key: None,
        tags,
        versions: VecDeque::new(),
    });
    kind.clone_into(&mut parameter.kind);
    if let Some(description) = call.text("Description") {
        parameter.description = Some(description.chars().take(1024).collect());
    }
    if kind == "SecureString" {
        let key = call.text("KeyId").unwrap_or("alias/aws/ssm");
        parameter.key = Some(key.to_owned());
    }
    let last = parameter.versions.back();
    let number = last.map_or(0, |version| version.number) + 1;
    parameter.versions.push_back(Version {
        number,
        value: value.to_owned(),
        at: call.now,
        by: call.caller.who.arn(call.account),
    });
    if parameter.versions.len() > VERSIONS {
        parameter.versions.pop_front();
    }
    let tier = parameter.tier.clone();
    ssm.parameters.insert(name.to_owned(), Arc::new(parameter));
    Ok(json!({ "Version": number, "Tier": tier }))
}

fn value<'a>(call: &Call<'a>, tier: &str) -> Result<&'a str, Failure> {
    let value = call.required("Value")?;
    let most = if tier == "Standard" {
        STANDARD
    } else {
        ADVANCED
    };
    match value.len() <= most {
        true => Ok(value),
        false => Err(call.invalid(format!(
            "{tier} tier parameters support a maximum parameter value of {most} characters."
        ))),
    }
}

/// The tags of a new parameter: what is there is written over only when told, and then without tags.
fn tags(call: &Call<'_>, existing: Option<&Parameter>) -> Result<Tags, Failure> {
    let overwrite = call.flag("Overwrite");
    if existing.is_some() && !overwrite {
        return Err(Failure::bad(
            "ParameterAlreadyExists",
            "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.",
        ));
    }
    let told = tags::parse(call.list("Tags")).map_err(|wrong| call.invalid(wrong))?;
    if overwrite && !told.is_empty() {
        return Err(call.invalid("Invalid request: tags and overwrite can't be used together."));
    }
    let mut kept = Tags::new();
    tags::add(&mut kept, told).map_err(|wrong| Failure::bad("TooManyTagsError", wrong))?;
    Ok(kept)
}

/// The type that is told, or that it has.
fn kind(call: &Call<'_>, existing: Option<&Parameter>) -> Result<String, Failure> {
    match (call.text("Type"), existing) {
        (Some(kind @ ("String" | "StringList" | "SecureString")), _) => Ok(kind.to_owned()),
        (Some(_), _) => Err(Failure::bad(
            "UnsupportedParameterType",
            "The parameter type isn't supported.",
        )),
        (None, Some(existing)) => Ok(existing.kind.clone()),
        (None, None) => {
            Err(call.invalid("A parameter type is required when you create a parameter."))
        }
    }
}

pub(super) fn delete(ssm: &mut Ssm, call: &Call<'_>, _: &mut Entropy) -> Answer {
    let name = reference(call.required("Name")?).name;
    ssm.parameters.remove(&name).ok_or_else(missing)?;
    Ok(json!({}))
}

pub(super) fn delete_many(ssm: &mut Ssm, call: &Call<'_>, _: &mut Entropy) -> Answer {
    let names = call.texts("Names");
    let (there, not): (Vec<&str>, Vec<&str>) = names
        .into_iter()
        .partition(|name| ssm.parameters.remove(&reference(name).name).is_some());
    Ok(json!({ "DeletedParameters": there, "InvalidParameters": not }))
}
