//! Trails: the trail itself, that it logs, and what.

use aws_sdk_cloudtrail::types::{DataResource, EventSelector};
use canary_core::apply::{Call, Made, RealizeError};
use canary_core::ledger::Verb;
use canary_core::observe::{Object, Version};
use serde_json::Value;

use super::content::{seen, text};
use super::error::{asking, changed, exists, incomplete, meaning, region, within};
use crate::catalog::{LOGGING, TRAIL};
use crate::client::{CallError, Client};
use crate::observe::listener::trails;
use crate::observe::object;

/// Where the trail is at home that a call is about, and its name.
fn of(call: &Call) -> (&str, &str) {
    match call.handle.kind.as_str() {
        TRAIL => (region(call), &call.handle.name),
        _ => within(call),
    }
}

pub(super) async fn find(client: &Client, call: &Call) -> Result<Option<Object>, RealizeError> {
    let (region, name) = of(call);
    let found = trails::single(client, region, name).await;
    let found = found.map_err(|error| asking(call, error))?;
    Ok(found.and_then(|trail| match call.handle.kind.as_str() {
        TRAIL => Some(trail.object()),
        LOGGING => trail.logging(),
        _ if call.verb == Verb::Update => Some(trail.selectors()),
        _ => trail.chosen(),
    }))
}

fn made(uid: &str, call: &Call) -> Made {
    Made {
        object: Some(object(uid, None, seen(call))),
        ..Made::default()
    }
}

fn flag(call: &Call, field: &str) -> bool {
    text(call, field) == Some("true")
}

/// A trail is made where none of that name is; what it logs, and that it does, where nobody said so before.
pub(super) async fn create(client: &Client, call: &Call) -> Result<Made, RealizeError> {
    if call.handle.kind != TRAIL {
        if find(client, call).await?.is_some() {
            return Err(exists(call));
        }
        return set(client, call).await;
    }
    let services = client.in_region(region(call));
    let request = services.cloudtrail.create_trail().name(&call.handle.name);
    let request = request
        .s3_bucket_name(text(call, "bucket").unwrap_or_default())
        .is_multi_region_trail(flag(call, "everywhere"))
        .include_global_service_events(flag(call, "global"))
        .enable_log_file_validation(flag(call, "validated"));
    let answer = client
        .send("cloudtrail:CreateTrail", request.send())
        .await
        .map_err(|error| refused_for_now(call, error))?;
    let arn = answer.trail_arn().ok_or_else(|| incomplete(call, "ARN"))?;
    Ok(made(arn, call))
}

/// A bucket's policy counts some seconds after it was put.
fn refused_for_now(call: &Call, error: CallError) -> RealizeError {
    match error.code.as_str() {
        "InsufficientS3BucketPolicyException" | "S3BucketDoesNotExistException" => {
            RealizeError::Busy {
                handle: call.handle.clone(),
                retry_after: None,
                detail: error.detail(),
            }
        }
        _ => meaning(call, error),
    }
}

pub(super) async fn update(client: &Client, call: &Call) -> Result<Made, RealizeError> {
    let now = find(client, call).await?;
    if now.map(|object| object.version) != call.have {
        return Err(changed(call));
    }
    if call.handle.kind != TRAIL {
        return set(client, call).await;
    }
    let services = client.in_region(region(call));
    let request = services.cloudtrail.update_trail().name(&call.handle.name);
    let request = request
        .s3_bucket_name(text(call, "bucket").unwrap_or_default())
        .s3_key_prefix("")
        .is_multi_region_trail(flag(call, "everywhere"))
        .include_global_service_events(flag(call, "global"))
        .enable_log_file_validation(flag(call, "validated"));
    let answer = client
        .send("cloudtrail:UpdateTrail", request.send())
        .await
        .map_err(|error| refused_for_now(call, error))?;
    let arn = answer.trail_arn().ok_or_else(|| incomplete(call, "ARN"))?;
    Ok(made(arn, call))
}

/// Lets a trail log, or says what.
async fn set(client: &Client, call: &Call) -> Result<Made, RealizeError> {
    let (region, name) = of(call);
    let services = client.in_region(region);
    let failed = |error| meaning(call, error);
    let account = &client.connection.account;
    let partition = crate::catalog::partition(region);
    let arn = format!("arn:{partition}:cloudtrail:{region}:{account}:trail/{name}");
    if call.handle.kind == LOGGING {
        let request = services.cloudtrail.start_logging().name(name);
        client
            .send("cloudtrail:StartLogging", request.send())
            .await
            .map_err(failed)?;
        return Ok(made(&format!("{arn}/logging"), call));
    }
    let selectors = selectors(text(call, "plain").unwrap_or_default());
    put(client, call, Some(selectors)).await?;
    Ok(made(&format!("{arn}/selectors"), call))
}

/// What it logs; `None`: what every trail logs by default.
async fn put(
    client: &Client,
    call: &Call,
    selectors: Option<Vec<EventSelector>>,
) -> Result<(), RealizeError> {
    let (region, name) = of(call);
    let services = client.in_region(region);
    let default = || {
        vec![
            EventSelector::builder()
                .include_management_events(true)
                .build(),
        ]
    };
    let request = services.cloudtrail.put_event_selectors().trail_name(name);
    let request = request.set_event_selectors(Some(selectors.unwrap_or_else(default)));
    let answer = client
        .send("cloudtrail:PutEventSelectors", request.send())
        .await;
    answer.map(drop).map_err(|error| meaning(call, error))
}

/// From the form in which they are compared.
fn selectors(text: &str) -> Vec<EventSelector> {
    let said: Value = serde_json::from_str(text).unwrap_or_default();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let texts = |value: &Value| -> Vec<String> {
        let all = list(value);
        all.iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    };
    let data = |data: &Value| {
        DataResource::builder()
            .r#type(data["Type"].as_str().unwrap_or_default())
            .set_values(Some(texts(&data["Values"])))
            .build()
    };
    let selector = |said: &Value| {
        let resources = list(&said["DataResources"]);
        EventSelector::builder()
            .set_read_write_type(said["ReadWriteType"].as_str().map(Into::into))
            .set_include_management_events(said["IncludeManagementEvents"].as_bool())
            .set_data_resources(Some(resources.iter().map(data).collect()))
            .build()
    };
    list(&said).iter().map(selector).collect()
}

/// Of a trail, it ends; of the rest, the trail is as by default, which is that it logs nothing.
pub(super) async fn delete(client: &Client, call: &Call) -> Result<Made, RealizeError> {
    let now = match find(client, call).await? {
        None => return Ok(Made::default()),
        Some(object) => object.version,
    };
    let is_it = |have: &Version| have.uid == now.uid;
    if !call.have.as_ref().is_some_and(is_it) {
        return Err(changed(call));
    }
    let (region, name) = of(call);
    let services = client.in_region(region);
    let ended = match call.handle.kind.as_str() {
        TRAIL => {
            let request = services.cloudtrail.delete_trail().name(name);
            let answer = client.send("cloudtrail:DeleteTrail", request.send()).await;
            answer.map(drop)
        }
        LOGGING => {
            let request = services.cloudtrail.stop_logging().name(name);
            let answer = client.send("cloudtrail:StopLogging", request.send()).await;
            answer.map(drop)
        }
        _ => return put(client, call, None).await.map(|()| Made::default()),
    };
    match ended {
        Ok(()) => Ok(Made::default()),
        Err(error) if error.is_absence() => Ok(Made::default()),
        Err(error) => Err(meaning(call, error)),
    }
}
