//! Users: who is there, and all of those that are wanted.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_iam::types::{EntityType, Tag, UserDetail};
use canary_core::graph::Handle;
use canary_core::observe::{Object, Place, Reason, Scope, Version};
use futures::StreamExt as _;

use super::credentials;
use super::look::Looking;
use super::patience::patiently;
use super::principal::{Principal, decoded, moment};
use super::recent::Recent;
use crate::catalog::{ACCESS_KEY, USER, USER_POLICY};
use crate::client::{CallError, Client, Pages};

/// Users on one page of their details, at the least: AWS gives up to 1,000 and may give fewer; its default is 100.
const ON_PAGE: usize = 100;
/// The largest page that may be asked for.
const PAGE: i32 = 1000;
/// Calls for one user by itself: itself, and the lists of its inline policies, managed policies and groups.
const CALLS_EACH: usize = 4;
/// Users that are looked at at the same time: IAM's buckets are small.
const TOGETHER: usize = 8;
/// What is in a user and may be ours.
pub(super) const INSIDE: [&str; 2] = [USER_POLICY, ACCESS_KEY];

pub(super) fn handle(name: &str) -> Handle {
    Handle {
        kind: USER.into(),
        scope: None,
        name: name.into(),
    }
}

/// Looks at the users that are wanted, and at who else is there where that is wanted.
pub(super) async fn look(client: &Client, looking: &mut Looking<'_>) {
    let wanted = looking.wanted(USER, &INSIDE);
    let lists = looking.lists(USER);
    if wanted.is_empty() && !lists {
        return;
    }
    // Of whom only the keys are wanted, nothing else is asked.
    let for_keys = match lists {
        true => BTreeSet::new(),
        false => &wanted - &looking.wanted(USER, &[USER_POLICY]),
    };
    let mut single = &wanted - &for_keys;
    let mut seen = BTreeMap::new();
    if lists {
        match list(client).await {
            Ok(all) => {
                single = here(looking, &all, &wanted);
                seen = in_bulk(client, &mut single, all.len()).await;
                let is_behind = |user: &&Principal| {
                    !Recent::of(looking, &handle(&user.name), USER_POLICY).is_shown(Some(*user))
                };
                let behind: Vec<String> = seen
                    .values()
                    .filter(is_behind)
                    .map(|user| user.name.clone())
                    .collect();
                for name in behind {
                    seen.remove(&name);
                    single.insert(name);
                }
            }
            Err(error) => {
                let scope = Scope {
                    kind: USER.into(),
                    scope: None,
                };
                looking.could_not(Place::Neighbours(scope), &error);
            }
        }
    }
    seen.extend(one_by_one(client, looking, single).await);
    for user in seen.values() {
        looking.saw(handle(&user.name), user.object());
        for (handle, policy) in user.policies(USER_POLICY) {
            looking.saw(handle, policy);
        }
        looking.saw_all(USER_POLICY, Some(&user.name));
        looking.not_yet(USER_POLICY, &user.name);
    }
    credentials::look(client, looking, &seen, for_keys).await;
}

/// Notes who is there. Gives those of the wanted that are, or that may not be shown yet.
fn here(
    looking: &mut Looking<'_>,
    all: &[Principal],
    wanted: &BTreeSet<String>,
) -> BTreeSet<String> {
    looking.saw_all(USER, None);
    for user in all {
        looking.saw(handle(&user.name), listed(user));
    }
    let mut there = BTreeSet::new();
    for name in wanted {
        let handle = handle(name);
        if looking.has_seen(&handle) {
            there.insert(name.clone());
        } else if let Some(user) = renamed(looking, all, name) {
            elsewhere(looking, &handle, &user.name);
        } else if looking.look.made.contains(&handle) {
            there.insert(name.clone());
        } else {
            nothing_in(looking, name);
        }
    }
    there
}

/// Whom somebody gave another name: the unique identifier stays.
fn renamed<'a>(looking: &Looking<'_>, all: &'a [Principal], name: &str) -> Option<&'a Principal> {
    let known = looking.look.known.get(&handle(name))?.as_ref()?;
    all.iter().find(|user| user.id == known.uid)
}

