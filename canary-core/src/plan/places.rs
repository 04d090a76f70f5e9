//! What is in a place, as keys are in their user: room for it, what holds the place, and strangers in it.

use std::collections::{BTreeMap, BTreeSet};

use super::decide::{Planner, replace, same_incarnation};
use super::{Action, Obstacle, Outside, ReplaceCause, Step};
use crate::graph::{Address, Handle, Lifetime, ProviderId, Resource};
use crate::ledger::Record;
use crate::observe::{Object, SHOWN_LATE, Sight};

impl<'a> Planner<'a> {
    /// What is known of one name. Where there is no place there is nothing in it.
    pub(super) fn sight(&self, provider: &ProviderId, handle: &Handle) -> Sight<'a> {
        let observed = self.inputs.observed;
        let sight = observed.sight(provider, handle);
        let place = || self.inputs.catalogs.get(provider)?.place(handle);
        match sight {
            Sight::Unseen(_)
                if place().is_some_and(|place| {
                    matches!(observed.sight(provider, &place), Sight::Absent)
                }) =>
            {
                Sight::Absent
            }
            Sight::Unseen(_) | Sight::There(_) | Sight::Absent => sight,
        }
    }

    /// An action with the steps that make room for what it makes: kept ones go, first those that go anyway, then the oldest. Where none is kept, what is
    /// replaced goes first itself.
    pub(super) fn with_room(
        &mut self,
        resource: &Resource,
        current: Option<&'a Record>,
        action: Action,
    ) -> (Action, BTreeSet<Address>) {
        let mut goes = BTreeSet::new();
        let catalog = self.inputs.catalogs.get(&resource.provider);
        let room = catalog.and_then(|catalog| catalog.room(&resource.handle.kind));
        let place = catalog.and_then(|catalog| catalog.place(&resource.handle));
        let (Action::Create { .. }, Some(room), Some(place)) = (&action, room, place) else {
            return (action, goes);
        };
        let mut there = self.in_place(&resource.provider, &resource.handle.kind, &place);
        let is_kept = |record: &&Record| matches!(record.lifetime, Lifetime::Retired { .. });
        let mut kept: Vec<&Record> = there.ours.iter().copied().filter(is_kept).collect();
        // What goes anyway, as one whose making was not answered, makes room before what is still kept.
        kept.sort_by_key(|record| (self.is_kept_on(record), record.planted, &record.address));
        let mut kept = kept.into_iter();
        while there.count() >= room {
            if let Some(record) = kept.next() {
                there.ours.retain(|other| other.address != record.address);
                self.evicted.insert(record.address.clone());
                goes.insert(record.address.clone());
                continue;
            }
            let replaced = current.filter(|current| current.handle != resource.handle);
            let version = replaced.and_then(|current| current.version.clone());
            let action = match version {
                Some(have) if there.count() == room => replace(Some(have), ReplaceCause::NoRoom),
                _ => Action::Blocked(Obstacle::Full(room)),
            };
            return (action, goes);
        }
        (action, goes)
    }

    fn is_kept_on(&self, record: &Record) -> bool {
        matches!(record.lifetime, Lifetime::Retired { until } if until > self.inputs.observed.at)
    }

    /// What is in a place now, but for what goes.
    fn in_place(&self, provider: &ProviderId, kind: &str, place: &Handle) -> Inside<'a> {
        let held = self.index.held.get(place).into_iter().flatten();
        let ours: Vec<&'a Record> = held
            .filter_map(|address| self.inputs.ledger.records.get(*address))
            .filter(|record| record.handle.kind == kind)
            .filter(|record| !self.evicted.contains(&record.address))
            .filter(|record| !matches!(self.sight(provider, &record.handle), Sight::Absent))
            .collect();
        let strangers = self.strangers_in(place);
        let strangers = strangers.iter().filter(|(handle, _)| handle.kind == kind);
        Inside {
            strangers: strangers.count(),
            ours,
        }
    }

    /// What is seen in a place and is not ours.
    fn strangers_in(&self, place: &Handle) -> Vec<(&'a Handle, &'a Object)> {
        let inside = self.index.inside.get(place).into_iter().flatten();
        inside
            .filter(|(handle, object)| !self.is_ours(place, handle, object))
            .filter(|(_, object)| !self.is_just_gone(object))
            .copied()
            .collect()
    }

    /// Whether we removed it so recently that the site may still show it.
    fn is_just_gone(&self, object: &Object) -> bool {
        let now = self.inputs.observed.at;
        let mut buried = self.inputs.ledger.tombstones.iter();
        buried.any(|tombstone| {
            let version = tombstone.record.version.as_ref();
            version.is_some_and(|version| version.uid == object.version.uid)
                && now.duration_since(tombstone.buried) < SHOWN_LATE
        })
    }

    fn is_ours(&self, place: &Handle, handle: &Handle, object: &Object) -> bool {
        let held = self.index.held.get(place).into_iter().flatten();
        let mut records = held.filter_map(|address| self.inputs.ledger.records.get(*address));
        records.any(|record| record.handle == *handle && same_incarnation(record, object))
    }

    /// A removal of a place in the light of what is in it: while something kept is in it, it is kept too; while a stranger's is
    /// in it, it cannot go.
    pub(super) fn with_what_it_holds(&self, record: &Record, action: Action) -> Action {
        let Action::Delete { .. } = action else {
            return action;
        };
        if let Some((handle, _)) = self.strangers_in(&record.handle).first() {
            return Action::Blocked(Obstacle::Holds((*handle).clone()));
        }
        let all_go = self.inputs.purpose.destroy && self.inputs.purpose.retired_too;
        let held = self.index.held.get(&record.handle).into_iter().flatten();
        let kept = held
            .filter_map(|address| self.inputs.ledger.records.get(*address))
            .filter(|inner| !matches!(self.sight(&inner.provider, &inner.handle), Sight::Absent))
            .filter_map(|inner| match inner.lifetime {
                Lifetime::Retired { until } if until > self.inputs.observed.at => Some(until),
                Lifetime::Retired { .. } | Lifetime::Current => None,
            })
            .max();
        match kept {
            Some(until) if !all_go => Action::Retire {
                from: record.address.clone(),
                until,
            },
            _ => action,
        }
    }

    /// A step for everything that others put where only ours belongs.
    pub(super) fn strangers(&mut self) {
        let mut found = BTreeMap::new();
        for record in self.inputs.ledger.records.values() {
            if !self.is_target(record.address.canary()) {
                continue;
            }
            for (handle, object) in self.strangers_in(&record.handle) {
                found.insert(handle, (record, object));
            }
        }
        for (handle, (record, object)) in found {
            let part: String = handle
                .name
                .chars()
                .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
                .collect();
            let uid = object.version.uid.clone();
            self.steps.push(Step {
                address: Address::part_of(record.address.canary().clone(), &part),
                provider: record.provider.clone(),
                handle: handle.clone(),
                action: Action::Blocked(Obstacle::Stranger),
                outside: Some(Outside::Intruder { uid }),
                needs: BTreeSet::new(),
                choice: None,
                content: BTreeMap::new(),
                remarks: BTreeMap::new(),
                lifetime: Lifetime::Current,
                active: false,
                expires: None,
            });
        }
    }
}

/// What is in a place.
struct Inside<'a> {
    ours: Vec<&'a Record>,
    strangers: usize,
}

impl Inside<'_> {
    fn count(&self) -> usize {
        self.ours.len() + self.strangers
    }
}
