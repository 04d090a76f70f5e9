//! The log of pods: what its segments add up to, and what is written next. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::segment::{LARGEST, size};
use super::{PodEntry, Pods, Seal, SegmentError, SegmentName};

/// So many commits at most before they are drawn together: a listing of them is one page.
const COMMITS: usize = 256;

/// A log as it was read.
#[derive(Debug, Default)]
pub struct PodLog {
    /// The last commit that is there.
    last: u64,
    /// The segments that count, and how long each is.
    counts: BTreeMap<SegmentName, usize>,
    /// Those that count no more, or not yet.
    idle: BTreeSet<SegmentName>,
}

/// What is wrong with a log. The rest of it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogDefect {
    /// A segment cannot be read.
    Unreadable {
        /// Which.
        name: SegmentName,
        /// Why not.
        why: SegmentError,
    },
    /// Commits are not there that were.
    Missing {
        /// The first.
        first: u64,
        /// The last.
        last: u64,
    },
}

/// A write that is ready.
#[derive(Debug)]
pub struct Write {
    /// The segment's name.
    pub name: SegmentName,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// How many of the entries are in it.
    pub taken: usize,
}

impl PodLog {
    /// Reads what is there, whatever state it is in.
    #[must_use]
    pub fn read(seal: &Seal, segments: &[(SegmentName, Vec<u8>)]) -> (Self, Pods, Vec<LogDefect>) {
        let mut log = Self::default();
        let mut defects = Vec::new();
        let mut readable: BTreeMap<SegmentName, (usize, Vec<PodEntry>)> = BTreeMap::new();
        for (name, bytes) in segments {
            if let SegmentName::Commit(number) = name {
                log.last = log.last.max(*number);
            }
            match seal.open(*name, bytes) {
                Ok(entries) => {
                    readable.insert(*name, (bytes.len(), entries));
                }
                Err(why) => {
                    defects.push(LogDefect::Unreadable { name: *name, why });
                    log.idle.insert(*name);
                }
            }
        }
        let snapshot = whole_snapshot(readable.keys());
        let upto = snapshot.first().map_or(0, upto_of);
        log.last = log.last.max(upto);
        let mut pods = Pods::default();
        let mut expected = upto + 1;
        let commits = readable
            .keys()
            .filter(|name| matches!(name, SegmentName::Commit(number) if *number > upto))
            .copied();
        let names: Vec<SegmentName> = snapshot.iter().copied().chain(commits).collect();
        for name in names {
            let Some((length, entries)) = readable.remove(&name) else {
                continue;
            };
            if let SegmentName::Commit(number) = name {
                // What is there and cannot be read is told as that.
                if number > expected {
                    defects.push(LogDefect::Missing {
                        first: expected,
                        last: number - 1,
                    });
                }
                expected = number + 1;
            }
            for entry in entries {
                pods.add(entry);
            }
            log.counts.insert(name, length);
        }
        defects.retain(|defect| !told_as_unreadable(defect, &log.idle));
        log.idle.extend(readable.into_keys());
        (log, pods, defects)
    }

    /// The next commit, of as many of these entries as it holds; `None` for none.
    #[must_use]
    pub fn commit(&self, seal: &Seal, entries: &[PodEntry]) -> Option<Write> {
        let taken = fitting(entries);
        (taken > 0).then(|| self.write(seal, SegmentName::Commit(self.last + 1), &entries[..taken]))
    }

    fn write(&self, seal: &Seal, name: SegmentName, entries: &[PodEntry]) -> Write {
        Write {
            name,
            bytes: seal.seal(name, entries),
            taken: entries.len(),
        }
    }

    /// A segment was written.
    pub fn written(&mut self, name: SegmentName, length: usize) {
        match name {
            SegmentName::Commit(number) => {
                self.last = self.last.max(number);
                self.counts.insert(name, length);
            }
            SegmentName::Snapshot { .. } => {
                self.idle.insert(name);
                self.prefer_snapshot(name, length);
            }
        }
    }

