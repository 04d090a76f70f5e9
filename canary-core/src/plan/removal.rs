//! What is ours and not wanted any more.

use std::collections::{BTreeMap, BTreeSet};

use super::decide::{Planner, fields_of, same_incarnation};
use super::{Action, DeleteCause, Obstacle, Outside, Step, diff, free};
use crate::catalog::Catalog;
use crate::graph::{Address, Lifetime};
use crate::ledger::{Ledger, Origin, Record};
use crate::observe::{Object, Sight};

impl<'a> Planner<'a> {
    /// Everything that is ours and not wanted, dependents first.
    pub(super) fn removals(&mut self) {
        let wanted: BTreeSet<&Address> = self.steps.iter().map(|step| &step.address).collect();
        let retiring: BTreeSet<&Address> = self
            .steps
            .iter()
            .filter_map(|step| match &step.action {
                Action::Retire { from, .. } => Some(from),
                Action::Keep
                | Action::Reinstate { .. }
                | Action::Create { .. }
                | Action::Update { .. }
                | Action::Replace { .. }
                | Action::Delete { .. }
                | Action::Forget
                | Action::Blocked(_) => None,
            })
            .collect();
        let ledger: &'a Ledger = self.inputs.ledger;
        let mut leaving: Vec<&'a Record> = ledger
            .records
            .values()
            .filter(|record| self.is_target(record.address.canary()))
            .filter(|record| {
                !wanted.contains(&record.address) && !retiring.contains(&record.address)
            })
            .filter(|record| self.inputs.purpose.destroy || !self.is_wanted(&record.address))
            .collect();
        dependents_first(&mut leaving);
        for record in leaving {
            let step = self.removal(record);
            self.steps.push(step);
        }
    }

    fn is_wanted(&self, address: &Address) -> bool {
        self.inputs.desired.get(address).is_some()
    }

    fn removal(&self, record: &Record) -> Step {
        let cause = match record.lifetime {
            Lifetime::Retired { .. } if self.evicted.contains(&record.address) => {
                Some(DeleteCause::NoRoom)
            }
            _ if record.origin == Origin::Stray => Some(DeleteCause::Stray),
            Lifetime::Retired { .. }
                if self.inputs.purpose.destroy && self.inputs.purpose.retired_too =>
            {
                Some(DeleteCause::Destroy)
            }
            Lifetime::Retired { until } if until > self.inputs.observed.at => None,
            Lifetime::Retired { .. } => Some(DeleteCause::KeptLongEnough),
            Lifetime::Current if self.inputs.purpose.destroy => Some(DeleteCause::Destroy),
            Lifetime::Current => Some(DeleteCause::NotDeclared),
        };
        let (action, outside) = self.decide_removal(record, cause);
        let action = self.with_what_it_holds(record, action);
        let mut step = self.removal_step(record, action, outside);
        if let Action::Retire { until, .. } = step.action {
            let known = &self.inputs.ledger.records;
            step.address = free(&record.address, record.generation, |address| {
                known.contains_key(address)
            });
            step.lifetime = Lifetime::Retired { until };
        }
        step
    }

    pub(super) fn removal_step(
        &self,
        record: &Record,
        action: Action,
        outside: Option<Outside>,
    ) -> Step {
        Step {
            address: record.address.clone(),
            provider: record.provider.clone(),
            handle: record.handle.clone(),
            action,
            outside,
            // Whoever needed this goes first.
            needs: self
                .index
                .needed_by
                .get(&record.address)
                .into_iter()
                .chain(self.index.held.get(&record.handle))
                .flatten()
                .map(|address| (*address).clone())
                .collect(),
            choice: None,
            content: BTreeMap::new(),
            // What it is known by out there, as a key's identifier.
            remarks: record
                .outputs
                .iter()
                .filter_map(|(name, value)| Some((name.clone(), value.public()?.to_owned())))
                .collect(),
            lifetime: record.lifetime,
            active: record.active,
            expires: record.expires,
        }
    }

    pub(super) fn decide_removal(
        &self,
        record: &Record,
        cause: Option<DeleteCause>,
    ) -> (Action, Option<Outside>) {
        let catalog = self.inputs.catalogs.get(&record.provider);
        let observable = catalog.is_none_or(|catalog| catalog.observable(&record.handle.kind));
        if !observable {
            let action = cause.map_or(Action::Keep, |cause| Action::Delete { have: None, cause });
            return (action, None);
        }
        let sight = self.sight(&record.provider, &record.handle);
        let is_surely_it = catalog
            .is_some_and(|catalog| catalog.has_own_identifier(&record.handle.kind))
            && matches!(sight, Sight::There(object) if same_incarnation(record, object));
        // What was ours in it went with it, whatever has its name now; but for what was made in the other one.
        if !is_surely_it && let Some(uid) = self.other_place(record) {
            return (Action::Forget, Some(Outside::Recreated { uid }));
        }
        match sight {
            Sight::Unseen(gap) => match cause {
                Some(_) => (Action::Blocked(Obstacle::Unseen(gap.cloned())), None),
                None => (Action::Keep, None),
            },
            Sight::Absent => (Action::Forget, Some(Outside::Deleted)),
            Sight::There(object) if !same_incarnation(record, object) => {
                let uid = object.version.uid.clone();
                (Action::Forget, Some(Outside::Recreated { uid }))
            }
            Sight::There(object) => {
                let outside =
                    catalog.and_then(|catalog| changed_outside(catalog.as_ref(), record, object));
                match cause {
                    Some(_) if object.deleting => {
                        (Action::Blocked(Obstacle::Deleting), Some(Outside::Deleting))
                    }
                    Some(cause) => {
                        let have = Some(object.version.clone());
                        (Action::Delete { have, cause }, outside)
                    }
                    None => (Action::Keep, outside),
                }
            }
        }
    }
}

fn changed_outside(catalog: &dyn Catalog, record: &Record, object: &Object) -> Option<Outside> {
    let seen = fields_of(record, object)?;
    let changed = diff::outside(catalog, &record.handle.kind, &record.fields, seen);
    (!changed.is_empty()).then_some(Outside::Changed(changed))
}

/// Orders records so that each comes after everything that needs it.
fn dependents_first(records: &mut Vec<&Record>) {
    let mut ordered: Vec<&Record> = Vec::with_capacity(records.len());
    let mut placed: BTreeSet<&Address> = BTreeSet::new();
    let mut needed_by: BTreeMap<&Address, usize> = BTreeMap::new();
    let leaving: BTreeSet<&Address> = records.iter().map(|record| &record.address).collect();
    for record in records.iter() {
        for need in record.needs.iter().filter(|need| leaving.contains(need)) {
            *needed_by.entry(need).or_default() += 1;
        }
    }
    let mut ready: BTreeSet<&Address> = leaving
        .iter()
        .copied()
        .filter(|address| !needed_by.contains_key(address))
        .collect();
    let by_address: BTreeMap<&Address, &Record> = records
        .iter()
        .map(|record| (&record.address, *record))
        .collect();
    while let Some(address) = ready.pop_first() {
        let record = by_address[address];
        ordered.push(record);
        placed.insert(address);
        for need in record.needs.iter().filter(|need| leaving.contains(need)) {
            if let Some(count) = needed_by.get_mut(need) {
                *count -= 1;
                if *count == 0
                    && let Some((address, _)) = by_address.get_key_value(need)
                {
                    ready.insert(address);
                }
            }
        }
    }
    // A ledger whose records need each other was not written by this program; nothing is left out all the same.
    ordered.extend(
        records
            .iter()
            .filter(|record| !placed.contains(&record.address)),
    );
    *records = ordered;
}
