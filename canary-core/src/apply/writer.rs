//! The pen: appends entries to the ledger under a lease, and keeps what they add up to.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::ledger::{Entry, Journal, Lease, Ledger, Store, StoreError};

/// A ledger smaller than this is never compacted: reading it takes less than a millisecond.
const COMPACT_ABOVE: usize = 256 * 1024;
/// A journal is compacted when it is this many times as long as it must be.
const COMPACT_RATIO: usize = 4;

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
        let entries = self.ledger.compacted(now);
        let mut bytes = self.journal.header();
        bytes.extend(self.journal.frames(0, &entries));
        if bytes.len() * COMPACT_RATIO > self.length {
            return Ok(());
        }
        self.store.replace(&self.lease, &bytes).await?;
        self.length = bytes.len();
        self.ledger = Ledger::from_entries(entries);
        self.appends += 1;
        Ok(())
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
