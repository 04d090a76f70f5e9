//! The looks that one looking takes: at all that is asked for, at what that shows to be needed, at what a plan changes.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::look::View;
use super::{Engine, EngineError};
use crate::catalog::Catalog;
use crate::graph::{Address, Handle, ProviderId, Resource};
use crate::ledger::{Ledger, Record};
use crate::observe::{Look, Observed, SHOWN_LATE, Scope, Sight, Site};
use crate::plan::{Action, Plan, Purpose, Step};

impl Engine {
    /// What to list in order to choose for the declared canaries of a provider and to see them.
    pub(super) fn scopes(&self, id: &ProviderId) -> BTreeSet<Scope> {
        let Some(catalog) = self.catalogs.get(id) else {
            return BTreeSet::new();
        };
        let declared = self.config.canaries.values();
        declared
            .filter(|canary| canary.provider == *id)
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
                .filter(|handle| matches!(observed.sight(id, handle), Sight::Unseen(_)))
                .filter(|handle| {
                    // Where there is no place there is nothing to be seen in it.
                    let place = provider.catalog.place(handle);
                    place.is_none_or(|place| !matches!(observed.sight(id, &place), Sight::Absent))
                })
                .collect::<BTreeSet<Handle>>();
            know_neighbours(&mut look, provider.catalog.as_ref(), ledger, id, site);
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
                know_neighbours(&mut look, provider.catalog.as_ref(), &view.ledger, id, site);
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

/// Adds what is known of one of ours to a look.
fn know(look: &mut Look, record: &Record, site: &Site) {
    look.known
        .insert(record.handle.clone(), record.version.clone());
    let now = site.time(look.at);
    let is_recent = |at| now.duration_since(at) < SHOWN_LATE;
    if is_recent(record.rewritten.unwrap_or(record.planted)) {
        look.recent.insert(record.handle.clone());
    }
    if is_recent(record.planted) {
        look.made.insert(record.handle.clone());
    }
}

/// Adds what is known of what stands beside the names of a look, where the site names such things: which of them are
/// ours is known by their versions alone.
fn know_neighbours(
    look: &mut Look,
    catalog: &dyn Catalog,
    ledger: &Ledger,
    id: &ProviderId,
    site: &Site,
) {
    let scopes: BTreeSet<Scope> = look
        .names
        .iter()
        .filter(|handle| catalog.is_ours_alone(&handle.kind))
        .map(Scope::of)
        .collect();
    if scopes.is_empty() {
        return;
    }
    let records = ledger
        .records
        .values()
        .filter(|record| record.provider == *id);
    for record in records.filter(|record| scopes.contains(&Scope::of(&record.handle))) {
        know(look, record, site);
    }
}
