//! Which tripwires an event touches. Pure, so that a recorded log replays to the same.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::selector::{covers_fields, covers_labels};
use super::{Event, Meaning, Mention, Tripwire};
use crate::graph::Address;

/// How near a touch came.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// Nothing that is known: the record itself is damaged, and could have hidden it.
    Damaged,
    /// A list or watch that covers it among others.
    Covering,
    /// It was named.
    Named,
    /// Its identity was used.
    Use,
}

/// One tripwire that an event touched.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Touch {
    /// Whose tripwire.
    pub address: Address,
    /// How near.
    pub grade: Grade,
}

/// Tripwires, found by what an event mentions.
#[derive(Clone, Debug, Default)]
pub struct Tripwires {
    exact: BTreeMap<Mention, Vec<Tripwire>>,
    /// Objects by group and resource, for what covers them, in the order of their addresses: so are the touches.
    objects: BTreeMap<(String, String), Vec<Tripwire>>,
}

impl Tripwires {
    /// Indexes tripwires.
    #[must_use]
    pub fn new(tripwires: impl IntoIterator<Item = Tripwire>) -> Self {
        let mut index = Self::default();
        for tripwire in tripwires {
            if let Mention::Object {
                group, resource, ..
            } = &tripwire.mention
                && matches!(tripwire.meaning, Meaning::Content | Meaning::Listed)
            {
                let place = (group.clone(), resource.clone());
                index
                    .objects
                    .entry(place)
                    .or_default()
                    .push(tripwire.clone());
            }
            index
                .exact
                .entry(tripwire.mention.clone())
                .or_default()
                .push(tripwire);
        }
        for objects in index.objects.values_mut() {
            objects.sort_by(|a, b| a.address.cmp(&b.address));
        }
        index
    }

    /// Everything that an event touches, each address once, in its nearest grade.
    #[must_use]
    pub fn touches(&self, event: &Event) -> Vec<Touch> {
        let mut touched = Vec::new();
        let mut touch = |address: &Address, grade: Grade| {
            let address = address.clone();
            touched.push(Touch { address, grade });
        };
        for mention in &event.mentions {
            for tripwire in self.exact.get(mention).into_iter().flatten() {
                if let Some(grade) = exact(tripwire, event) {
                    touch(&tripwire.address, grade);
                }
            }
            if let Mention::Collection {
                group,
                resource,
                namespace,
            } = mention
            {
                let place = (group.clone(), resource.clone());
                for tripwire in self.objects.get(&place).into_iter().flatten() {
                    if let Some(grade) = covering(tripwire, namespace, event) {
                        touch(&tripwire.address, grade);
                    }
                }
            }
        }
        // Nearest first, and of each address the first stays.
        touched.sort_by(|a, b| (&a.address, b.grade).cmp(&(&b.address, a.grade)));
        touched.dedup_by(|next, kept| next.address == kept.address);
        touched
    }
}

/// A mention of exactly this identifier.
fn exact(tripwire: &Tripwire, event: &Event) -> Option<Grade> {
    let changes = matches!(
        event.action.verb.as_str(),
        "create" | "update" | "patch" | "delete"
    );
    match (tripwire.meaning, &tripwire.mention) {
        (Meaning::Content | Meaning::Listed, _) => Some(Grade::Named),
        (Meaning::Behaviour, _) => changes.then_some(Grade::Named),
        (Meaning::Identity, Mention::Object { .. }) => {
            (changes || !event.action.subresource.is_empty()).then_some(Grade::Named)
        }
        (Meaning::Identity, Mention::Principal(name)) => identity(name, event),
        (Meaning::Identity, Mention::Credential(_) | Mention::Collection { .. }) => {
            Some(Grade::Use)
        }
    }
}

/// An account that acts, is acted as, or is spoken of. That its object is only read means nothing: controllers do that
/// all day.
fn identity(name: &str, event: &Event) -> Option<Grade> {
    let acts = event.actor.identity.name == *name;
    let acted_as = event
        .acting_as
        .as_ref()
        .is_some_and(|identity| identity.name == *name);
    if acts || acted_as {
        return Some(Grade::Use);
    }
    let reads_its_object = event.action.resource == "serviceaccounts"
        && event.action.subresource.is_empty()
        && matches!(event.action.verb.as_str(), "get" | "list" | "watch");
    (!reads_its_object).then_some(Grade::Named)
}

/// A collection that may hold it, by what the selectors say. Most requests have none.
fn covering(tripwire: &Tripwire, namespace: &str, event: &Event) -> Option<Grade> {
    let Mention::Object {
        namespace: home,
        name,
        ..
    } = &tripwire.mention
    else {
        return None;
    };
    if !namespace.is_empty() && namespace != home {
        return None;
    }
    let selectors = &event.action.selectors;
    if let Some(labels) = &selectors.label
        && !covers_labels(labels, tripwire.labels.as_ref())
    {
        return None;
    }
    let reads = matches!(event.action.verb.as_str(), "list" | "watch");
    let among_others = (!reads || tripwire.meaning == Meaning::Content).then_some(Grade::Covering);
    // The server found the name in the field selector, whatever became of that here.
    if event.action.name == *name && reads {
        return Some(Grade::Named);
    }
    let Some(selector) = selectors.field.as_deref() else {
        return among_others;
    };
    let mut fields = tripwire.fields.clone();
    fields.insert("metadata.name".into(), name.clone());
    fields.insert("metadata.namespace".into(), home.clone());
    if !covers_fields(selector, &fields) {
        return None;
    }
    let named = selector.split(',').any(|term| {
        let mut parts = term.splitn(2, '=');
        let key = parts.next().unwrap_or_default().trim();
        key == "metadata.name" && parts.next().is_some()
    });
    if named {
        Some(Grade::Named)
    } else {
        among_others
    }
}

/// The canaries behind touches, each once.
#[must_use]
pub fn canaries(touches: &[Touch]) -> BTreeSet<crate::graph::CanaryId> {
    touches
        .iter()
        .map(|touch| touch.address.canary().clone())
        .collect()
}
