//! What becomes of the pieces of a text: counted, sieved, read.

use canary_core::detect::{Defect, Event, Interest};

use super::forms;
use super::found::Found;
use super::read::lost;
use super::sieve::Sieve;
use super::walk::Piece;

/// What a listener has seen since it began.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Files that were read to their end.
    pub files: u64,
    /// Bytes of text, unpacked.
    pub bytes: u64,
    /// Records, and whatever else stood where records stand.
    pub records: u64,
    /// Records that were read in full.
    pub candidates: u64,
    /// Records that nothing could be made of, and files that could not be read to their end.
    pub unreadable: u64,
    /// What is known and means nothing here: digests, Insight files, notices, audit logs of Kubernetes, files of other kinds.
    pub skipped: u64,
}

/// So many records that could not be read are told like one that is cut: a log of another kind, or one that somebody wrote
/// over. Single ones are counted.
const MANY: u64 = 100;

/// Takes pieces, gives events.
pub(super) struct Intake {
    /// `None`: everything is read.
    sieve: Option<Sieve>,
    pub(super) counts: Counts,
    pub(super) events: Vec<Event>,
}

impl Intake {
    pub(super) fn new(interest: &Interest) -> Self {
        let sieve = match interest {
            Interest::Tripwires(tripwires) => Some(Sieve::new(tripwires)),
            Interest::Everything => None,
        };
        Self {
            sieve,
            counts: Counts::default(),
            events: Vec::new(),
        }
    }

    /// Takes a piece. One that is damaged may hide anything, and is read.
    pub(super) fn piece(&mut self, piece: Piece<'_>) {
        self.counts.records += 1;
        match piece {
            Piece::Whole(record) => {
                let sieve = self.sieve.as_ref();
                if sieve.is_none_or(|sieve| sieve.may_touch(record)) {
                    self.counts.candidates += 1;
                    self.take(forms::item(record, None));
                }
            }
            Piece::Cut(record) => {
                self.counts.candidates += 1;
                self.take(forms::item(record, Some(Defect::Cut)));
            }
            Piece::Long(record) => {
                self.counts.candidates += 1;
                self.take(forms::item(record, Some(Defect::Oversize)));
            }
            Piece::Broken => self.lose(1),
        }
    }

    /// A file could not be read to its end: whatever came behind is lost.
    pub(super) fn lose_rest(&mut self) {
        self.counts.unreadable += 1;
        self.events.push(lost("", Defect::Cut));
    }

    fn take(&mut self, found: Found) {
        let others = found.objects.len() + found.kubernetes.len();
        self.counts.skipped += found.skipped + others as u64;
        self.events.extend(found.events);
        self.lose(found.unreadable);
    }

    fn lose(&mut self, count: u64) {
        let before = self.counts.unreadable;
        self.counts.unreadable += count;
        if before < MANY && self.counts.unreadable >= MANY {
            self.events.push(lost("", Defect::Cut));
        }
    }
}
