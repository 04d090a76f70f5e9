//! Rules of the default bus.

use canary_core::apply::{Call, Made, RealizeError};
use canary_core::observe::Object;

use super::content::{seen, text};
use super::error::{asking, changed, exists, meaning, not_empty, region};
use crate::client::Client;
use crate::observe::listener::rules;
use crate::observe::object;

pub(super) async fn find(client: &Client, call: &Call) -> Result<Option<Object>, RealizeError> {
    let found = rules::single(client, region(call), &call.handle.name).await;
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
    if now.map(|rule| rule.version) != call.have {
        return Err(changed(call));
    }
    put(client, call).await
}

/// What is left out is taken back.
async fn put(client: &Client, call: &Call) -> Result<Made, RealizeError> {
    let services = client.in_region(region(call));
    let request = services.events.put_rule().name(&call.handle.name);
    let request = request
        .event_pattern(text(call, "pattern").unwrap_or_default())
        .set_state(text(call, "state").map(Into::into));
    let answer = client
        .send("events:PutRule", request.send())
        .await
        .map_err(|error| meaning(call, error))?;
    let arn = answer.rule_arn().or(text(call, "arn"));
    Ok(Made {
        object: Some(object(arn.unwrap_or_default(), None, seen(call))),
        ..Made::default()
    })
}

pub(super) async fn delete(client: &Client, call: &Call) -> Result<Made, RealizeError> {
    match find(client, call).await? {
        None => return Ok(Made::default()),
        Some(rule) if call.have.as_ref() != Some(&rule.version) => return Err(changed(call)),
        Some(_) => {}
    }
    let services = client.in_region(region(call));
    let request = services.events.delete_rule().name(&call.handle.name);
    match client.send("events:DeleteRule", request.send()).await {
        Ok(_) => Ok(Made::default()),
        Err(error) if error.is_absence() => Ok(Made::default()),
        Err(error) if error.message.contains("has targets") => Err(not_empty(call, &error)),
        Err(error) => Err(meaning(call, error)),
    }
}
