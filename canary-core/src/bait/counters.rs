//! What is counted. No name of anything.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Refusal;

/// Counts of what the keeper did, and how much waits.
#[derive(Debug, Default)]
pub struct Counters {
    /// Credentials issued.
    pub issued: AtomicU64,
    /// Secrets written.
    pub written: AtomicU64,
    /// Secrets removed.
    pub removed: AtomicU64,
    /// Segments written.
    pub commits: AtomicU64,
    /// Bytes of segments written.
    pub committed_bytes: AtomicU64,
    /// Pods whose bait is there.
    pub covered: AtomicU64,
    /// Pods that wait for theirs.
    pub waiting: AtomicU64,
    /// Pods that should have one and did not come through admission.
    pub missed: AtomicU64,
    /// Pods that are one too many in their namespace.
    pub capped: AtomicU64,
    /// Pods that carry the handle of another.
    pub shared: AtomicU64,
    refused: [AtomicU64; Refusal::ALL.len()],
}

impl Counters {
    /// One more of what happened.
    pub(super) fn add(counter: &AtomicU64, more: u64) {
        counter.fetch_add(more, Ordering::Relaxed);
    }

    /// As many as there are.
    pub(super) fn set(counter: &AtomicU64, many: usize) {
        counter.store(u64::try_from(many).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// One more refusal.
    pub(super) fn refused(&self, refusal: Refusal) {
        for (counter, which) in self.refused.iter().zip(Refusal::ALL) {
            if which == refusal {
                Self::add(counter, 1);
            }
        }
    }

    /// How many touches were refused, by reason.
    #[must_use]
    pub fn refusals(&self) -> BTreeMap<&'static str, u64> {
        let counts = self.refused.iter().zip(Refusal::ALL);
        counts
            .map(|(counter, refusal)| (refusal.word(), counter.load(Ordering::Relaxed)))
            .collect()
    }
}
