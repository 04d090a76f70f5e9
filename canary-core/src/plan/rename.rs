//! What is ours and is wanted under another name or address: retired, reinstated, or in the way.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::decide::{Planner, Standing, foreign, same_incarnation};
use super::{Action, Obstacle, Outside, Wanted};
use crate::catalog::Catalog;
use crate::graph::{Address, Lifetime, Resource};
use crate::ledger::Record;
use crate::observe::Object;

impl<'a> Planner<'a> {
    /// What is out there under the name already and is not wanted under the address that it has: retired before a change
    /// that was taken back, or of a canary that is declared under another label now.
    pub(super) fn twin(
        &self,
        resource: &Resource,
        content: &BTreeMap<String, Wanted>,
    ) -> Option<&'a Record> {
        let address = &resource.address;
        let is_twin = |record: &&Record| {
            let is_retired = record.address.retired().is_some();
            record.address.part() == address.part()
                && record.provider == resource.provider
                && (!is_retired || record.address.canary() == address.canary())
        };
        let unwanted = self.index.unwanted.get(&resource.handle);
        let twin = unwanted.into_iter().flatten().copied().find(is_twin)?;
        let (action, _) = self.decide(resource, &Standing::Ours(twin), content);
        let observable = self
            .inputs
            .catalogs
            .get(&resource.provider)
            .is_some_and(|catalog| catalog.observable(&resource.handle.kind));
        let is_there = match action {
            Action::Keep => true,
            Action::Update { .. } | Action::Replace { .. } => observable,
            Action::Create { .. }
            | Action::Delete { .. }
            | Action::Retire { .. }
            | Action::Reinstate { .. }
            | Action::Forget
            | Action::Blocked(_) => false,
        };
        is_there.then_some(twin)
    }

    /// A record that is not of today's name becomes a retired one. A name may change without a new generation, and a
    /// generation may come again: nothing that was retired before is overwritten.
    pub(super) fn retire(&mut self, record: &'a Record, outside: Option<Outside>) -> Address {
        let known = &self.inputs.ledger.records;
        let to = free(&record.address, record.generation, |address| {
            known.contains_key(address)
        });
        let keep = self
            .inputs
            .keep_retired
            .get(record.address.canary())
            .copied()
            .unwrap_or_default();
        let until = later(self.inputs.observed.at, keep);
        let mut step = self.removal_step(record, Action::Keep, outside);
        step.address = to.clone();
        step.lifetime = Lifetime::Retired { until };
        step.action = Action::Retire {
            from: record.address.clone(),
            until,
        };
        step.needs = BTreeSet::new();
        self.steps.push(step);
        to
    }

    /// A record that is wanted under another address gets that, once that is free.
    pub(super) fn reinstate(
        &mut self,
        record: &'a Record,
        to: &Address,
        before: &BTreeSet<Address>,
    ) -> Address {
        let action = Action::Reinstate { to: to.clone() };
        let mut step = self.removal_step(record, action, None);
        step.lifetime = Lifetime::Current;
        step.needs.clone_from(before);
        self.steps.push(step);
        record.address.clone()
    }

    /// Whose an object is that has the name of something new.
    pub(super) fn whose(
        &self,
        catalog: &dyn Catalog,
        resource: &Resource,
        object: &Object,
    ) -> Obstacle {
        let mut records = self.inputs.ledger.records.values();
        let ours = records.find(|record| {
            record.provider == resource.provider
                && record.handle == resource.handle
                && same_incarnation(record, object)
        });
        match ours {
            Some(record) => Obstacle::Ours(record.address.clone()),
            None => {
                let uid = object.version.uid.clone();
                foreign(catalog, &resource.address, &resource.handle.kind, uid)
            }
        }
    }
}

/// The first retired address from that generation on that is not taken.
pub(crate) fn free(address: &Address, from: u32, taken: impl Fn(&Address) -> bool) -> Address {
    (from..)
        .map(|number| address.retired_as(number))
        .find(|address| !taken(address))
        .unwrap_or_else(|| address.retired_as(from))
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}
