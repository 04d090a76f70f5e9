//! How secrets are made and changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};

use super::secret::{Content, Secret, Secrets, Version, content};
use crate::sandbox::call::{Answer, Call};
use crate::sandbox::entropy::Entropy;
use crate::sandbox::failure::Failure;
use crate::sandbox::tags;

const CURRENT: &str = "AWSCURRENT";
const PREVIOUS: &str = "AWSPREVIOUS";

/// Versions of one secret; those without a stage go first.
const VERSIONS: usize = 100;

fn name<'a>(call: &Call<'a>) -> Result<&'a str, Failure> {
    let name = call.required("Name")?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/_+=.@-".contains(&byte);
    match name.len() <= 512 && name.bytes().all(plain) {
        true => Ok(name),
        false => Err(call.invalid("Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!")),
    }
}

/// The id of the version that a call makes.
fn version_id(call: &Call<'_>, entropy: &mut Entropy, about: &str) -> Result<String, Failure> {
    match call.text("ClientRequestToken") {
        None => Ok(entropy.uuid("secret version", about)),
        Some(token) if (32..=64).contains(&token.len()) => Ok(token.to_owned()),
        Some(_) => {
            Err(call.invalid("ClientRequestToken must be between 32 and 64 characters long."))
        }
    }
}

fn already() -> Failure {
    Failure::bad(
        "ResourceExistsException",
        "You can't use ClientRequestToken because that value is already in use for a version of this secret.",
    )
}

pub(super) fn create(secrets: &mut Secrets, call: &Call<'_>, entropy: &mut Entropy) -> Answer {
    let name = name(call)?;
    let content = content(call)?;
    if let Some(existing) = secrets
        .secrets
        .get(name)
        .filter(|secret| !secret.gone(call.now))
    {
        if existing.deletion.is_some() && !secrets.hide_deletion {
            return Err(Failure::bad(
                "InvalidRequestException",
                "You can't create this secret because a secret with this name is already scheduled for deletion.",
            ));
        }
        // The same request twice is one.
        let same = call
            .text("ClientRequestToken")
            .and_then(|token| Some((token, existing.versions.get(token)?)));
        return match same {
            Some((token, version)) if Some(&version.content) == content.as_ref() => {
                Ok(shape(existing, Some(token)))
            }
            _ => Err(Failure::bad(
                "ResourceExistsException",
                format!("The operation failed because the secret {name} already exists."),
            )),
        };
    }
    let parsed = tags::parse(call.list("Tags")).map_err(|wrong| call.invalid(wrong))?;
    let mut kept = tags::Tags::new();
    tags::add(&mut kept, parsed).map_err(|wrong| call.invalid(wrong))?;
    let suffix = entropy.suffix("secret", name, 6);
    let mut secret = Secret {
        name: name.to_owned(),
        arn: format!(
            "arn:aws:secretsmanager:{}:{}:secret:{name}-{suffix}",
            call.region, call.account
        ),
        description: call.text("Description").map(ToOwned::to_owned),
        key: call.text("KmsKeyId").map(ToOwned::to_owned),
        tags: kept,
        versions: BTreeMap::new(),
        created: call.now,
        changed: call.now,
        deletion: None,
    };
    let id = match content {
        None => None,
        Some(content) => {
            let id = version_id(call, entropy, name)?;
            add(&mut secret, &id, content, call, &[CURRENT])?;
            Some(id)
        }
    };
    let shape = shape(&secret, id.as_deref());
    secrets.secrets.insert(name.to_owned(), Arc::new(secret));
    Ok(shape)
}

fn shape(secret: &Secret, version: Option<&str>) -> Value {
    json!({ "ARN": secret.arn, "Name": secret.name, "VersionId": version })
}

/// Adds a version. The stages move to it, and what was current becomes the previous one.
fn add(
    secret: &mut Secret,
    id: &str,
    content: Content,
    call: &Call<'_>,
    stages: &[&str],
) -> Result<(), Failure> {
    if let Some(existing) = secret.versions.get(id) {
        return if existing.content == content {
            Ok(())
        } else {
            Err(already())
        };
    }
    if stages.contains(&CURRENT) {
        for version in secret.versions.values_mut() {
            version.stages.remove(PREVIOUS);
            if version.stages.remove(CURRENT) {
                version.stages.insert(PREVIOUS.to_owned());
            }
        }
    }
    for version in secret.versions.values_mut() {
        version
            .stages
            .retain(|stage| !stages.contains(&stage.as_str()));
    }
    if secret.versions.len() >= VERSIONS {
        secret
            .versions
            .retain(|_, version| !version.stages.is_empty());
    }
    let stages: BTreeSet<String> = stages.iter().map(|&stage| stage.to_owned()).collect();
    secret.changed = call.now;
    secret.versions.insert(
        id.to_owned(),
        Version {
            content,
            stages,
            created: call.now,
        },
    );
    Ok(())
}

pub(super) fn put_value(secrets: &mut Secrets, call: &Call<'_>, entropy: &mut Entropy) -> Answer {
    let content = content(call)?;
    let content = content
        .ok_or_else(|| call.invalid("You must provide either SecretString or SecretBinary."))?;
    let secret = secrets.of_mut(call)?;
    let id = version_id(call, entropy, &secret.name)?;
    let told = call.texts("VersionStages");
    let stages = if told.is_empty() { vec![CURRENT] } else { told };
    add(secret, &id, content, call, &stages)?;
    let mut shape = shape(secret, Some(&id));
    shape["VersionStages"] = json!(stages);
    Ok(shape)
}

pub(super) fn update(secrets: &mut Secrets, call: &Call<'_>, entropy: &mut Entropy) -> Answer {
    let content = content(call)?;
    let secret = secrets.of_mut(call)?;
    if let Some(description) = call.text("Description") {
        secret.description = Some(description.to_owned());
    }
    if let Some(key) = call.text("KmsKeyId") {
        secret.key = Some(key.to_owned());
    }
    secret.changed = call.now;
    let id = match content {
        None => None,
        Some(content) => {
            let id = version_id(call, entropy, &secret.name)?;
            add(secret, &id, content, call, &[CURRENT])?;
            Some(id)
        }
    };
    Ok(shape(secret, id.as_deref()))
}

pub(super) fn tag(secrets: &mut Secrets, call: &Call<'_>, _: &mut Entropy) -> Answer {
    let added = tags::parse(call.list("Tags")).map_err(|wrong| call.invalid(wrong))?;
    let secret = secrets.of_mut(call)?;
    tags::add(&mut secret.tags, added).map_err(|wrong| call.invalid(wrong))?;
    Ok(Value::Null)
}

pub(super) fn untag(secrets: &mut Secrets, call: &Call<'_>, _: &mut Entropy) -> Answer {
    let secret = secrets.of_mut(call)?;
    for key in call.texts("TagKeys") {
        secret.tags.remove(key);
    }
    Ok(Value::Null)
}