/// The user and what is in it are still there: its keys work, and would have no owner if it were forgotten.
fn elsewhere(looking: &mut Looking<'_>, user: &Handle, other: &str) {
    let detail = format!("the user is called {other} now: give it its name back");
    looking.untold(user, &INSIDE, Reason::Renamed, &detail);
}

/// Where there is no user there is nothing of it.
fn nothing_in(looking: &mut Looking<'_>, name: &str) {
    for kind in INSIDE {
        looking.saw_all(kind, Some(name));
    }
}

/// As far as a list tells it: enough for a neighbour.
fn listed(user: &Principal) -> Object {
    Object {
        created: user.created,
        metadata: BTreeMap::from([("path".to_owned(), user.path.clone())]),
        ..Object::of(Version {
            uid: user.id.clone(),
            revision: String::new(),
        })
    }
}

async fn list(client: &Client) -> Result<Vec<Principal>, CallError> {
    let mut users = Vec::new();
    let mut pages = Pages::of("iam:ListUsers");
    loop {
        let page = client
            .ask(pages.action, || {
                client
                    .iam
                    .list_users()
                    .max_items(PAGE)
                    .set_marker(pages.marker())
                    .send()
            })
            .await?;
        users.extend(page.users().iter().map(|user| Principal {
            name: user.user_name().to_owned(),
            id: user.user_id().to_owned(),
            arn: user.arn().to_owned(),
            path: user.path().to_owned(),
            created: moment(Some(user.create_date())),
            ..Principal::default()
        }));
        if !pages.go_on_if(page.is_truncated(), page.marker())? {
            return Ok(users);
        }
    }
}

/// The details of all users of the account, where that is cheaper than one by one; takes those that it saw out of `single`.
async fn in_bulk(
    client: &Client,
    single: &mut BTreeSet<String>,
    users: usize,
) -> BTreeMap<String, Principal> {
    let pages = users.div_ceil(ON_PAGE);
    let calls = single.len() * CALLS_EACH;
    let is_cheaper = pages < calls;
    tracing::info!(
        users,
        ours = single.len(),
        account_wide = pages,
        one_by_one = calls,
        "users are looked at {}",
        if is_cheaper {
            "account-wide"
        } else {
            "one by one"
        }
    );
    let mut seen = BTreeMap::new();
    if !is_cheaper {
        return seen;
    }
    if let Err(error) = details(client, single, &mut seen).await {
        tracing::info!(
            error = error.detail(),
            "users are looked at one by one instead"
        );
    }
    seen
}

/// Takes those that the details of the account tell out of `single`.
async fn details(
    client: &Client,
    single: &mut BTreeSet<String>,
    seen: &mut BTreeMap<String, Principal>,
) -> Result<(), CallError> {
    let mut pages = Pages::of("iam:GetAccountAuthorizationDetails");
    loop {
        let page = client
            .ask(pages.action, || {
                let request = client.iam.get_account_authorization_details();
                request
                    .filter(EntityType::User)
                    .max_items(PAGE)
                    .set_marker(pages.marker())
                    .send()
            })
            .await?;
        for user in page.user_detail_list().iter().map(detailed) {
            if single.remove(&user.name) {
                seen.insert(user.name.clone(), user);
            }
        }
        if !pages.go_on_if(page.is_truncated(), page.marker())? {
            return Ok(());
        }
    }
}

fn detailed(user: &UserDetail) -> Principal {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let boundary = user.permissions_boundary();
    Principal {
        name: text(user.user_name()),
        id: text(user.user_id()),
        arn: text(user.arn()),
        path: text(user.path()),
        created: moment(user.create_date()),
        boundary: boundary
            .and_then(|b| b.permissions_boundary_arn())
            .map(str::to_owned),
        tags: tags(user.tags()),
        attached: user
            .attached_managed_policies()
            .iter()
            .filter_map(|policy| policy.policy_arn().map(str::to_owned))
            .collect(),
        groups: user.group_list().iter().cloned().collect(),
        inline: user
            .user_policy_list()
            .iter()
            .map(|policy| {
                (
                    text(policy.policy_name()),
                    decoded(policy.policy_document().unwrap_or_default()),
                )
            })
            .collect(),
        more: BTreeMap::new(),
    }
}

