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
/// A parameter of Systems Manager, in the scope of its region.
pub(crate) const PARAMETER: &str = "Parameter";
/// A secret of Secrets Manager, in the scope of its region.
pub(crate) const SECRET: &str = "SecretsManagerSecret";
/// In no scope: a bucket's name is the only one of its kind in a partition.
pub(crate) const BUCKET: &str = "Bucket";
/// In the scope of its bucket; the name is its key.
pub(crate) const OBJECT: &str = "S3Object";

/// What is listed in order to choose a name of a kind. It is a kind of its own, because a scope of the kind itself is asked
/// for wherever something of ours is, and that is looked at by its name: a region may have ten thousand parameters.
pub(crate) const fn neighbours(kind: &str) -> &'static str {
    match kind.as_bytes() {
        b"Parameter" => "Parameters",
        b"SecretsManagerSecret" => "SecretsManagerSecrets",
        _ => "S3Objects",
    }
}

/// A thing that is in no other.
pub(crate) fn alone(kind: &str, name: &str) -> Handle {
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
        OBJECT => BUCKET,
        _ => return None,
    };
    Some(alone(kind, handle.scope.as_deref()?))
}
