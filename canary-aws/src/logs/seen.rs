//! Which entries were read already.

use std::collections::BTreeMap;

/// So many are remembered, 40 MB of them: ten minutes of 1,700 entries a second. What is beyond comes again, and folds.
const MOST: usize = 1024 * 1024;
/// So many are kept in a position, 350 KB of them: of those that gave an event. The others are looked at again.
pub(super) const MOST_KEPT: usize = 32 * 1024;

/// Entries that were read, by their hashes.
#[derive(Debug, Default)]
pub(super) struct Seen(BTreeMap<u64, Mark>);

#[derive(Clone, Copy, Debug)]
struct Mark {
    at: i64,
    /// Something came of it.
    gave: bool,
}

impl Seen {
    /// Those of a kept position.
    pub(super) fn kept(hashes: impl IntoIterator<Item = u64>, at: i64) -> Self {
        let mark = Mark { at, gave: true };
        Self(hashes.into_iter().map(|hash| (hash, mark)).collect())
    }

    pub(super) fn has(&self, hash: u64) -> bool {
        self.0.contains_key(&hash)
    }

    /// An entry was read.
    pub(super) fn add(&mut self, hash: u64, at: i64, gave: bool) {
        if self.0.len() < MOST {
            self.0.insert(hash, Mark { at, gave });
        }
    }

    /// Forgets what does not come again.
    pub(super) fn forget_before(&mut self, at: i64) {
        self.0.retain(|_, mark| mark.at >= at);
    }

    /// Forgets what gave nothing: it may give something now.
    pub(super) fn forget_idle(&mut self) {
        self.0.retain(|_, mark| mark.gave);
    }

    /// What is worth keeping.
    pub(super) fn to_keep(&self) -> impl Iterator<Item = u64> {
        let gave = self.0.iter().filter(|(_, mark)| mark.gave);
        gave.map(|(hash, _)| *hash).take(MOST_KEPT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_old_or_gave_nothing_is_forgotten_when_it_is_time() {
        let mut seen = Seen::default();
        seen.add(1, 10, true);
        seen.add(2, 20, false);
        seen.add(3, 30, true);
        assert_eq!(seen.to_keep().collect::<Vec<_>>(), [1, 3]);
        seen.forget_before(20);
        assert!(!seen.has(1) && seen.has(2) && seen.has(3));
        seen.forget_idle();
        assert!(!seen.has(2) && seen.has(3));
    }

    #[test]
    fn memory_and_position_stay_bounded() {
        let mut seen = Seen::default();
        for hash in 0..MOST as u64 + 10 {
            seen.add(hash, 0, true);
        }
        assert_eq!(seen.0.len(), MOST);
        assert_eq!(seen.to_keep().count(), MOST_KEPT);
    }
}
