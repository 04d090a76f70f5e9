//! What becomes of the pieces of a text: counted, sieved, read.

use canary_core::detect::{Defect, Event, Interest, Listened};
use jiff::Timestamp;
use memchr::memmem::Finder;

use super::forms;
use super::found::{Found, S3Object, TOLD_EACH};
use super::gunzip::GZIP;
use super::lines::{Lines, MARK};
use super::passed::Passed;
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
    /// What is known and means nothing here: digests, Insight files, notices, audit logs of Kubernetes.
    pub skipped: u64,
    /// Files that are neither JSON nor gzip, by their beginning and their name, and what is no file.
    pub others: u64,
}

impl Counts {
    /// Whether there was no text to read, and no loss either.
    pub(super) fn is_nothing(&self) -> bool {
        self.bytes == 0 && self.unreadable == 0
    }

    pub(super) fn why_nothing(&self) -> String {
        format!(
            "there is no log in it ({} digests and the like, {} files of other kinds)",
            self.skipped, self.others
        )
    }
}

/// So many records that could not be read are told like one that is cut: a log of another kind, or one that somebody wrote
/// over. Single ones are counted.
const MANY: u64 = 100;

/// From less than this nothing can be read: `{"userIdentity":` is longer.
const LEAST: usize = 16;

/// So much is read before what was found is handed out.
const BATCH_BYTES: u64 = 8 * 1024 * 1024;
/// Or so many events: some 8 MB of them.
const BATCH_EVENTS: usize = 1024;

/// Takes pieces, gives events.
pub(crate) struct Intake {
    /// `None`: everything is read.
    sieve: Option<Sieve>,
    /// Who reads audit lines of Kubernetes; `None`: they are passed by.
    lines: Option<Lines>,
    mark: Finder<'static>,
    /// What comes is of now: what is lost is dated so.
    pub(crate) is_live: bool,
    /// What may be wanted later; `None` where the source gives it again.
    passed: Option<Passed>,
    pub(crate) counts: Counts,
    /// Damaged parts of the file at hand of which nothing can be read.
    lost: u64,
    /// What was counted when the last batch was handed out.
    handed: Counts,
    pub(crate) events: Vec<Event>,
}

impl Intake {
    pub(crate) fn new(interest: &Interest) -> Self {
        Self {
            sieve: sieve(interest),
            lines: None,
            mark: Finder::new(MARK),
            is_live: false,
            passed: None,
            counts: Counts::default(),
            lost: 0,
            handed: Counts::default(),
            events: Vec::new(),
        }
    }

    /// From now on audit lines of Kubernetes are read by this.
    pub(crate) fn read_lines(&mut self, lines: Option<Lines>) {
        self.lines = lines;
    }

    /// From now on something else is wanted, and lines are read by another.
    pub(crate) fn want(&mut self, interest: &Interest, lines: Option<Lines>) {
        self.sieve = sieve(interest);
        self.lines = lines;
        let Some(mut passed) = self.passed.take() else {
            return;
        };
        for body in passed.take(|body| self.wants(body)) {
            self.counts.candidates += 1;
            self.take(forms::messages(&body));
        }
        self.passed = Some(passed);
    }

    /// From now on what is passed over is kept for a while, in case that it is wanted later.
    pub(super) fn keep_passed(&mut self) {
        self.passed = Some(Passed::default());
    }

    /// Lines are passed over by their reader, which does not tell.
    fn pass(&mut self, body: &[u8], is_wanted: bool) {
        if let Some(passed) = &mut self.passed
            && (!is_wanted || self.mark.find(body).is_some())
        {
            passed.push(body);
        }
    }

    /// Whether there is as much as is handed out at once.
    pub(crate) fn is_full(&self) -> bool {
        self.counts.bytes - self.handed.bytes >= BATCH_BYTES || self.events.len() >= BATCH_EVENTS
    }

    /// Whether there is anything to hand out.
    pub(crate) fn has_news(&self) -> bool {
        self.counts != self.handed
    }

    /// What came since the last batch; `None` when that is nothing.
    pub(crate) fn batch(&mut self, position: impl FnOnce() -> String) -> Option<Listened> {
        let now = self.counts;
        if now == self.handed {
            return None;
        }
        let before = std::mem::replace(&mut self.handed, now);
        Some(Listened {
            events: std::mem::take(&mut self.events),
            position: position(),
            unreadable: now.unreadable - before.unreadable,
            lines: now.records - before.records,
            bytes: now.bytes - before.bytes,
        })
    }

