//! A ledger in memory.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::SignedDuration;

use crate::ledger::{Holder, Lease, LockError, Store, StoreError};

#[derive(Debug, Default)]
struct Inside {
    bytes: Vec<u8>,
    epoch: u64,
    holder: Option<Holder>,
    appends: u64,
    room: Option<usize>,
}

/// Keeps a ledger in memory. Can be cut, filled up, and taken over.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<Inside>);

impl MemoryStore {
    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All bytes.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.inside().bytes.clone()
    }

    /// Puts other bytes there.
    pub fn set_bytes(&self, bytes: Vec<u8>) {
        self.inside().bytes = bytes;
    }

    /// How many times it was written.
    #[must_use]
    pub fn appends(&self) -> u64 {
        self.inside().appends
    }

    /// From now on this many bytes more can be written, and then none.
    pub fn leave_room(&self, bytes: usize) {
        let mut inside = self.inside();
        inside.room = Some(inside.bytes.len() + bytes);
    }

    /// As much can be written as one likes.
    pub fn leave_all_room(&self) {
        self.inside().room = None;
    }

    fn check(inside: &Inside, lease: &Lease) -> Result<(), StoreError> {
        if inside.epoch == lease.epoch {
            Ok(())
        } else {
            Err(StoreError::Fenced { now: inside.epoch })
        }
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn place(&self) -> String {
        "memory".into()
    }

    async fn load(&self) -> Result<Vec<u8>, StoreError> {
        Ok(self.bytes())
    }

    async fn lock(&self, holder: &Holder, ttl: Duration) -> Result<Lease, LockError> {
        let mut inside = self.inside();
        if let Some(other) = &inside.holder
            && other.expires > holder.since
        {
            return Err(LockError::Held(other.clone()));
        }
        inside.epoch += 1;
        let ttl = SignedDuration::try_from(ttl).unwrap_or_default();
        let expires = holder.since + ttl;
        inside.holder = Some(Holder {
            expires,
            ..holder.clone()
        });
        Ok(Lease {
            epoch: inside.epoch,
            expires,
        })
    }

    async fn renew(&self, lease: &Lease, ttl: Duration) -> Result<Lease, StoreError> {
        let mut inside = self.inside();
        Self::check(&inside, lease)?;
        let ttl = SignedDuration::try_from(ttl).unwrap_or_default();
        let expires = lease.expires + ttl;
        if let Some(holder) = &mut inside.holder {
            holder.expires = expires;
        }
        Ok(Lease {
            epoch: lease.epoch,
            expires,
        })
    }

    async fn append(&self, lease: &Lease, bytes: &[u8]) -> Result<(), StoreError> {
        let mut inside = self.inside();
        Self::check(&inside, lease)?;
        if let Some(room) = inside.room
            && inside.bytes.len() + bytes.len() > room
        {
            // As a full disk does it: a part of it is written.
            let part = room.saturating_sub(inside.bytes.len());
            inside.bytes.extend_from_slice(&bytes[..part]);
            return Err(StoreError::Io {
                action: "writing",
                place: "memory".into(),
                source: "no space left".into(),
            });
        }
        inside.bytes.extend_from_slice(bytes);
        inside.appends += 1;
        Ok(())
    }

    async fn replace(&self, lease: &Lease, bytes: &[u8]) -> Result<(), StoreError> {
        let mut inside = self.inside();
        Self::check(&inside, lease)?;
        inside.bytes = bytes.to_vec();
        inside.appends += 1;
        Ok(())
    }

    async fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        let mut inside = self.inside();
        if inside.epoch == lease.epoch {
            inside.holder = None;
        }
        Ok(())
    }

    async fn holder(&self) -> Result<Option<Holder>, StoreError> {
        Ok(self.inside().holder.clone())
    }

    async fn unlock(&self) -> Result<(), StoreError> {
        let mut inside = self.inside();
        inside.epoch += 1;
        inside.holder = None;
        Ok(())
    }
}
