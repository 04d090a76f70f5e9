//! Parameters of Systems Manager.

use canary_core::apply::{Call, Found, Made, RealizeError};
use canary_core::ledger::Verb;
use canary_core::observe::Object;

use aws_sdk_ssm::operation::put_parameter::builders::PutParameterFluentBuilder;
use aws_sdk_ssm::types::{ParameterTier, ParameterType, ResourceTypeForTagging, Tag};

use super::content::{as_sent, tags, text, value};
use super::error::{changed, meaning};
use crate::catalog::parameter_arn;
use crate::client::{CallError, Client};
use crate::observe::parameter::{DEFAULT_KEY, Parameter, revision};
use crate::observe::parameters;

fn region(call: &Call) -> &str {
    call.handle.scope.as_deref().unwrap_or_default()
}

fn arn(client: &Client, call: &Call) -> String {
    parameter_arn(region(call), &client.connection.account, &call.handle.name)
}

/// What is there under its name now.
async fn now(client: &Client, call: &Call) -> Result<Option<Parameter>, RealizeError> {
    let name = call.handle.name.as_str();
    let found = parameters::described(client, region(call), Some(&[name])).await;
    let mut found = found.map_err(|error| meaning(call, error))?;
    Ok(found.remove(name))
}

pub(super) async fn find(client: &Client, call: &Call) -> Result<Found, RealizeError> {
    let Some(parameter) = now(client, call).await? else {
        return Ok(Found::Absent);
    };
    let (arn, have) = (arn(client, call), call.have.as_ref());
    let object: Result<Object, CallError> = match call.verb {
        // For a removal it is enough to know which it is.
        Verb::Delete => {
            let version = parameter.version(&arn, have);
            return Ok(Found::There(Box::new(parameter.object(version))));
        }
        Verb::Create | Verb::Update => {
            let digester = &call.digester;
            parameters::full(client, region(call), &parameter, &arn, have, digester).await
        }
    };
    let object = object.map_err(|error| meaning(call, error))?;
    Ok(Found::There(Box::new(object)))
}

fn tag(call: &Call, key: &str, value: &str) -> Result<Tag, RealizeError> {
    let built = Tag::builder().key(key).value(value).build();
    built.map_err(|error| RealizeError::Refused {
        handle: call.handle.clone(),
        detail: error.to_string(),
    })
}

/// All of the content but tags.
fn filled(
    call: &Call,
    request: PutParameterFluentBuilder,
) -> Result<PutParameterFluentBuilder, RealizeError> {
    let kind = text(call, "type").unwrap_or("SecureString");
    let key = (kind == "SecureString").then(|| text(call, "key_id").unwrap_or(DEFAULT_KEY));
    Ok(request
        .name(&call.handle.name)
        .value(value(call)?)
        .r#type(ParameterType::from(kind))
        .set_tier(text(call, "tier").map(ParameterTier::from))
        .set_key_id(key.map(str::to_owned)))
}

async fn put(
    client: &Client,
    call: &Call,
    uid: &str,
    request: PutParameterFluentBuilder,
) -> Result<Made, RealizeError> {
    let answer = client
        .send("ssm:PutParameter", request.send())
        .await
        .map_err(|error| meaning(call, error))?;
    let version = revision(uid, answer.version(), client.meter.site_second());
    Ok(as_sent(call, version))
}

pub(super) async fn create(client: &Client, call: &Call) -> Result<Made, RealizeError> {
    let ssm = client.in_region(region(call)).ssm;
    let tags = tags(call);
    let tags: Result<Vec<Tag>, RealizeError> = tags
        .iter()
        .map(|(key, value)| tag(call, key, value))
        .collect();
    let request = filled(call, ssm.put_parameter().overwrite(false))?;
    let request = request
        .set_description(text(call, "description").map(str::to_owned))
        .set_tags(Some(tags?).filter(|tags| !tags.is_empty()));
    put(client, call, &arn(client, call), request).await
}

/// Writes it anew, tags first: they do not count as a write, so that what was left half done is seen to be so.
pub(super) async fn update(client: &Client, call: &Call) -> Result<Made, RealizeError> {
    let have = call.have.as_ref().ok_or_else(|| changed(call))?;
    let now = now(client, call).await?.ok_or_else(|| changed(call))?;
    if now.version(&arn(client, call), Some(have)) != *have {
        return Err(changed(call));
    }
    retag(client, call).await?;
    let ssm = client.in_region(region(call)).ssm;
    let request = filled(call, ssm.put_parameter().overwrite(true))?;
    let description = text(call, "description");
    let cleared = now.description.as_deref().map(|_| "");
    let request = request.set_description(description.or(cleared).map(str::to_owned));
    put(client, call, &have.uid, request).await
}

async fn retag(client: &Client, call: &Call) -> Result<(), RealizeError> {
    let ssm = client.in_region(region(call)).ssm;
    let failed = |error| meaning(call, error);
    let name = &call.handle.name;
    let has = parameters::tags(client, region(call), name).await;
    let (has, wanted) = (has.map_err(failed)?, tags(call));
    let missing = wanted
        .iter()
        .filter(|(key, value)| has.get(*key) != Some(value))
        .map(|(key, value)| tag(call, key, value));
    let missing = missing.collect::<Result<Vec<Tag>, _>>()?;
    if !missing.is_empty() {
        let request = ssm.add_tags_to_resource().resource_id(name);
        let request = request
            .resource_type(ResourceTypeForTagging::Parameter)
            .set_tags(Some(missing));
        client
            .send("ssm:AddTagsToResource", request.send())
            .await
            .map_err(failed)?;
    }
    let extra: Vec<String> = has
        .into_keys()
        .filter(|key| !wanted.contains_key(key))
        .collect();
    if !extra.is_empty() {
        let request = ssm.remove_tags_from_resource().resource_id(name);
        let request = request
            .resource_type(ResourceTypeForTagging::Parameter)
            .set_tag_keys(Some(extra));
        client
            .send("ssm:RemoveTagsFromResource", request.send())
            .await
            .map_err(failed)?;
    }
    Ok(())
}

pub(super) async fn delete(client: &Client, call: &Call) -> Result<Made, RealizeError> {
    let have = call.have.as_ref().ok_or_else(|| changed(call))?;
    let now = now(client, call).await?;
    let is_it = now.is_some_and(|now| now.version(&arn(client, call), Some(have)).uid == have.uid);
    if !is_it {
        // Gone, or another of that name.
        return Ok(Made::default());
    }
    let ssm = client.in_region(region(call)).ssm;
    let request = ssm.delete_parameter().name(&call.handle.name);
    match client.send("ssm:DeleteParameter", request.send()).await {
        Ok(_) => Ok(Made::default()),
        Err(error) if error.is_absence() => Ok(Made::default()),
        Err(error) => Err(meaning(call, error)),
    }
}