    /// Takes a piece. One that is damaged may hide anything, and is read.
    pub(super) fn piece(&mut self, piece: Piece<'_>) {
        self.counts.records += 1;
        match piece {
            Piece::Whole(record) => {
                let is_wanted = self.wants(record);
                self.pass(record, is_wanted);
                if is_wanted {
                    self.counts.candidates += 1;
                    self.take(forms::item(record, None));
                }
            }
            Piece::Cut(record) => self.damaged(record, Defect::Cut),
            Piece::Long(record) => self.damaged(record, Defect::Oversize),
            Piece::Broken => self.lose(1),
        }
    }

    /// Another file begins.
    pub(super) fn begin_file(&mut self) {
        self.lost = 0;
    }

    /// Takes a damaged piece. A file may be nothing else, and each would be an event of a thousand bytes.
    fn damaged(&mut self, record: &[u8], defect: Defect) {
        self.counts.candidates += 1;
        if self.lost >= TOLD_EACH && record.len() < LEAST {
            self.lose(1);
            return;
        }
        let mut found = forms::item(record, Some(defect));
        found.fold(self.lost);
        self.lost += found.lost;
        self.take(found);
    }

    /// Takes a line of a log group.
    pub(crate) fn logged(&mut self, message: &str) {
        self.counts.records += 1;
        self.counts.bytes += message.len() as u64;
        if self.wants(message.as_bytes()) {
            self.counts.candidates += 1;
            self.take(forms::logged(message));
        }
    }

    /// Takes what was found in a queue's message; gives the objects to fetch. A message is read before it is sieved: a notice
    /// names no identifier that is looked for.
    pub(super) fn message(&mut self, body: &[u8], mut found: Found) -> Vec<S3Object> {
        self.counts.records += 1;
        self.counts.bytes += body.len() as u64;
        let objects = std::mem::take(&mut found.objects);
        let is_wanted = body.starts_with(&GZIP) || self.wants(body);
        self.pass(body, is_wanted && !body.starts_with(&GZIP));
        if !is_wanted {
            // Of a damaged one nobody knows what it was.
            found.events.retain(|event| !event.defects.is_empty());
        } else {
            self.counts.candidates += 1;
        }
        self.take(found);
        objects
    }

    fn wants(&self, record: &[u8]) -> bool {
        self.sieve
            .as_ref()
            .is_none_or(|sieve| sieve.may_touch(record))
            || (self.lines.is_some() && self.mark.find(record).is_some())
    }

    /// A file could not be read to its end: whatever came behind is lost. `what` says which, and why.
    pub(super) fn lose_rest(&mut self, what: &str) {
        self.counts.unreadable += 1;
        self.tell_lost(what);
    }

    fn tell_lost(&mut self, what: &str) {
        let now = self.is_live.then(Timestamp::now);
        // Two losses are two, though nothing is known of either.
        let text = format!(
            "{what} {}",
            now.map(|now| now.to_string()).unwrap_or_default()
        );
        let mut event = lost(&text, Defect::Cut);
        event.action.operation = "lost".to_owned();
        event.action.resource = "records".to_owned();
        what.clone_into(&mut event.action.name);
        event.stage_at = now;
        event.at = now;
        self.events.push(event);
    }

    fn take(&mut self, found: Found) {
        self.counts.skipped += found.skipped + found.objects.len() as u64;
        self.events.extend(found.events);
        match &self.lines {
            Some(lines) => {
                let read = found.kubernetes.iter().flat_map(|line| lines(line));
                self.events.extend(read);
            }
            None => self.counts.skipped += found.kubernetes.len() as u64,
        }
        self.lose(found.unreadable);
    }

    pub(super) fn lose(&mut self, count: u64) {
        let before = self.counts.unreadable;
        self.counts.unreadable += count;
        if before / MANY < self.counts.unreadable / MANY {
            self.tell_lost(&format!("{MANY} that cannot be read"));
        }
    }
}

fn sieve(interest: &Interest) -> Option<Sieve> {
    match interest {
        Interest::Tripwires(tripwires) => Some(Sieve::new(tripwires)),
        Interest::Everything => None,
    }
}
