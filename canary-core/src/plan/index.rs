//! What planning asks for once a resource, found at once.

use std::collections::{BTreeMap, BTreeSet};

use super::Inputs;
use crate::check::{Note, Severity};
use crate::graph::{Address, CanaryId, Handle, ProviderId};
use crate::ledger::Record;
use crate::observe::Object;

/// The targeted canaries and, transitively, those whose resources they need; where they are removed, those that need
/// theirs. `None` for all.
pub(super) fn closed_targets(inputs: &Inputs<'_>) -> Option<BTreeSet<CanaryId>> {
    if inputs.purpose.targets.is_empty() {
        return None;
    }
    let mut closed = inputs.purpose.targets.clone();
    if inputs.purpose.destroy {
        return Some(inputs.ledger.with_dependents(closed));
    }
    // Reverse order: a resource comes before what it needs, so one pass reaches everything.
    for resource in inputs.desired.in_order().rev() {
        if closed.contains(resource.address.canary()) {
            closed.extend(resource.needs().iter().map(|need| need.canary().clone()));
        }
    }
    Some(closed)
}

/// What is asked for once a resource, found at once.
pub(super) struct Index<'a> {
    /// Resources that the checks refuse, with the first of their errors.
    pub(super) refused: BTreeMap<&'a Address, &'a Note>,
    /// Canaries that the checks refuse as a whole, with the first of those errors.
    pub(super) refused_whole: BTreeMap<&'a CanaryId, &'a Note>,
    /// Whose records need this one.
    pub(super) needed_by: BTreeMap<&'a Address, Vec<&'a Address>>,
    /// Records that nothing is declared for under their address, by what they are called.
    pub(super) unwanted: BTreeMap<&'a Handle, Vec<&'a Record>>,
    /// Records of what is in a place, by what that is called.
    pub(super) held: BTreeMap<Handle, Vec<&'a Address>>,
    /// The first that is declared of what is in a place, by what that is called.
    pub(super) wanted_in: BTreeMap<Handle, &'a Address>,
    /// Records of places that something of ours is in, by what they are called.
    pub(super) places: BTreeMap<&'a Handle, Vec<&'a Record>>,
    /// What is seen in a place where only ours belongs, by what the place is called.
    pub(super) inside: BTreeMap<Handle, Vec<(&'a Handle, &'a Object)>>,
    /// Places that are known not to be there, nor to be made, by the scope that they would be.
    pub(super) missing: BTreeMap<(&'a ProviderId, &'a str), &'a Handle>,
}

impl<'a> Index<'a> {
    pub(super) fn new(inputs: &Inputs<'a>) -> Self {
        let mut index = Self {
            refused: BTreeMap::new(),
            refused_whole: BTreeMap::new(),
            needed_by: BTreeMap::new(),
            unwanted: BTreeMap::new(),
            held: BTreeMap::new(),
            wanted_in: wanted_in(inputs),
            places: BTreeMap::new(),
            inside: inside(inputs),
            missing: BTreeMap::new(),
        };
        for note in inputs.notes {
            match (note.severity, &note.address) {
                (Severity::Error, Some(address)) => {
                    index.refused.entry(address).or_insert(note);
                }
                (Severity::Error, None) => {
                    index.refused_whole.entry(&note.canary).or_insert(note);
                }
                (Severity::Info | Severity::Warning, _) => {}
            }
        }
        for record in inputs.ledger.records.values() {
            if inputs.desired.get(&record.address).is_none() {
                index
                    .unwanted
                    .entry(&record.handle)
                    .or_default()
                    .push(record);
            }
            let catalog = inputs.catalogs.get(&record.provider);
            if let Some(place) = catalog.and_then(|catalog| catalog.place(&record.handle)) {
                index.held.entry(place).or_default().push(&record.address);
            }
            for need in &record.needs {
                let needed_by = index.needed_by.entry(need).or_default();
                needed_by.push(&record.address);
            }
        }
        for record in inputs.ledger.records.values() {
            if index.held.contains_key(&record.handle) {
                let places = index.places.entry(&record.handle).or_default();
                places.push(record);
            }
        }
        let is_made = |handle: &Handle| {
            let mut resources = inputs.desired.in_order();
            resources.any(|resource| resource.handle == *handle)
        };
        for (provider, handles) in &inputs.observed.absent {
            let places = handles
                .iter()
                .filter(|handle| handle.scope.is_none() && !is_made(handle));
            for handle in places {
                let place = (provider, handle.name.as_str());
                index.missing.entry(place).or_insert(handle);
            }
        }
        index
    }
}

fn wanted_in<'a>(inputs: &Inputs<'a>) -> BTreeMap<Handle, &'a Address> {
    let mut wanted = BTreeMap::new();
    for resource in inputs.desired.in_order() {
        let catalog = inputs.catalogs.get(&resource.provider);
        if let Some(place) = catalog.and_then(|catalog| catalog.place(&resource.handle)) {
            wanted.entry(place).or_insert(&resource.address);
        }
    }
    wanted
}

fn inside<'a>(inputs: &Inputs<'a>) -> BTreeMap<Handle, Vec<(&'a Handle, &'a Object)>> {
    let mut inside: BTreeMap<Handle, Vec<_>> = BTreeMap::new();
    for (provider, objects) in &inputs.observed.objects {
        let Some(catalog) = inputs.catalogs.get(provider) else {
            continue;
        };
        let alone = objects
            .iter()
            .filter(|(handle, _)| catalog.is_ours_alone(&handle.kind));
        for (handle, object) in alone {
            if let Some(place) = catalog.place(handle) {
                inside.entry(place).or_default().push((handle, object));
            }
        }
    }
    inside
}
