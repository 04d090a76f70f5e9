//! Who was given what is in pods' baits.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Actor, covers_labels};
use super::{
    Attribution, Event, Grade, Identity, Mention, Selectors, Stage, Touches, covers_fields,
};
use crate::bait::{PodNumber, PodRecord};

/// What a reading reached.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// One pod's bait, by name.
    Pod(PodNumber),
    /// All that are in a namespace, or in any where that is empty.
    Collection {
        /// The namespace.
        namespace: String,
        /// What narrows it.
        selectors: Selectors,
    },
}

impl Reach {
    /// Whether a pod's bait was among it.
    #[must_use]
    pub fn has(&self, record: &PodRecord) -> bool {
        match self {
            Self::Pod(number) => *number == record.number,
            Self::Collection {
                namespace,
                selectors,
            } => {
                let home = &record.subject.namespace;
                let is_in = namespace.is_empty() || namespace == home;
                let is_labelled = |selector: &String| covers_labels(selector, Some(&[].into()));
                let fields = || {
                    [
                        ("metadata.name", record.handle.as_str()),
                        ("metadata.namespace", home),
                    ]
                    .map(|(key, value)| (key.to_owned(), value.to_owned()))
                    .into()
                };
                is_in
                    && selectors.label.as_ref().is_none_or(is_labelled)
                    && selectors
                        .field
                        .as_ref()
                        .is_none_or(|selector| covers_fields(selector, &fields()))
            }
        }
    }
}

/// Somebody was given what is in one or more pods' baits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BaitReading {
    /// What it reached.
    pub reach: Reach,
    /// Who really asked.
    pub actor: Actor,
    /// Whom it acted as.
    pub acting_as: Option<Identity>,
    /// The verb.
    pub verb: String,
    /// When it was given.
    pub from: Timestamp,
    /// Until when it was given what changed: of a watch its end; `None` while it is open.
    pub to: Option<Timestamp>,
    /// A reviewed entry excuses it.
    pub is_known: bool,
}

/// What an event says of who was given what is in baits.
pub(super) fn readings(
    event: &Event,
    touches: &Touches,
    pods: &Attribution,
    is_known: bool,
) -> Vec<BaitReading> {
    let Some(from) = event.at.filter(|_| gives(event)) else {
        return Vec::new();
    };
    let to = match (event.action.verb.as_str(), event.stage) {
        ("watch", Stage::Complete) => Some(event.stage_at.unwrap_or(from)),
        ("watch", _) => None,
        _ => Some(from),
    };
    let reading = |reach| BaitReading {
        reach,
        actor: event.actor.clone(),
        acting_as: event.acting_as.clone(),
        verb: event.action.verb.clone(),
        from,
        to,
        is_known,
    };
    let baits = || pods.baits(touches);
    let named = baits().filter(|(touch, _)| touch.grade == Grade::Named);
    let mut all: Vec<BaitReading> = named
        .map(|(_, record)| reading(Reach::Pod(record.number)))
        .collect();
    if is_of_collection(event) && baits().any(|(touch, _)| touch.grade == Grade::Covering) {
        all.push(reading(Reach::Collection {
            namespace: event.action.namespace.clone(),
            selectors: event.action.selectors.clone(),
        }));
    }
    all
}

/// Whether the answer may have held what is there: every write but the first answers with the whole, a dry run too. Of a
/// record that is cut before its end, perhaps.
fn gives(event: &Event) -> bool {
    let is_let_through = match event.outcome.code {
        Some(code) => (200..300).contains(&code),
        None => event.is_cut(),
    };
    is_let_through && event.stage != Stage::Received && event.action.verb != "create"
}

/// Whoever deletes a namespace deletes what is in it and is not given it.
fn is_of_collection(event: &Event) -> bool {
    event.mentions.iter().any(|mention| {
        matches!(mention, Mention::Collection { resource, .. } if *resource == event.action.resource)
    })
}
