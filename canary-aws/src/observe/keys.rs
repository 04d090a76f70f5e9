//! The access keys of users: told by the credential report where that is fresh enough, else by each user's list.

use std::collections::{BTreeMap, BTreeSet};

use canary_core::graph::Handle;
use canary_core::observe::{Object, Place, Scope, Seen, Version};
use futures::StreamExt as _;
use jiff::Timestamp;

use super::look::Looking;
use super::patience::patiently;
use super::principal::{Principal, moment};
use super::report::Report;
use super::users;
use crate::catalog::ACCESS_KEY;
use crate::client::{CallError, Client, Pages};

/// Users whose keys are listed at the same time.
const TOGETHER: usize = 8;

/// The state of a key, as it is compared: its status, and since when it is there.
pub(crate) fn revision(status: &str, created: Option<Timestamp>) -> String {
    let since = created.map(|at| at.as_second().to_string());
    format!("{status} {}", since.unwrap_or_default())
}

/// A key as it was listed.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) id: String,
    status: String,
    pub(crate) created: Option<Timestamp>,
}

impl Key {
    fn version(&self) -> Version {
        Version {
            uid: self.id.clone(),
            revision: revision(&self.status, self.created),
        }
    }

    fn object(&self) -> Object {
        let fields = BTreeMap::from([("status".to_owned(), Seen::Public(self.status.clone()))]);
        Object {
            created: self.created,
            field_names: fields.keys().cloned().collect(),
            fields: Some(fields),
            ..Object::of(self.version())
        }
    }
}

/// Looks at the keys of these users, and of some of whom nothing else was asked.
pub(super) async fn look(
    client: &Client,
    looking: &mut Looking<'_>,
    users: &BTreeMap<String, Principal>,
    unseen: BTreeSet<String>,
    report: Option<&Report>,
) {
    let wanted = looking.wanted("", &[ACCESS_KEY]);
    let mut single: BTreeSet<&String> =
        users.keys().filter(|name| wanted.contains(*name)).collect();
    if let Some(report) = report {
        let told: Vec<&String> = single
            .iter()
            .copied()
            .filter(|name| tells(looking, &users[*name], report))
            .collect();
        for name in &told {
            single.remove(*name);
        }
        tracing::info!(
            by_report = told.len(),
            singly = single.len(),
            "keys are looked at"
        );
    }
    let single: BTreeSet<String> = single.into_iter().cloned().collect();
    let lists = (&single | &unseen).into_iter().map(|name| {
        let recent = recent(looking, &name);
        async move {
            let is_shown = |keys: &Vec<Key>| {
                let seen: Vec<Version> = keys.iter().map(Key::version).collect();
                recent.iter().all(|version| seen.contains(version))
            };
            let keys = patiently(client, is_shown, || list(client, &name)).await;
            (name, keys)
        }
    });
    let lists: Vec<_> = futures::stream::iter(lists)
        .buffer_unordered(TOGETHER)
        .collect()
        .await;
    for (name, keys) in lists {
        match keys {
            Ok(keys) => saw(looking, &name, &keys),
            Err(error) if error.is_absence() && unseen.contains(&name) => {
                let user = users::handle(&name);
                if looking.look.made.contains(&user) {
                    looking.not_shown(&user, &users::INSIDE);
                } else {
                    // Where there is no user there is nothing of it.
                    saw(looking, &name, &[]);
                }
            }
            Err(error) => {
                let scope = Scope {
                    kind: ACCESS_KEY.into(),
                    scope: Some(name),
                };
                looking.could_not(Place::Neighbours(scope), &error);
            }
        }
    }
}

/// The keys of a user that are known to be ours, with the state that the ledger has of them.
fn known<'a>(looking: &Looking<'a>, user: &str) -> Vec<(&'a Handle, &'a Version)> {
    let known = looking.look.known.iter();
    known
        .filter(|(handle, _)| handle.kind == ACCESS_KEY && handle.scope.as_deref() == Some(user))
        .filter_map(|(handle, version)| Some((handle, version.as_ref()?)))
        .collect()
}

/// Keys that we wrote moments ago, as we left them.
fn recent<'a>(looking: &Looking<'a>, user: &str) -> Vec<&'a Version> {
    let known = known(looking, user).into_iter();
    known
        .filter(|(handle, _)| looking.look.recent.contains(*handle))
        .map(|(_, version)| version)
        .collect()
}

/// Whether a report tells that a user's keys are as the ledger has them; then they were seen.
fn tells(looking: &mut Looking<'_>, user: &Principal, report: &Report) -> bool {
    let made = report.made;
    let known = known(looking, &user.name);
    let asked = looking.look.full.iter().chain(&looking.look.names);
    let is_asked = asked
        .into_iter()
        .any(|handle| handle.kind == ACCESS_KEY && handle.scope.as_deref() == Some(&user.name));
    let Some(row) = report.row(user).filter(|_| !is_asked) else {
        return false;
    };
    // What came to be since says nothing of itself there.
    let is_before = |at: &Option<Timestamp>| at.is_some_and(|at| at < made);
    if row.keys.iter().any(|(_, since)| !is_before(since)) {
        return false;
    }
    let mut there: Vec<String> = row
        .keys
        .iter()
        .map(|(is_active, since)| revision(if *is_active { "Active" } else { "Inactive" }, *since))
        .collect();
    let mut ours: Vec<String> = known
        .iter()
        .map(|(_, version)| version.revision.clone())
        .collect();
    there.sort();
    ours.sort();
    let is_younger = ours
        .iter()
        .any(|revision| since(revision).is_none_or(|at| at >= made));
    if there != ours || is_younger {
        return false;
    }
    for (handle, version) in known {
        let object = Object {
            created: since(&version.revision),
            ..Object::of(version.clone())
        };
        looking.saw(handle.clone(), object);
    }
    looking.saw_all(ACCESS_KEY, Some(&user.name));
    looking.was_told_earlier(ACCESS_KEY, &user.name, report.made);
    true
}

/// The moment in a [`revision`].
fn since(revision: &str) -> Option<Timestamp> {
    let (_, second) = revision.split_once(' ')?;
    Timestamp::from_second(second.parse().ok()?).ok()
}

fn saw(looking: &mut Looking<'_>, user: &str, keys: &[Key]) {
    let known = known(looking, user);
    for key in keys {
        let ours = known.iter().find(|(_, version)| version.uid == key.id);
        let handle = match ours {
            Some((handle, _)) => (*handle).clone(),
            // What is not known to be ours is called as AWS calls it.
            None => Handle::scoped(ACCESS_KEY, user, &key.id),
        };
        looking.saw(handle, key.object());
    }
    looking.saw_all(ACCESS_KEY, Some(user));
    looking.not_yet(ACCESS_KEY, user);
}

/// The keys that a user has.
pub(crate) async fn list(client: &Client, user: &str) -> Result<Vec<Key>, CallError> {
    let mut keys = Vec::new();
    let mut pages = Pages::of("iam:ListAccessKeys");
    loop {
        let page = client
            .ask(pages.action, || {
                let request = client.iam.list_access_keys();
                request.user_name(user).set_marker(pages.marker()).send()
            })
            .await?;
        keys.extend(page.access_key_metadata().iter().map(|key| {
            Key {
                id: key.access_key_id().unwrap_or_default().to_owned(),
                status: key
                    .status()
                    .map(|status| status.as_str().to_owned())
                    .unwrap_or_default(),
                created: moment(key.create_date()),
            }
        }));
        if !pages.go_on_if(page.is_truncated(), page.marker())? {
            return Ok(keys);
        }
    }
}
