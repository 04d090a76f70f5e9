//! Taking in what is there by proof, after the ledger was lost.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::adopt::{Adopted, adopted_record};
use super::{Engine, EngineError, Loaded};
use crate::catalog::{Catalog, Lowering, Proof};
use crate::graph::{Address, CanaryId, Handle, Lifetime, ProviderId, Resource};
use crate::ledger::{Effect, Entry, Holder, Ledger, Origin, Record};
use crate::observe::{Gap, Look, Object, Observed, Scope, Site};
use crate::plan::free;

/// What a recovery came to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Recovered {
    /// Proven to be ours, and in the ledger again.
    pub found: Vec<Adopted>,
    /// Canaries whose resources could not be proven, with how they can be adopted.
    pub unproven: Vec<CanaryId>,
    /// What has a name that the key gives for an earlier generation, and nothing can prove or disprove.
    pub doubtful: Vec<(CanaryId, Handle)>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

/// What was found at one provider.
struct Found {
    site: Site,
    records: Vec<Record>,
    doubtful: Vec<(CanaryId, Handle)>,
    gaps: Vec<Gap>,
}

impl Engine {
    /// Looks for everything of the configuration that is out there and can be proven to be ours, and takes it into the
    /// ledger. Nothing in the world is changed.
    ///
    /// # Errors
    /// When the site cannot be told or the ledger cannot be written.
    pub async fn recover(&self, holder: &Holder) -> Result<Recovered, EngineError> {
        let lease = self.store.lock(holder, self.settings.lease).await?;
        let loaded = self.load().await?;
        let result = self.recover_locked(holder, loaded, &lease).await;
        self.release(&lease).await?;
        result
    }

    async fn recover_locked(
        &self,
        holder: &Holder,
        loaded: Loaded,
        lease: &crate::ledger::Lease,
    ) -> Result<Recovered, EngineError> {
        let mut recovered = Recovered::default();
        let mut records = Vec::new();
        let mut sites = Vec::new();
        let used: Vec<ProviderId> = self.used().map(|(id, _)| id.clone()).collect();
        for id in used {
            let found = self.recover_from(&id, &loaded.ledger).await?;
            recovered.gaps.extend(found.gaps);
            recovered.doubtful.extend(found.doubtful);
            sites.push((id, found.site));
            records.extend(found.records);
        }
        for record in &records {
            recovered.found.push(Adopted {
                address: record.address.clone(),
                handle: record.handle.clone(),
            });
        }
        let known = |canary: &CanaryId| {
            let of = |address: &Address| address.canary() == canary;
            loaded.ledger.records.keys().any(of) || records.iter().any(|r| of(&r.address))
        };
        recovered.unproven = self
            .config
            .canaries
            .keys()
            .filter(|canary| !known(canary))
            .cloned()
            .collect();
        if !records.is_empty() {
            let mut pen = self.pen(&holder.who, loaded, lease.clone()).await?;
            for (id, site) in &sites {
                self.begin(&mut pen, id, site).await;
            }
            pen.push(Entry::Known {
                effects: records.into_iter().map(Effect::Put).collect(),
            });
            pen.flush()
                .await
                .map_err(|source| self.store_error(source))?;
        }
        Ok(recovered)
    }

    async fn recover_from(&self, id: &ProviderId, ledger: &Ledger) -> Result<Found, EngineError> {
        let provider = self.provider(id)?;
        let catalog = provider.catalog.as_ref();
        let (observe, site) = self.enter(id, provider, ledger).await?;
        let keys = self.keys(id, &site);
        let mut look = Look::new(keys.digester(), self.clock.now());
        let canaries: Vec<_> = self
            .config
            .canaries
            .values()
            .filter(|canary| self.has_part(id, canary))
            .collect();
        look.scopes = canaries
            .iter()
            .flat_map(|canary| catalog.scopes(canary))
            .collect();
        let mut observed = observe.observe(&look).await;
        observed.sites.insert(id.clone(), site.clone());
        let unpinned = BTreeMap::new();
        let unnamed = BTreeMap::new();
        let ours = super::look::ours(ledger, id);
        let incarnations: Vec<Resource> = {
            let cx = Lowering {
                config: &self.config,
                site: &site,
                keys: &keys,
                observed: &observed,
                pinned: &unpinned,
                ours: &ours,
                lowered: &unnamed,
                catalogs: &self.catalogs,
            };
            canaries
                .iter()
                .flat_map(|canary| catalog.incarnations(canary, &cx))
                .collect()
        };
        let there = |resource: &&Resource| observed.object(id, &resource.handle).is_some();
        let mut second = Look::new(keys.digester(), look.at);
        second.full = incarnations
            .iter()
            .filter(there)
            .map(|r| r.handle.clone())
            .collect();
        // Without a list, the names themselves are asked for.
        let listed = observed.listed.get(id).cloned().unwrap_or_default();
        second.names = incarnations
            .iter()
            .filter(|r| !listed.contains(&Scope::of(&r.handle)))
            .map(|r| r.handle.clone())
            .collect();
        if !second.full.is_empty() || !second.names.is_empty() {
            observed.merge(observe.observe(&second).await);
        }
        // Of a name that no list covers it is known by now whether it is there.
        let mut third = Look::new(keys.digester(), look.at);
        let unread = |resource: &&Resource| {
            let object = observed.object(id, &resource.handle);
            object.is_some_and(|object| object.fields.is_none())
        };
        third.full = incarnations
            .iter()
            .filter(unread)
            .map(|r| r.handle.clone())
            .filter(|handle| !second.full.contains(handle))
            .collect();
        if !third.full.is_empty() {
            observed.merge(observe.observe(&third).await);
        }
        let cx = Lowering {
            config: &self.config,
            site: &site,
            keys: &keys,
            observed: &observed,
            pinned: &unpinned,
            ours: &ours,
            lowered: &unnamed,
            catalogs: &self.catalogs,
        };
        let proven = |resource: &Resource, object: &Object| catalog.proves(resource, object, &cx);
        let keep = self.keep_retired();
        let until = |canary: &CanaryId| {
            let keep = keep.get(canary).copied().unwrap_or_default();
            look.at.checked_add(keep).unwrap_or(Timestamp::MAX)
        };
        let mut records = prove(&incarnations, id, &observed, ledger, proven, until);
        for record in &mut records {
            self.complete(record, &observed).await;
        }
        Ok(Found {
            doubtful: self.doubtful(catalog, &incarnations, &observed, ledger, &records),
            records,
            gaps: observed.gaps,
            site,
        })
    }

