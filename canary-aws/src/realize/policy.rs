//! Inline policies of users and roles.

use std::collections::BTreeMap;

use canary_core::apply::{Call, Made, RealizeError};
use canary_core::observe::{Object, Seen};

use super::content::text;
use super::error::{asking, changed, meaning};
use crate::catalog::{USER_POLICY, canonical};
use crate::client::{CallError, Client};
use crate::observe::object;

fn of(call: &Call) -> &str {
    call.handle.scope.as_deref().unwrap_or_default()
}

fn is_users(call: &Call) -> bool {
    call.handle.kind == USER_POLICY
}

fn seen(call: &Call, document: &str) -> Object {
    let fields = BTreeMap::from([("document".to_owned(), Seen::Public(document.to_owned()))]);
    object(&call.handle.path(), None, fields)
}

/// What is there under its name.
async fn now(client: &Client, call: &Call) -> Result<Option<Object>, CallError> {
    let (of, name) = (of(call), &call.handle.name);
    let iam = &client.iam;
    let document = if is_users(call) {
        let request = iam.get_user_policy().user_name(of).policy_name(name);
        let answer = client.send("iam:GetUserPolicy", request.send()).await;
        answer.map(|answer| answer.policy_document().to_owned())
    } else {
        let request = iam.get_role_policy().role_name(of).policy_name(name);
        let answer = client.send("iam:GetRolePolicy", request.send()).await;
        answer.map(|answer| answer.policy_document().to_owned())
    };
    match document {
        Ok(document) => {
            let document = percent_encoding::percent_decode_str(&document).decode_utf8_lossy();
            let document = canonical(&document).unwrap_or_else(|| document.into_owned());
            Ok(Some(seen(call, &document)))
        }
        Err(error) if error.is_absence() => Ok(None),
        Err(error) => Err(error),
    }
}

pub(super) async fn find(client: &Client, call: &Call) -> Result<Option<Object>, RealizeError> {
    now(client, call).await.map_err(|error| asking(call, error))
}

/// A put takes over whatever is there, so that is looked at first.
pub(super) async fn create(client: &Client, call: &Call) -> Result<Made, RealizeError> {
    if find(client, call).await?.is_some() {
        return Err(RealizeError::Exists {
            handle: call.handle.clone(),
        });
    }
    put(client, call).await
}

pub(super) async fn update(client: &Client, call: &Call) -> Result<Made, RealizeError> {
    let now = find(client, call).await?;
    if now.map(|object| object.version) != call.have {
        return Err(changed(call));
    }
    put(client, call).await
}

async fn put(client: &Client, call: &Call) -> Result<Made, RealizeError> {
    let document = text(call, "document").unwrap_or_default();
    let (of, name) = (of(call), &call.handle.name);
    let iam = &client.iam;
    let put = if is_users(call) {
        let request = iam.put_user_policy().user_name(of).policy_name(name);
        let request = request.policy_document(document);
        client
            .send("iam:PutUserPolicy", request.send())
            .await
            .map(drop)
    } else {
        let request = iam.put_role_policy().role_name(of).policy_name(name);
        let request = request.policy_document(document);
        client
            .send("iam:PutRolePolicy", request.send())
            .await
            .map(drop)
    };
    put.map_err(|error| meaning(call, error))?;
    Ok(Made {
        object: Some(seen(call, document)),
        ..Made::default()
    })
}

/// What has its name by now may be another's. What is not shown may be there all the same, so that it is sent then.
pub(super) async fn delete(client: &Client, call: &Call) -> Result<Made, RealizeError> {
    let now = find(client, call).await?.map(|object| object.version);
    if now.is_some() && now != call.have {
        return Err(changed(call));
    }
    let (of, name) = (of(call), &call.handle.name);
    let iam = &client.iam;
    let deleted = if is_users(call) {
        let request = iam.delete_user_policy().user_name(of).policy_name(name);
        client
            .send("iam:DeleteUserPolicy", request.send())
            .await
            .map(drop)
    } else {
        let request = iam.delete_role_policy().role_name(of).policy_name(name);
        client
            .send("iam:DeleteRolePolicy", request.send())
            .await
            .map(drop)
    };
    match deleted {
        Ok(()) => Ok(Made::default()),
        Err(error) if error.is_absence() => Ok(Made::default()),
        Err(error) => Err(meaning(call, error)),
    }
}
