//! What is out there to be touched.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::graph::{Address, Handle, ProviderId, Resource};
use crate::ledger::{Intent, Record, Tombstone};
use crate::observe::Seen;

/// A resource as far as detection needs it: from the ledger, from a tombstone, or as configured (`--planned`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Planted {
    /// Our name.
    pub address: Address,
    /// Whose it is.
    pub provider: ProviderId,
    /// The provider's name.
    pub handle: Handle,
    /// Public fields, labels among them: selectors are evaluated against these.
    pub fields: BTreeMap<String, String>,
    /// Public outputs, as in a token's identifier.
    pub outputs: BTreeMap<String, String>,
    /// Whose outputs are in it, and what was there first.
    pub needs: BTreeSet<Address>,
    /// Its uid, where it has one.
    pub uid: Option<String>,
    /// When it was planted; `None` when that is to be read from the log.
    pub since: Option<Timestamp>,
    /// When it was buried, for a tombstone.
    pub buried: Option<Timestamp>,
}

impl Planted {
    /// From the ledger.
    #[must_use]
    pub fn from_record(record: &Record) -> Self {
        let public = |(name, seen): (&String, &Seen)| match seen {
            Seen::Public(text) => Some((name.clone(), text.clone())),
            Seen::Digest(_) => None,
        };
        Self {
            address: record.address.clone(),
            provider: record.provider.clone(),
            handle: record.handle.clone(),
            fields: record.fields.iter().filter_map(public).collect(),
            outputs: record
                .outputs
                .iter()
                .filter_map(|(name, value)| Some((name.clone(), value.public()?.to_owned())))
                .collect(),
            needs: record.needs.clone(),
            uid: record.version.as_ref().map(|version| version.uid.clone()),
            since: Some(record.planted),
            buried: None,
        }
    }

    /// What is about to be made.
    #[must_use]
    pub fn from_intent(intent: &Intent) -> Self {
        Self {
            since: Some(intent.at),
            ..Self::from_record(&intent.record)
        }
    }

    /// From a tombstone.
    #[must_use]
    pub fn from_tombstone(tombstone: &Tombstone) -> Self {
        Self {
            buried: Some(tombstone.buried),
            ..Self::from_record(&tombstone.record)
        }
    }

    /// As configured, nothing applied.
    #[must_use]
    pub fn from_resource(resource: &Resource) -> Self {
        let public = |(name, input): (&String, &crate::graph::Input)| match input {
            crate::graph::Input::Public(text) => Some((name.clone(), text.clone())),
            crate::graph::Input::Secret(_) | crate::graph::Input::Join(_) => None,
        };
        Self {
            address: resource.address.clone(),
            provider: resource.provider.clone(),
            handle: resource.handle.clone(),
            fields: resource.fields.iter().filter_map(public).collect(),
            outputs: BTreeMap::new(),
            needs: resource.needs(),
            uid: None,
            since: None,
            buried: None,
        }
    }
}
