//! Under which names RBAC knows a service account.

use canary_core::graph::Handle;
use canary_core::observe::Grantee;

/// The name that a service account acts under.
pub(crate) fn account(namespace: &str, name: &str) -> Grantee {
    Grantee::Principal(format!("system:serviceaccount:{namespace}:{name}"))
}

/// A service account's own name and its groups, the narrowest first (`serviceaccount.UserInfo` and the authenticator
/// of tokens give it no others).
pub(crate) fn grantees(handle: &Handle) -> [Grantee; 4] {
    let namespace = handle.scope.as_deref().unwrap_or_default();
    [
        account(namespace, &handle.name),
        Grantee::Group(format!("system:serviceaccounts:{namespace}")),
        Grantee::Group("system:serviceaccounts".into()),
        Grantee::Group("system:authenticated".into()),
    ]
}
