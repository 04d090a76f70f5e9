//! From the ledger and the world to everything that a plan is made from.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::site::guard;
use super::{Engine, EngineError, Provider};
use crate::catalog::{Checking, LowerError, Lowering, Pinned};
use crate::check::Note;
use crate::config::{Canary, Config, Setting};
use crate::disguise::Digester;
use crate::graph::{Address, CanaryId, Desired, Handle, Lifetime, ProviderId, Resource};
use crate::ledger::{Ledger, Record, Settled, Torn, Verb, may_still_come, reconcile, sent};
use crate::observe::{Gap, Observe, Observed, Place, Reason, Sight, Site};
use crate::plan::{self, Inputs, Plan, Purpose};

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
        observed.gaps.extend(self.not_configured(&ledger));
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
        observed.gaps.extend(self.not_configured(&ledger));
        let cut_off = self.reconcile(&mut ledger, &observed);
        let pinned = pinned(&ledger, &cut_off.chosen, &BTreeMap::new());
        let resources = self.lower(&observed, &pinned, &ledger)?;
        self.tell_unasked_rights(&mut observed, &resources, &ledger, "not in the dump");
        self.view(observed, ledger, cut_off, pinned, resources)
    }

    /// The sites that something of ours is in and the configuration says nothing of.
    fn not_configured(&self, ledger: &Ledger) -> Vec<Gap> {
        let planted = ledger.records.values().map(|record| &record.provider);
        let planted: BTreeSet<&ProviderId> = planted.collect();
        let unknown = planted
            .into_iter()
            .filter(|id| !self.config.providers.contains_key(*id));
        unknown
            .map(|id| Gap {
                provider: id.clone(),
                place: Place::Site,
                reason: Reason::NotAsked,
                detail: format!("the configuration has no [{id}], and something of ours is there"),
            })
            .collect()
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
            for canary in self.referred_first(id) {
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

    /// What a provider has a part in, each after those that it refers to.
    fn referred_first(&self, id: &ProviderId) -> Vec<&Canary> {
        let mut order = referred_first(&self.config);
        order.retain(|canary| self.has_part(id, canary));
        order
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
        let mut notes = self.notes(&desired, &observed);
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

    fn notes(&self, desired: &Desired, observed: &Observed) -> Vec<Note> {
        let mut notes = Vec::new();
        for (id, provider) in self.used() {
            let site = observed.sites.get(id).cloned().unwrap_or_default();
            notes.extend(provider.catalog.notes(&Checking {
                config: &self.config,
                keys: &self.keys(id, &site),
                desired,
                observed,
            }));
        }
        notes
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
}

/// All canaries, each after those that it refers to, else by address. The configuration has no cycles.
fn referred_first(config: &Config) -> Vec<&Canary> {
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
    order
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
