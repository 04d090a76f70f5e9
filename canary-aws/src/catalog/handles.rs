//! The provider's words for things.

use canary_core::graph::Handle;

pub(crate) const USER: &str = "User";
/// In the scope of its user; the name says which generation it is, because AWS names it when it is made.
pub(crate) const ACCESS_KEY: &str = "AccessKey";
/// An inline policy, in the scope of its user.
pub(crate) const USER_POLICY: &str = "UserPolicy";
pub(crate) const ROLE: &str = "Role";
/// An inline policy, in the scope of its role.
pub(crate) const ROLE_POLICY: &str = "RolePolicy";

/// A thing that is in no other.
pub(super) fn alone(kind: &str, name: &str) -> Handle {
    Handle {
        kind: kind.into(),
        scope: None,
        name: name.into(),
    }
}

/// What a thing is in.
pub(super) fn place(handle: &Handle) -> Option<Handle> {
    let kind = match handle.kind.as_str() {
        ACCESS_KEY | USER_POLICY => USER,
        ROLE_POLICY => ROLE,
        _ => return None,
    };
    Some(alone(kind, handle.scope.as_deref()?))
}
