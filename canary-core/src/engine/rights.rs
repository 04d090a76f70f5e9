//! What our identities may do because others give them rights.

use std::collections::{BTreeMap, BTreeSet};

use super::look::pinned;
use super::{Engine, EngineError, View};
use crate::check::Note;
use crate::graph::{Address, Handle, Lifetime, ProviderId, Resource};
use crate::ledger::{Ledger, Record};
use crate::observe::{Gap, Look, Observed, Place, Reason, Scope};

impl Engine {
    /// Looks at the rights of what acts under an identity of its own, and at no more than that needs: the neighbours
    /// that its name is chosen by. Where there is no such thing, nothing is asked.
    ///
    /// # Errors
    /// As [`Engine::look`].
    pub async fn look_at_rights(&self, mut ledger: Ledger) -> Result<View, EngineError> {
        let mut observed = self.seen_nothing();
        for (id, provider) in self.used() {
            let is_identity = |kind: &str| provider.catalog.is_identity(kind);
            let scopes = self.scopes_of_identities(id);
            let kept = ledger
                .records
                .values()
                .any(|record| record.provider == *id && is_identity(&record.handle.kind));
            if scopes.is_empty() && !kept {
                let known = ledger.sites.get(id).cloned().unwrap_or_default();
                observed.sites.insert(id.clone(), known);
                continue;
            }
            let (observe, site) = self.enter(id, provider, &ledger).await?;
            let mut look = Look::new(self.keys(id, &site).digester(), observed.at);
            look.scopes = scopes;
            observed.merge(observe.observe(&look).await);
            observed.sites.insert(id.clone(), site);
        }
        let cut_off = self.reconcile(&mut ledger, &observed);
        let pinned = pinned(&ledger, &cut_off.chosen, &BTreeMap::new());
        let resources = self.lower(&observed, &pinned, &ledger)?;
        self.ask_for_rights(&mut observed, &resources, &ledger)
            .await;
        self.view(observed, ledger, cut_off, pinned, resources)
    }

    /// Whether anything is declared that acts under an identity of its own, whether or not it is known yet where.
    #[must_use]
    pub fn declares_identities(&self) -> bool {
        self.used()
            .any(|(id, _)| !self.scopes_of_identities(id).is_empty())
    }

    /// What is listed in order to choose for what acts under an identity of its own.
    fn scopes_of_identities(&self, id: &ProviderId) -> BTreeSet<Scope> {
        let Some(catalog) = self.catalogs.get(id) else {
            return BTreeSet::new();
        };
        let mut scopes = self.scopes(id);
        scopes.retain(|scope| catalog.is_identity(&scope.kind) || catalog.is_ground(&scope.kind));
        scopes
    }

    /// Asks for the rights of what acts under an identity of its own, where there is such a thing.
    pub(super) async fn ask_for_rights(
        &self,
        observed: &mut Observed,
        resources: &[Resource],
        ledger: &Ledger,
    ) {
        let all: Vec<&Resource> = resources.iter().collect();
        for (id, provider) in self.used() {
            let identities = self.identities(id, &all, ledger, observed);
            let (Some(observe), Some(site)) = (&provider.observe, observed.sites.get(id)) else {
                continue;
            };
            if identities.is_empty() {
                continue;
            }
            let mut look = Look::new(self.keys(id, site).digester(), observed.at);
            look.rights_of = identities.into_values().collect();
            observed.merge(observe.observe(&look).await);
        }
        self.tell_unasked_rights(observed, resources, ledger, "");
    }

    /// A gap for each provider that has identities of ours: why their rights are not known.
    #[must_use]
    pub fn rights_unseen(&self, view: &View, reason: Reason, detail: &str) -> Vec<Gap> {
        let resources: Vec<&Resource> = view.desired.in_order().map(AsRef::as_ref).collect();
        self.used()
            .filter_map(|(id, _)| {
                let identities = self.identities(id, &resources, &view.ledger, &view.observed);
                gap(id, &identities, reason, detail)
            })
            .collect()
    }

    /// Where nobody asked for rights that matter, that is a gap; where none matter, what is missing about them is not.
    pub(super) fn tell_unasked_rights(
        &self,
        observed: &mut Observed,
        resources: &[Resource],
        ledger: &Ledger,
        detail: &str,
    ) {
        let resources: Vec<&Resource> = resources.iter().collect();
        for (id, _) in self.used() {
            let identities = self.identities(id, &resources, ledger, observed);
            if identities.is_empty() {
                let idle = |gap: &Gap| gap.provider == *id && matches!(gap.place, Place::Rights(_));
                observed.gaps.retain(|gap| !idle(gap));
            } else if !observed.grants.contains_key(id) {
                let unasked = gap(id, &identities, Reason::NotAsked, detail);
                observed.gaps.extend(unasked);
            }
        }
    }

    /// What the catalogs say about the rights that were seen.
    pub(super) fn rights(
        &self,
        resources: &[&Resource],
        ledger: &Ledger,
        observed: &Observed,
    ) -> Vec<Note> {
        let mut notes = Vec::new();
        for (id, provider) in self.used() {
            if let Some(grants) = observed.grants.get(id) {
                let identities = self.identities(id, resources, ledger, observed);
                notes.extend(provider.catalog.rights(&identities, grants));
            }
        }
        notes
    }

    /// What acts under an identity of its own: what is declared, and what is retired or about to be.
    pub(super) fn identities(
        &self,
        id: &ProviderId,
        resources: &[&Resource],
        ledger: &Ledger,
        observed: &Observed,
    ) -> BTreeMap<Address, Handle> {
        let Some(catalog) = self.catalogs.get(id) else {
            return BTreeMap::new();
        };
        let declared: BTreeMap<&Address, &Handle> = resources
            .iter()
            .filter(|resource| resource.provider == *id)
            .map(|resource| (&resource.address, &resource.handle))
            .collect();
        // A retired one may still be stolen, and then still act.
        let kept = |record: &Record| match record.lifetime {
            Lifetime::Retired { until } => {
                (until > observed.at).then(|| (record.address.clone(), record.handle.clone()))
            }
            Lifetime::Current => declared
                .get(&record.address)
                .filter(|handle| ***handle != record.handle)
                .map(|_| {
                    let retired = record.address.retired_as(record.generation);
                    (retired, record.handle.clone())
                }),
        };
        let of_ledger = ledger
            .records
            .values()
            .filter(|record| record.provider == *id)
            .filter_map(kept);
        declared
            .iter()
            .map(|(address, handle)| ((*address).clone(), (*handle).clone()))
            .chain(of_ledger)
            .filter(|(_, handle)| catalog.is_identity(&handle.kind))
            .collect()
    }
}

/// One gap for all of them, by the names that the configuration gives them.
fn gap(
    id: &ProviderId,
    identities: &BTreeMap<Address, Handle>,
    reason: Reason,
    detail: &str,
) -> Option<Gap> {
    let canaries: BTreeSet<_> = identities.keys().map(Address::canary).collect();
    let first = canaries.first()?;
    let place = match canaries.len() {
        1 => format!("rights of {first}"),
        2 => format!("rights of {first} and 1 other"),
        n => format!("rights of {first} and {} others", n - 1),
    };
    Some(Gap {
        provider: id.clone(),
        place: Place::Rights(place),
        reason,
        detail: detail.to_owned(),
    })
}
