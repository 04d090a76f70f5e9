//! Secrets of Secrets Manager. Each version that we make has an id of ours, so that the same request twice is one.

use aws_sdk_secretsmanager::primitives::Blob;
use aws_sdk_secretsmanager::types::Tag;
use canary_core::apply::{Call, Found, Made, RealizeError};
use canary_core::ledger::Verb;
use canary_core::value::SecretBytes;

use super::content::{as_sent, sent, tags, text, value_bytes};
use super::error::{asking, changed, incomplete, meaning};
use crate::catalog::RECOVERY;
use crate::client::Client;
use crate::observe::secret::{DEFAULT_KEY, Secret};
use crate::observe::secrets;
use crate::observe::version_id::{self, Of};

fn region(call: &Call) -> &str {
    call.handle.scope.as_deref().unwrap_or_default()
}

fn clients(client: &Client, call: &Call) -> aws_sdk_secretsmanager::Client {
    client.in_region(region(call)).secrets
}

async fn now(client: &Client, call: &Call) -> Result<Option<Secret>, RealizeError> {
    let found = secrets::described(client, region(call), &call.handle.name).await;
    found.map_err(|error| asking(call, error))
}

/// What has its name and waits for its deletion.
async fn waiting(client: &Client, call: &Call) -> Result<Option<Secret>, RealizeError> {
    let now = now(client, call).await?;
    Ok(now.filter(|secret| secret.is_deleted))
}

/// How many days it waits when it is deleted.
fn days(call: &Call) -> u8 {
    let days = text(call, RECOVERY).and_then(|text| text.strip_suffix('d'));
    days.and_then(|days| days.parse().ok()).unwrap_or_default()
}

/// The id of the version that a call makes.
fn version(call: &Call, before: &str) -> String {
    version_id::make(&Of {
        digester: &call.digester,
        handle: &call.handle,
        days: days(call),
        content: value_bytes(call)
            .map(SecretBytes::expose)
            .unwrap_or_default(),
        before,
    })
}

/// The value as text, or as bytes where it is none.
fn parts(call: &Call) -> (Option<String>, Option<Blob>) {
    let Some(value) = value_bytes(call) else {
        return (None, None);
    };
    match value.expose_text() {
        Some(text) => (Some(text.to_owned()), None),
        None => (None, Some(Blob::new(value.expose()))),
    }
}

fn made(call: &Call, arn: &str, id: &str) -> Made {
    let now = Secret::made(arn, id, &sent(call));
    let digest = value_bytes(call).map(|value| call.digester.digest(value.expose()));
    let version = now.state(Some(days(call))).version(arn, digest.as_ref());
    as_sent(call, version)
}

pub(super) async fn find(client: &Client, call: &Call) -> Result<Found, RealizeError> {
    let Some(secret) = now(client, call).await? else {
        return Ok(Found::Absent);
    };
    let days = secret.days(&call.handle, &call.digester);
    if secret.is_deleted && (days.is_some() || call.verb == Verb::Delete) {
        return Ok(Found::Absent);
    }
    let have = call.have.as_ref();
    if secret.is_deleted || call.verb == Verb::Delete {
        let object = secret.object(days, None, secret.version(days, have));
        return Ok(Found::There(Box::new(object)));
    }
    let object = secrets::full(client, &call.handle, &secret, have, &call.digester).await;
    let object = object.map_err(|error| meaning(call, error))?;
    Ok(Found::There(Box::new(object)))
}

/// What waits for its deletion is looked for first: whether a repeated request is told of that, or is answered as the first
/// one was, is nowhere said.
pub(super) async fn create(client: &Client, call: &Call) -> Result<Made, RealizeError> {
    if let Some(secret) = waiting(client, call).await? {
        return take_back(client, call, &secret).await;
    }
    let id = version(call, "");
    let (string, binary) = parts(call);
    let tags = tags(call);
    let tags: Vec<Tag> = tags.iter().map(|(key, value)| tag(key, value)).collect();
    let secrets = clients(client, call);
    let request = secrets.create_secret().name(&call.handle.name);
    let request = request
        .client_request_token(&id)
        .set_secret_string(string)
        .set_secret_binary(binary)
        .set_description(text(call, "description").map(str::to_owned))
        .set_kms_key_id(text(call, "key_id").map(str::to_owned))
        .set_tags(Some(tags).filter(|tags| !tags.is_empty()));
    match client
        .send("secretsmanager:CreateSecret", request.send())
        .await
    {
        Ok(answer) => {
            let arn = answer.arn().ok_or_else(|| incomplete(call, "ARN"))?;
            Ok(made(call, arn, &id))
        }
        // It may not have been shown so before.
        Err(error)
            if ["InvalidRequestException", "ResourceExistsException"]
                .contains(&error.code.as_str()) =>
        {
            match waiting(client, call).await? {
                Some(secret) => take_back(client, call, &secret).await,
                None => Err(meaning(call, error)),
            }
        }
        Err(error) => Err(meaning(call, error)),
    }
}

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build()
}

