//! Everything about users and roles, in pages.

use serde_json::{Value, json};

use super::state::{Iam, Role, User};
use super::{entities, policies, roles, users};
use crate::sandbox::call::{Answer, Call};
use crate::sandbox::page::page;
use crate::sandbox::tags;

fn user(iam: &Iam, call: &Call<'_>, user: &User) -> Value {
    let entity = &user.entity;
    let attached: Vec<Value> = policies::attached_shapes(entity)
        .map(|(_, shape)| shape)
        .collect();
    let groups: Vec<&str> = iam
        .groups_of(&entity.name)
        .map(|group| group.name.as_str())
        .collect();
    json!({
        "UserName": entity.name,
        "UserId": entity.id,
        "Path": entity.path,
        "Arn": users::arn(call.account, user),
        "CreateDate": entities::created(entity),
        "UserPolicyList": policies::inline_shapes(entity),
        "GroupList": groups,
        "AttachedManagedPolicies": attached,
        "PermissionsBoundary": entities::boundary(entity),
        "Tags": tags::shape(&entity.tags),
    })
}

fn role(call: &Call<'_>, role: &Role) -> Value {
    let entity = &role.entity;
    let attached: Vec<Value> = policies::attached_shapes(entity)
        .map(|(_, shape)| shape)
        .collect();
    let mut shape = roles::listed(call.account, role);
    for (name, value) in [
        ("RolePolicyList", policies::inline_shapes(entity)),
        ("AttachedManagedPolicies", json!(attached)),
        ("InstanceProfileList", json!([])),
        ("PermissionsBoundary", entities::boundary(entity)),
        ("Tags", tags::shape(&entity.tags)),
        ("RoleLastUsed", roles::last_used(call, role)),
    ] {
        shape[name] = value;
    }
    shape
}

/// Users, then roles, each by name.
pub(super) fn get(iam: &Iam, call: &Call<'_>) -> Answer {
    let (size, after) = call.page("Marker", "MaxItems")?;
    let filter = call.texts("Filter");
    let wanted = |kind: &str| filter.is_empty() || filter.contains(&kind);
    let users = iam
        .users
        .iter()
        .filter(|_| wanted("User"))
        .map(|(key, user)| (format!("1/{key}"), Ok(user)));
    let roles = iam
        .roles
        .iter()
        .filter(|_| wanted("Role"))
        .map(|(key, role)| (format!("2/{key}"), Err(role)));
    // Shapes are made of what is on the page alone.
    let page = page(users.chain(roles), after.as_deref(), size);
    let (mut user_details, mut role_details) = (Vec::new(), Vec::new());
    for item in &page.items {
        match item {
            Ok(one) => user_details.push(user(iam, call, one)),
            Err(one) => role_details.push(role(call, one)),
        }
    }
    Ok(json!({
        "UserDetailList": user_details,
        "RoleDetailList": role_details,
        "GroupDetailList": [],
        "Policies": [],
        "IsTruncated": page.next.is_some(),
        "Marker": page.next,
    }))
}
