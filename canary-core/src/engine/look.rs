//! From the ledger and the world to everything that a plan is made from.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Engine, EngineError, Kept, Provider};
use crate::catalog::{Catalog, LowerError, Lowering, Pinned};
use crate::check::Note;
use crate::config::{Canary, Config, Setting};
use crate::detect::{Own, Planted, Tripwire};
use crate::disguise::{Digester, OwnCalls};
use crate::graph::{Address, CanaryId, Desired, Handle, Lifetime, ProviderId, Resource};
use crate::ledger::{Ledger, Record, Settled, Torn, Verb, may_still_come, reconcile, sent};
use crate::observe::{Gap, Look, Observe, Observed, Place, Reason, SHOWN_LATE, Scope, Sight, Site};
use crate::plan::{self, Action, Inputs, Plan, Purpose, Step};

/// The ledger as it was read.
#[derive(Debug, Default)]
pub struct Loaded {
    /// What it says.
    pub ledger: Ledger,
    /// How many of its bytes are whole.
    pub length: usize,
    /// A tail that was never acknowledged.
    pub torn: Option<Torn>,
}

/// Everything that a plan is made from.
#[derive(Debug)]
pub struct View {
    /// What should be there.
    pub desired: Desired,
    /// What was seen.
    pub observed: Observed,
    /// What is ours, cut-off runs reconciled.
    pub ledger: Ledger,
    /// What cut-off runs came to; the next apply writes it down.
    pub settled: Vec<Settled>,
    /// What the checks say.
    pub notes: Vec<Note>,
    pub(super) pinned: BTreeMap<Address, Pinned>,
    pub(super) digesters: BTreeMap<ProviderId, Digester>,
    pub(super) coming: BTreeMap<Address, Timestamp>,
}

/// What cut-off runs left behind.
#[derive(Default)]
pub(super) struct CutOff {
    /// What they came to.
    settled: Vec<Settled>,
    /// What they had chosen for what they did not make, or where nobody can tell.
    pub(super) chosen: BTreeMap<Address, Pinned>,
    /// What they did not make and may still come, and since when.
    coming: BTreeMap<Address, Timestamp>,
}

impl Engine {
    /// Reads the ledger. Needs no lock.
    ///
    /// # Errors
    /// When it cannot be read or is not ours to read.
    pub async fn load(&self) -> Result<Loaded, EngineError> {
        let bytes = self
            .store
            .load()
            .await
            .map_err(|source| self.store_error(source))?;
        let mut ledger = Ledger::default();
        let torn = self
            .journal
            .replay(&bytes, |entry| ledger.add(entry))
            .map_err(|source| EngineError::Journal {
                place: self.store.place(),
                source,
            })?;
        ledger.pack();
        tracing::info!(
            entries = ledger.position,
            resources = ledger.records.len(),
            unknown = ledger.open.len(),
            "the ledger is read"
        );
        Ok(Loaded {
            ledger,
            length: torn.map_or(bytes.len(), |torn| torn.whole),
            torn,
        })
    }

    pub(super) fn store_error(&self, source: crate::ledger::StoreError) -> EngineError {
        EngineError::Store {
            place: self.store.place(),
            source,
        }
    }

    /// Looks at the world and lowers the configuration: everything that a plan is made from.
    ///
    /// # Errors
    /// When the site cannot be told or is another one, or canaries cannot be lowered. What merely could not be seen is
    /// a gap in [`View::observed`].
    pub async fn look(&self, ledger: Ledger) -> Result<View, EngineError> {
        self.look_with(ledger, &BTreeMap::new()).await
    }

    /// As [`Engine::look`], with choices that go before those of the ledger: a saved plan's.
    pub(super) async fn look_with(
        &self,
        mut ledger: Ledger,
        chosen: &BTreeMap<Address, Pinned>,
    ) -> Result<View, EngineError> {
        let mut observed = self.seen_nothing();
        for (id, provider) in self.used() {
            let (observe, site) = self.enter(id, provider, &ledger).await?;
            let look = self.first_look(id, &ledger, &site, observed.at);
            observed.merge(observe.observe(&look).await);
            observed.sites.insert(id.clone(), site);
        }
        let cut_off = self.reconcile(&mut ledger, &observed);
        let pinned = pinned(&ledger, &cut_off.chosen, chosen);
        let resources = self.lower(&observed, &pinned, &ledger)?;
        self.second_look(&mut observed, &resources, &ledger).await;
        self.ask_for_rights(&mut observed, &resources, &ledger)
            .await;
        tracing::info!(
            requests = observed.requests,
            objects = observed.objects.values().map(BTreeMap::len).sum::<usize>(),
            gaps = observed.gaps.len(),
            "looked"
        );
        let mut view = self.view(observed, ledger, cut_off, pinned, resources)?;
        self.third_look(&mut view).await?;
        Ok(view)
    }