    /// Once all parts of a snapshot are there, it counts, and what it holds does not.
    fn prefer_snapshot(&mut self, name: SegmentName, length: usize) {
        let whole = whole_snapshot(self.idle.iter());
        if !whole.contains(&name) {
            return;
        }
        let all = upto_of(&name);
        let (keep, done): (BTreeMap<_, _>, BTreeMap<_, _>) = std::mem::take(&mut self.counts)
            .into_iter()
            .partition(|(name, _)| matches!(name, SegmentName::Commit(number) if *number > all));
        self.counts = keep;
        self.idle.extend(done.into_keys());
        for name in whole {
            self.idle.remove(&name);
            // The parts but the last are full.
            self.counts.insert(name, LARGEST.max(length));
        }
    }

    /// Whether it is time to draw everything together: so much was committed since the last time as it takes to write all
    /// of it, so that drawing together never costs more than committing did.
    #[must_use]
    pub fn is_long(&self) -> bool {
        let of = |commits: bool| {
            let is_commit = |name: &SegmentName| matches!(name, SegmentName::Commit(_));
            let those = self
                .counts
                .iter()
                .filter(move |(name, _)| is_commit(name) == commits);
            those.map(|(_, length)| *length)
        };
        of(true).count() >= COMMITS || of(true).sum::<usize>() > LARGEST.max(of(false).sum())
    }

    /// Everything, drawn together at `now`.
    #[must_use]
    pub fn snapshot(&self, seal: &Seal, pods: &Pods, now: Timestamp) -> Vec<Write> {
        let entries = pods.compacted(now);
        let mut chunks: Vec<&[PodEntry]> = Vec::new();
        let mut rest = &entries[..];
        while !rest.is_empty() {
            let (chunk, after) = rest.split_at(fitting(rest).max(1));
            chunks.push(chunk);
            rest = after;
        }
        let parts = u32::try_from(chunks.len()).unwrap_or(u32::MAX);
        (1..=parts)
            .zip(chunks)
            .map(|(part, chunk)| {
                let upto = self.last;
                self.write(seal, SegmentName::Snapshot { upto, part, parts }, chunk)
            })
            .collect()
    }

    /// A segment that may go: what it says is in another, or it never came to count.
    #[must_use]
    pub fn removable(&self) -> Option<SegmentName> {
        let latest = self.counts.keys().next_back().map_or(0, upto_of);
        self.idle.iter().copied().find(|name| match name {
            SegmentName::Commit(_) => true,
            // One that is being written is newer than what counts.
            SegmentName::Snapshot { upto, .. } => *upto < latest,
        })
    }

    /// It is gone.
    pub fn removed(&mut self, name: SegmentName) {
        self.idle.remove(&name);
    }
}

/// The last commit that a segment says something of.
fn upto_of(name: &SegmentName) -> u64 {
    match name {
        SegmentName::Commit(number) => *number,
        SegmentName::Snapshot { upto, .. } => *upto,
    }
}

/// How many entries fit into one segment.
fn fitting(entries: &[PodEntry]) -> usize {
    let mut room = LARGEST - Seal::room(&[]);
    entries
        .iter()
        .take_while(|entry| match room.checked_sub(size(entry)) {
            Some(left) => {
                room = left;
                true
            }
            None => false,
        })
        .count()
}

/// The parts of the latest snapshot of which all are there.
fn whole_snapshot<'a>(names: impl Iterator<Item = &'a SegmentName>) -> Vec<SegmentName> {
    let mut by_snapshot: BTreeMap<(u64, u32), BTreeSet<SegmentName>> = BTreeMap::new();
    for name in names {
        if let SegmentName::Snapshot { upto, parts, .. } = name {
            by_snapshot
                .entry((*upto, *parts))
                .or_default()
                .insert(*name);
        }
    }
    let whole = by_snapshot
        .into_iter()
        .rev()
        .find(|((_, parts), there)| u32::try_from(there.len()) == Ok(*parts));
    whole.map_or_else(Vec::new, |(_, there)| there.into_iter().collect())
}

fn told_as_unreadable(defect: &LogDefect, unreadable: &BTreeSet<SegmentName>) -> bool {
    let LogDefect::Missing { first, last } = defect else {
        return false;
    };
    (*first..=*last).all(|number| unreadable.contains(&SegmentName::Commit(number)))
}
