//! Targets of rules.

use aws_sdk_eventbridge::types::Target;
use canary_core::apply::{Call, Made, RealizeError};
use canary_core::observe::Object;

use super::content::{seen, text};
use super::error::{asking, changed, exists, meaning, within};
use crate::client::{CallError, Client, Failure};
use crate::observe::listener::targets;
use crate::observe::object;

pub(super) async fn find(client: &Client, call: &Call) -> Result<Option<Object>, RealizeError> {
    let (region, rule) = within(call);
    let found = targets::single(client, region, rule, &call.handle.name).await;
    found.map_err(|error| asking(call, error))
}

/// A put takes over whatever is there, so that is looked at first.
pub(super) async fn create(client: &Client, call: &Call) -> Result<Made, RealizeError> {
    if find(client, call).await?.is_some() {
        return Err(exists(call));
    }
    put(client, call).await
}

pub(super) async fn update(client: &Client, call: &Call) -> Result<Made, RealizeError> {
    let now = find(client, call).await?;
    if now.map(|target| target.version) != call.have {
        return Err(changed(call));
    }
    put(client, call).await
}

async fn put(client: &Client, call: &Call) -> Result<Made, RealizeError> {
    let (region, rule) = within(call);
    let id = &call.handle.name;
    let target = Target::builder()
        .id(id)
        .arn(text(call, "to").unwrap_or_default())
        .set_role_arn(text(call, "role").map(str::to_owned))
        .build()
        .map_err(|error| RealizeError::Refused {
            handle: call.handle.clone(),
            detail: error.to_string(),
        })?;
    let services = client.in_region(region);
    let request = services.events.put_targets().rule(rule).targets(target);
    let answer = client
        .send("events:PutTargets", request.send())
        .await
        .map_err(|error| refused_for_now(call, error))?;
    if let Some(failed) = answer.failed_entries().first() {
        let (code, message) = (failed.error_code(), failed.error_message());
        let error = entry("events:PutTargets", code, message);
        return Err(refused_for_now(call, error));
    }
    let uid = format!("{region}/{rule}/{id}");
    Ok(Made {
        object: Some(object(&uid, None, seen(call))),
        ..Made::default()
    })
}

/// What an answer says of one entry: the request was carried out, the entry was not.
fn entry(action: &'static str, code: Option<&str>, message: Option<&str>) -> CallError {
    let code = code.unwrap_or_default();
    CallError {
        action,
        failure: Failure::Refused,
        code: code.to_owned(),
        message: message.unwrap_or(code).to_owned(),
    }
}

/// A role that was made moments ago cannot be assumed everywhere yet.
fn refused_for_now(call: &Call, error: CallError) -> RealizeError {
    let is_early = error.failure == Failure::Refused
        && (error.code == "InternalException" || error.message.contains("cannot be assumed"));
    if is_early {
        return RealizeError::Busy {
            handle: call.handle.clone(),
            retry_after: None,
            detail: error.detail(),
        };
    }
    meaning(call, error)
}

pub(super) async fn delete(client: &Client, call: &Call) -> Result<Made, RealizeError> {
    match find(client, call).await? {
        None => return Ok(Made::default()),
        Some(target) if call.have.as_ref() != Some(&target.version) => return Err(changed(call)),
        Some(_) => {}
    }
    let (region, rule) = within(call);
    let services = client.in_region(region);
    let request = services
        .events
        .remove_targets()
        .rule(rule)
        .ids(&call.handle.name);
    match client.send("events:RemoveTargets", request.send()).await {
        Ok(answer) => match answer.failed_entries().first() {
            None => Ok(Made::default()),
            Some(failed) => {
                let (code, message) = (failed.error_code(), failed.error_message());
                Err(meaning(call, entry("events:RemoveTargets", code, message)))
            }
        },
        Err(error) if error.is_absence() => Ok(Made::default()),
        Err(error) => Err(meaning(call, error)),
    }
}