pub(super) fn tags(tags: &[Tag]) -> BTreeMap<String, String> {
    tags.iter()
        .map(|tag| (tag.key().to_owned(), tag.value().to_owned()))
        .collect()
}

/// Users by themselves.
async fn one_by_one(
    client: &Client,
    looking: &mut Looking<'_>,
    names: BTreeSet<String>,
) -> BTreeMap<String, Principal> {
    let looks = names.into_iter().map(|name| {
        let recent = Recent::of(looking, &handle(&name), USER_POLICY);
        async move {
            let is_shown = |found: &Option<Principal>| recent.is_shown(found.as_ref());
            let found = patiently(client, is_shown, || single(client, &name)).await;
            (name, recent.is_new(), found)
        }
    });
    let found: Vec<_> = futures::stream::iter(looks)
        .buffer_unordered(TOGETHER)
        .collect()
        .await;
    let mut seen = BTreeMap::new();
    for (name, is_recent, found) in found {
        match found {
            Ok(Some(user)) => {
                seen.insert(name, user);
            }
            Ok(None) if is_recent => looking.not_shown(&handle(&name), &INSIDE),
            Ok(None) => {
                looking.is_absent(handle(&name));
                nothing_in(looking, &name);
            }
            Err(error) => looking.could_not_tell(&handle(&name), &INSIDE, &error),
        }
    }
    seen
}

/// One user with everything that is declared of it; `None` where there is none.
pub(crate) async fn single(client: &Client, name: &str) -> Result<Option<Principal>, CallError> {
    let iam = &client.iam;
    let answer = client
        .ask("iam:GetUser", || iam.get_user().user_name(name).send())
        .await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) if error.is_absence() => return Ok(None),
        Err(error) => return Err(error),
    };
    let Some(user) = answer.user() else {
        return Ok(None);
    };
    let boundary = user.permissions_boundary();
    Ok(Some(Principal {
        name: user.user_name().to_owned(),
        id: user.user_id().to_owned(),
        arn: user.arn().to_owned(),
        path: user.path().to_owned(),
        created: moment(Some(user.create_date())),
        boundary: boundary
            .and_then(|b| b.permissions_boundary_arn())
            .map(str::to_owned),
        tags: tags(user.tags()),
        attached: attached(client, name).await?,
        groups: groups(client, name).await?,
        inline: inline(client, name).await?,
        more: BTreeMap::new(),
    }))
}

async fn attached(client: &Client, name: &str) -> Result<BTreeSet<String>, CallError> {
    let mut found = BTreeSet::new();
    let mut pages = Pages::of("iam:ListAttachedUserPolicies");
    loop {
        let page = client
            .ask(pages.action, || {
                let request = client.iam.list_attached_user_policies();
                request.user_name(name).set_marker(pages.marker()).send()
            })
            .await?;
        let policies = page.attached_policies().iter();
        found.extend(policies.filter_map(|policy| policy.policy_arn().map(str::to_owned)));
        if !pages.go_on_if(page.is_truncated(), page.marker())? {
            return Ok(found);
        }
    }
}

async fn groups(client: &Client, name: &str) -> Result<BTreeSet<String>, CallError> {
    let mut found = BTreeSet::new();
    let mut pages = Pages::of("iam:ListGroupsForUser");
    loop {
        let page = client
            .ask(pages.action, || {
                let request = client.iam.list_groups_for_user();
                request.user_name(name).set_marker(pages.marker()).send()
            })
            .await?;
        found.extend(
            page.groups()
                .iter()
                .map(|group| group.group_name().to_owned()),
        );
        if !pages.go_on_if(page.is_truncated(), page.marker())? {
            return Ok(found);
        }
    }
}

async fn inline(client: &Client, name: &str) -> Result<BTreeMap<String, String>, CallError> {
    let mut names = Vec::new();
    let mut pages = Pages::of("iam:ListUserPolicies");
    loop {
        let page = client
            .ask(pages.action, || {
                let request = client.iam.list_user_policies();
                request.user_name(name).set_marker(pages.marker()).send()
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
            .ask("iam:GetUserPolicy", || {
                client
                    .iam
                    .get_user_policy()
                    .user_name(name)
                    .policy_name(&policy)
                    .send()
            })
            .await?;
        found.insert(policy, decoded(answer.policy_document()));
    }
    Ok(found)
}
