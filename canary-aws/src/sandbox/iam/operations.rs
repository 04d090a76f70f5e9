//! IAM's operations by name.

use super::state::Iam;
use super::{details, entities, groups, keys, login, policies, report, roles, summary, users};
use crate::sandbox::call::Run;
use entities::{Roles, Users};

/// How an operation is carried out; none when it is not spoken here.
pub(in crate::sandbox) fn operation(name: &str) -> Option<Run<Iam>> {
    use Run::{Read, Write};
    Some(match name {
        "CreateUser" => Write(users::create),
        "GetUser" => Read(users::get),
        "ListUsers" => Read(users::list),
        "UpdateUser" => Write(users::update),
        "DeleteUser" => Write(users::delete),
        "TagUser" => Write(entities::tag::<Users>),
        "UntagUser" => Write(entities::untag::<Users>),
        "ListUserTags" => Read(entities::tags::<Users>),
        "PutUserPolicy" => Write(policies::put::<Users>),
        "GetUserPolicy" => Read(policies::get::<Users>),
        "DeleteUserPolicy" => Write(policies::delete::<Users>),
        "ListUserPolicies" => Read(policies::list::<Users>),
        "AttachUserPolicy" => Write(policies::attach::<Users>),
        "DetachUserPolicy" => Write(policies::detach::<Users>),
        "ListAttachedUserPolicies" => Read(policies::attached::<Users>),
        "PutUserPermissionsBoundary" => Write(entities::put_boundary::<Users>),
        "DeleteUserPermissionsBoundary" => Write(entities::delete_boundary::<Users>),
        "CreateGroup" => Write(groups::create),
        "DeleteGroup" => Write(groups::delete),
        "AddUserToGroup" => Write(groups::add),
        "RemoveUserFromGroup" => Write(groups::remove),
        "ListGroupsForUser" => Read(groups::of_user),
        "CreateLoginProfile" => Write(login::create),
        "GetLoginProfile" => Read(login::get),
        "DeleteLoginProfile" => Write(login::delete),
        "CreateAccessKey" => Write(keys::create),
        "ListAccessKeys" => Read(keys::list),
        "UpdateAccessKey" => Write(keys::update),
        "DeleteAccessKey" => Write(keys::delete),
        "GetAccessKeyLastUsed" => Read(keys::last_used),
        "CreateRole" => Write(roles::create),
        "GetRole" => Read(roles::get),
        "ListRoles" => Read(roles::list),
        "UpdateRole" => Write(roles::update),
        "UpdateAssumeRolePolicy" => Write(roles::update_trust),
        "DeleteRole" => Write(roles::delete),
        "TagRole" => Write(entities::tag::<Roles>),
        "UntagRole" => Write(entities::untag::<Roles>),
        "ListRoleTags" => Read(entities::tags::<Roles>),
        "PutRolePolicy" => Write(policies::put::<Roles>),
        "GetRolePolicy" => Read(policies::get::<Roles>),
        "DeleteRolePolicy" => Write(policies::delete::<Roles>),
        "ListRolePolicies" => Read(policies::list::<Roles>),
        "AttachRolePolicy" => Write(policies::attach::<Roles>),
        "DetachRolePolicy" => Write(policies::detach::<Roles>),
        "ListAttachedRolePolicies" => Read(policies::attached::<Roles>),
        "PutRolePermissionsBoundary" => Write(entities::put_boundary::<Roles>),
        "DeleteRolePermissionsBoundary" => Write(entities::delete_boundary::<Roles>),
        "GetAccountAuthorizationDetails" => Read(details::get),
        "GenerateCredentialReport" => Write(report::generate),
        "GetCredentialReport" => Write(report::get),
        "GetAccountSummary" => Read(summary::get),
        "ListAccountAliases" => Read(summary::aliases),
        _ => return None,
    })
}
