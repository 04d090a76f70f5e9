//! What is kept of each pod: one record, whatever it was given.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::session::NUMBERS;
use super::{BaitKind, PodHandle, Subject, seconds};
use crate::graph::{Address, CanaryId};

/// The number of a pod's record. Never given twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PodNumber(u32);

impl PodNumber {
    /// A number below 10⁹, which names of sessions can hold.
    #[must_use]
    pub fn new(number: u32) -> Option<Self> {
        (number < NUMBERS).then_some(Self(number))
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }

    /// Of the record that an address names.
    #[must_use]
    pub fn of(address: &Address) -> Option<Self> {
        let digits = address.part()?.strip_prefix(PART)?;
        Self::new(digits.parse().ok()?)
    }
}

/// What the part of an address that names a record begins with. A capital, because the other parts are called as their
/// namespaces, and a namespace may be called `p7`.
const PART: char = 'P';

impl fmt::Display for PodNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A credential as far as it must be kept to know it again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Issued {
    /// What kind.
    pub kind: BaitKind,
    /// The token's identifier. Sessions have none: their names say whose they are.
    pub token: Option<String>,
    /// When it was issued.
    #[serde(with = "seconds")]
    pub at: Timestamp,
    /// Until when it is valid, as granted.
    #[serde(with = "seconds")]
    pub until: Timestamp,
}

/// Another pod that carries the same handle, as a copy of a pod does.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Other {
    /// Its uid.
    pub uid: String,
    /// Its name, in the same namespace.
    pub name: String,
}

/// Everything that is kept of one pod.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PodRecord {
    /// Its number.
    pub number: PodNumber,
    /// Whose bait it has.
    pub canary: CanaryId,
    /// The Secret that it waits for.
    pub handle: PodHandle,
    /// Who it is, as last seen.
    pub subject: Subject,
    /// When it was first seen.
    pub opened: Timestamp,
    /// What it was given: of each kind the latest, and before it those that can still be used or reported late.
    pub issued: Vec<Issued>,
    /// The uid of the Secret, once it was written.
    pub secret: Option<String>,
    /// A Secret of that name was there that is not ours.
    pub is_taken: bool,
    /// Whoever else carries the same handle.
    pub others: Vec<Other>,
    /// When it was seen to be gone, and its Secret with it.
    pub buried: Option<Timestamp>,
}

impl PodRecord {
    /// Our name for the Secret that the pod waits for, as in `pod_credentials.web/P7`.
    #[must_use]
    pub fn address(&self) -> Address {
        Address::part_of(self.canary.clone(), &format!("{PART}{}", self.number))
    }

    /// The latest credential of a kind.
    #[must_use]
    pub fn latest(&self, kind: BaitKind) -> Option<&Issued> {
        self.issued.iter().rev().find(|issued| issued.kind == kind)
    }

    /// Which of the credentials of its kind that are known a token is, and of how many; both from 1.
    #[must_use]
    pub fn place_of(&self, token: &str) -> Option<(usize, usize)> {
        let is_it = |issued: &&Issued| issued.token.as_deref() == Some(token);
        let kind = self.issued.iter().find(is_it)?.kind;
        let mut same: Vec<&Issued> = self.issued.iter().filter(|one| one.kind == kind).collect();
        same.sort_by_key(|issued| issued.at);
        let at = same.iter().position(is_it)?;
        Some((at + 1, same.len()))
    }

    /// Until when any of its credentials can be used.
    #[must_use]
    pub fn usable_until(&self) -> Option<Timestamp> {
        self.issued.iter().map(|issued| issued.until).max()
    }
}

/// One thing that happened to a pod.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum PodEntry {
    /// It was seen first.
    Opened {
        /// Its number from now on.
        number: PodNumber,
        /// Whose bait it gets.
        canary: CanaryId,
        /// The Secret that it waits for.
        handle: PodHandle,
        /// Who it is.
        subject: Box<Subject>,
        /// When.
        #[serde(with = "seconds")]
        at: Timestamp,
    },
    /// More is known of it.
    Known {
        /// Its number.
        number: PodNumber,
        /// Who it is.
        subject: Box<Subject>,
    },
    /// It is about to be given a credential.
    Issued {
        /// Its number.
        number: PodNumber,
        /// Which.
        issued: Issued,
    },
    /// Its Secret is there.
    Written {
        /// Its number.
        number: PodNumber,
        /// The Secret's uid.
        secret: String,
    },
    /// A Secret of its name is there, and is not ours.
    Taken {
        /// Its number.
        number: PodNumber,
    },
    /// Another pod carries the same handle.
    Shared {
        /// The number of the first.
        number: PodNumber,
        /// The other.
        other: Other,
    },
    /// It is gone, and its Secret too.
    Buried {
        /// Its number.
        number: PodNumber,
        /// When.
        #[serde(with = "seconds")]
        at: Timestamp,
    },
    /// Numbers below this one were given.
    Numbered {
        /// The next.
        next: PodNumber,
    },
}
