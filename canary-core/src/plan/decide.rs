//! The decision: what is to be done about each resource.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::diff::{self, Outcome, Resolver};
use super::index::{Index, closed_targets};
use super::steps::ToldEarlier;
use super::{
    Action, CreateCause, FieldChange, Obstacle, Outside, Plan, ReplaceCause, Step, Wanted,
};
use crate::catalog::{Catalog, FieldRule, Pinned};
use crate::check::Note;
use crate::disguise::Digester;
use crate::graph::{Address, CanaryId, Desired, Handle, ProviderId, Resource};
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
        evicted: BTreeSet::new(),
        replaced: BTreeSet::new(),
        settled: BTreeMap::new(),
        blocked: BTreeSet::new(),
    };
    if !inputs.purpose.destroy {
        for resource in inputs.desired.in_order() {
            planner.want(resource);
        }
    }
    planner.removals();
    planner.strangers();
    Plan {
        at: inputs.observed.at,
        sites: inputs.observed.sites.clone(),
        purpose: inputs.purpose.clone(),
        steps: planner.steps,
        gaps: inputs.observed.gaps.clone(),
        told_earlier: ToldEarlier::of(inputs.observed),
    }
}

pub(super) struct Planner<'a> {
    pub(super) inputs: &'a Inputs<'a>,
    pub(super) index: Index<'a>,
    targets: Option<BTreeSet<CanaryId>>,
    pub(super) steps: Vec<Step>,
    /// Kept ones that go because something newer needs their room.
    pub(super) evicted: BTreeSet<Address>,
    /// What goes and is made anew under its name.
    pub(super) replaced: BTreeSet<Handle>,
    /// Outputs that are known now and stay.
    settled: BTreeMap<Address, &'a Outputs>,
    blocked: BTreeSet<Address>,
}

/// What is known about a resource before anything is decided.
pub(super) enum Standing<'a> {
    /// Never made, as far as we know.
    Unknown,
    /// Ours; this is its record.
    Ours(&'a Record),
}

impl<'a> Planner<'a> {
    pub(super) fn is_target(&self, canary: &CanaryId) -> bool {
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
        let (action, makes_room) = self.with_room(resource, current, action);
        needs.extend(makes_room);
        let (action, goes_first) = self.with_its_place(resource, action);
        needs.extend(goes_first);
        // What stands in its place stays there as long as nothing takes that.
        if !matches!(action, Action::Blocked(_)) {
            let mut before = BTreeSet::new();
            if let Some(record) = of_another_name
                && !is_replaced(&action)
            {
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

    /// What a check says against a resource, or against its canary.
    fn objection(&self, address: &Address) -> Option<&'a Note> {
        let whole = || self.index.refused_whole.get(address.canary());
        self.index.refused.get(address).or_else(whole).copied()
    }

    pub(super) fn decide(
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
        let sight = self.sight(&resource.provider, &resource.handle);
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
                let obstacle = self.whose(catalog.as_ref(), resource, object);
                (Action::Blocked(obstacle), None)
            }
            (Standing::Ours(record), Sight::There(object)) => {
                self.compare(catalog.as_ref(), record, object, content)
            }
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
            let obstacle = foreign(catalog, &record.address, kind, uid);
            return (Action::Blocked(obstacle), Some(outside));
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

/// Something that is not ours, under a name of ours.
pub(super) fn foreign(
    catalog: &dyn Catalog,
    address: &Address,
    kind: &str,
    uid: String,
) -> Obstacle {
    let is_part = address.part().is_some();
    let way_out = is_part.then(|| catalog.when_taken(kind)).flatten();
    Obstacle::Foreign {
        uid,
        way_out: way_out.map(str::to_owned),
    }
}

/// Whether what was there goes in the same step.
fn is_replaced(action: &Action) -> bool {
    matches!(
        action,
        Action::Replace {
            have: Some(_),
            cause: ReplaceCause::NoRoom
        }
    )
}

pub(super) fn replace(have: Option<Version>, cause: ReplaceCause) -> Action {
    Action::Replace { have, cause }
}

pub(super) fn same_incarnation(record: &Record, object: &Object) -> bool {
    record
        .version
        .as_ref()
        .is_some_and(|version| version.uid == object.version.uid)
}

/// The object's content: as read, or as recorded when its version has not moved.
pub(super) fn fields_of<'a>(
    record: &'a Record,
    object: &'a Object,
) -> Option<&'a BTreeMap<String, Seen>> {
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
