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
    /// Objects of no form that is known here, and that name nothing that is looked for: each outermost one, and those of a
    /// list before the first that is known.
    pub unknown: u64,
}

impl Counts {
    pub(super) fn why_nothing(&self) -> String {
        format!(
            "there is no log in it ({} digests and the like, {} files of other kinds, {} JSON objects of no known form)",
            self.skipped, self.others, self.unknown
        )
    }
}

/// So many records that could not be read are told like one that is cut: a log of another kind, or one that somebody wrote
/// over. Single ones are counted.
const MANY: u64 = 100;

/// From less than this nothing can be read: `{"userIdentity":` is longer.
const LEAST: usize = 16;

/// As much of a path is told: CloudTrail's files have names of some eighty characters, and an alert shows little more.
const LONGEST_PATH: usize = 90;

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
    /// The file at hand; empty where there is none.
    file: String,
    /// Damaged parts of the file at hand of which nothing can be read.
    lost: u64,
    /// What cannot be read and was only counted since such was told last, and as much of it as is told the next time.
    untold: u64,
    step: u64,
    /// Of the file at hand nothing was of a known form yet.
    is_in_doubt: bool,
    /// What was counted when the file at hand began.
    began: Counts,
    /// There was a file of nothing but what is known, which may be nothing at all, or something gave events.
    has_log: bool,
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
            file: String::new(),
            lost: 0,
            untold: 0,
            step: MANY,
            is_in_doubt: true,
            began: Counts::default(),
            has_log: false,
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

    /// Whether there was no text to read, and no loss either; or nothing of it was of a known form.
    pub(super) fn is_nothing(&self) -> bool {
        let counts = &self.counts;
        if counts.unknown > 0 {
            return !self.has_log && counts.records <= counts.unknown + counts.unreadable;
        }
        counts.bytes == 0 && counts.unreadable == 0
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
        self.step = MANY;
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
                if !self.whole(record) && self.is_in_doubt {
                    self.judge_form(record);
                }
            }
            Piece::Alone(record) => {
                if !self.whole(record) {
                    self.judge_form(record);
                }
            }
            Piece::Cut(record, from) => self.damaged(record, from, Defect::Cut),
            Piece::Long(record, from) => self.damaged(record, from, Defect::Oversize),
            Piece::Broken => self.lose(1),
        }
    }

    /// Takes a whole object; gives whether it was read.
    fn whole(&mut self, record: &[u8]) -> bool {
        let is_wanted = self.wants(record);
        self.pass(record, is_wanted);
        if is_wanted {
            self.counts.candidates += 1;
            let found = forms::item(record, None);
            self.is_in_doubt &= found.poison.is_some();
            self.take(found);
        }
        is_wanted
    }

    /// What is passed over must at least be something of which it is known what it tells.
    fn judge_form(&mut self, record: &[u8]) {
        if forms::is_known(record) {
            self.is_in_doubt = false;
        } else {
            self.counts.unknown += 1;
        }
    }

    /// Another file begins.
    pub(super) fn begin_file(&mut self, name: &str) {
        self.file = end_of(name);
        self.began = self.counts;
        self.lost = 0;
        self.is_in_doubt = true;
    }

    /// The file at hand was read to its end.
    pub(super) fn end_file(&mut self) {
        let Counts {
            bytes,
            unknown,
            unreadable,
            ..
        } = self.began;
        let now = &self.counts;
        let is_known = (unknown, unreadable) == (now.unknown, now.unreadable);
        self.has_log |= is_known && bytes < now.bytes;
        self.counts.files += 1;
    }

    /// Takes a damaged piece. A file may be nothing else, and each would be an event of a thousand bytes.
    fn damaged(&mut self, record: &[u8], from: u64, defect: Defect) {
        self.counts.candidates += 1;
        if self.lost >= TOLD_EACH && record.len() < LEAST {
            self.lose(1);
            return;
        }
        let mut found = forms::item(record, Some(defect));
        found.fold(self.lost);
        self.lost += found.lost;
        say_where(&mut found, &format!("at byte {from} of {}", self.file));
        self.take(found);
    }

    /// Takes a line of a log group.
    pub(crate) fn logged(&mut self, message: &str) {
        self.counts.records += 1;
        self.counts.bytes += message.len() as u64;
        if self.wants(message.as_bytes()) {
            self.counts.candidates += 1;
            let mut found = forms::logged(message);
            say_where(&mut found, "of a log group");
            self.take(found);
        }
    }

    /// Takes what was found in a queue's message; gives the objects to fetch. A message is read before it is sieved: a notice
    /// names no identifier that is looked for.
    pub(super) fn message(&mut self, body: &[u8], mut found: Found) -> Vec<S3Object> {
        self.counts.records += 1;
        self.counts.bytes += body.len() as u64;
        self.begin_file("");
        let objects = std::mem::take(&mut found.objects);
        let is_wanted = body.starts_with(&GZIP) || self.wants(body);
        self.pass(body, is_wanted && !body.starts_with(&GZIP));
        if !is_wanted {
            // Of a damaged one nobody knows what it was.
            found.events.retain(|event| !event.defects.is_empty());
        } else {
            self.counts.candidates += 1;
        }
        say_where(&mut found, "of a message");
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
        self.has_log = true;
        self.events.push(event);
    }

    fn take(&mut self, found: Found) {
        self.counts.skipped += found.skipped + found.objects.len() as u64;
        self.has_log |= !found.events.is_empty();
        self.events.extend(found.events);
        match &self.lines {
            Some(lines) => {
                let read = found.kubernetes.iter().flat_map(|line| lines(line));
                self.events.extend(read);
            }
            None => self.counts.skipped += found.kubernetes.len() as u64,
        }
        for (line, event) in found.damaged {
            self.damaged_line(&line, event);
        }
        self.lose(found.unreadable);
    }

    /// Takes an audit line that ends in the middle. Where its reader gives nothing, it may hide anything all the same.
    fn damaged_line(&mut self, line: &[u8], damage: Event) {
        let read = self.lines.as_ref().map(|lines| lines(line));
        let read = read.unwrap_or_default();
        if !read.is_empty() {
            self.events.extend(read);
        } else if self.lost < TOLD_EACH {
            self.lost += 1;
            self.events.push(damage);
        } else {
            self.lose(1);
        }
        self.has_log = true;
    }

    /// Counts what cannot be read. Until the next batch each time twice as much is told as one: a file may be nothing else.
    pub(super) fn lose(&mut self, count: u64) {
        self.counts.unreadable += count;
        self.untold += count;
        if self.untold >= self.step {
            let untold = std::mem::take(&mut self.untold);
            self.step *= 2;
            let place = match self.file.as_str() {
                "" => String::new(),
                file => format!(", the last of {file}"),
            };
            self.tell_lost(&format!("{untold} that cannot be read{place}"));
        }
    }
}

/// What is damaged before it tells what it is about is at least somewhere.
fn say_where(found: &mut Found, place: &str) {
    let damaged = found.damaged.iter_mut().map(|(_, event)| event);
    for event in found.events.iter_mut().chain(damaged) {
        if !event.defects.is_empty() && event.action.resource.is_empty() {
            event.action.resource = "record".to_owned();
            event.action.namespace = String::new();
            place.clone_into(&mut event.action.name);
        }
    }
}

/// The end of a long path, where the name of the file is.
fn end_of(path: &str) -> String {
    let long = path.char_indices().rev().nth(LONGEST_PATH);
    match long.and_then(|(at, _)| path.get(at..)) {
        Some(end) => format!("…{end}"),
        None => path.to_owned(),
    }
}

fn sieve(interest: &Interest) -> Option<Sieve> {
    match interest {
        // A trail tells of no pods.
        Interest::Tripwires(tripwires) | Interest::AlsoAway(tripwires, _) => {
            Some(Sieve::new(tripwires))
        }
        Interest::Everything => None,
    }
}
