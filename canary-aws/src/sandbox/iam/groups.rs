//! Groups: enough to be in one.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use super::names;
use super::state::{Group, Iam, conflict, folded, missing, quota, taken};
use crate::sandbox::call::{Answer, Call, iso};
use crate::sandbox::entropy::Entropy;
use crate::sandbox::page::page;

/// Groups that a user is in.
const OF_A_USER: usize = 10;

fn shape(account: &str, group: &Group) -> Value {
    json!({
        "GroupName": group.name,
        "GroupId": group.id,
        "Path": group.path,
        "Arn": format!("arn:aws:iam::{account}:group{}{}", group.path, group.name),
        "CreateDate": iso(group.created),
    })
}

pub(super) fn create(iam: &mut Iam, call: &Call<'_>, entropy: &mut Entropy) -> Answer {
    let name = names::name(call, "GroupName", 128)?;
    let path = names::path(call)?;
    if iam.groups.contains_key(&folded(name)) {
        return Err(taken("Group", name));
    }
    let group = Group {
        name: name.to_owned(),
        path: path.to_owned(),
        id: entropy.unique_id("AGPA", call.account, name),
        created: call.now,
        members: BTreeSet::new(),
        attached: BTreeSet::new(),
    };
    let shape = shape(call.account, &group);
    iam.groups.insert(folded(name), Arc::new(group));
    Ok(json!({ "Group": shape }))
}

pub(super) fn delete(iam: &mut Iam, call: &Call<'_>, _: &mut Entropy) -> Answer {
    let name = call.required("GroupName")?;
    if !iam.group_mut(name)?.members.is_empty() {
        return Err(conflict("remove users from group"));
    }
    iam.groups.remove(&folded(name));
    Ok(Value::Null)
}

pub(super) fn add(iam: &mut Iam, call: &Call<'_>, _: &mut Entropy) -> Answer {
    let user = call.required("UserName")?;
    iam.known_user(user)?;
    if iam.groups_of(user).count() >= OF_A_USER {
        return Err(quota("GroupsPerUser", OF_A_USER));
    }
    let group = iam.group_mut(call.required("GroupName")?)?;
    group.members.insert(folded(user));
    Ok(Value::Null)
}

pub(super) fn remove(iam: &mut Iam, call: &Call<'_>, _: &mut Entropy) -> Answer {
    let user = call.required("UserName")?;
    let group = iam.group_mut(call.required("GroupName")?)?;
    match group.members.remove(&folded(user)) {
        true => Ok(Value::Null),
        false => Err(missing("user", user)),
    }
}

pub(super) fn of_user(iam: &Iam, call: &Call<'_>) -> Answer {
    let (size, after) = call.page("Marker", "MaxItems")?;
    let user = call.required("UserName")?;
    iam.known_user(user)?;
    let groups = iam
        .groups_of(user)
        .map(|group| (folded(&group.name), shape(call.account, group)));
    let page = page(groups, after.as_deref(), size);
    Ok(json!({ "Groups": page.items, "IsTruncated": page.next.is_some(), "Marker": page.next }))
}
