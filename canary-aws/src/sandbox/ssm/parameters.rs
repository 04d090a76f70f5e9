//! What SSM knows, and how it is written.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::names::{self, reference};
use crate::sandbox::call::{Answer, Call};
use crate::sandbox::entropy::Entropy;
use crate::sandbox::failure::Failure;
use crate::sandbox::tags::{self, Tags};

/// Versions of one parameter; the oldest go first.
const VERSIONS: usize = 100;

/// Parameters of a region by name.
#[derive(Clone, Default)]
pub(in crate::sandbox) struct Ssm {
    pub(super) parameters: BTreeMap<String, Arc<Parameter>>,
}

#[derive(Clone)]
pub(super) struct Parameter {
    pub(super) kind: String,
    pub(super) description: Option<String>,
    pub(super) tier: String,
    pub(super) key: Option<String>,
    pub(super) tags: Tags,
    /// Never empty; the last is the current one.
    pub(super) versions: VecDeque<Version>,
}

#[derive(Clone)]
pub(super) struct Version {
    pub(super) number: i64,
    pub(super) value: String,
    pub(super) at: Timestamp,
    pub(super) by: String,
}

pub(super) fn missing() -> Failure {
    Failure::bad("ParameterNotFound", "")
}

impl Ssm {
    pub(super) fn find(&self, name: &str) -> Result<&Parameter, Failure> {
        let parameter = self.parameters.get(name);
        parameter.map(Arc::as_ref).ok_or_else(missing)
    }
}

pub(super) fn put(ssm: &mut Ssm, call: &Call<'_>, _: &mut Entropy) -> Answer {
    let name = names::new(call)?;
    let value = call.required("Value")?;
    let tier = call.text("Tier").unwrap_or("Standard");
    let most = if tier == "Standard" { 4096 } else { 8192 };
    if value.len() > most {
        return Err(call.invalid(format!(
            "{tier} tier parameters support a maximum parameter value of {most} characters."
        )));
    }
    let existing = ssm.parameters.get(name).cloned();
    let overwrite = call.flag("Overwrite");
    if existing.is_some() && !overwrite {
        return Err(Failure::bad(
            "ParameterAlreadyExists",
            "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.",
        ));
    }
    let told = tags::parse(call.list("Tags")).map_err(|wrong| call.invalid(wrong))?;
    if overwrite && !told.is_empty() {
        return Err(call.invalid("Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or RemoveTagsFromResource."));
    }
    let kind = match (call.text("Type"), &existing) {
        (Some(kind @ ("String" | "StringList" | "SecureString")), _) => kind.to_owned(),
        (None, Some(existing)) => existing.kind.clone(),
        (Some(_), _) => {
            return Err(Failure::bad(
                "UnsupportedParameterType",
                "The parameter type isn't supported.",
            ));
        }
        (None, None) => {
            return Err(call.invalid("A parameter type is required when you create a parameter."));
        }
    };
    let mut parameter = match existing {
        Some(existing) => existing.as_ref().clone(),
        None => Parameter {
            kind: kind.clone(),
            description: None,
            tier: tier.to_owned(),
            key: None,
            tags: told,
            versions: VecDeque::new(),
        },
    };
    parameter.kind = kind;
    if let Some(description) = call.text("Description") {
        parameter.description = Some(description.chars().take(1024).collect());
    }
    if parameter.kind == "SecureString" {
        parameter.key = Some(call.text("KeyId").unwrap_or("alias/aws/ssm").to_owned());
    }
    let number = parameter
        .versions
        .back()
        .map_or(0, |version| version.number)
        + 1;
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
    let answer: Value = json!({ "DeletedParameters": there, "InvalidParameters": not });
    Ok(answer)
}
