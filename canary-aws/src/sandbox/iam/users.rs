//! Users.

use std::sync::Arc;

use serde_json::{Value, json};

use super::state::{Iam, User, conflict, folded, quota, taken};
use super::{entities, names};
use crate::sandbox::access::Who;
use crate::sandbox::call::{Answer, Call};
use crate::sandbox::entropy::Entropy;
use crate::sandbox::failure::Failure;
use crate::sandbox::page::page;
use crate::sandbox::tags;

/// Users in an account.
const USERS: usize = 5000;

pub(super) fn arn(account: &str, user: &User) -> String {
    format!(
        "arn:aws:iam::{account}:user{}{}",
        user.entity.path, user.entity.name
    )
}

/// A user as listings have it: without tags and boundary.
fn listed(account: &str, user: &User) -> Value {
    json!({
        "UserName": user.entity.name,
        "UserId": user.entity.id,
        "Path": user.entity.path,
        "Arn": arn(account, user),
        "CreateDate": entities::created(&user.entity),
    })
}

/// A user alone.
fn shape(account: &str, user: &User) -> Value {
    let mut shape = listed(account, user);
    shape["PermissionsBoundary"] = entities::boundary(&user.entity);
    if !user.entity.tags.is_empty() {
        shape["Tags"] = tags::shape(&user.entity.tags);
    }
    shape
}

pub(super) fn create(iam: &mut Iam, call: &Call<'_>, entropy: &mut Entropy) -> Answer {
    let name = names::name(call, "UserName", 64)?;
    if iam.user(name).is_some() {
        return Err(taken("User", name));
    }
    if iam.users.len() >= USERS {
        return Err(quota("UsersPerAccount", USERS));
    }
    let user = User {
        entity: entities::new(call, entropy, "UserName", "AIDA")?,
        keys: Vec::new(),
        login: None,
    };
    let shape = shape(call.account, &user);
    iam.users.insert(folded(name), Arc::new(user));
    Ok(json!({ "User": shape }))
}

pub(super) fn get(iam: &Iam, call: &Call<'_>) -> Answer {
    let name = named(call)?;
    let user = iam.known_user(&name)?;
    Ok(json!({ "User": shape(call.account, user) }))
}

/// The user that is meant: whoever asks when nobody is named.
pub(super) fn named(call: &Call<'_>) -> Result<String, Failure> {
    match (call.text("UserName"), &call.caller.who) {
        (Some(_), _) => names::name(call, "UserName", 128).map(ToOwned::to_owned),
        (None, Who::User { name, .. }) => Ok(name.clone()),
        (None, _) => {
            Err(call.invalid("Must specify userName when calling with non-User credentials"))
        }
    }
}

pub(super) fn list(iam: &Iam, call: &Call<'_>) -> Answer {
    let (size, after) = call.page("Marker", "MaxItems")?;
    let prefix = names::parse_path_prefix(call)?;
    let users = iam
        .users
        .iter()
        .filter(|(_, user)| user.entity.path.starts_with(prefix))
        .map(|(key, user)| (key.clone(), listed(call.account, user)));
    let page = page(users, after.as_deref(), size);
    Ok(json!({ "Users": page.items, "IsTruncated": page.next.is_some(), "Marker": page.next }))
}

pub(super) fn update(iam: &mut Iam, call: &Call<'_>, _: &mut Entropy) -> Answer {
    let name = call.required("UserName")?;
    let mut user = iam.known_user(name)?.clone();
    let renamed = call.text("NewUserName").is_some();
    if renamed {
        let new = names::name(call, "NewUserName", 64)?;
        if folded(new) != folded(name) && iam.user(new).is_some() {
            return Err(taken("User", new));
        }
        new.clone_into(&mut user.entity.name);
    }
    if let Some(path) = call.text("NewPath") {
        let params = json!({ "Path": path });
        let moved = Call {
            params: &params,
            ..*call
        };
        user.entity.path = names::path(&moved)?.to_owned();
    }
    let (old, new) = (folded(name), folded(&user.entity.name));
    iam.users.remove(&old);
    iam.users.insert(new.clone(), Arc::new(user));
    for owner in iam.keys.values_mut().filter(|owner| **owner == old) {
        owner.clone_from(&new);
    }
    for group in iam.groups.values_mut() {
        if group.members.contains(&old) {
            let members = &mut Arc::make_mut(group).members;
            members.remove(&old);
            members.insert(new.clone());
        }
    }
    Ok(Value::Null)
}

pub(super) fn delete(iam: &mut Iam, call: &Call<'_>, _: &mut Entropy) -> Answer {
    let name = call.required("UserName")?;
    let user = iam.known_user(name)?;
    if !user.keys.is_empty() {
        return Err(conflict("delete access keys"));
    }
    if user.login.is_some() {
        return Err(conflict("delete login profile"));
    }
    if !user.entity.inline.is_empty() {
        return Err(conflict("delete policies"));
    }
    if !user.entity.attached.is_empty() {
        return Err(conflict("detach all policies"));
    }
    if iam.groups_of(name).next().is_some() {
        return Err(conflict("remove users from group"));
    }
    iam.users.remove(&folded(name));
    Ok(Value::Null)
}
