//! Taking in what is there: on request, or by proof after the ledger was lost.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Engine, EngineError, Loaded};
use crate::catalog::Lowering;
use crate::graph::{Address, CanaryId, Handle, Lifetime, ProviderId, Resource};
use crate::ledger::{Effect, Entry, Holder, Ledger, Origin, Record};
use crate::observe::{Look, Object, Observed, Scope, Site};
use crate::plan::free;

/// What was adopted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Adopted {
    /// Our name for it from now on.
    pub address: Address,
    /// The provider's name.
    pub handle: Handle,
}

/// What a recovery came to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Recovered {
    /// Proven to be ours, and in the ledger again.
    pub found: Vec<Adopted>,
    /// Canaries whose resources could not be proven, with how they can be adopted.
    pub unproven: Vec<CanaryId>,
    /// What could not be seen.
    pub gaps: Vec<crate::observe::Gap>,
}

impl Engine {
    /// Adopts an object on request: from now on it is the main resource of that canary.
    ///
    /// # Errors
    /// When there is no such canary or object, or the canary has a resource already.
    pub async fn import(
        &self,
        canary: &CanaryId,
        path: &str,
        holder: &Holder,
    ) -> Result<Adopted, EngineError> {
        let declared = self.declared(canary)?;
        let address = Address::of(canary.clone());
        let refused = |why: String| EngineError::Import {
            address: address.clone(),
            path: path.to_owned(),
            why,
        };
        let catalog = self.catalogs.get(&declared.provider);
        let catalog = catalog.ok_or_else(|| refused("nobody knows its kind".into()))?;
        let handle = catalog.handle(declared, path).map_err(refused)?;
        let lease = self.store.lock(holder, self.settings.lease).await?;
        let loaded = self.load().await?;
        let known = known_as(&loaded.ledger, &address, &handle);
        let (site, observed) = self
            .look_at_one(&declared.provider, &loaded.ledger, &handle)
            .await?;
        let seen = observed.object(&declared.provider, &handle);
        if let Some(record) = known
            && is_the_same(record, &handle, seen)
        {
            let error = EngineError::KnownAlready {
                address: record.address.clone(),
                handle: record.handle.clone(),
            };
            self.release(&lease).await?;
            return Err(error);
        }
        let Some(object) = observed
            .object(&declared.provider, &handle)
            .filter(|o| o.fields.is_some())
        else {
            self.release(&lease).await?;
            let gap = observed.gaps.first().map(ToString::to_string);
            return Err(refused(
                gap.unwrap_or_else(|| format!("there is no {handle}")),
            ));
        };
        let mut record = adopted_record(
            &address,
            &declared.provider,
            &handle,
            declared.generation,
            object,
            &observed,
            Origin::Imported,
        );
        self.complete(&mut record, &observed).await;
        let mut pen = self.pen(&holder.who, loaded, lease.clone()).await?;
        self.begin(&mut pen, &declared.provider, &site);
        // What was planted under another name stays known.
        let before = pen.ledger.records.get(&address);
        let aside = before
            .filter(|before| before.handle != handle)
            .map(|before| {
                let keep = self.keep_retired().get(canary).copied().unwrap_or_default();
                let until = observed.at.checked_add(keep).unwrap_or(Timestamp::MAX);
                let taken = |address: &Address| pen.ledger.records.contains_key(address);
                Effect::Rename {
                    from: address.clone(),
                    to: free(&address, before.generation, taken),
                    lifetime: Lifetime::Retired { until },
                }
            });
        let effects = aside.into_iter().chain([Effect::Put(record)]).collect();
        pen.push(Entry::Known { effects });
        pen.flush()
            .await
            .map_err(|source| self.store_error(source))?;
        self.release(&lease).await?;
        Ok(Adopted { address, handle })
    }

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
            let (site, found, observed) = self.recover_from(&id, &loaded.ledger).await?;
            recovered.gaps.extend(observed.gaps);
            sites.push((id, site));
            records.extend(found);
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
                self.begin(&mut pen, id, site);
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

