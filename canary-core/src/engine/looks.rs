//! The looks that one looking takes: at all that is asked for, at what that shows to be needed, at what a plan changes.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::look::View;
use super::{Engine, EngineError};
use crate::catalog::Catalog;
use crate::graph::{Address, Handle, ProviderId, Resource};
use crate::ledger::{Ledger, Record};
use crate::observe::{Gap, Look, Observed, Reason, SHOWN_LATE, Scope, Sight, Site};
use crate::plan::{Action, Plan, Purpose, Step};

impl Engine {
    /// What to list in order to choose for the declared canaries of a provider and to see them.
    pub(super) fn scopes(&self, id: &ProviderId) -> BTreeSet<Scope> {
        let Some(catalog) = self.catalogs.get(id) else {
            return BTreeSet::new();
        };
        let declared = self.config.canaries.values();
        declared
            .filter(|canary| self.has_part(id, canary))
            .flat_map(|canary| catalog.scopes(canary))
            .collect()
    }

    /// Everything that is known of what is ours, and the kinds and scopes of what is declared.
    pub(super) fn first_look(
        &self,
        id: &ProviderId,
        ledger: &Ledger,
        site: &Site,
        at: Timestamp,
    ) -> Look {
        let mut look = Look::new(self.keys(id, site).digester(), at);
        let Some(catalog) = self.catalogs.get(id) else {
            return look;
        };
        look.scopes = self.scopes(id);
        for record in ledger
            .records
            .values()
            .filter(|record| record.provider == *id)
        {
            if catalog.observable(&record.handle.kind) {
                look.scopes.insert(Scope::of(&record.handle));
                know(&mut look, record, site);
            }
        }
        for intent in ledger.open.values().filter(|intent| intent.provider == *id) {
            if catalog.observable(&intent.handle.kind) {
                look.scopes.insert(Scope::of(&intent.handle));
                look.full.insert(intent.handle.clone());
            }
        }
        look
    }

    /// Names that only lowering could tell, where no list covers them.
    pub(super) async fn second_look(
        &self,
        observed: &mut Observed,
        resources: &[Resource],
        ledger: &Ledger,
    ) {
        for (id, provider) in self.used() {
            let (Some(observe), Some(site)) = (&provider.observe, observed.sites.get(id)) else {
                continue;
            };
            let mut look = Look::new(self.keys(id, site).digester(), observed.at);
            look.names = resources
                .iter()
                .filter(|resource| resource.provider == *id)
                .filter(|resource| provider.catalog.observable(&resource.handle.kind))
                .map(|resource| resource.handle.clone())
                .filter(|handle| is_open(&observed.sight(id, handle)))
                .filter(|handle| {
                    let place = provider.catalog.place(handle);
                    place.is_none_or(|place| is_entered(&observed.sight(id, &place)))
                })
                .collect::<BTreeSet<Handle>>();
            know_names(&mut look, provider.catalog.as_ref(), ledger, id, site);
            if !look.names.is_empty() {
                let seen = observe.observe(&look).await;
                observed.merge(seen);
            }
        }
    }

    /// What something is to be done about, or about what needs it, where only something old told of it.
    pub(super) async fn third_look(&self, view: &mut View) -> Result<(), EngineError> {
        if view.observed.told_earlier.is_empty() {
            return Ok(());
        }
        let plan = self.plan(view, &Purpose::default())?;
        for (id, provider) in self.used() {
            let (Some(observe), Some(site)) = (&provider.observe, view.observed.sites.get(id))
            else {
                continue;
            };
            let Some(told) = view.observed.told_earlier.get(id) else {
                continue;
            };
            let mut look = Look::new(self.keys(id, site).digester(), view.observed.at);
            look.names = changing(&plan, id)
                .filter(|handle| told.contains_key(&Scope::of(handle)))
                .cloned()
                .collect();
            if !look.names.is_empty() {
                know_names(&mut look, provider.catalog.as_ref(), &view.ledger, id, site);
                view.observed.merge(observe.observe(&look).await);
            }
        }
        Ok(())
    }
}

/// What a plan changes of a provider, and what is needed by what it changes.
fn changing<'a>(plan: &'a Plan, id: &'a ProviderId) -> impl Iterator<Item = &'a Handle> {
    let changed = || {
        let steps = plan.steps.iter();
        steps.filter(|step| !matches!(step.action, Action::Keep))
    };
    let needed: BTreeSet<&Address> = changed().flat_map(|step| &step.needs).collect();
    let is_needed = move |step: &&Step| needed.contains(&step.address);
    changed()
        .chain(plan.steps.iter().filter(is_needed))
        .filter(move |step| step.provider == *id)
        .map(|step| &step.handle)
}

/// Whether asking for a name may tell more of it.
fn is_open(sight: &Sight<'_>) -> bool {
    match sight {
        Sight::There(_) | Sight::Absent => false,
        Sight::Unseen(gap) => !gap.is_some_and(is_told),
    }
}

/// Whether something may be asked for in a place. Where there is no place there is nothing in it, and what is in one that is
/// not shown yet, or has another name, would seem to be gone.
fn is_entered(sight: &Sight<'_>) -> bool {
    match sight {
        Sight::There(_) => true,
        Sight::Absent => false,
        Sight::Unseen(gap) => !gap.is_some_and(is_told),
    }
}

/// Whether a gap says all that can be told for now.
fn is_told(gap: &Gap) -> bool {
    matches!(gap.reason, Reason::NotYet | Reason::Renamed)
}

/// Adds what is known of one of ours to a look.
fn know(look: &mut Look, record: &Record, site: &Site) {
    look.known
        .insert(record.handle.clone(), record.version.clone());
    know_when(look, record, site);
}

/// Adds to a look how lately one of ours was written.
fn know_when(look: &mut Look, record: &Record, site: &Site) {
    let now = site.time(look.at);
    let is_recent = |at| now.duration_since(at) < SHOWN_LATE;
    if is_recent(record.rewritten.unwrap_or(record.planted)) {
        look.recent.insert(record.handle.clone());
    }
    if is_recent(record.planted) {
        look.made.insert(record.handle.clone());
    }
}

/// Adds what is known of the names of a look, and of what stands beside them where the site names such things: which of
/// them are ours is known by their versions alone. Of what they are in it is enough whether it may be shown late.
fn know_names(
    look: &mut Look,
    catalog: &dyn Catalog,
    ledger: &Ledger,
    id: &ProviderId,
    site: &Site,
) {
    if look.names.is_empty() {
        return;
    }
    let beside: BTreeSet<Scope> = look
        .names
        .iter()
        .filter(|handle| catalog.is_ours_alone(&handle.kind))
        .map(Scope::of)
        .collect();
    let places: BTreeSet<Handle> = look
        .names
        .iter()
        .filter_map(|handle| catalog.place(handle))
        .collect();
    let records = ledger.records.values();
    for record in records.filter(|record| record.provider == *id) {
        let handle = &record.handle;
        if look.names.contains(handle) || beside.contains(&Scope::of(handle)) {
            know(look, record, site);
        } else if places.contains(handle) {
            know_when(look, record, site);
        }
    }
}
