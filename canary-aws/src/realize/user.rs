//! Users.

use canary_core::apply::{Call, Made, RealizeError};
use canary_core::observe::Object;

use super::content::{iam_tags, tag, tags, text};
use super::error::{asking, changed, incomplete, meaning};
use crate::client::Client;
use crate::observe::{Principal, moment, users};

fn made(user: &Principal) -> Made {
    Made {
        object: Some(user.object()),
        ..Made::default()
    }
}

pub(super) async fn create(client: &Client, call: &Call) -> Result<Made, RealizeError> {
    let request = client.iam.create_user().user_name(&call.handle.name);
    let request = request
        .set_path(text(call, "path").map(str::to_owned))
        .set_permissions_boundary(text(call, "boundary").map(str::to_owned))
        .set_tags(Some(iam_tags(call)?).filter(|tags| !tags.is_empty()));
    let answer = client
        .send("iam:CreateUser", request.send())
        .await
        .map_err(|error| meaning(call, error))?;
    let user = answer.user().ok_or_else(|| incomplete(call, "user"))?;
    Ok(made(&Principal {
        name: user.user_name().to_owned(),
        id: user.user_id().to_owned(),
        arn: user.arn().to_owned(),
        path: user.path().to_owned(),
        created: moment(Some(user.create_date())),
        boundary: text(call, "boundary").map(str::to_owned),
        tags: tags(call),
        ..Principal::default()
    }))
}

pub(super) async fn find(client: &Client, call: &Call) -> Result<Option<Object>, RealizeError> {
    let found = users::single(client, &call.handle.name).await;
    let found = found.map_err(|error| asking(call, error))?;
    Ok(found.map(|user| user.object()))
}

/// Makes it what it is to be, whatever others made of it: each difference by a request of its own, all of which may be
/// sent again.
pub(super) async fn update(client: &Client, call: &Call) -> Result<Made, RealizeError> {
    let now = users::single(client, &call.handle.name).await;
    let now = now
        .map_err(|error| asking(call, error))?
        .ok_or_else(|| changed(call))?;
    if call.have.as_ref() != Some(&now.object().version) {
        return Err(changed(call));
    }
    let name = &call.handle.name;
    let iam = &client.iam;
    let failed = |error| meaning(call, error);
    let path = text(call, "path").unwrap_or("/");
    if now.path != path {
        let request = iam.update_user().user_name(name).new_path(path);
        client
            .send("iam:UpdateUser", request.send())
            .await
            .map_err(failed)?;
    }
    let wanted = tags(call);
    for (key, value) in wanted
        .iter()
        .filter(|(key, value)| now.tags.get(*key) != Some(value))
    {
        let request = iam.tag_user().user_name(name).tags(tag(call, key, value)?);
        client
            .send("iam:TagUser", request.send())
            .await
            .map_err(failed)?;
    }
    for key in now.tags.keys().filter(|key| !wanted.contains_key(*key)) {
        let request = iam.untag_user().user_name(name).tag_keys(key);
        client
            .send("iam:UntagUser", request.send())
            .await
            .map_err(failed)?;
    }
    match (now.boundary.as_deref(), text(call, "boundary")) {
        (before, Some(after)) if before != Some(after) => {
            let request = iam.put_user_permissions_boundary().user_name(name);
            let request = request.permissions_boundary(after);
            client
                .send("iam:PutUserPermissionsBoundary", request.send())
                .await
                .map_err(failed)?;
        }
        (Some(_), None) => {
            let request = iam.delete_user_permissions_boundary().user_name(name);
            client
                .send("iam:DeleteUserPermissionsBoundary", request.send())
                .await
                .map_err(failed)?;
        }
        _ => {}
    }
    for arn in &now.attached {
        let request = iam.detach_user_policy().user_name(name).policy_arn(arn);
        client
            .send("iam:DetachUserPolicy", request.send())
            .await
            .map_err(failed)?;
    }
    for group in &now.groups {
        let request = iam
            .remove_user_from_group()
            .user_name(name)
            .group_name(group);
        client
            .send("iam:RemoveUserFromGroup", request.send())
            .await
            .map_err(failed)?;
    }
    Ok(made(&Principal {
        arn: text(call, "arn").unwrap_or(&now.arn).to_owned(),
        path: path.to_owned(),
        boundary: text(call, "boundary").map(str::to_owned),
        tags: wanted,
        name: now.name,
        id: now.id,
        created: now.created,
        ..Principal::default()
    }))
}

pub(super) async fn delete(client: &Client, call: &Call) -> Result<Made, RealizeError> {
    let name = &call.handle.name;
    let iam = &client.iam;
    let answer = client
        .send("iam:GetUser", iam.get_user().user_name(name).send())
        .await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) if error.is_absence() => return Ok(Made::default()),
        Err(error) => return Err(meaning(call, error)),
    };
    let is_it = |id: &str| call.have.as_ref().is_some_and(|have| have.uid == id);
    if !answer.user().is_some_and(|user| is_it(user.user_id())) {
        // Another of that name: the one that was to go is gone.
        return Ok(Made::default());
    }
    match client
        .send("iam:DeleteUser", iam.delete_user().user_name(name).send())
        .await
    {
        Ok(_) => Ok(Made::default()),
        Err(error) if error.is_absence() => Ok(Made::default()),
        Err(error) => Err(meaning(call, error)),
    }
}
