//! The decision: what is to be done about each resource.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::diff::{self, Outcome, Resolver};
use super::{
    Action, CreateCause, DeleteCause, FieldChange, Obstacle, Outside, Plan, ReplaceCause, Step,
    Wanted,
};
use crate::catalog::{Catalog, FieldRule, Pinned};
use crate::check::{Note, Severity};
use crate::disguise::Digester;
use crate::graph::{Address, CanaryId, Desired, Handle, Lifetime, ProviderId, Resource};
use crate::ledger::{Ledger, Outputs, Record};
use crate::observe::{Object, Observed, Seen, Sight, Version};

/// The catalogs, by provider.
pub type Catalogs = BTreeMap<ProviderId, Arc<dyn Catalog>>;

/// What a plan is made for.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Purpose {
    /// Remove everything instead.
    pub destroy: bool,
    /// With `destroy`: retired ones too, which stops them from firing.
    pub retired_too: bool,
    /// Only these canaries and what they need; empty for all.
    pub targets: BTreeSet<CanaryId>,
}

/// Everything that a plan is made from.
pub struct Inputs<'a> {
    /// What should be there.
    pub desired: &'a Desired,
    /// What was seen.
    pub observed: &'a Observed,
    /// What is ours.
    pub ledger: &'a Ledger,
    /// What the providers know.
    pub catalogs: &'a Catalogs,
    /// The makers of digests, by provider.
    pub digesters: &'a BTreeMap<ProviderId, Digester>,
    /// Choices made earlier.
    pub pinned: &'a BTreeMap<Address, Pinned>,
    /// What the checks said; errors block.
    pub notes: &'a [Note],
    /// How long retired resources of a canary are kept.
    pub keep_retired: &'a BTreeMap<CanaryId, SignedDuration>,
    /// What for.
    pub purpose: &'a Purpose,
}

/// Works out what takes the world to what should be there. Total and pure.
#[must_use]
pub fn plan(inputs: &Inputs<'_>) -> Plan {
    let mut planner = Planner {
        inputs,
        targets: closed_targets(inputs),
        index: Index::new(inputs),
        steps: Vec::with_capacity(inputs.desired.len().max(inputs.ledger.records.len())),
        settled: BTreeMap::new(),
        blocked: BTreeSet::new(),
    };
    if !inputs.purpose.destroy {
        for resource in inputs.desired.in_order() {
            planner.want(resource);
        }
    }
    planner.removals();
    Plan {
        at: inputs.observed.at,
        sites: inputs.observed.sites.clone(),
        purpose: inputs.purpose.clone(),
        steps: planner.steps,
        gaps: inputs.observed.gaps.clone(),
    }
}

