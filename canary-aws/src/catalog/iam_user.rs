//! `[iam_user.…]`: a user without permissions, and its access keys.

use std::collections::BTreeSet;

use canary_core::catalog::{LowerError, Lowering};
use canary_core::config::Canary;
use canary_core::disguise::Style;
use canary_core::graph::Resource;

use super::access_key;
use super::aws::{named, principal};
use super::handles::{USER, USER_POLICY};
use super::policy;

/// Users that programs act as are called by what these do.
const STYLE: Style = Style {
    stems: &[
        "backup",
        "deploy",
        "reporting",
        "terraform",
        "billing-export",
    ],
    endings: &["", "-svc", "-service", "-user", "-bot"],
    topic: &["account", "iam", "key", "keys", "credentials"],
};

/// The user, its inline policy, and its keys.
pub(super) fn lower(canary: &Canary, cx: &Lowering<'_>) -> Result<Vec<Resource>, Vec<LowerError>> {
    let handle = named(canary, USER, &STYLE, cx)?;
    // A user outlives its keys: rotation makes another key of the same user.
    let user = principal(canary, "user", handle.clone(), cx)?;
    let inline = policy::inline(canary, USER_POLICY, &handle)?;
    let mut after = BTreeSet::from([user.address.clone()]);
    after.extend(inline.iter().map(|policy| policy.address.clone()));
    let keys = access_key::of_user(canary, &handle, &after);
    Ok([user].into_iter().chain(inline).chain(keys).collect())
}
