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
        let may_go = |record: &&Record| {
            matches!(record.lifetime, Lifetime::Retired { .. }) || self.goes_by_itself(record)
        };
        let mut kept: Vec<&Record> = there.ours.iter().copied().filter(may_go).collect();
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

    /// Whether it goes because it is not declared any more, and nothing that stays has to let go of it first.
    fn goes_by_itself(&self, record: &Record) -> bool {
        let is_wanted = |address: &Address| self.inputs.desired.get(address).is_some();
        let needed_by = self.index.needed_by.get(&record.address);
        self.is_target(record.address.canary())
            && !is_wanted(&record.address)
            && !needed_by
                .into_iter()
                .flatten()
                .any(|address| is_wanted(address))
    }

    fn is_kept_on(&self, record: &Record) -> bool {
        matches!(record.lifetime, Lifetime::Retired { until } if until > self.inputs.observed.at)
    }

    /// Whether what has its name is another incarnation.
    fn is_anothers(&self, record: &Record) -> bool {
        match self.sight(&record.provider, &record.handle) {
            Sight::There(object) => !same_incarnation(record, object),
            Sight::Absent | Sight::Unseen(_) => false,
        }
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

    /// The uid of what has the name of the place of something of ours, where that place is not the one it was put into.
    pub(super) fn other_place(&self, record: &Record) -> Option<String> {
        let catalog = self.inputs.catalogs.get(&record.provider)?;
        let place = catalog.place(&record.handle)?;
        let known = self.index.places.get(&place)?;
        let Sight::There(object) = self.inputs.observed.sight(&record.provider, &place) else {
            return None;
        };
        let is_it = known.iter().any(|known| same_incarnation(known, object));
        (!is_it).then(|| object.version.uid.clone())
    }

    /// An action in the light of what it is done in or done to: what is in a place that is made anew goes before that
    /// and is made after it, and a place with a stranger's in it cannot go. With it the steps that come first.
    pub(super) fn with_its_place(
        &mut self,
        resource: &Resource,
        action: Action,
    ) -> (Action, BTreeSet<Address>) {
        let catalog = self.inputs.catalogs.get(&resource.provider);
        let is_in_replaced = !self.replaced.is_empty()
            && catalog
                .and_then(|catalog| catalog.place(&resource.handle))
                .is_some_and(|place| self.replaced.contains(&place));
        let goes_with_it = is_in_replaced && matches!(action, Action::Keep | Action::Update { .. });
        let observed = self.inputs.observed;
        let have = goes_with_it
            .then(|| observed.object(&resource.provider, &resource.handle))
            .flatten()
            .map(|object| object.version.clone());
        let action = have.map_or(action, |have| replace(Some(have), ReplaceCause::Place));
        let mut first = BTreeSet::new();
        let goes = matches!(&action, Action::Replace { have: Some(_), cause } if *cause != ReplaceCause::NoRoom);
        if goes {
            if let Some((handle, _)) = self.strangers_in(&resource.handle).first() {
                let obstacle = Obstacle::Holds((*handle).clone());
                return (Action::Blocked(obstacle), first);
            }
            self.replaced.insert(resource.handle.clone());
            let held = self.index.held.get(&resource.handle).into_iter().flatten();
            let unwanted = held.filter(|address| self.inputs.desired.get(address).is_none());
            first.extend(unwanted.map(|address| (*address).clone()));
        }
        (action, first)
    }

    /// A removal of a place in the light of what is in it: while something kept is in it, it is kept too; while a stranger's is
    /// in it, or something of ours that stays, it cannot go.
    pub(super) fn with_what_it_holds(&self, record: &Record, action: Action) -> Action {
        let Action::Delete { .. } = action else {
            return action;
        };
        if let Some((handle, _)) = self.strangers_in(&record.handle).first() {
            return Action::Blocked(Obstacle::Holds((*handle).clone()));
        }
        if let Some(address) = self.stays_in(record) {
            return Action::Blocked(Obstacle::HoldsOurs(address.clone()));
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

    /// What is in a place and does not go with it: it is declared, or is none of the targets.
    fn stays_in(&self, place: &Record) -> Option<&'a Address> {
        let declared = self.index.wanted_in.get(&place.handle).copied();
        declared
            .filter(|_| !self.inputs.purpose.destroy)
            .or_else(|| {
                let held = self.index.held.get(&place.handle).into_iter().flatten();
                held.copied().find(|address| {
                    let record = self.inputs.ledger.records.get(*address);
                    !self.is_target(address.canary())
                        && record.is_some_and(|inner| {
                            !matches!(self.sight(&inner.provider, &inner.handle), Sight::Absent)
                        })
                })
            })
    }

    /// A step for everything that others put where only ours belongs.
    pub(super) fn strangers(&mut self) {
        let mut found = BTreeMap::new();
        for record in self.inputs.ledger.records.values() {
            if !self.is_target(record.address.canary()) {
                continue;
            }
            let strangers = self.strangers_in(&record.handle);
            // What is in another's place is nothing to us.
            if strangers.is_empty() || self.is_anothers(record) {
                continue;
            }
            for (handle, object) in strangers {
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