/// The targeted canaries and, transitively, those whose resources they need; where they are removed, those that need
/// theirs. `None` for all.
fn closed_targets(inputs: &Inputs<'_>) -> Option<BTreeSet<CanaryId>> {
    if inputs.purpose.targets.is_empty() {
        return None;
    }
    let mut closed = inputs.purpose.targets.clone();
    if inputs.purpose.destroy {
        let records = &inputs.ledger.records;
        loop {
            let before = closed.len();
            let needing = records.values().filter(|record| {
                let mut needs = record.needs.iter();
                needs.any(|need| closed.contains(need.canary()))
            });
            let needing: Vec<CanaryId> = needing.map(|r| r.address.canary().clone()).collect();
            closed.extend(needing);
            if closed.len() == before {
                return Some(closed);
            }
        }
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
struct Index<'a> {
    /// Resources that the checks refuse, with the first of their errors.
    refused: BTreeMap<&'a Address, &'a Note>,
    /// Whose records need this one.
    needed_by: BTreeMap<&'a Address, Vec<&'a Address>>,
    /// Records that nothing is declared for under their address, by what they are called.
    unwanted: BTreeMap<&'a Handle, Vec<&'a Record>>,
    /// Places that are known not to be there, by the scope that they would be.
    missing: BTreeMap<(&'a ProviderId, &'a str), &'a Handle>,
}

impl<'a> Index<'a> {
    fn new(inputs: &Inputs<'a>) -> Self {
        let mut index = Self {
            refused: BTreeMap::new(),
            needed_by: BTreeMap::new(),
            unwanted: BTreeMap::new(),
            missing: BTreeMap::new(),
        };
        for note in inputs.notes {
            if let (Severity::Error, Some(address)) = (note.severity, &note.address) {
                index.refused.entry(address).or_insert(note);
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
            for need in &record.needs {
                let needed_by = index.needed_by.entry(need).or_default();
                needed_by.push(&record.address);
            }
        }
        for (provider, handles) in &inputs.observed.absent {
            for handle in handles.iter().filter(|handle| handle.scope.is_none()) {
                let place = (provider, handle.name.as_str());
                index.missing.entry(place).or_insert(handle);
            }
        }
        index
    }
}

struct Planner<'a> {
    inputs: &'a Inputs<'a>,
    index: Index<'a>,
    targets: Option<BTreeSet<CanaryId>>,
    steps: Vec<Step>,
    /// Outputs that are known now and stay.
    settled: BTreeMap<Address, &'a Outputs>,
    blocked: BTreeSet<Address>,
}

/// What is known about a resource before anything is decided.
enum Standing<'a> {
    /// Never made, as far as we know.
    Unknown,
    /// Ours; this is its record.
    Ours(&'a Record),
}

impl<'a> Planner<'a> {
    fn is_target(&self, canary: &CanaryId) -> bool {
        self.targets
            .as_ref()
            .is_none_or(|targets| targets.contains(canary))
    }

    /// Plans one wanted resource.
    fn want(&mut self, resource: &'a Arc<Resource>) {
        if !self.is_target(resource.address.canary()) {
            if let Some(record) = self.inputs.ledger.records.get(&resource.address) {
                self.settled
                    .insert(resource.address.clone(), &record.outputs);
            }
            return;
        }
        let mut needs = resource.needs();
        let content = self.content(resource);
        let current = self.inputs.ledger.records.get(&resource.address);
        let (of_today, of_another_name) = match current {
            Some(record) if record.handle == resource.handle => (Some(record), None),
            other => (None, other),
        };
        let twin = match of_today {
            Some(_) => None,
            None => self.twin(resource, &content),
        };
        let standing = of_today.or(twin).map_or(Standing::Unknown, Standing::Ours);
        let (action, mut outside) = self.decide(resource, &standing, &content);
        let action = self.or_blocked(resource, action);
        // What stands in its place stays there as long as nothing takes that.
        if !matches!(action, Action::Blocked(_)) {
            let mut before = BTreeSet::new();
            if let Some(record) = of_another_name {
                match self.decide_removal(record, None) {
                    (Action::Forget, seen) => outside = outside.or(seen),
                    (_, seen) => drop(before.insert(self.retire(record, seen))),
                }
            }
            if let Some(record) = twin {
                before.insert(self.reinstate(record, &resource.address, &before));
            }
            needs.extend(before);
        }
        // What is kept although a check objects gets nothing new that needs it, as a fresh token.
        if matches!(action, Action::Blocked(_)) || self.objection(&resource.address).is_some() {
            self.blocked.insert(resource.address.clone());
        }
        if let Standing::Ours(record) = &standing
            && matches!(action, Action::Keep | Action::Update { .. })
            && !record.outputs.is_empty()
        {
            self.settled
                .insert(resource.address.clone(), &record.outputs);
        }
        let record = match standing {
            Standing::Ours(record) => Some(record),
            Standing::Unknown => None,
        };
        let content = if matches!(action, Action::Keep) {
            BTreeMap::new()
        } else {
            content
        };
        self.steps.push(Step {
            address: resource.address.clone(),
            provider: resource.provider.clone(),
            handle: resource.handle.clone(),
            action,
            outside,
            needs,
            choice: Some(self.choice(resource)),
            content,
            remarks: resource.remarks.clone(),
            lifetime: resource.lifetime,
            active: resource.active,
            expires: record.and_then(|record| record.expires),
        });
    }

    fn choice(&self, resource: &Resource) -> Pinned {
        let earlier = self
            .inputs
            .pinned
            .get(&resource.address)
            .filter(|pinned| pinned.generation == resource.generation);
        Pinned {
            generation: resource.generation,
            handle: resource.handle.clone(),
            written: resource.written.clone(),
            born: earlier.map_or(self.inputs.observed.at, |pinned| pinned.born),
        }
    }

    fn content(&self, resource: &Resource) -> BTreeMap<String, Wanted> {
        let Some(digester) = self.inputs.digesters.get(&resource.provider) else {
            return BTreeMap::new();
        };
        Resolver {
            digester,
            outputs: &self.settled,
        }
        .content(resource)
    }

    /// What is out there under the name already and is not wanted under the address that it has: retired before a change
    /// that was taken back, or of a canary that is declared under another label now.
    fn twin(&self, resource: &Resource, content: &BTreeMap<String, Wanted>) -> Option<&'a Record> {
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
    fn retire(&mut self, record: &'a Record, outside: Option<Outside>) -> Address {
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
    fn reinstate(
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

    fn or_blocked(&self, resource: &Resource, action: Action) -> Action {
        if matches!(action, Action::Keep | Action::Blocked(_)) {
            return action;
        }
        if let Some(note) = self.objection(&resource.address) {
            return Action::Blocked(Obstacle::Unsafe(note.message.clone()));
        }
        match resource
            .needs()
            .into_iter()
            .find(|need| self.blocked.contains(need))
        {
            Some(need) => Action::Blocked(Obstacle::Waits(need)),
            None => action,
        }
    }

    /// What a check says against a resource.
    fn objection(&self, address: &Address) -> Option<&'a Note> {
        self.index.refused.get(address).copied()
    }

    fn decide(
        &self,
        resource: &Resource,
        standing: &Standing<'_>,
        content: &BTreeMap<String, Wanted>,
    ) -> (Action, Option<Outside>) {
        let Some(catalog) = self.inputs.catalogs.get(&resource.provider) else {
            return (Action::Blocked(Obstacle::Unseen(None)), None);
        };
        if !catalog.observable(&resource.handle.kind) {
            return (
                self.decide_unseen(resource, standing, content, catalog.as_ref()),
                None,
            );
        }
        let sight = self
            .inputs
            .observed
            .sight(&resource.provider, &resource.handle);
        match (standing, sight) {
            // Where there is no place there is nothing to be seen in it.
            (Standing::Unknown, Sight::Unseen(_)) if self.missing_place(resource).is_some() => {
                (self.create(resource, CreateCause::New), None)
            }
            (_, Sight::Unseen(gap)) => (Action::Blocked(Obstacle::Unseen(gap.cloned())), None),
            (Standing::Unknown, Sight::Absent) => (self.create(resource, CreateCause::New), None),
            (Standing::Ours(_), Sight::Absent) => (
                self.create(resource, CreateCause::DeletedOutside),
                Some(Outside::Deleted),
            ),
            // Whoever's it is, its name will be free.
            (Standing::Unknown, Sight::There(object)) if object.deleting => {
                (Action::Blocked(Obstacle::Deleting), None)
            }
            (Standing::Unknown, Sight::There(object)) => {
                let obstacle = self.whose(resource, object);
                (Action::Blocked(obstacle), None)
            }
            (Standing::Ours(record), Sight::There(object)) => {
                self.compare(catalog.as_ref(), record, object, content)
            }
        }
    }

    /// Whose an object is that has the name of something new.
    fn whose(&self, resource: &Resource, object: &Object) -> Obstacle {
        let mut records = self.inputs.ledger.records.values();
        let ours = records.find(|record| {
            record.provider == resource.provider
                && record.handle == resource.handle
                && same_incarnation(record, object)
        });
        match ours {
            Some(record) => Obstacle::Ours(record.address.clone()),
            None => Obstacle::Foreign {
                uid: object.version.uid.clone(),
            },
        }
    }

    /// What leaves no object: the ledger alone tells.
    fn decide_unseen(
        &self,
        resource: &Resource,
        standing: &Standing<'_>,
        content: &BTreeMap<String, Wanted>,
        catalog: &dyn Catalog,
    ) -> Action {
        let Standing::Ours(record) = standing else {
            return Action::Create {
                cause: CreateCause::New,
            };
        };
        if is_expiring(record, self.inputs.observed.at) {
            return replace(None, ReplaceCause::Expiring);
        }
        if record.generation != resource.generation {
            return replace(None, ReplaceCause::Rotated);
        }
        match diff::diff(catalog, &resource.handle.kind, &record.fields, content) {
            Outcome::Same => Action::Keep,
            Outcome::InPlace(changes) | Outcome::Anew(changes) => {
                replace(None, ReplaceCause::Immutable(changes))
            }
        }
    }

    fn create(&self, resource: &Resource, cause: CreateCause) -> Action {
        match self.missing_place(resource) {
            Some(place) => Action::Blocked(Obstacle::NoPlace(place.to_string())),
            None => Action::Create { cause },
        }
    }

    /// What would have to be there first, as a namespace, and is known not to be.
    fn missing_place(&self, resource: &Resource) -> Option<&Handle> {
        let scope = resource.handle.scope.as_deref()?;
        self.index
            .missing
            .get(&(&resource.provider, scope))
            .copied()
    }

    fn compare(
        &self,
        catalog: &dyn Catalog,
        record: &Record,
        object: &Object,
        content: &BTreeMap<String, Wanted>,
    ) -> (Action, Option<Outside>) {
        let kind = &record.handle.kind;
        if !same_incarnation(record, object) {
            let uid = object.version.uid.clone();
            let outside = Outside::Recreated { uid: uid.clone() };
            return (Action::Blocked(Obstacle::Foreign { uid }), Some(outside));
        }
        if object.deleting {
            return (Action::Blocked(Obstacle::Deleting), Some(Outside::Deleting));
        }
        let Some(seen) = fields_of(record, object) else {
            return (Action::Blocked(Obstacle::Unseen(None)), None);
        };
        let changed = diff::outside(catalog, kind, &record.fields, seen);
        // What no configuration says and the world made, as a token: another one cannot be put right.
        let spoilt: Vec<FieldChange> = changed
            .iter()
            .filter(|change| !content.contains_key(&change.field))
            .filter(|change| catalog.field_rule(kind, &change.field, false) == FieldRule::Ignored)
            .cloned()
            .collect();
        let outside = (!changed.is_empty()).then_some(Outside::Changed(changed));
        let have = object.version.clone();
        let action = match insisted_on(record, seen, diff::diff(catalog, kind, seen, content)) {
            Outcome::Same if !spoilt.is_empty() => {
                replace(Some(have), ReplaceCause::Immutable(spoilt))
            }
            Outcome::Same => Action::Keep,
            Outcome::InPlace(changes) => Action::Update { have, changes },
            Outcome::Anew(changes) => replace(Some(have), ReplaceCause::Immutable(changes)),
        };
        (action, outside)
    }

    /// Everything that is ours and not wanted, dependents first.
    fn removals(&mut self) {
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
        self.removal_step(record, action, outside)
    }

    fn removal_step(&self, record: &Record, action: Action, outside: Option<Outside>) -> Step {
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
                .flatten()
                .map(|address| (*address).clone())
                .collect(),
            choice: None,
            content: BTreeMap::new(),
            remarks: BTreeMap::new(),
            lifetime: record.lifetime,
            active: record.active,
            expires: record.expires,
        }
    }

    fn decide_removal(
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
        match self.inputs.observed.sight(&record.provider, &record.handle) {
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

/// Without what the world itself put into the object when we wrote it, as admission does, and what is still so: to
/// remove it would be to remove it each time.
fn insisted_on(record: &Record, seen: &BTreeMap<String, Seen>, outcome: Outcome) -> Outcome {
    let Outcome::InPlace(mut changes) = outcome else {
        return outcome;
    };
    changes.retain(|change| {
        let name = &change.field;
        change.after.is_some()
            || !record.added.contains(name)
            || record.fields.get(name) != seen.get(name)
    });
    if changes.is_empty() {
        Outcome::Same
    } else {
        Outcome::InPlace(changes)
    }
}

/// The first retired address from that generation on that is not taken.
pub(crate) fn free(address: &Address, from: u32, taken: impl Fn(&Address) -> bool) -> Address {
    (from..)
        .map(|number| address.retired_as(number))
        .find(|address| !taken(address))
        .unwrap_or_else(|| address.retired_as(from))
}

fn replace(have: Option<Version>, cause: ReplaceCause) -> Action {
    Action::Replace { have, cause }
}

fn same_incarnation(record: &Record, object: &Object) -> bool {
    record
        .version
        .as_ref()
        .is_some_and(|version| version.uid == object.version.uid)
}

/// The object's content: as read, or as recorded when its version has not moved.
fn fields_of<'a>(record: &'a Record, object: &'a Object) -> Option<&'a BTreeMap<String, Seen>> {
    if let Some(fields) = &object.fields {
        return Some(fields);
    }
    (record.version.as_ref() == Some(&object.version)).then_some(&record.fields)
}

/// A credential is made anew in the last fifth of its granted life, so that it never dies between two applies of a
/// team that applies at least that often.
fn is_expiring(record: &Record, now: Timestamp) -> bool {
    let Some(expires) = record.expires else {
        return false;
    };
    let life = expires.duration_since(record.planted);
    expires.duration_since(now) < life / 5
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
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