    /// The same for a recorded look. The world is not asked.
    ///
    /// # Errors
    /// As [`Engine::look`].
    pub fn look_at(&self, mut observed: Observed, mut ledger: Ledger) -> Result<View, EngineError> {
        for (id, _) in self.used() {
            let site = match observed.sites.get(id) {
                Some(site) => guard(&ledger, id, site.clone())?,
                // Recordings are of one provider.
                None => {
                    observed.gaps.push(Gap {
                        provider: id.clone(),
                        place: Place::Site,
                        reason: Reason::NotAsked,
                        detail: format!("nothing of {id} is in the dump"),
                    });
                    ledger.sites.get(id).cloned().unwrap_or_default()
                }
            };
            observed.sites.insert(id.clone(), site);
        }
        let cut_off = self.reconcile(&mut ledger, &observed);
        let pinned = pinned(&ledger, &cut_off.chosen, &BTreeMap::new());
        let resources = self.lower(&observed, &pinned, &ledger)?;
        self.tell_unasked_rights(&mut observed, &resources, &ledger, "not in the dump");
        self.view(observed, ledger, cut_off, pinned, resources)
    }

    /// Takes in what became of cut-off runs, before names are chosen: what they made has its name already.
    pub(super) fn reconcile(&self, ledger: &mut Ledger, observed: &Observed) -> CutOff {
        let settled = reconcile(ledger, observed, &self.catalogs, &self.keep_retired());
        let mut cut_off = CutOff::default();
        for intent in ledger.open.values() {
            let sight = observed.sight(&intent.provider, &intent.handle);
            // A name that somebody took meanwhile is chosen anew.
            if intent.verb == Verb::Create && !matches!(sight, Sight::There(_)) {
                let address = intent.address.clone();
                if may_still_come(intent, observed) {
                    let sent = sent(intent, observed);
                    cut_off.coming.insert(address.clone(), sent);
                }
                cut_off.chosen.insert(address, choice(&intent.record));
            }
        }
        for settled in &settled {
            ledger.settle(settled);
        }
        cut_off.settled = settled;
        cut_off
    }