    async fn recover_from(
        &self,
        id: &ProviderId,
        ledger: &Ledger,
    ) -> Result<(Site, Vec<Record>, Observed), EngineError> {
        let (Some(catalog), Some(observe)) = (
            self.catalogs.get(id),
            self.providers.get(id).and_then(|p| p.observe.as_ref()),
        ) else {
            return Err(EngineError::Missing {
                provider: id.clone(),
                need: "look",
            });
        };
        let found = observe.site().await.map_err(|gap| EngineError::Site {
            provider: id.clone(),
            gap: Box::new(gap),
        })?;
        let site = super::look::guard(ledger, id, found)?;
        let keys = self.keys(id, &site);
        observe.enter(&keys);
        let mut look = Look::new(keys.digester(), self.clock.now());
        let canaries: Vec<_> = self
            .config
            .canaries
            .values()
            .filter(|c| c.provider == *id)
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
        let cx = Lowering {
            config: &self.config,
            site: &site,
            keys: &keys,
            observed: &observed,
            pinned: &unpinned,
            ours: &ours,
            lowered: &unnamed,
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
        Ok((site, records, observed))
    }

    async fn look_at_one(
        &self,
        id: &ProviderId,
        ledger: &Ledger,
        handle: &Handle,
    ) -> Result<(Site, Observed), EngineError> {
        let observe = self.providers.get(id).and_then(|p| p.observe.as_ref());
        let observe = observe.ok_or_else(|| EngineError::Missing {
            provider: id.clone(),
            need: "look",
        })?;
        let found = observe.site().await.map_err(|gap| EngineError::Site {
            provider: id.clone(),
            gap: Box::new(gap),
        })?;
        let site = super::look::guard(ledger, id, found)?;
        let keys = self.keys(id, &site);
        observe.enter(&keys);
        let mut look = Look::new(keys.digester(), self.clock.now());
        look.full.insert(handle.clone());
        let mut observed = observe.observe(&look).await;
        observed.sites.insert(id.clone(), site.clone());
        Ok((site, observed))
    }

    fn begin(&self, pen: &mut crate::apply::Writer<'_>, id: &ProviderId, site: &Site) {
        if !pen.ledger.sites.contains_key(id) {
            pen.push(Entry::Site {
                provider: id.clone(),
                site: super::apply::without_moment(site),
            });
        }
    }

    async fn release(&self, lease: &crate::ledger::Lease) -> Result<(), EngineError> {
        self.store
            .release(lease)
            .await
            .map_err(|source| self.store_error(source))
    }
}

/// The record of that name, if there is one; else that of the address.
fn known_as<'a>(ledger: &'a Ledger, address: &Address, handle: &Handle) -> Option<&'a Record> {
    let mut records = ledger.records.values();
    let of_name = records.find(|record| record.handle == *handle);
    of_name.or_else(|| ledger.records.get(address))
}

/// Whether it is this object that is recorded, and neither another name nor one that was made in its place.
fn is_the_same(record: &Record, handle: &Handle, seen: Option<&Object>) -> bool {
    let known = record.version.as_ref().map(|version| &version.uid);
    record.handle == *handle && seen.is_none_or(|object| known == Some(&object.version.uid))
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

fn adopted_record(
    address: &Address,
    provider: &ProviderId,
    handle: &Handle,
    generation: u32,
    object: &Object,
    observed: &Observed,
    origin: Origin,
) -> Record {
    Record {
        address: address.clone(),
        provider: provider.clone(),
        handle: handle.clone(),
        generation,
        version: Some(object.version.clone()),
        fields: object.fields.clone().unwrap_or_default(),
        added: BTreeSet::new(),
        outputs: crate::ledger::Outputs::new(),
        written: object.written.first().cloned(),
        born: object.created.unwrap_or(observed.at),
        planted: object.created.unwrap_or(observed.at),
        expires: None,
        applied_by: None,
        needs: BTreeSet::new(),
        lifetime: Lifetime::Current,
        active: false,
        origin,
    }
}
