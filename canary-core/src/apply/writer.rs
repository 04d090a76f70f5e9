//! The pen: appends entries to the ledger under a lease, and keeps what they add up to.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::Realize;
use crate::graph::ProviderId;
use crate::ledger::{Effect, Entry, Journal, Lease, Ledger, Store, StoreError};

/// A ledger smaller than this is never compacted: reading it takes less than a millisecond.
const COMPACT_ABOVE: usize = 256 * 1024;
/// So many records tell how long all of them are.
const SAMPLE: usize = 64;

/// Writes one ledger under one lease.
pub struct Writer<'a> {
    store: &'a dyn Store,
    journal: &'a Journal,
    lease: Lease,
    ttl: Duration,
    length: usize,
    pending: Vec<Entry>,
    /// What the entries add up to.
    pub ledger: Ledger,
    /// How many times it was written.
    pub appends: u64,
}

impl<'a> Writer<'a> {
    /// A pen for a ledger of `length` bytes that was read under this lease.
    #[must_use]
    pub fn new(
        store: &'a dyn Store,
        journal: &'a Journal,
        lease: Lease,
        ttl: Duration,
        ledger: Ledger,
        length: usize,
    ) -> Self {
        Self {
            store,
            journal,
            lease,
            ttl,
            length,
            pending: Vec::new(),
            ledger,
            appends: 0,
        }
    }

    /// Takes an entry into what is known. It is durable after the next [`Writer::flush`].
    pub fn push(&mut self, entry: Entry) {
        self.pending.push(entry.clone());
        self.ledger.add(entry);
    }

    /// Notes who we are at a site.
    pub(crate) fn note_operator(&mut self, provider: &ProviderId, principal: Option<String>) {
        let known = self.ledger.operators.get(provider);
        let is_new = |principal: &String| !known.is_some_and(|known| known.contains(principal));
        if let Some(principal) = principal.filter(is_new) {
            self.push(Entry::Operator {
                provider: provider.clone(),
                principal,
            });
        }
    }

    /// Notes how a site's log will name what was asked of it since this was last noted.
    pub(crate) fn note_requests(
        &mut self,
        provider: &ProviderId,
        realize: &dyn Realize,
        at: Timestamp,
    ) {
        let requests = realize.requests();
        if !requests.is_empty() {
            self.push(Entry::Called {
                provider: provider.clone(),
                requests,
                at,
            });
        }
    }

    /// Makes everything that was pushed durable, in one append. With nothing pushed, writes nothing.
    ///
    /// # Errors
    /// When the lease was lost or the store failed. Then nothing counts as written and this pen must not be used again.
    pub async fn flush(&mut self) -> Result<(), StoreError> {
        let entries = std::mem::take(&mut self.pending);
        if entries.is_empty() {
            return Ok(());
        }
        let mut bytes = if self.length == 0 {
            self.journal.header()
        } else {
            Vec::new()
        };
        let position = self.ledger.position - entries.len() as u64;
        bytes.extend(self.journal.frames(position, &entries));
        self.store.append(&self.lease, &bytes).await?;
        self.length += bytes.len();
        self.appends += 1;
        Ok(())
    }

    /// Holds the lease for its whole time again when less than three quarters of it are left.
    ///
    /// # Errors
    /// When it was lost.
    pub async fn keep_lease(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let ttl = SignedDuration::try_from(self.ttl).unwrap_or(SignedDuration::MAX);
        if self.lease.expires.duration_since(now) < ttl / 4 * 3 {
            self.lease = self.store.renew(&self.lease, self.ttl).await?;
        }
        Ok(())
    }

    /// Puts the shortest journal in the place of a long one.
    ///
    /// # Errors
    /// As [`Writer::flush`].
    pub async fn compact(&mut self, now: Timestamp) -> Result<(), StoreError> {
        if self.length < COMPACT_ABOVE {
            return Ok(());
        }
        if !is_worth_it(self.estimate(), self.length) {
            return Ok(());
        }
        let entries = self.ledger.compacted(now);
        let mut bytes = self.journal.header();
        bytes.extend(self.journal.frames(0, &entries));
        if !is_worth_it(bytes.len(), self.length) {
            return Ok(());
        }
        self.store.replace(&self.lease, &bytes).await?;
        self.length = bytes.len();
        self.ledger = Ledger::from_entries(entries);
        self.appends += 1;
        Ok(())
    }

    /// How long the shortest journal is, about. Making it only to measure it would cost every small apply to a large
    /// ledger more than the apply itself.
    fn estimate(&self) -> usize {
        let count = self.ledger.records.len() + self.ledger.tombstones.len();
        let step = count / SAMPLE + 1;
        let puts = self.ledger.records.values().step_by(step);
        let buries = self.ledger.tombstones.iter().step_by(step);
        let sample: Vec<Effect> = puts
            .cloned()
            .map(Effect::Put)
            .chain(buries.cloned().map(Effect::Bury))
            .collect();
        let taken = sample.len().max(1);
        let entry = Entry::Known { effects: sample };
        self.journal.frames(0, &[entry]).len() * count / taken
    }

    /// Gives the lock back.
    ///
    /// # Errors
    /// When the store failed.
    pub async fn release(self) -> Result<Ledger, StoreError> {
        self.store.release(&self.lease).await?;
        Ok(self.ledger)
    }
}

/// A journal is compacted once a third of it is outdated: that is so after everything was made once, and each plan from
/// then on reads half as much.
fn is_worth_it(shortest: usize, length: usize) -> bool {
    shortest + shortest / 2 <= length
}
