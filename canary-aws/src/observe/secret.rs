//! A secret as it is told without its values. Pure.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_secretsmanager::operation::describe_secret::DescribeSecretOutput;
use aws_sdk_secretsmanager::types::{SecretListEntry, Tag};
use aws_smithy_types::DateTime;
use canary_core::disguise::Digester;
use canary_core::graph::Handle;
use canary_core::observe::{Object, Seen, Version};
use jiff::Timestamp;

use super::principal::moment;
use super::state::State;
use super::version_id;
use crate::catalog::{RECOVERY, VALUE};

/// The stage of the version that readers get.
pub(super) const CURRENT: &str = "AWSCURRENT";

/// What is told of a secret without its values.
#[derive(Clone, Debug, Default)]
pub(crate) struct Secret {
    pub(crate) name: String,
    /// Ends with six random characters: unlike for any other secret, ever.
    pub(crate) arn: String,
    created: Option<Timestamp>,
    pub(crate) description: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) tags: BTreeMap<String, String>,
    /// It waits for its deletion.
    pub(crate) is_deleted: bool,
    /// Its versions that have a stage, with those.
    versions: BTreeMap<String, Vec<String>>,
}

/// What both answers have in common.
struct Told<'a> {
    name: Option<&'a str>,
    arn: Option<&'a str>,
    created: Option<&'a DateTime>,
    description: Option<&'a str>,
    key: Option<&'a str>,
    tags: &'a [Tag],
    deleted: Option<&'a DateTime>,
    versions: Option<&'a HashMap<String, Vec<String>>>,
}

impl From<Told<'_>> for Secret {
    fn from(told: Told<'_>) -> Self {
        let text = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
        let tags = told.tags.iter();
        Self {
            name: told.name.unwrap_or_default().to_owned(),
            arn: told.arn.unwrap_or_default().to_owned(),
            created: moment(told.created),
            description: text(told.description),
            key: text(told.key).filter(|key| key != DEFAULT_KEY),
            tags: tags
                .filter_map(|tag| Some((tag.key()?.to_owned(), tag.value()?.to_owned())))
                .collect(),
            is_deleted: told.deleted.is_some(),
            versions: told
                .versions
                .into_iter()
                .flatten()
                .map(|(id, stages)| (id.clone(), stages.clone()))
                .collect(),
        }
    }
}

/// The key that secrets are encrypted under where none is named.
pub(crate) const DEFAULT_KEY: &str = "alias/aws/secretsmanager";

impl Secret {
    pub(super) fn listed(told: &SecretListEntry) -> Self {
        Self::from(Told {
            name: told.name(),
            arn: told.arn(),
            created: told.created_date(),
            description: told.description(),
            key: told.kms_key_id(),
            tags: told.tags(),
            deleted: told.deleted_date(),
            versions: told.secret_versions_to_stages(),
        })
    }

    pub(super) fn described(told: &DescribeSecretOutput) -> Self {
        Self::from(Told {
            name: told.name(),
            arn: told.arn(),
            created: told.created_date(),
            description: told.description(),
            key: told.kms_key_id(),
            tags: told.tags(),
            deleted: told.deleted_date(),
            versions: told.version_ids_to_stages(),
        })
    }

    /// As it is once a version has been made.
    pub(crate) fn made(arn: &str, version: &str, fields: &BTreeMap<String, Seen>) -> Self {
        let text = |name: &str| match fields.get(name) {
            Some(Seen::Public(text)) => Some(text.clone()),
            _ => None,
        };
        let tags = fields.iter().filter_map(|(name, value)| {
            let Seen::Public(value) = value else {
                return None;
            };
            Some((name.strip_prefix("tags.")?.to_owned(), value.clone()))
        });
        Self {
            arn: arn.to_owned(),
            description: text("description"),
            key: text("key_id"),
            tags: tags.collect(),
            versions: BTreeMap::from([(version.to_owned(), vec![CURRENT.to_owned()])]),
            ..Self::default()
        }
    }

    pub(super) fn current(&self) -> &str {
        let mut versions = self.versions.iter();
        let current = versions.find(|(_, stages)| stages.iter().any(|stage| stage == CURRENT));
        current.map_or("-", |(id, _)| id)
    }

    /// How many days it waits when it is deleted, as a version of ours says it; `None` where none of its versions is ours.
    pub(crate) fn days(&self, handle: &Handle, digester: &Digester) -> Option<u8> {
        let current = version_id::days(self.current(), handle, digester);
        current.or_else(|| {
            let mut ids = self.versions.keys();
            ids.find_map(|id| version_id::days(id, handle, digester))
        })
    }

    /// All but the value.
    pub(crate) fn fields(&self, days: Option<u8>) -> BTreeMap<String, Seen> {
        let public = |text: &str| Seen::Public(text.to_owned());
        let mut fields = BTreeMap::new();
        for (name, value) in [("description", &self.description), ("key_id", &self.key)] {
            if let Some(value) = value {
                fields.insert(name.into(), public(value));
            }
        }
        if let Some(days) = days.filter(|days| *days > 0) {
            fields.insert(RECOVERY.into(), public(&format!("{days}d")));
        }
        for (key, value) in &self.tags {
            fields.insert(format!("tags.{key}"), public(value));
        }
        fields
    }

    pub(crate) fn state(&self, days: Option<u8>) -> State {
        State::new(self.current(), &self.fields(days))
    }

    /// Its version, known again where it has not changed.
    pub(crate) fn version(&self, days: Option<u8>, known: Option<&Version>) -> Version {
        let state = self.state(days);
        let same = known.filter(|known| known.uid == self.arn);
        match same {
            Some(known) if state.is(known) => known.clone(),
            same => state.version(
                &self.arn,
                same.and_then(|known| state.digest(known)).as_ref(),
            ),
        }
    }

    /// With its content; `None`: unlike every other.
    pub(crate) fn object(&self, days: Option<u8>, value: Option<Seen>, version: Version) -> Object {
        let is_ours = days.is_some();
        let fields = value.map(|value| {
            let mut fields = self.fields(days);
            fields.insert(VALUE.into(), value);
            fields
        });
        Object {
            // A secret of ours may have waited for its deletion and been taken back: its versions prove it, not its date.
            created: self.created.filter(|_| !is_ours),
            deleting: self.is_deleted,
            field_names: fields.iter().flat_map(BTreeMap::keys).cloned().collect(),
            fields,
            ..Object::of(version)
        }
    }
}
