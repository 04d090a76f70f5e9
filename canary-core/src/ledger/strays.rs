//! What calls whose answers were lost made, of kinds that show once what they give: of no use to anybody, and removed.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::entry::{Effect, Intent, Origin, Record, Verb};
use super::reconcile::{is_in_window, is_open, sent};
use super::{Ledger, OpenIntent, Settled};
use crate::graph::{Address, Handle, Lifetime};
use crate::observe::{Object, Observed, Scope};
use crate::plan::{Catalogs, free};

/// Where such calls were about to make something, and what is there that is not known to be ours.
pub(super) struct Strays<'a> {
    ledger: &'a Ledger,
    catalogs: &'a Catalogs,
    /// Unknown things that appeared within the windows of the calls, by place; none where there are more of them than calls:
    /// then nobody can tell which are ours.
    found: BTreeMap<Scope, Vec<(&'a Handle, &'a Object)>>,
    taken: Vec<Address>,
}

impl<'a> Strays<'a> {
    pub(super) fn of(ledger: &'a Ledger, observed: &'a Observed, catalogs: &'a Catalogs) -> Self {
        let mut strays = Self {
            ledger,
            catalogs,
            found: BTreeMap::new(),
            taken: Vec::new(),
        };
        let mut calls: BTreeMap<Scope, Vec<&Intent>> = BTreeMap::new();
        for intent in ledger
            .open
            .values()
            .filter(|intent| strays.is_about(intent))
        {
            calls
                .entry(Scope::of(&intent.handle))
                .or_default()
                .push(intent);
        }
        for (scope, intents) in calls {
            let Some(provider) = intents.first().map(|intent| &intent.provider) else {
                continue;
            };
            let unknown: Vec<_> = observed
                .in_scope(provider, &scope)
                .filter(|(_, object)| !strays.is_known(object))
                .filter(|(_, object)| {
                    let may_be_of = |intent: &&Intent| may_be_of(object, sent(intent, observed));
                    intents.iter().any(may_be_of)
                })
                .collect();
            if unknown.len() <= intents.len() {
                strays.found.insert(scope, unknown);
            }
        }
        strays
    }

    pub(super) fn is_about(&self, intent: &Intent) -> bool {
        let catalog = self.catalogs.get(&intent.provider);
        intent.verb == Verb::Create
            && catalog.is_some_and(|catalog| catalog.gives_once(&intent.handle.kind))
    }

    fn is_known(&self, object: &Object) -> bool {
        let mut records = self.ledger.records.values();
        records.any(|record| {
            let version = record.version.as_ref();
            version.is_some_and(|version| version.uid == object.version.uid)
        })
    }

    /// What a call made goes; one that made nothing yet may still do so for as long as its window is open. Where nobody
    /// could look it is not known what it made.
    pub(super) fn settle(&mut self, open: &OpenIntent, observed: &Observed) -> Option<Settled> {
        let intent = &open.intent;
        let scope = Scope::of(&intent.handle);
        let found = self.found.get_mut(&scope).and_then(Vec::pop);
        let Some((handle, object)) = found else {
            let listed = observed.listed.get(&intent.provider);
            let is_listed = listed.is_some_and(|listed| listed.contains(&scope));
            let is_over = is_listed && !is_open(intent, observed);
            return is_over.then(|| Settled {
                id: open.id,
                effects: Vec::new(),
            });
        };
        let address = free(&intent.address, intent.record.generation, |address| {
            self.ledger.records.contains_key(address) || self.taken.contains(address)
        });
        self.taken.push(address.clone());
        let record = Record {
            address,
            handle: handle.clone(),
            version: Some(object.version.clone()),
            fields: object.fields.clone().unwrap_or_default(),
            planted: object.created.unwrap_or(intent.at),
            lifetime: Lifetime::Retired { until: intent.at },
            origin: Origin::Stray,
            ..intent.record.clone()
        };
        Some(Settled {
            id: open.id,
            effects: vec![Effect::Put(record)],
        })
    }
}

/// Whether a call that was sent then may have made it. Its date alone tells: one that bears none is nobody's.
fn may_be_of(object: &Object, sent: Timestamp) -> bool {
    let created = object.created;
    created.is_some_and(|created| is_in_window(created, sent))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::Version;

    #[test]
    fn only_what_appeared_within_a_calls_window_may_be_its() {
        let sent = Timestamp::from_second(1_000_000).unwrap();
        let object = |created| Object {
            created,
            ..Object::of(Version {
                uid: "u".into(),
                revision: "1".into(),
            })
        };
        let after = |seconds: i64| Timestamp::from_second(1_000_000 + seconds).unwrap();
        for (created, may_be) in [
            (Some(after(0)), true),
            (Some(after(120)), true),
            (Some(after(-60)), false),
            (Some(after(180)), false),
            (None, false),
        ] {
            assert_eq!(may_be_of(&object(created), sent), may_be, "{created:?}");
        }
    }
}
