//! What IAM knows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::report::Reports;
use crate::sandbox::failure::Failure;
use crate::sandbox::tags::Tags;

/// What users and roles have in common.
#[derive(Clone, Debug)]
pub(in crate::sandbox) struct Entity {
    pub(in crate::sandbox) name: String,
    pub(in crate::sandbox) path: String,
    pub(in crate::sandbox) id: String,
    pub(in crate::sandbox) created: Timestamp,
    pub(in crate::sandbox) tags: Tags,
    /// Documents by name.
    pub(in crate::sandbox) inline: BTreeMap<String, String>,
    /// ARNs of managed policies.
    pub(in crate::sandbox) attached: BTreeSet<String>,
    pub(in crate::sandbox) boundary: Option<String>,
}

/// A long-term key.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) id: String,
    pub(super) active: bool,
    pub(super) created: Timestamp,
}

#[derive(Clone, Debug)]
pub(in crate::sandbox) struct User {
    pub(in crate::sandbox) entity: Entity,
    pub(super) keys: Vec<Key>,
    /// Since when it has a password for the console.
    pub(super) login: Option<Timestamp>,
}

#[derive(Clone, Debug)]
pub(in crate::sandbox) struct Role {
    pub(in crate::sandbox) entity: Entity,
    pub(in crate::sandbox) trust: String,
    pub(super) description: Option<String>,
    /// Seconds.
    pub(in crate::sandbox) longest: i64,
}

/// A group: enough to be in one.
#[derive(Clone, Debug)]
pub(in crate::sandbox) struct Group {
    pub(super) name: String,
    pub(super) path: String,
    pub(super) id: String,
    pub(super) created: Timestamp,
    /// Users by name in small letters.
    pub(super) members: BTreeSet<String>,
    pub(in crate::sandbox) attached: BTreeSet<String>,
}

/// Everything, cheap to keep a copy of. Names are not distinguished by case, so keys are in small letters.
#[derive(Clone, Debug, Default)]
pub(in crate::sandbox) struct Iam {
    pub(super) users: BTreeMap<String, Arc<User>>,
    pub(super) roles: BTreeMap<String, Arc<Role>>,
    pub(super) groups: BTreeMap<String, Arc<Group>>,
    /// Users by access key.
    pub(super) keys: BTreeMap<String, String>,
    pub(super) reports: Reports,
}

/// A name as it is looked up.
pub(super) fn folded(name: &str) -> String {
    name.to_ascii_lowercase()
}

impl Iam {
    pub(in crate::sandbox) fn user(&self, name: &str) -> Option<&User> {
        self.users.get(&folded(name)).map(Arc::as_ref)
    }

    pub(in crate::sandbox) fn role(&self, name: &str) -> Option<&Role> {
        self.roles.get(&folded(name)).map(Arc::as_ref)
    }

    /// Whose active key that is.
    pub(in crate::sandbox) fn user_of_key(&self, key_id: &str) -> Option<&User> {
        let user = self.users.get(self.keys.get(key_id)?)?;
        let active = user.keys.iter().any(|key| key.id == key_id && key.active);
        active.then_some(user.as_ref())
    }

    pub(in crate::sandbox) fn groups_of(&self, user: &str) -> impl Iterator<Item = &Group> {
        let user = folded(user);
        self.groups
            .values()
            .map(Arc::as_ref)
            .filter(move |group| group.members.contains(&user))
    }

    pub(super) fn known_user(&self, name: &str) -> Result<&User, Failure> {
        self.user(name).ok_or_else(|| missing("user", name))
    }

    pub(super) fn known_role(&self, name: &str) -> Result<&Role, Failure> {
        self.role(name).ok_or_else(|| missing("role", name))
    }

    pub(super) fn user_mut(&mut self, name: &str) -> Result<&mut User, Failure> {
        let user = self.users.get_mut(&folded(name));
        user.map(Arc::make_mut).ok_or_else(|| missing("user", name))
    }

    pub(super) fn role_mut(&mut self, name: &str) -> Result<&mut Role, Failure> {
        let role = self.roles.get_mut(&folded(name));
        role.map(Arc::make_mut).ok_or_else(|| missing("role", name))
    }

    pub(super) fn group_mut(&mut self, name: &str) -> Result<&mut Group, Failure> {
        let group = self.groups.get_mut(&folded(name));
        group
            .map(Arc::make_mut)
            .ok_or_else(|| missing("group", name))
    }
}

/// `The user with name x cannot be found.`
pub(super) fn missing(kind: &str, name: &str) -> Failure {
    let message = format!("The {kind} with name {name} cannot be found.");
    Failure::new(404, "NoSuchEntity", message)
}

/// `User with name x already exists.`
pub(super) fn taken(kind: &str, name: &str) -> Failure {
    let message = format!("{kind} with name {name} already exists.");
    Failure::new(409, "EntityAlreadyExists", message)
}

/// What still hangs on something that is to be deleted.
pub(super) fn conflict(what: &str) -> Failure {
    let message = format!("Cannot delete entity, must {what} first.");
    Failure::new(409, "DeleteConflict", message)
}

/// A quota of the account.
pub(super) fn quota(what: &str, most: usize) -> Failure {
    let message = format!("Cannot exceed quota for {what}: {most}");
    Failure::new(409, "LimitExceeded", message)
}