    /// What is there under a name of an earlier generation, of a kind whose content proves nothing: whoever was known by
    /// something that is not there any more.
    fn doubtful(
        &self,
        catalog: &dyn Catalog,
        incarnations: &[Resource],
        observed: &Observed,
        ledger: &Ledger,
        records: &[Record],
    ) -> Vec<(CanaryId, Handle)> {
        let proves_nothing = |resource: &Resource| {
            let proofs = catalog.proofs(resource.address.canary().kind());
            let of_kind = |(kind, proof): &(String, Proof)| {
                *kind == resource.handle.kind && *proof == Proof::Reached
            };
            proofs.iter().any(of_kind)
        };
        let is_earlier = |resource: &Resource| {
            let declared = self.config.canaries.get(resource.address.canary());
            declared.is_some_and(|declared| resource.generation < declared.generation)
        };
        let known: BTreeSet<&Handle> = ledger
            .records
            .values()
            .chain(records)
            .map(|record| &record.handle)
            .collect();
        let all: BTreeSet<(CanaryId, Handle)> = incarnations
            .iter()
            .filter(|resource| is_earlier(resource) && proves_nothing(resource))
            .filter(|resource| !known.contains(&resource.handle))
            .filter(|resource| {
                observed
                    .object(&resource.provider, &resource.handle)
                    .is_some()
            })
            .map(|resource| (resource.address.canary().clone(), resource.handle.clone()))
            .collect();
        all.into_iter().collect()
    }
}

/// The first proven incarnation of each address, those before it as retired ones, and then what the proven ones name.
fn prove(
    incarnations: &[Resource],
    id: &ProviderId,
    observed: &Observed,
    ledger: &Ledger,
    proves: impl Fn(&Resource, &Object) -> bool,
    until: impl Fn(&CanaryId) -> Timestamp,
) -> Vec<Record> {
    let mut taken: BTreeSet<Address> = ledger.records.keys().cloned().collect();
    let mut handles: BTreeSet<&Handle> = ledger.records.values().map(|r| &r.handle).collect();
    let mut records = Vec::new();
    let mut reached: BTreeMap<&Handle, &str> = BTreeMap::new();
    for resource in incarnations {
        let Some(object) = observed.object(id, &resource.handle) else {
            continue;
        };
        if handles.contains(&resource.handle) || !proves(resource, object) {
            continue;
        }
        let mut record = recovered(resource, id, object, observed);
        if taken.contains(&resource.address) {
            // One of an earlier generation or name: it is kept for as long as if it had been retired now.
            retire(&mut record, &taken, &until);
        }
        taken.insert(record.address.clone());
        handles.insert(&resource.handle);
        reached.extend(
            object
                .reaches
                .iter()
                .map(|(handle, uid)| (handle, uid.as_str())),
        );
        records.push(record);
    }
    for resource in incarnations {
        let (Some(object), Some(uid)) = (
            observed.object(id, &resource.handle),
            reached.get(&resource.handle),
        ) else {
            continue;
        };
        if object.version.uid != *uid || !handles.insert(&resource.handle) {
            continue;
        }
        let mut record = recovered(resource, id, object, observed);
        if taken.contains(&resource.address) {
            retire(&mut record, &taken, &until);
        }
        taken.insert(record.address.clone());
        records.push(record);
    }
    records
}

/// Gives a record a retired address that is free.
fn retire(record: &mut Record, taken: &BTreeSet<Address>, until: &impl Fn(&CanaryId) -> Timestamp) {
    record.address = free(&record.address, record.generation, |address| {
        taken.contains(address)
    });
    record.lifetime = Lifetime::Retired {
        until: until(record.address.canary()),
    };
    record.needs.clear();
}

fn recovered(resource: &Resource, id: &ProviderId, object: &Object, observed: &Observed) -> Record {
    let mut record = adopted_record(
        &resource.address,
        id,
        &resource.handle,
        resource.generation,
        object,
        observed,
        Origin::Recovered,
    );
    record.needs = resource.needs();
    record.active = resource.active;
    record
}
