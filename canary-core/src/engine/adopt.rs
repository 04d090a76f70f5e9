//! Taking in what is there, on request.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{Engine, EngineError, Provider};
use crate::apply::Writer;
use crate::graph::{Address, CanaryId, Handle, Lifetime, ProviderId};
use crate::ledger::{Effect, Entry, Holder, Ledger, Origin, Record};
use crate::observe::{Look, Object, Observed, Site};
use crate::plan::free;

/// What was adopted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Adopted {
    /// Our name for it from now on.
    pub address: Address,
    /// The provider's name.
    pub handle: Handle,
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
        let main = Address::of(canary.clone());
        let refused = |why: String| EngineError::Import {
            address: main.clone(),
            path: path.to_owned(),
            why,
        };
        let catalog = self.catalogs.get(&declared.provider);
        let catalog = catalog.ok_or_else(|| refused("nobody knows its kind".into()))?;
        let handle = catalog.handle(declared, path).map_err(refused)?;
        let address = catalog.adopted_as(declared, &handle);
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
        self.begin(&mut pen, &declared.provider, &site).await;
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

    pub(super) fn provider(&self, id: &ProviderId) -> Result<&Provider, EngineError> {
        self.providers.get(id).ok_or_else(|| EngineError::Missing {
            provider: id.clone(),
            need: "look",
        })
    }

    async fn look_at_one(
        &self,
        id: &ProviderId,
        ledger: &Ledger,
        handle: &Handle,
    ) -> Result<(Site, Observed), EngineError> {
        let (observe, site) = self.enter(id, self.provider(id)?, ledger).await?;
        let keys = self.keys(id, &site);
        let mut look = Look::new(keys.digester(), self.clock.now());
        look.full.insert(handle.clone());
        // Where a site gives no identifiers, one that was made in another's place is told only by what was known of that.
        let mut records = ledger.records.values();
        let known = records.find(|record| record.provider == *id && record.handle == *handle);
        if let Some(record) = known {
            look.known.insert(handle.clone(), record.version.clone());
        }
        let mut observed = observe.observe(&look).await;
        observed.sites.insert(id.clone(), site.clone());
        Ok((site, observed))
    }

    /// Notes what site a provider is at, who we are there, and what was asked of it: values of canaries may have been read.
    pub(super) async fn begin(&self, pen: &mut Writer<'_>, id: &ProviderId, site: &Site) {
        let provider = self.providers.get(id);
        if let Some(realize) = provider.and_then(|provider| provider.realize.as_deref()) {
            pen.note_requests(id, realize, self.clock.now());
        }
        if let Some(observe) = provider.and_then(|provider| provider.observe.as_deref()) {
            pen.note_operator(id, observe.principal().await);
        }
        if !pen.ledger.sites.contains_key(id) {
            pen.push(Entry::Site {
                provider: id.clone(),
                site: super::apply::without_moment(site),
            });
        }
    }

    pub(super) async fn release(&self, lease: &crate::ledger::Lease) -> Result<(), EngineError> {
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

pub(super) fn adopted_record(
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
        rewritten: None,
        expires: None,
        applied_by: None,
        needs: BTreeSet::new(),
        lifetime: Lifetime::Current,
        active: false,
        origin,
    }
}
