//! What is out there to be watched, and what is our own doing.

use std::collections::{BTreeMap, BTreeSet};

use super::Engine;
use super::look::View;
use crate::detect::{Own, Planted, Tripwire};
use crate::disguise::OwnCalls;
use crate::graph::ProviderId;
use crate::ledger::{Ledger, Verb};
use crate::observe::Site;

impl Engine {
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
                calls: vec![OwnCalls::new(&self.keys(provider, site))],
                requests: ledger
                    .calls
                    .get(provider)
                    .into_iter()
                    .flatten()
                    .map(|(id, _)| id.clone())
                    .collect(),
                operators: self.who_acts_for_us(ledger, provider),
                sessions: None,
            };
            (provider.clone(), own)
        };
        ledger.sites.iter().map(of_site).collect()
    }

    /// Whoever applied, and whoever acts for us as the configuration says.
    fn who_acts_for_us(&self, ledger: &Ledger, provider: &ProviderId) -> BTreeSet<String> {
        let mut operators = ledger.operators.get(provider).cloned().unwrap_or_default();
        let section = self.config.providers.get(provider);
        if let (Some(section), Some(catalog)) = (section, self.catalogs.get(provider)) {
            operators.extend(catalog.operators(section));
        }
        operators
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