/// One of ours that waits for its deletion has the name still. A stranger's stays as it is.
async fn take_back(client: &Client, call: &Call, secret: &Secret) -> Result<Made, RealizeError> {
    if secret.days(&call.handle, &call.digester).is_none() {
        return Err(RealizeError::Held {
            handle: call.handle.clone(),
            by: "the time that Secrets Manager lets it wait".into(),
        });
    }
    let request = clients(client, call)
        .restore_secret()
        .secret_id(&secret.arn);
    client
        .send("secretsmanager:RestoreSecret", request.send())
        .await
        .map_err(|error| meaning(call, error))?;
    write(client, call, secret).await
}

pub(super) async fn update(client: &Client, call: &Call) -> Result<Made, RealizeError> {
    let have = call.have.as_ref().ok_or_else(|| changed(call))?;
    let secret = now(client, call).await?.ok_or_else(|| changed(call))?;
    let days = secret.days(&call.handle, &call.digester);
    if secret.is_deleted || secret.version(days, Some(have)) != *have {
        return Err(changed(call));
    }
    write(client, call, &secret).await
}

/// Makes a secret what it is to be, tags last: the id of the version tells of what it took the place.
async fn write(client: &Client, call: &Call, before: &Secret) -> Result<Made, RealizeError> {
    let failed = |error| meaning(call, error);
    let secrets = clients(client, call);
    let days = before.days(&call.handle, &call.digester);
    let id = version(call, &before.version(days, None).revision);
    let (string, binary) = parts(call);
    // What is empty is taken away.
    let instead = |have: &Option<String>, empty: &'static str| have.as_deref().map(|_| empty);
    let description = text(call, "description").or(instead(&before.description, ""));
    let key = text(call, "key_id").or(instead(&before.key, DEFAULT_KEY));
    let request = secrets.update_secret().secret_id(&before.arn);
    let request = request
        .client_request_token(&id)
        .set_secret_string(string)
        .set_secret_binary(binary)
        .set_description(description.map(str::to_owned))
        .set_kms_key_id(key.map(str::to_owned));
    client
        .send("secretsmanager:UpdateSecret", request.send())
        .await
        .map_err(failed)?;
    let wanted = tags(call);
    let missing: Vec<Tag> = wanted
        .iter()
        .filter(|(key, value)| before.tags.get(*key) != Some(value))
        .map(|(key, value)| tag(key, value))
        .collect();
    if !missing.is_empty() {
        let request = secrets.tag_resource().secret_id(&before.arn);
        let request = request.set_tags(Some(missing));
        client
            .send("secretsmanager:TagResource", request.send())
            .await
            .map_err(failed)?;
    }
    let extra = before.tags.keys().filter(|key| !wanted.contains_key(*key));
    let extra: Vec<String> = extra.cloned().collect();
    if !extra.is_empty() {
        let request = secrets.untag_resource().secret_id(&before.arn);
        let request = request.set_tag_keys(Some(extra));
        client
            .send("secretsmanager:UntagResource", request.send())
            .await
            .map_err(failed)?;
    }
    Ok(made(call, &before.arn, &id))
}

pub(super) async fn delete(client: &Client, call: &Call) -> Result<Made, RealizeError> {
    let have = call.have.as_ref().ok_or_else(|| changed(call))?;
    let Some(secret) = now(client, call).await?.filter(|now| now.arn == have.uid) else {
        // Gone, or another of that name.
        return Ok(Made::default());
    };
    if secret.is_deleted {
        return Ok(Made::default());
    }
    let days = secret.days(&call.handle, &call.digester);
    let days = days.filter(|days| *days > 0).map(i64::from);
    let request = clients(client, call).delete_secret().secret_id(&secret.arn);
    let request = request
        .set_recovery_window_in_days(days)
        .set_force_delete_without_recovery(days.is_none().then_some(true));
    match client
        .send("secretsmanager:DeleteSecret", request.send())
        .await
    {
        Ok(_) => Ok(Made::default()),
        Err(error) if error.is_absence() => Ok(Made::default()),
        Err(error) => Err(meaning(call, error)),
    }
}
