//! Those who are there from the start.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::state::{Entity, Iam, Key, User, folded};
use crate::sandbox::entropy::Entropy;

/// What a user who is there from the start may do.
pub(in crate::sandbox) enum May<'a> {
    /// Everything, by `AdministratorAccess`.
    Everything,
    /// These actions, by an inline policy.
    Only(&'a [&'a str]),
}

impl Iam {
    /// With how credential reports are made.
    pub(in crate::sandbox) fn new(report_age: SignedDuration, report_polls: u32) -> Self {
        let mut iam = Self::default();
        iam.reports.age = report_age;
        iam.reports.polls = report_polls;
        iam
    }

    /// Adds a user with a key, or a key's rights anew. Gives the key's id.
    pub(in crate::sandbox) fn seeded(
        name: &str,
        may: &May<'_>,
        account: &str,
        now: Timestamp,
        entropy: &mut Entropy,
    ) -> Seeded {
        let key = Key {
            id: entropy.key_id("AKIA", account, name),
            active: true,
            created: now,
        };
        let mut entity = Entity {
            name: name.to_owned(),
            path: "/".to_owned(),
            id: entropy.unique_id("AIDA", account, name),
            created: now,
            tags: Default::default(),
            inline: Default::default(),
            attached: Default::default(),
            boundary: None,
        };
        match may {
            May::Everything => {
                let arn = "arn:aws:iam::aws:policy/AdministratorAccess";
                entity.attached.insert(arn.to_owned());
            }
            May::Only([]) => {}
            May::Only(actions) => {
                let policy = json!({
                    "Version": "2012-10-17",
                    "Statement": [{ "Effect": "Allow", "Action": actions, "Resource": "*" }],
                });
                entity
                    .inline
                    .insert("access".to_owned(), policy.to_string());
            }
        }
        Seeded(Arc::new(User {
            entity,
            keys: vec![key],
            login: None,
        }))
    }

    /// Adds one who is there from the start.
    pub(in crate::sandbox) fn insert_seeded(&mut self, seeded: &Seeded) {
        let name = folded(&seeded.0.entity.name);
        for key in &seeded.0.keys {
            self.keys.insert(key.id.clone(), name.clone());
        }
        self.users.insert(name, seeded.0.clone());
    }
}

/// A user who is there from the start.
pub(in crate::sandbox) struct Seeded(Arc<User>);

impl Seeded {
    pub(in crate::sandbox) fn key_id(&self) -> String {
        self.0
            .keys
            .first()
            .map(|key| key.id.clone())
            .unwrap_or_default()
    }
}
