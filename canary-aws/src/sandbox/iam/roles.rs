//! Roles.

use std::sync::Arc;

use serde_json::{Value, json};

use super::state::{Iam, Role, conflict, folded, quota, taken};
use super::{entities, names};
use crate::sandbox::call::{Answer, Call, iso};
use crate::sandbox::entropy::Entropy;
use crate::sandbox::failure::Failure;
use crate::sandbox::page::page;
use crate::sandbox::tags;

/// Roles in an account.
const ROLES: usize = 1000;

/// The longest session of a role: an hour unless told, twelve at most, in seconds.
const HOUR: i64 = 3600;

/// A trust policy without white space.
const TRUST: usize = 2048;

pub(super) fn arn(account: &str, role: &Role) -> String {
    format!(
        "arn:aws:iam::{account}:role{}{}",
        role.entity.path, role.entity.name
    )
}

/// A role as listings have it.
pub(super) fn listed(account: &str, role: &Role) -> Value {
    json!({
        "RoleName": role.entity.name,
        "RoleId": role.entity.id,
        "Path": role.entity.path,
        "Arn": arn(account, role),
        "CreateDate": entities::created(&role.entity),
        "AssumeRolePolicyDocument": names::percent_encoded(&role.trust),
        "Description": role.description,
        "MaxSessionDuration": role.longest,
    })
}

fn shape(call: &Call<'_>, role: &Role) -> Value {
    let mut shape = listed(call.account, role);
    shape["PermissionsBoundary"] = entities::boundary(&role.entity);
    if !role.entity.tags.is_empty() {
        shape["Tags"] = tags::shape(&role.entity.tags);
    }
    shape
}

/// When a role was used last.
pub(super) fn last_used(call: &Call<'_>, role: &Role) -> Value {
    match call.uses.get(&role.entity.id) {
        None => json!({}),
        Some(used) => json!({ "LastUsedDate": iso(used.at), "Region": used.region }),
    }
}

fn trust<'a>(call: &Call<'a>, parameter: &str) -> Result<&'a str, Failure> {
    let trust = names::document(call, parameter)?;
    let whole = trust.to_owned();
    if names::weight([&whole].into_iter()) > TRUST {
        return Err(quota("ACLSizePerRole", TRUST));
    }
    let names = serde_json::from_str::<Value>(trust).is_ok_and(|document| {
        let statements = &document["Statement"];
        let statements = statements
            .as_array()
            .map_or_else(|| vec![statements], |all| all.iter().collect());
        statements
            .iter()
            .all(|statement| !statement["Principal"].is_null() && statement["Resource"].is_null())
    });
    match names {
        true => Ok(trust),
        false => Err(Failure::bad(
            "MalformedPolicyDocument",
            "AssumeRole policy must contain principals and no resources.",
        )),
    }
}

fn longest(call: &Call<'_>) -> Result<Option<i64>, Failure> {
    call.number_within("MaxSessionDuration", HOUR, 12 * HOUR)
}

pub(super) fn create(iam: &mut Iam, call: &Call<'_>, entropy: &mut Entropy) -> Answer {
    let name = names::name(call, "RoleName", 64)?;
    if iam.role(name).is_some() {
        return Err(taken("Role", name));
    }
    if iam.roles.len() >= ROLES {
        return Err(quota("RolesPerAccount", ROLES));
    }
    let role = Role {
        trust: trust(call, "AssumeRolePolicyDocument")?.to_owned(),
        description: description(call)?,
        longest: longest(call)?.unwrap_or(HOUR),
        entity: entities::new(call, entropy, "RoleName", "AROA")?,
    };
    let shape = shape(call, &role);
    iam.roles.insert(folded(name), Arc::new(role));
    Ok(json!({ "Role": shape }))
}

fn description(call: &Call<'_>) -> Result<Option<String>, Failure> {
    match call.text("Description") {
        Some(text) if text.chars().count() > 1000 => Err(call.invalid(
            "1 validation error detected: Value at 'description' failed to satisfy constraint: Member must have length less than or equal to 1000",
        )),
        text => Ok(text.map(ToOwned::to_owned)),
    }
}

pub(super) fn get(iam: &Iam, call: &Call<'_>) -> Answer {
    let role = iam.known_role(call.required("RoleName")?)?;
    let mut shape = shape(call, role);
    shape["RoleLastUsed"] = last_used(call, role);
    Ok(json!({ "Role": shape }))
}

pub(super) fn list(iam: &Iam, call: &Call<'_>) -> Answer {
    let (size, after) = call.page("Marker", "MaxItems")?;
    let prefix = names::parse_path_prefix(call)?;
    let roles = iam
        .roles
        .iter()
        .filter(|(_, role)| role.entity.path.starts_with(prefix))
        .map(|(key, role)| (key.clone(), listed(call.account, role)));
    let page = page(roles, after.as_deref(), size);
    Ok(json!({ "Roles": page.items, "IsTruncated": page.next.is_some(), "Marker": page.next }))
}

pub(super) fn update(iam: &mut Iam, call: &Call<'_>, _: &mut Entropy) -> Answer {
    let (description, longest) = (description(call)?, longest(call)?);
    let role = iam.role_mut(call.required("RoleName")?)?;
    if description.is_some() {
        role.description = description;
    }
    role.longest = longest.unwrap_or(role.longest);
    Ok(json!({}))
}

pub(super) fn update_trust(iam: &mut Iam, call: &Call<'_>, _: &mut Entropy) -> Answer {
    let trust = trust(call, "PolicyDocument")?;
    let role = iam.role_mut(call.required("RoleName")?)?;
    trust.clone_into(&mut role.trust);
    Ok(Value::Null)
}

pub(super) fn delete(iam: &mut Iam, call: &Call<'_>, _: &mut Entropy) -> Answer {
    let name = call.required("RoleName")?;
    let entity = &iam.known_role(name)?.entity;
    if !entity.inline.is_empty() {
        return Err(conflict("delete policies"));
    }
    if !entity.attached.is_empty() {
        return Err(conflict("detach all policies"));
    }
    iam.roles.remove(&folded(name));
    Ok(Value::Null)
}
