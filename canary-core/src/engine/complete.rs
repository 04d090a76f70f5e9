//! Outputs of what was made before, as far as it still gives them.

use std::collections::{BTreeMap, BTreeSet};

use super::{Engine, View};
use crate::apply::Call;
use crate::graph::{Address, Input, Piece};
use crate::ledger::{Effect, Ledger, Record, Settled, Verb};
use crate::observe::{Object, Observed};

impl Engine {
    /// What a cut-off call is known to have made, with the outputs that can still be had.
    pub(super) async fn completed(&self, settled: &Settled, view: &View) -> Vec<Effect> {
        let mut effects = settled.effects.clone();
        for effect in &mut effects {
            if let Effect::Put(record) = effect {
                self.complete(record, &view.observed).await;
            }
        }
        effects
    }

    /// Adds the outputs that an object which was made before still gives. What it does not give any more is missing,
    /// and whoever needs it is told so when it is planned.
    pub(super) async fn complete(&self, record: &mut Record, observed: &Observed) {
        let provider = self.providers.get(&record.provider);
        let (Some(object), Some(realize), Some(site)) = (
            observed.object(&record.provider, &record.handle),
            provider.and_then(|provider| provider.realize.as_ref()),
            observed.sites.get(&record.provider),
        ) else {
            return;
        };
        let call = Call {
            verb: Verb::Create,
            address: record.address.clone(),
            handle: record.handle.clone(),
            have: None,
            content: BTreeMap::new(),
            written: record.written.clone(),
            digester: self.keys(&record.provider, site).digester(),
            timeout: self.settings.call_timeout,
        };
        // What was not read again is as it was written down.
        let object = match &object.fields {
            Some(_) => object.clone(),
            None => Object {
                fields: Some(record.fields.clone()),
                ..object.clone()
            },
        };
        if let Ok(made) = realize.outputs_of(&call, &object).await {
            record.outputs.extend(made.outputs);
            record.expires = made.expires.or(record.expires);
        }
    }

    /// What is needed by something declared and was not there when what gives it was made, as a token that the cluster
    /// fills in late.
    pub(super) async fn late(&self, view: &View, ledger: &Ledger) -> Vec<Effect> {
        let inputs = view.desired.in_order().flat_map(|one| one.fields.values());
        let pieces = inputs.flat_map(|input| match input {
            Input::Join(pieces) => pieces.as_slice(),
            Input::Public(_) | Input::Secret(_) => &[],
        });
        let lacking: BTreeSet<&Address> = pieces
            .filter_map(|piece| match piece {
                Piece::Output { of, name } => Some((of, name)),
                Piece::Known(_) => None,
            })
            .filter(|(of, name)| {
                let record = ledger.records.get(of);
                record.is_some_and(|record| !record.outputs.contains_key(*name))
            })
            .map(|(of, _)| of)
            .collect();
        let mut effects = Vec::new();
        for address in lacking {
            let mut record = ledger.records[address].clone();
            self.complete(&mut record, &view.observed).await;
            if record.outputs != ledger.records[address].outputs {
                effects.push(Effect::Put(record));
            }
        }
        effects
    }
}