    /// Finds out where a provider is, refuses another place than the ledger's, and proves our calls from then on.
    pub(super) async fn enter<'a>(
        &self,
        id: &ProviderId,
        provider: &'a Provider,
        ledger: &Ledger,
    ) -> Result<(&'a dyn Observe, Site), EngineError> {
        let observe = provider.observe.as_ref().ok_or(EngineError::Missing {
            provider: id.clone(),
            need: "look",
        })?;
        let site = observe.site().await.map_err(|gap| EngineError::Site {
            provider: id.clone(),
            gap: Box::new(gap),
        })?;
        let site = guard(ledger, id, site)?;
        observe.enter(&self.keys(id, &site));
        Ok((observe.as_ref(), site))
    }

    pub(super) fn seen_nothing(&self) -> Observed {
        Observed {
            at: self.clock.now(),
            ..Observed::default()
        }
    }

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
    fn first_look(&self, id: &ProviderId, ledger: &Ledger, site: &Site, at: Timestamp) -> Look {
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
    async fn second_look(&self, observed: &mut Observed, resources: &[Resource], ledger: &Ledger) {
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
    async fn third_look(&self, view: &mut View) -> Result<(), EngineError> {
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
                .filter(|handle| told.contains(&Scope::of(handle)))
                .cloned()
                .collect();
            if !look.names.is_empty() {
                know_neighbours(&mut look, provider.catalog.as_ref(), &view.ledger, id, site);
                view.observed.merge(observe.observe(&look).await);
            }
        }
        Ok(())
    }

    pub(super) fn lower(
        &self,
        observed: &Observed,
        pinned: &BTreeMap<Address, Pinned>,
        ledger: &Ledger,
    ) -> Result<Vec<Resource>, EngineError> {
        let mut resources = Vec::new();
        let mut errors: Vec<LowerError> = Vec::new();
        for (id, provider) in self.used() {
            let site = observed.sites.get(id).cloned().unwrap_or_default();
            let keys = self.keys(id, &site);
            let ours = ours(ledger, id);
            let mut lowered = BTreeMap::new();
            for canary in referred_first(&self.config, id) {
                let cx = Lowering {
                    config: &self.config,
                    site: &site,
                    keys: &keys,
                    observed,
                    pinned,
                    ours: &ours,
                    lowered: &lowered,
                    catalogs: &self.catalogs,
                };
                match provider.catalog.lower(canary, &cx) {
                    Ok(made) => {
                        let names = made.iter().map(|r| (r.address.clone(), r.handle.clone()));
                        lowered.extend(names.collect::<Vec<_>>());
                        resources.extend(made);
                    }
                    Err(wrong) => errors.extend(wrong),
                }
            }
        }
        if errors.is_empty() {
            Ok(resources)
        } else {
            Err(EngineError::Lower(errors))
        }
    }

    pub(super) fn view(
        &self,
        observed: Observed,
        ledger: Ledger,
        cut_off: CutOff,
        pinned: BTreeMap<Address, Pinned>,
        resources: Vec<Resource>,
    ) -> Result<View, EngineError> {
        let desired = Desired::new(resources).map_err(EngineError::Graph)?;
        let mut notes: Vec<Note> = self
            .catalogs
            .values()
            .flat_map(|catalog| catalog.notes(&desired, &observed))
            .collect();
        let all: Vec<&Resource> = desired.in_order().map(AsRef::as_ref).collect();
        notes.extend(self.rights(&all, &ledger, &observed));
        let digesters = self
            .used()
            .filter_map(|(id, _)| {
                let site = observed.sites.get(id)?;
                Some((id.clone(), self.keys(id, site).digester()))
            })
            .collect();
        Ok(View {
            desired,
            observed,
            ledger,
            settled: cut_off.settled,
            notes,
            pinned,
            digesters,
            coming: cut_off.coming,
        })
    }

    /// Works out what would change. Pure.
    ///
    /// # Errors
    /// When a target is not a canary.
    pub fn plan(&self, view: &View, purpose: &Purpose) -> Result<Plan, EngineError> {
        for target in &purpose.targets {
            self.known(target, &view.ledger)?;
        }
        Ok(plan::plan(&Inputs {
            desired: &view.desired,
            observed: &view.observed,
            ledger: &view.ledger,
            catalogs: &self.catalogs,
            digesters: &view.digesters,
            pinned: &view.pinned,
            notes: &view.notes,
            keep_retired: &self.keep_retired(),
            purpose,
        }))
    }

    /// Everything of ours that can be touched: what is there, and what was there and can still be used.
    #[must_use]
    pub fn planted(ledger: &Ledger) -> Vec<Planted> {
        let living = ledger.records.values().map(Planted::from_record);
        // What is about to be made is there before its making is known.
        let coming = ledger
            .open
            .values()
            .filter(|intent| intent.verb == Verb::Create)
            .map(Planted::from_intent);
        let buried = ledger.tombstones.iter().map(Planted::from_tombstone);
        living.chain(coming).chain(buried).collect()
    }

    /// The canaries as configured, as if they were planted: for logs of clusters that we never applied to.
    #[must_use]
    pub fn as_planted(view: &View) -> Vec<Planted> {
        view.desired
            .in_order()
            .map(|resource| Planted::from_resource(resource))
            .collect()
    }

    /// What tells our own calls from others', by provider.
    #[must_use]
    pub fn own(&self, ledger: &Ledger) -> BTreeMap<ProviderId, Own> {
        let of_site = |(provider, site): (&ProviderId, &Site)| {
            let own = Own {
                calls: Some(OwnCalls::new(&self.keys(provider, site))),
                requests: ledger
                    .calls
                    .get(provider)
                    .into_iter()
                    .flatten()
                    .map(|(id, _)| id.clone())
                    .collect(),
                operators: ledger.operators.get(provider).cloned().unwrap_or_default(),
            };
            (provider.clone(), own)
        };
        ledger.sites.iter().map(of_site).collect()
    }

    /// The identifiers that mean that one of them was touched.
    #[must_use]
    pub fn tripwires(&self, planted: &[Planted]) -> Vec<Tripwire> {
        planted
            .iter()
            .filter_map(|planted| Some(self.catalogs.get(&planted.provider)?.tripwires(planted)))
            .flatten()
            .collect()
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
    let written = record.rewritten.unwrap_or(record.planted);
    if site.time(look.at).duration_since(written) < SHOWN_LATE {
        look.recent.insert(record.handle.clone());
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

/// A provider's canaries, each after those that it refers to, else by address. The configuration has no cycles.
fn referred_first<'a>(config: &'a Config, id: &ProviderId) -> Vec<&'a Canary> {
    fn visit<'a>(
        config: &'a Config,
        canary: &'a Canary,
        seen: &mut BTreeSet<&'a CanaryId>,
        order: &mut Vec<&'a Canary>,
    ) {
        if !seen.insert(&canary.id) {
            return;
        }
        for field in canary.table.fields.values() {
            if let Setting::Canary(other) = &field.value
                && let Some(other) = config.canaries.get(other)
            {
                visit(config, other, seen, order);
            }
        }
        order.push(canary);
    }
    let mut order = Vec::new();
    let mut seen = BTreeSet::new();
    for canary in config.canaries.values() {
        visit(config, canary, &mut seen, &mut order);
    }
    order.retain(|canary| canary.provider == *id);
    order
}

