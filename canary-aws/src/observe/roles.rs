//! Roles: who is there, and all of those that are wanted.

use std::collections::{BTreeMap, BTreeSet};

use canary_core::graph::Handle;
use canary_core::observe::{Object, Place, Scope, Version};
use futures::StreamExt as _;

use super::look::Looking;
use super::patience::patiently;
use super::principal::{Principal, decoded, moment};
use super::recent::Recent;
use super::users::tags;
use crate::catalog::{ROLE, ROLE_POLICY, canonical};
use crate::client::{CallError, Client, Pages};

/// The largest page that may be asked for.
const PAGE: i32 = 1000;
/// Roles that are looked at at the same time.
const TOGETHER: usize = 8;

fn handle(name: &str) -> Handle {
    Handle {
        kind: ROLE.into(),
        scope: None,
        name: name.into(),
    }
}

/// Looks at the roles that are wanted, one by one: the account's details lack a role's session and description.
pub(super) async fn look(client: &Client, looking: &mut Looking<'_>) {
    let mut wanted = looking.wanted(ROLE, &[ROLE_POLICY]);
    let lists = looking.lists(ROLE);
    if wanted.is_empty() && !lists {
        return;
    }
    if lists {
        match list(client).await {
            Ok(all) => {
                looking.saw_all(ROLE, None);
                for (name, object) in all {
                    looking.saw(handle(&name), object);
                }
                let is_there = |name: &String| {
                    let handle = handle(name);
                    looking.has_seen(&handle) || looking.look.made.contains(&handle)
                };
                let (there, gone): (BTreeSet<String>, BTreeSet<String>) =
                    wanted.into_iter().partition(is_there);
                for name in gone {
                    looking.saw_all(ROLE_POLICY, Some(&name));
                }
                wanted = there;
            }
            Err(error) => {
                let scope = Scope {
                    kind: ROLE.into(),
                    scope: None,
                };
                looking.could_not(Place::Neighbours(scope), &error);
            }
        }
    }
    let looks = wanted.into_iter().map(|name| {
        let recent = Recent::of(looking, &handle(&name), ROLE_POLICY);
        async move {
            let is_shown = |found: &Option<Principal>| recent.is_shown(found.as_ref());
            let found = patiently(client, is_shown, || single(client, &name)).await;
            (name, found)
        }
    });
    let found: Vec<_> = futures::stream::iter(looks)
        .buffer_unordered(TOGETHER)
        .collect()
        .await;
    for (name, found) in found {
        let handle = handle(&name);
        match found {
            Ok(Some(role)) => {
                looking.saw(handle, role.object());
                for (handle, policy) in role.policies(ROLE_POLICY) {
                    looking.saw(handle, policy);
                }
                looking.saw_all(ROLE_POLICY, Some(&name));
                looking.not_yet(ROLE_POLICY, &name);
            }
            Ok(None) if looking.look.made.contains(&handle) => {
                looking.not_shown(&handle, &[ROLE_POLICY]);
            }
            Ok(None) => {
                looking.is_absent(handle);
                looking.saw_all(ROLE_POLICY, Some(&name));
            }
            Err(error) => looking.could_not_tell(&handle, &[ROLE_POLICY], &error),
        }
    }
}

async fn list(client: &Client) -> Result<Vec<(String, Object)>, CallError> {
    let mut roles = Vec::new();
    let mut pages = Pages::of("iam:ListRoles");
    loop {
        let page = client
            .ask(pages.action, || {
                client
                    .iam
                    .list_roles()
                    .max_items(PAGE)
                    .set_marker(pages.marker())
                    .send()
            })
            .await?;
        roles.extend(page.roles().iter().map(|role| {
            let object = Object {
                created: moment(Some(role.create_date())),
                metadata: BTreeMap::from([("path".to_owned(), role.path().to_owned())]),
                ..Object::of(Version {
                    uid: role.role_id().to_owned(),
                    revision: String::new(),
                })
            };
            (role.role_name().to_owned(), object)
        }));
        if !pages.go_on_if(page.is_truncated(), page.marker())? {
            return Ok(roles);
        }
    }
}

/// One role with everything that is declared of it; `None` where there is none.
pub(crate) async fn single(client: &Client, name: &str) -> Result<Option<Principal>, CallError> {
    let iam = &client.iam;
    let answer = client
        .ask("iam:GetRole", || iam.get_role().role_name(name).send())
        .await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) if error.is_absence() => return Ok(None),
        Err(error) => return Err(error),
    };
    let Some(role) = answer.role() else {
        return Ok(None);
    };
    Ok(Some(Principal {
        attached: attached(client, name).await?,
        inline: inline(client, name).await?,
        ..of_role(role)
    }))
}

/// What an answer about a role says of the role itself.
pub(crate) fn of_role(role: &aws_sdk_iam::types::Role) -> Principal {
    let boundary = role.permissions_boundary();
    let trust = decoded(role.assume_role_policy_document().unwrap_or_default());
    let mut more = BTreeMap::from([("trust", canonical(&trust).unwrap_or(trust))]);
    // IAM's default, which it does not always tell.
    let session = role.max_session_duration().unwrap_or(3600);
    more.insert("session", session.to_string());
    if let Some(description) = role.description().filter(|text| !text.is_empty()) {
        more.insert("description", description.to_owned());
    }
    Principal {
        name: role.role_name().to_owned(),
        id: role.role_id().to_owned(),
        arn: role.arn().to_owned(),
        path: role.path().to_owned(),
        created: moment(Some(role.create_date())),
        boundary: boundary
            .and_then(|b| b.permissions_boundary_arn())
            .map(str::to_owned),
        tags: tags(role.tags()),
        more,
        ..Principal::default()
    }
}

async fn attached(client: &Client, name: &str) -> Result<BTreeSet<String>, CallError> {
    let mut found = BTreeSet::new();
    let mut pages = Pages::of("iam:ListAttachedRolePolicies");
    loop {
        let page = client
            .ask(pages.action, || {
                let request = client.iam.list_attached_role_policies();
                request.role_name(name).set_marker(pages.marker()).send()
            })
            .await?;
        let policies = page.attached_policies().iter();
        found.extend(policies.filter_map(|policy| policy.policy_arn().map(str::to_owned)));
        if !pages.go_on_if(page.is_truncated(), page.marker())? {
            return Ok(found);
        }
    }
}

async fn inline(client: &Client, name: &str) -> Result<BTreeMap<String, String>, CallError> {
    let mut names = Vec::new();
    let mut pages = Pages::of("iam:ListRolePolicies");
    loop {
        let page = client
            .ask(pages.action, || {
                let request = client.iam.list_role_policies();
                request.role_name(name).set_marker(pages.marker()).send()
            })
            .await?;
        names.extend(page.policy_names().iter().cloned());
        if !pages.go_on_if(page.is_truncated(), page.marker())? {
            break;
        }
    }
    let mut found = BTreeMap::new();
    for policy in names {
        let answer = client
            .ask("iam:GetRolePolicy", || {
                client
                    .iam
                    .get_role_policy()
                    .role_name(name)
                    .policy_name(&policy)
                    .send()
            })
            .await?;
        found.insert(policy, decoded(answer.policy_document()));
    }
    Ok(found)
}
