//! Where the ledger's bytes are kept.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Who holds the lock.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Holder {
    /// User and machine, as in `maria@laptop`.
    pub who: String,
    /// Process id.
    pub pid: u32,
    /// What it is doing, as in `apply`.
    pub operation: String,
    /// Since when.
    pub since: Timestamp,
    /// Until when, unless it is renewed.
    pub expires: Timestamp,
}

/// The right to write, as of one epoch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lease {
    /// Rises with every lock. A writer of an older epoch is refused.
    pub epoch: u64,
    /// Until when, unless it is renewed.
    pub expires: Timestamp,
}

/// Why there is no lock.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody holds it.
    #[error(
        "the ledger is locked by {} (process {}, {}) since {}, until {}",
        .0.who, .0.pid, .0.operation, .0.since, .0.expires
    )]
    Held(Holder),
    /// The store failed.
    #[error("the ledger cannot be locked")]
    Store(#[source] StoreError),
}

/// Why a store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else took the lock meanwhile: nothing was written.
    #[error("the lock on the ledger was lost to epoch {now}: nothing was written")]
    Fenced {
        /// The present epoch.
        now: u64,
    },
    /// The ledger is shorter than it was when it was last closed.
    #[error(
        "the ledger at {place} is cut: it has {found} bytes, and had {expected} when it was last closed"
    )]
    Cut {
        /// Where it is kept.
        place: String,
        /// What is there.
        found: u64,
        /// What was there.
        expected: u64,
    },
    /// Others may read it.
    #[error("{place} can be read by others (mode {mode:o}): it must be 0600")]
    Exposed {
        /// Where it is kept.
        place: String,
        /// Its mode.
        mode: u32,
    },
    /// Somebody is in the middle of writing it and does not go on, as a stopped process. Nothing was read or written.
    #[error("somebody is in the middle of writing the ledger at {place} and does not go on{}", who(.holder.as_deref()))]
    Stalled {
        /// Where it is kept.
        place: String,
        /// Who holds the lock.
        holder: Option<Box<Holder>>,
    },
    /// Nobody can tell from the lock who holds it.
    #[error("the lock of the ledger at {place} is damaged")]
    LockDamaged {
        /// Where the ledger is kept.
        place: String,
    },
    /// It cannot be read or written.
    #[error("{action} {place}")]
    Io {
        /// What was tried, as in `writing`.
        action: &'static str,
        /// Where it is kept.
        place: String,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

fn who(holder: Option<&Holder>) -> String {
    holder.map_or_else(String::new, |holder| {
        format!("; locked by {} (process {})", holder.who, holder.pid)
    })
}

/// Keeps the ledger's bytes. Knows nothing of what they mean.
#[async_trait]
pub trait Store: Send + Sync {
    /// Where it keeps them, for people.
    fn place(&self) -> String;

    /// All bytes; empty when there is no ledger yet. Needs no lock.
    ///
    /// # Errors
    /// When they cannot be read, or others may read them.
    async fn load(&self) -> Result<Vec<u8>, StoreError>;

    /// Takes the lock for that long. An expired lock is taken over; its holder is fenced by the epoch.
    ///
    /// # Errors
    /// When somebody holds it, who is named.
    async fn lock(&self, holder: &Holder, ttl: Duration) -> Result<Lease, LockError>;

    /// Holds the lock for that long from now.
    ///
    /// # Errors
    /// When it was lost.
    async fn renew(&self, lease: &Lease, ttl: Duration) -> Result<Lease, StoreError>;

    /// Appends, and is durable when it returns: everything or nothing that counts.
    ///
    /// # Errors
    /// When the lease is not the present one, or it could not be written (no space).
    async fn append(&self, lease: &Lease, bytes: &[u8]) -> Result<(), StoreError>;

    /// Puts these bytes in the place of all, at once or not at all.
    ///
    /// # Errors
    /// As [`Store::append`].
    async fn replace(&self, lease: &Lease, bytes: &[u8]) -> Result<(), StoreError>;

    /// Gives the lock back.
    ///
    /// # Errors
    /// When the store fails; a lock that was lost is no error.
    async fn release(&self, lease: &Lease) -> Result<(), StoreError>;

    /// Who holds the lock now.
    ///
    /// # Errors
    /// When the store fails.
    async fn holder(&self) -> Result<Option<Holder>, StoreError>;

    /// Removes the lock whoever holds it; the holder is fenced.
    ///
    /// # Errors
    /// When the store fails.
    async fn unlock(&self) -> Result<(), StoreError>;
}
