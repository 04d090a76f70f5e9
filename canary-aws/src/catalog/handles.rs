//! The provider's words for things.

use canary_core::graph::Handle;

pub(crate) const USER: &str = "User";
/// In the scope of its user; the name says which generation it is, because AWS names it when it is made.
pub(crate) const ACCESS_KEY: &str = "AccessKey";
/// An inline policy, in the scope of its user.
pub(crate) const USER_POLICY: &str = "UserPolicy";
/// That a user may log in to the console, in the scope of the user. Nothing of the kind is declared.
pub(crate) const LOGIN_PROFILE: &str = "LoginProfile";
pub(crate) const ROLE: &str = "Role";
/// An inline policy, in the scope of its role.
pub(crate) const ROLE_POLICY: &str = "RolePolicy";
/// In the scope of its region.
pub(crate) const QUEUE: &str = "Queue";
/// Of the default bus, in the scope of its region.
pub(crate) const RULE: &str = "Rule";
/// In the scope `REGION/RULE`.
pub(crate) const TARGET: &str = "Target";
/// In the scope of its home region.
pub(crate) const TRAIL: &str = "Trail";
/// That a trail logs, in the scope `REGION/TRAIL`: there while it does.
pub(crate) const LOGGING: &str = "Logging";
/// What a trail logs other than by default, in the scope `REGION/TRAIL`.
pub(crate) const SELECTORS: &str = "EventSelectors";
/// A bucket that takes the files of a trail.
pub(crate) const LOG_BUCKET: &str = "LogBucket";
/// Its policy, in its scope.
pub(crate) const LOG_BUCKET_POLICY: &str = "LogBucketPolicy";
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

/// A thing that is in one of a region.
pub(super) fn inside(kind: &str, region: &str, of: &str, name: &str) -> Handle {
    Handle::scoped(kind, &format!("{region}/{of}"), name)
}

/// What a thing is in.
pub(super) fn place(handle: &Handle) -> Option<Handle> {
    let scope = handle.scope.as_deref()?;
    let in_region = |kind: &str| {
        let (region, name) = scope.split_once('/')?;
        Some(Handle::scoped(kind, region, name))
    };
    match handle.kind.as_str() {
        ACCESS_KEY | USER_POLICY | LOGIN_PROFILE => Some(alone(USER, scope)),
        ROLE_POLICY => Some(alone(ROLE, scope)),
        OBJECT => Some(alone(BUCKET, scope)),
        LOG_BUCKET_POLICY => Some(alone(LOG_BUCKET, scope)),
        TARGET => in_region(RULE),
        LOGGING | SELECTORS => in_region(TRAIL),
        _ => None,
    }
}
