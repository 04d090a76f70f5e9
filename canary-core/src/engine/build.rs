//! What an engine is built from.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::SignedDuration;

use crate::apply::{Clock, Realize, Settings};
use crate::catalog::Catalog;
use crate::config::{Canary, Config, Vocabulary};
use crate::disguise::{Key, SiteKeys};
use crate::graph::{CanaryId, ProviderId};
use crate::ledger::{Journal, Store};
use crate::observe::{Observe, Site};
use crate::plan::Catalogs;

/// A provider: what it knows, and the means it was given.
#[derive(Clone)]
pub struct Provider {
    /// What it knows.
    pub catalog: Arc<dyn Catalog>,
    /// How it looks; `None` for working without a site.
    pub observe: Option<Arc<dyn Observe>>,
    /// How it touches; `None` for planning with read rights only.
    pub realize: Option<Arc<dyn Realize>>,
}

/// Joins configuration, providers, ledger and plan.
pub struct Engine {
    pub(super) config: Arc<Config>,
    pub(super) key: Key,
    pub(super) providers: BTreeMap<ProviderId, Provider>,
    pub(super) catalogs: Catalogs,
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) settings: Settings,
    pub(super) journal: Journal,
}

/// Builds an [`Engine`].
pub struct EngineBuilder {
    config: Arc<Config>,
    key: Key,
    providers: BTreeMap<ProviderId, Provider>,
    settings: Settings,
}

impl EngineBuilder {
    /// Adds a provider.
    #[must_use]
    pub fn provider(mut self, provider: Provider) -> Self {
        self.providers.insert(provider.catalog.provider(), provider);
        self
    }

    /// Changes the policy of calls.
    #[must_use]
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// The engine.
    #[must_use]
    pub fn build(self, store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Engine {
        let catalogs = self
            .providers
            .iter()
            .map(|(id, provider)| (id.clone(), provider.catalog.clone()))
            .collect();
        Engine {
            journal: Journal::new(&self.key),
            config: self.config,
            key: self.key,
            providers: self.providers,
            catalogs,
            store,
            clock,
            settings: self.settings,
        }
    }
}

impl Engine {
    /// Begins with a configuration and the site operator's key.
    #[must_use]
    pub fn builder(config: impl Into<Arc<Config>>, key: Key) -> EngineBuilder {
        EngineBuilder {
            config: config.into(),
            key,
            providers: BTreeMap::new(),
            settings: Settings::default(),
        }
    }

    /// What all catalogs together let a configuration say.
    #[must_use]
    pub fn vocabulary<'a>(catalogs: impl IntoIterator<Item = &'a dyn Catalog>) -> Vocabulary {
        catalogs
            .into_iter()
            .fold(Vocabulary::new(), |words, catalog| {
                words.with(catalog.provider(), catalog.section(), catalog.kinds())
            })
    }

    /// The configuration it was built with.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Where the ledger is kept, for people.
    #[must_use]
    pub fn ledger_place(&self) -> String {
        self.store.place()
    }

    /// The store itself, for looking at and removing locks.
    #[must_use]
    pub fn store(&self) -> &dyn Store {
        self.store.as_ref()
    }

    /// What the providers know.
    #[must_use]
    pub fn catalogs(&self) -> &Catalogs {
        &self.catalogs
    }

    /// The keys of a site.
    #[must_use]
    pub fn keys(&self, provider: &ProviderId, site: &Site) -> SiteKeys {
        self.key.at_site(provider, &site.id)
    }

    /// The providers that the configuration uses.
    pub(super) fn used(&self) -> impl Iterator<Item = (&ProviderId, &Provider)> {
        self.providers
            .iter()
            .filter(|(id, _)| self.config.providers.contains_key(*id))
    }

    /// Whether a provider has a part in a canary: it is of one of its kinds, or of one that it joins.
    pub(super) fn has_part(&self, id: &ProviderId, canary: &Canary) -> bool {
        let joins = || self.catalogs.get(id).is_some_and(|own| own.joins(canary));
        canary.provider == *id || joins()
    }

    pub(super) fn keep_retired(&self) -> BTreeMap<CanaryId, SignedDuration> {
        self.config
            .canaries
            .iter()
            .map(|(id, canary)| {
                let catalog = self.catalogs.get(&canary.provider);
                let keeps = catalog.is_none_or(|catalog| catalog.keeps(id));
                let keep = match SignedDuration::try_from(canary.keep_retired) {
                    _ if !keeps => SignedDuration::ZERO,
                    Ok(keep) => keep,
                    Err(_) => SignedDuration::MAX,
                };
                (id.clone(), keep)
            })
            .collect()
    }
}
