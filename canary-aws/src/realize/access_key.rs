//! Access keys. Making one has no idempotency, and its answer shows the secret once: it is never sent twice.

use canary_core::apply::{Call, Made, RealizeError};
use canary_core::ledger::OutputValue;
use canary_core::observe::{Object, Seen, Version};
use canary_core::value::SecretBytes;
use std::collections::BTreeMap;

use super::error::{changed, incomplete, meaning};
use crate::account_of;
use crate::catalog::{KEY_ID, KEY_SECRET};
use crate::client::Client;
use crate::observe::{key_revision, moment};
use jiff::Timestamp;

fn object(id: &str, created: Option<Timestamp>) -> Object {
    let fields = BTreeMap::from([("status".to_owned(), Seen::Public("Active".into()))]);
    Object {
        created,
        field_names: fields.keys().cloned().collect(),
        fields: Some(fields),
        ..Object::of(Version {
            uid: id.to_owned(),
            revision: key_revision("Active", created),
        })
    }
}

fn user(call: &Call) -> &str {
    call.handle.scope.as_deref().unwrap_or_default()
}

pub(super) async fn create(client: &Client, call: &Call) -> Result<Made, RealizeError> {
    let request = client.iam.create_access_key().user_name(user(call));
    let answer = client
        .send("iam:CreateAccessKey", request.send())
        .await
        .map_err(|error| meaning(call, error))?;
    let key = answer.access_key().ok_or_else(|| incomplete(call, "key"))?;
    let id = key.access_key_id();
    // A key of another account would tell whoever decodes it whose it is.
    if account_of(id).is_some_and(|account| account != client.connection.account) {
        return Err(RealizeError::Unknown {
            handle: call.handle.clone(),
            detail: format!("{id} is not a key of account {}", client.connection.account),
        });
    }
    let secret = SecretBytes::from(key.secret_access_key());
    let made = Made {
        object: Some(object(id, moment(key.create_date()))),
        ..Made::default()
    };
    Ok(made
        .with(KEY_ID, OutputValue::Public(id.to_owned()))
        .with(KEY_SECRET, OutputValue::Secret(secret)))
}

/// Makes it work again.
pub(super) async fn update(client: &Client, call: &Call) -> Result<Made, RealizeError> {
    let have = call.have.as_ref().ok_or_else(|| changed(call))?;
    let request = client.iam.update_access_key().user_name(user(call));
    let request = request.access_key_id(&have.uid).status("Active".into());
    client
        .send("iam:UpdateAccessKey", request.send())
        .await
        .map_err(|error| meaning(call, error))?;
    let created = have
        .revision
        .split_once(' ')
        .and_then(|(_, second)| second.parse().ok());
    let created = created.and_then(|second| Timestamp::from_second(second).ok());
    Ok(Made {
        object: Some(object(&have.uid, created)),
        ..Made::default()
    })
}

pub(super) async fn delete(client: &Client, call: &Call) -> Result<Made, RealizeError> {
    let have = call.have.as_ref().ok_or_else(|| changed(call))?;
    let request = client
        .iam
        .delete_access_key()
        .user_name(user(call))
        .access_key_id(&have.uid);
    match client.send("iam:DeleteAccessKey", request.send()).await {
        Ok(_) => Ok(Made::default()),
        Err(error) if error.is_absence() => Ok(Made::default()),
        Err(error) => Err(meaning(call, error)),
    }
}
