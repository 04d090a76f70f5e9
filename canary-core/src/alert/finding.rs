//! One alert: who did what to which canaries.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Attributed, Moment};
use crate::detect::{Actor, Defect, Grade, Identity, OutcomeClass};
use crate::graph::Address;

/// How grave an alert is, as OCSF numbers it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Anybody at the door.
    Low = 2,
    /// Somebody who reads everything.
    Medium = 3,
    /// Somebody who tried, or who reads everything and did more.
    High = 4,
    /// Somebody who knew what to take.
    Critical = 5,
}

/// One event that an alert is made of.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Evidence {
    /// When it came in.
    pub at: Option<Timestamp>,
    /// The source's identifier, cut at a length that can be kept.
    pub id: String,
    /// The last source address, the only one that the client cannot choose.
    #[serde(default)]
    pub address: Option<IpAddr>,
    /// The verb.
    pub verb: String,
    /// The provider's name for what was done, where the verb is not that.
    #[serde(default)]
    pub operation: String,
    /// What was asked for, as in `secrets payments/db`.
    pub object: String,
    /// The selector it came with.
    pub selector: Option<String>,
    /// The object is the canary itself, and not one that names it.
    #[serde(default)]
    pub is_of_it: bool,
    /// It was asked to do nothing.
    #[serde(default)]
    pub dry_run: bool,
    /// No event tells it: only that it was so is known.
    #[serde(default)]
    pub silent: bool,
    /// The status code.
    pub code: Option<u16>,
    /// What is wrong with the record.
    pub defects: Vec<Defect>,
}

/// Sightings of one principal with one credential from one network in one hour.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Alert {
    /// The same for the same sightings, in any order.
    pub uid: String,
    /// How grave.
    pub severity: Severity,
    /// The nearest grade.
    pub grade: Grade,
    /// Allowed or denied.
    pub outcome: OutcomeClass,
    /// Who really asked.
    pub actor: Actor,
    /// Whom it acted as.
    pub acting_as: Option<Identity>,
    /// What it touched, with the nearest grade of each.
    pub touched: BTreeMap<Address, Grade>,
    /// The earliest event.
    pub first: Option<Timestamp>,
    /// The latest event.
    pub last: Option<Timestamp>,
    /// How many requests.
    pub count: u64,
    /// What makes it worse, in words.
    pub aggravated: BTreeSet<String>,
    /// What else is known that belongs to it, in sentences.
    #[serde(default)]
    pub context: BTreeSet<String>,
    /// The events, the earliest first, as many as are kept.
    pub evidence: BTreeSet<Evidence>,
    /// The pods that it points to.
    #[serde(default)]
    pub pods: Vec<Attributed>,
    /// The incident that it belongs to: the uid of one of its alerts.
    #[serde(default)]
    pub incident: Option<String>,
    /// What belongs to the incident, in order; nothing when it is alone.
    #[serde(default)]
    pub timeline: Vec<Moment>,
}

impl Alert {
    /// The short form of its uid, for people.
    #[must_use]
    pub fn short(&self) -> &str {
        self.uid.get(..8).unwrap_or(&self.uid)
    }
}
