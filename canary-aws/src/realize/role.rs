//! Roles.

use canary_core::apply::{Call, Made, RealizeError};
use canary_core::observe::Object;

use super::content::{iam_tags, tag, tags, text};
use super::error::{asking, changed, incomplete, meaning};
use crate::client::Client;
use crate::observe::{Principal, roles};

fn made(role: &Principal) -> Made {
    Made {
        object: Some(role.object()),
        ..Made::default()
    }
}

fn session(call: &Call) -> Option<i32> {
    text(call, "session")?.parse().ok()
}

pub(super) async fn create(client: &Client, call: &Call) -> Result<Made, RealizeError> {
    let request = client.iam.create_role().role_name(&call.handle.name);
    let request = request
        .set_path(text(call, "path").map(str::to_owned))
        .set_assume_role_policy_document(text(call, "trust").map(str::to_owned))
        .set_description(text(call, "description").map(str::to_owned))
        .set_max_session_duration(session(call))
        .set_permissions_boundary(text(call, "boundary").map(str::to_owned))
        .set_tags(Some(iam_tags(call)?).filter(|tags| !tags.is_empty()));
    let answer = client
        .send("iam:CreateRole", request.send())
        .await
        .map_err(|error| meaning(call, error))?;
    let role = answer.role().ok_or_else(|| incomplete(call, "role"))?;
    Ok(made(&sent(call, &roles::of_role(role))))
}

/// As it was sent: an answer leaves parts of it out.
fn sent(call: &Call, now: &Principal) -> Principal {
    let mut more = now.more.clone();
    for name in ["trust", "session", "description"] {
        match text(call, name) {
            Some(value) => drop(more.insert(name, value.to_owned())),
            None => drop(more.remove(name)),
        }
    }
    Principal {
        boundary: text(call, "boundary").map(str::to_owned),
        tags: tags(call),
        attached: std::collections::BTreeSet::new(),
        more,
        ..now.clone()
    }
}

pub(super) async fn find(client: &Client, call: &Call) -> Result<Option<Object>, RealizeError> {
    let found = roles::single(client, &call.handle.name).await;
    let found = found.map_err(|error| asking(call, error))?;
    Ok(found.map(|role| role.object()))
}

/// Makes it what it is to be: each difference by a request of its own, all of which may be sent again.
pub(super) async fn update(client: &Client, call: &Call) -> Result<Made, RealizeError> {
    let now = roles::single(client, &call.handle.name).await;
    let now = now
        .map_err(|error| asking(call, error))?
        .ok_or_else(|| changed(call))?;
    if call.have.as_ref() != Some(&now.object().version) {
        return Err(changed(call));
    }
    let name = &call.handle.name;
    let iam = &client.iam;
    let failed = |error| meaning(call, error);
    let differs = |field: &str| now.more.get(field).map(String::as_str) != text(call, field);
    if differs("trust")
        && let Some(trust) = text(call, "trust")
    {
        let request = iam
            .update_assume_role_policy()
            .role_name(name)
            .policy_document(trust);
        client
            .send("iam:UpdateAssumeRolePolicy", request.send())
            .await
            .map_err(failed)?;
    }
    if differs("session") || differs("description") {
        let request = iam.update_role().role_name(name);
        let request = request
            .description(text(call, "description").unwrap_or_default())
            .set_max_session_duration(session(call));
        client
            .send("iam:UpdateRole", request.send())
            .await
            .map_err(failed)?;
    }
    let wanted = tags(call);
    for (key, value) in wanted
        .iter()
        .filter(|(key, value)| now.tags.get(*key) != Some(value))
    {
        let request = iam.tag_role().role_name(name).tags(tag(call, key, value)?);
        client
            .send("iam:TagRole", request.send())
            .await
            .map_err(failed)?;
    }
    for key in now.tags.keys().filter(|key| !wanted.contains_key(*key)) {
        let request = iam.untag_role().role_name(name).tag_keys(key);
        client
            .send("iam:UntagRole", request.send())
            .await
            .map_err(failed)?;
    }
    match (now.boundary.as_deref(), text(call, "boundary")) {
        (before, Some(after)) if before != Some(after) => {
            let request = iam.put_role_permissions_boundary().role_name(name);
            let request = request.permissions_boundary(after);
            client
                .send("iam:PutRolePermissionsBoundary", request.send())
                .await
                .map_err(failed)?;
        }
        (Some(_), None) => {
            let request = iam.delete_role_permissions_boundary().role_name(name);
            client
                .send("iam:DeleteRolePermissionsBoundary", request.send())
                .await
                .map_err(failed)?;
        }
        _ => {}
    }
    for arn in &now.attached {
        let request = iam.detach_role_policy().role_name(name).policy_arn(arn);
        client
            .send("iam:DetachRolePolicy", request.send())
            .await
            .map_err(failed)?;
    }
    Ok(made(&sent(call, &now)))
}

pub(super) async fn delete(client: &Client, call: &Call) -> Result<Made, RealizeError> {
    let name = &call.handle.name;
    let iam = &client.iam;
    let answer = client
        .send("iam:GetRole", iam.get_role().role_name(name).send())
        .await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) if error.is_absence() => return Ok(Made::default()),
        Err(error) => return Err(meaning(call, error)),
    };
    let is_it = |id: &str| call.have.as_ref().is_some_and(|have| have.uid == id);
    if !answer.role().is_some_and(|role| is_it(role.role_id())) {
        // Another of that name: the one that was to go is gone.
        return Ok(Made::default());
    }
    match client
        .send("iam:DeleteRole", iam.delete_role().role_name(name).send())
        .await
    {
        Ok(_) => Ok(Made::default()),
        Err(error) if error.is_absence() => Ok(Made::default()),
        Err(error) => Err(meaning(call, error)),
    }
}
