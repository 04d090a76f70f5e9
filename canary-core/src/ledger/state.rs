//! What the entries add up to.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::{Effect, Entry, Intent, Record, Settled, Tombstone};
use crate::graph::{Address, CanaryId, Lifetime, ProviderId};
use crate::observe::Site;

/// As long as anybody keeps a trail to look through it: a year, with a margin.
const OWN_CALLS: SignedDuration = SignedDuration::from_hours(400 * 24);

/// So many effects are one entry of a compacted journal: few enough that an entry stays far below what a journal takes
/// for damage, and that reading it needs no more memory than reading any other.
pub(crate) const TOGETHER: usize = 64;

/// An intent whose end is not known: the run was cut off between writing it down and writing what came of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OpenIntent {
    /// Its number.
    pub id: u64,
    /// What was about to be done.
    pub intent: Intent,
}

/// Everything that we know to be ours.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ledger {
    /// How many entries it was read from: the position of the next.
    pub position: u64,
    /// The sites it belongs to.
    pub sites: BTreeMap<ProviderId, Site>,
    /// The epoch of the last writer.
    pub epoch: u64,
    /// Principals whose proven calls are ours.
    pub operators: BTreeMap<ProviderId, BTreeSet<String>>,
    /// Requests of ours that the site named, and when they were made.
    pub calls: BTreeMap<ProviderId, BTreeMap<String, Timestamp>>,
    /// What is ours.
    pub records: BTreeMap<Address, Record>,
    /// What was ours and can still be used.
    pub tombstones: Vec<Tombstone>,
    /// What may or may not have been done.
    pub open: BTreeMap<u64, Intent>,
    next_intent: u64,
}

impl Ledger {
    /// Adds entries up.
    #[must_use]
    pub fn from_entries(entries: impl IntoIterator<Item = Entry>) -> Self {
        let mut ledger = Self::default();
        for entry in entries {
            ledger.add(entry);
        }
        ledger
    }

    /// Adds one entry.
    pub fn add(&mut self, entry: Entry) {
        self.position += 1;
        match entry {
            Entry::Site { provider, site } => {
                self.sites.insert(provider, site);
            }
            Entry::Epoch { epoch, .. } => self.epoch = self.epoch.max(epoch),
            Entry::Operator {
                provider,
                principal,
            } => {
                self.operators
                    .entry(provider)
                    .or_default()
                    .insert(principal);
            }
            Entry::Called {
                provider,
                requests,
                at,
            } => {
                let calls = self.calls.entry(provider).or_default();
                calls.extend(requests.into_iter().map(|request| (request, at)));
            }
            Entry::Intent { id, intent } => {
                self.next_intent = self.next_intent.max(id + 1);
                self.open.insert(id, *intent);
            }
            Entry::Done { id, effects } => {
                self.open.remove(&id);
                self.take(effects);
            }
            Entry::Known { effects } => self.take(effects),
        }
    }

    fn take(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Put(record) => {
                    self.records.insert(record.address.clone(), record);
                }
                Effect::Remove(address) => {
                    self.records.remove(&address);
                }
                Effect::Rename { from, to, lifetime } => {
                    if let Some(mut record) = self.records.remove(&from) {
                        record.address = to.clone();
                        record.lifetime = lifetime;
                        // Its needs are names of today; whoever is retired goes by itself.
                        record.needs.clear();
                        self.records.insert(to, record);
                    }
                }
                Effect::Bury(tombstone) => self.tombstones.push(tombstone),
            }
        }
    }

    /// These canaries, and whoever needs what they give.
    #[must_use]
    pub fn with_dependents(&self, mut canaries: BTreeSet<CanaryId>) -> BTreeSet<CanaryId> {
        loop {
            let before = canaries.len();
            for record in self.records.values() {
                if record
                    .needs
                    .iter()
                    .any(|need| canaries.contains(need.canary()))
                {
                    canaries.insert(record.address.canary().clone());
                }
            }
            if canaries.len() == before {
                return canaries;
            }
        }
    }

    /// Takes in what an open intent came to, without writing it down.
    pub fn settle(&mut self, settled: &Settled) {
        self.open.remove(&settled.id);
        self.take(settled.effects.clone());
    }

    /// Keeps the records in as little room as they need: a map that grew entry by entry is half empty.
    pub(crate) fn pack(&mut self) {
        self.records = std::mem::take(&mut self.records).into_iter().collect();
    }

    /// The number of the next intent.
    #[must_use]
    pub fn next_intent(&self) -> u64 {
        self.next_intent
    }

    /// The shortest journal that adds up to the same at `now`. Tombstones that mean nothing any more are left out.
    #[must_use]
    pub fn compacted(&self, now: Timestamp) -> Vec<Entry> {
        let mut entries = Vec::new();
        for (provider, site) in &self.sites {
            entries.push(Entry::Site {
                provider: provider.clone(),
                site: site.clone(),
            });
        }
        entries.push(Entry::Epoch {
            epoch: self.epoch,
            holder: String::new(),
            at: now,
        });
        for (provider, principals) in &self.operators {
            for principal in principals {
                entries.push(Entry::Operator {
                    provider: provider.clone(),
                    principal: principal.clone(),
                });
            }
        }
        for (provider, calls) in &self.calls {
            let mut by_time: BTreeMap<Timestamp, Vec<String>> = BTreeMap::new();
            for (request, at) in calls
                .iter()
                .filter(|(_, at)| now.duration_since(**at) < OWN_CALLS)
            {
                by_time.entry(*at).or_default().push(request.clone());
            }
            entries.extend(by_time.into_iter().map(|(at, requests)| Entry::Called {
                provider: provider.clone(),
                requests,
                at,
            }));
        }
        let puts = self.records.values().cloned().map(Effect::Put);
        let living = self.tombstones.iter().filter(|t| t.until > now);
        let buries = living.cloned().map(Effect::Bury);
        let mut effects = puts.chain(buries).peekable();
        while effects.peek().is_some() {
            entries.push(Entry::Known {
                effects: effects.by_ref().take(TOGETHER).collect(),
            });
        }
        for (id, intent) in &self.open {
            entries.push(Entry::Intent {
                id: *id,
                intent: Box::new(intent.clone()),
            });
        }
        entries
    }

    /// Records that are kept only so that a stolen copy still fires.
    pub fn retired(&self) -> impl Iterator<Item = &Record> {
        self.records
            .values()
            .filter(|record| matches!(record.lifetime, Lifetime::Retired { .. }))
    }
}
