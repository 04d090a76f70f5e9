//! Counts and quotas of the account.

use serde_json::{Value, json};

use super::state::Iam;
use crate::sandbox::call::{Answer, Call};

pub(super) fn get(iam: &Iam, _: &Call<'_>) -> Answer {
    let entries: Vec<Value> = [
        ("Users", iam.users.len()),
        ("UsersQuota", 5000),
        ("Roles", iam.roles.len()),
        ("RolesQuota", 1000),
        ("Groups", iam.groups.len()),
        ("GroupsQuota", 300),
        ("AccessKeysPerUserQuota", 2),
        ("AttachedPoliciesPerUserQuota", 10),
        ("AttachedPoliciesPerRoleQuota", 10),
        ("UserPolicySizeQuota", 2048),
        ("RolePolicySizeQuota", 10240),
        ("AssumeRolePolicySizeQuota", 2048),
        ("Policies", 0),
        ("PoliciesQuota", 1500),
        ("AccountAccessKeysPresent", 0),
        ("AccountMFAEnabled", 1),
        ("MFADevices", 0),
    ]
    .into_iter()
    .map(|(key, value)| json!({ "key": key, "value": value }))
    .collect();
    Ok(json!({ "SummaryMap": { "entry": entries } }))
}

pub(super) fn aliases(_: &Iam, _: &Call<'_>) -> Answer {
    Ok(json!({ "AccountAliases": [], "IsTruncated": false }))
}
