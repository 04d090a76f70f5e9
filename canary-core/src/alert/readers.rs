//! Who was given what is in pods' baits, before or after a bait is used: each of them may be who uses it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::context;
use crate::bait::PodRecord;
use crate::detect::{Attribution, BaitReading, NODE, Reach};

/// As many single baits are told apart; beyond, a reading counts as one of all that are in the namespace, so that nobody
/// can hide a reading behind many others.
const SINGLE: usize = 10_000;
/// As many collections, which differ by what a client writes; beyond, a reading counts as one of everything.
const COLLECTIONS: usize = 1_000;
/// As many readers of one are named; beyond, readings are counted.
const READERS: usize = 16;
/// As many moments of one reader: the first, and the latest.
const MOMENTS: usize = 16;
/// What two clocks of one cluster differ by, and what is allowed for dates in whole seconds.
const SAME: SignedDuration = SignedDuration::from_secs(5);
/// The agent dates what it issues by its own clock, which may be off by as much as an hour.
const ISSUED: SignedDuration = SignedDuration::from_hours(1);

/// Somebody who was given it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Reader {
    /// Who really asked.
    pub principal: String,
    /// Whom it acted as.
    pub acting_as: Option<String>,
    /// With what form of credential: those of pods change every hour.
    pub credential: String,
    /// From where.
    pub address: Option<IpAddr>,
}

/// What a reader did before a bait was used.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Readings {
    /// Who.
    pub reader: Reader,
    /// How, the latest time.
    pub verb: String,
    /// What it reached by that.
    pub reach: Reach,
    /// The first time that is known.
    pub first: Timestamp,
    /// The latest.
    pub last: Timestamp,
    /// How often, as far as that is kept.
    pub count: u64,
    /// A reviewed entry excuses it.
    pub is_known: bool,
}

/// When a bait was there to be read by who used it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    /// Since the credential was issued, where that is known.
    pub(super) issued: Option<Timestamp>,
    /// Until it was used.
    pub(super) used: Timestamp,
}

