//! What a ledger is made of.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::exposed;
use crate::graph::{Address, Handle, Lifetime, ProviderId, Written};
use crate::observe::{Seen, Site, Version, shifted};
use crate::value::SecretBytes;

/// What a resource gave when it was made, by name.
pub type Outputs = BTreeMap<String, OutputValue>;

/// One output. Serialised in the ledger only, where every entry is sealed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputValue {
    /// May be shown, as in a token's identifier.
    Public(String),
    /// May not.
    Secret(#[serde(with = "exposed")] SecretBytes),
}

impl OutputValue {
    /// The public text.
    #[must_use]
    pub fn public(&self) -> Option<&str> {
        match self {
            Self::Public(text) => Some(text),
            Self::Secret(_) => None,
        }
    }

    /// The bytes, whichever it is.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        match self {
            Self::Public(text) => text.as_bytes(),
            Self::Secret(bytes) => bytes.expose(),
        }
    }
}

/// How we came by a resource.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// We made it.
    Made,
    /// Found by its proof after the ledger was lost.
    Recovered,
    /// Adopted on request.
    Imported,
    /// Made by a call whose answer was lost, with what it gave.
    Stray,
}

/// A resource that is ours.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Record {
    /// Our name.
    pub address: Address,
    /// Whose it is.
    pub provider: ProviderId,
    /// The provider's name.
    pub handle: Handle,
    /// Its generation.
    pub generation: u32,
    /// Which incarnation and state; `None` for what has no object.
    pub version: Option<Version>,
    /// Its content as it was made, secrets as digests.
    pub fields: BTreeMap<String, Seen>,
    /// Of its content, what the world added by itself when it was written, as admission does.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub added: BTreeSet<String>,
    /// What it gave when it was made.
    pub outputs: Outputs,
    /// How it was written.
    pub written: Option<Written>,
    /// The moment that dates inside its values are counted from.
    pub born: Timestamp,
    /// When it was planted.
    pub planted: Timestamp,
    /// When we last wrote it, by the site's clock; `None`: not since it was planted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rewritten: Option<Timestamp>,
    /// When it stops working, as *granted*.
    pub expires: Option<Timestamp>,
    /// Whose credentials made it.
    pub applied_by: Option<String>,
    /// What it needed, so that it goes first when they go.
    pub needs: BTreeSet<Address>,
    /// Of today, or kept.
    pub lifetime: Lifetime,
    /// True when its content is itself an identity whose use is logged.
    pub active: bool,
    /// How we came by it.
    pub origin: Origin,
}

/// What a retired identifier meant, kept for late events.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Tombstone {
    /// The record as it last was, without secret outputs.
    pub record: Record,
    /// When it was buried.
    pub buried: Timestamp,
    /// Until when it can still be used or reported late.
    pub until: Timestamp,
}

/// What we are about to do, written before we do it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Intent {
    /// Which resource.
    pub address: Address,
    /// Whose it is.
    pub provider: ProviderId,
    /// What it will be called.
    pub handle: Handle,
    /// What will be done.
    pub verb: Verb,
    /// The incarnation and state that it is done to; `None` for something that is not there.
    pub have: Option<Version>,
    /// The record as it will be when it is done, without version and outputs.
    pub record: Record,
    /// When.
    pub at: Timestamp,
    /// The site's clock minus the clock of `at`, in milliseconds, as of the look before; `None`: not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset_ms: Option<i64>,
}

impl Intent {
    /// When, by the site's clock. Where nobody measured the clock of who wrote it, it is taken for ours.
    #[must_use]
    pub fn site_time(&self, ours: Option<&Site>) -> Timestamp {
        let measured = || ours.map(|site| site.clock_offset_ms);
        shifted(
            self.at,
            self.offset_ms.or_else(measured).unwrap_or_default(),
        )
    }
}

/// What is done to a thing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// It is made where nothing is.
    Create,
    /// It is changed.
    Update,
    /// It is removed.
    Delete,
}

/// A change of what is known.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// This is ours, and like this.
    Put(Record),
    /// This is not there any more.
    Remove(Address),
    /// This is known by another name from now on, as a retired resource is.
    Rename {
        /// The name until now.
        from: Address,
        /// The name from now on.
        to: Address,
        /// Of today, or kept.
        lifetime: Lifetime,
    },
    /// This identifier still means something.
    Bury(Tombstone),
}

/// One entry of the journal.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// The first: which sites this ledger belongs to.
    Site {
        /// Whose.
        provider: ProviderId,
        /// Which.
        site: Site,
    },
    /// Somebody began to write, and all that wrote before may not any more.
    Epoch {
        /// Rises with every lock.
        epoch: u64,
        /// Who.
        holder: String,
        /// When.
        at: Timestamp,
    },
    /// A principal whose proven calls are ours.
    Operator {
        /// Where.
        provider: ProviderId,
        /// Who.
        principal: String,
    },
    /// Requests of ours, by the identifiers that the site gave them.
    Called {
        /// Whose.
        provider: ProviderId,
        /// Their identifiers.
        requests: Vec<String>,
        /// When.
        at: Timestamp,
    },
    /// Something is about to be done.
    Intent {
        /// Numbers the intents of a ledger.
        id: u64,
        /// What.
        intent: Box<Intent>,
    },
    /// An intent came to its end, whatever that was.
    Done {
        /// Which intent.
        id: u64,
        /// What is known now.
        effects: Vec<Effect>,
    },
    /// What is known changed without a call.
    Known {
        /// What is known now.
        effects: Vec<Effect>,
    },
}