/// The site as the ledger knows it, when it is the same; so that everything derived stays what it was, and facts too.
fn guard(ledger: &Ledger, id: &ProviderId, found: Site) -> Result<Site, EngineError> {
    let Some(expected) = ledger.sites.get(id) else {
        return Ok(found);
    };
    if !expected.is(&found) {
        return Err(EngineError::OtherSite {
            kept: Kept::Ledger,
            provider: id.clone(),
            expected: Box::new(expected.clone()),
            found: Box::new(found),
        });
    }
    // Two operators may reach one place by two addresses, and call it by two names. What is planted says what was
    // written down first, or they would rewrite it in turn. Another authority means that the place was set up anew.
    let mut facts = found.facts;
    if expected.aliases == found.aliases {
        facts.extend(expected.facts.clone());
    }
    Ok(Site {
        id: expected.id.clone(),
        facts,
        ..found
    })
}

/// What is ours in a provider's world.
pub(super) fn ours(ledger: &Ledger, id: &ProviderId) -> BTreeSet<Handle> {
    let records = ledger
        .records
        .values()
        .filter(|record| record.provider == *id);
    records.map(|record| record.handle.clone()).collect()
}

/// The choices made earlier: by a cut-off run, by the ledger's records, by a saved plan; the later go before the earlier.
pub(super) fn pinned(
    ledger: &Ledger,
    cut_off: &BTreeMap<Address, Pinned>,
    chosen: &BTreeMap<Address, Pinned>,
) -> BTreeMap<Address, Pinned> {
    let mut pinned = cut_off.clone();
    let current = ledger
        .records
        .values()
        .filter(|record| record.lifetime == Lifetime::Current);
    pinned.extend(current.map(|record| (record.address.clone(), choice(record))));
    pinned.extend(chosen.iter().map(|(a, p)| (a.clone(), p.clone())));
    pinned
}

fn choice(record: &Record) -> Pinned {
    Pinned {
        generation: record.generation,
        handle: record.handle.clone(),
        written: record.written.clone(),
        born: record.born,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(server: &str, authority: &str) -> Site {
        Site {
            id: "uid".into(),
            aliases: BTreeSet::from([authority.to_owned()]),
            facts: BTreeMap::from([("server".to_owned(), server.to_owned())]),
            ..Site::default()
        }
    }

    #[test]
    fn the_address_that_was_written_down_stays_while_the_authority_is_the_same() {
        let id = ProviderId::new("kubernetes");
        let mut ledger = Ledger::default();
        let server =
            |ledger: &Ledger, found| guard(ledger, &id, found).unwrap().facts["server"].clone();
        assert_eq!(server(&ledger, site("a", "ca:1")), "a");
        ledger.sites.insert(id.clone(), site("a", "ca:1"));
        assert_eq!(server(&ledger, site("b", "ca:1")), "a");
        assert_eq!(server(&ledger, site("b", "ca:2")), "b");
    }
}