impl Window {
    fn has(&self, span: Span) -> bool {
        let is_early = span
            .to
            .zip(self.issued)
            .is_some_and(|(to, issued)| issued.duration_since(to) > ISSUED);
        span.from.duration_since(self.used) <= SAME && !is_early
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Span {
    from: Timestamp,
    /// `None`: it goes on.
    to: Option<Timestamp>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Kept {
    reader: Reader,
    verb: String,
    is_known: bool,
    /// By their beginnings.
    spans: Vec<Span>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
struct Of {
    readers: Vec<Kept>,
    /// Readings by those that are not named.
    more: u64,
}

/// All readings that are known. Bounded, and the same in any order but for what is beyond the bounds.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(from = "Vec<(Reach, Of)>", into = "Vec<(Reach, Of)>")]
pub(super) struct BaitReaders {
    of: BTreeMap<Reach, Of>,
    /// How many of those are of single baits.
    single: usize,
}

impl BaitReaders {
    pub(super) fn add(&mut self, reading: &BaitReading, home: Option<&str>) {
        let reach = self.room_for(&reading.reach, home);
        if !self.of.contains_key(&reach) {
            self.single += usize::from(matches!(reach, Reach::Pod(_)));
        }
        let of = self.of.entry(reach).or_default();
        let reader = Reader {
            principal: reading.actor.identity.name.clone(),
            acting_as: reading.acting_as.as_ref().map(|other| other.name.clone()),
            credential: context::form(&reading.actor),
            address: reading.actor.address,
        };
        let span = Span {
            from: reading.from,
            to: reading.to,
        };
        let has_room = of.readers.len() < READERS;
        match of.readers.iter_mut().find(|kept| kept.reader == reader) {
            Some(kept) => kept.add(span, reading),
            None if has_room => of.readers.push(Kept {
                reader,
                verb: reading.verb.clone(),
                is_known: reading.is_known,
                spans: vec![span],
            }),
            None => of.more += 1,
        }
    }

    fn room_for(&self, reach: &Reach, home: Option<&str>) -> Reach {
        let collection = |namespace: &str| Reach::Collection {
            namespace: namespace.to_owned(),
            selectors: Default::default(),
        };
        let everything = || collection("");
        if self.of.contains_key(reach) {
            return reach.clone();
        }
        let reach = match reach {
            Reach::Pod(_) if self.single < SINGLE => return reach.clone(),
            Reach::Pod(_) => home.map_or_else(everything, collection),
            Reach::Collection { .. } => reach.clone(),
        };
        let has_room = self.of.len() - self.single < COLLECTIONS || self.of.contains_key(&reach);
        if has_room { reach } else { everything() }
    }

    /// Forgets the readings of baits of which no record is left.
    pub(super) fn keep_those_of(&mut self, pods: &Attribution) {
        self.of.retain(|reach, _| match reach {
            Reach::Pod(number) => pods.pods().get(*number).is_some(),
            Reach::Collection { .. } => true,
        });
        let is_single = |reach: &&Reach| matches!(reach, Reach::Pod(_));
        self.single = self.of.keys().filter(is_single).count();
    }

    /// Who was given a pod's bait in that time but its own node, and how many readings there are of others.
    pub(super) fn of(&self, record: &PodRecord, window: Window) -> (Vec<Readings>, u64) {
        let mut all: BTreeMap<&Reader, Readings> = BTreeMap::new();
        let mut more = 0;
        // Its own by its number, and the few collections.
        let single = self.of.get_key_value(&Reach::Pod(record.number));
        let after = self.of.iter().rev();
        let collections = after.take_while(|(reach, _)| matches!(reach, Reach::Collection { .. }));
        let reached = collections.filter(|(reach, _)| reach.has(record));
        for (reach, of) in single.into_iter().chain(reached) {
            more += of.more;
            let others = of.readers.iter().filter(|kept| !is_its_node(record, kept));
            for kept in others {
                if let Some(found) = kept.within(window, reach) {
                    all.entry(&kept.reader)
                        .and_modify(|known| known.join(&found))
                        .or_insert(found);
                }
            }
        }
        (all.into_values().collect(), more)
    }
}

/// Where it runs is not known at first, and where a copy of it runs never.
fn is_its_node(record: &PodRecord, kept: &Kept) -> bool {
    let reader = &kept.reader;
    let Some(node) = reader.principal.strip_prefix(NODE) else {
        return false;
    };
    let own = record.subject.node.as_deref();
    let may_be_its = own.is_none_or(|own| own == node) || !record.others.is_empty();
    may_be_its && reader.acting_as.is_none()
}

impl Kept {
    fn add(&mut self, span: Span, reading: &BaitReading) {
        // One time that nobody reviewed is enough.
        self.is_known &= reading.is_known;
        match self
            .spans
            .binary_search_by_key(&span.from, |known| known.from)
        {
            // The end of a watch comes after its beginning, or before it where a log is read again.
            Ok(at) => {
                if let Some(known) = self.spans.get_mut(at) {
                    known.to = known.to.or(span.to);
                }
            }
            Err(at) => self.spans.insert(at, span),
        }
        if self.spans.last().is_some_and(|last| last.from == span.from) {
            self.verb.clone_from(&reading.verb);
        }
        if self.spans.len() > MOMENTS {
            // What was open stays open.
            let is_over = |span: &&Span| span.to.is_some();
            let at = self.spans.iter().skip(1).position(|span| is_over(&span));
            self.spans.remove(at.map_or(1, |at| at + 1));
        }
    }

    fn within(&self, window: Window, reach: &Reach) -> Option<Readings> {
        let spans = || self.spans.iter().filter(|span| window.has(**span));
        let (first, last) = (spans().next()?, spans().next_back()?);
        Some(Readings {
            reader: self.reader.clone(),
            verb: self.verb.clone(),
            reach: reach.clone(),
            first: first.from,
            last: last.from,
            count: spans().count() as u64,
            is_known: self.is_known,
        })
    }
}

impl Readings {
    fn join(&mut self, other: &Self) {
        if other.last > self.last {
            self.verb.clone_from(&other.verb);
            self.reach.clone_from(&other.reach);
        }
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.count += other.count;
        self.is_known &= other.is_known;
    }
}

impl From<Vec<(Reach, Of)>> for BaitReaders {
    fn from(of: Vec<(Reach, Of)>) -> Self {
        let is_single = |(reach, _): &&(Reach, Of)| matches!(reach, Reach::Pod(_));
        Self {
            single: of.iter().filter(is_single).count(),
            of: of.into_iter().collect(),
        }
    }
}

impl From<BaitReaders> for Vec<(Reach, Of)> {
    fn from(readers: BaitReaders) -> Self {
        readers.of.into_iter().collect()
    }
}
