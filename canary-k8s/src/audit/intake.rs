//! What becomes of lines: counted, sieved, read.

use canary_core::detect::{Event, Interest};

use super::frame::Piece;
use super::lines::{Reading, lost, read_document, read_line};
use super::scan::Scan;

/// What a listener has seen since it began.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Bytes that were read.
    pub bytes: u64,
    /// Lines, empty ones too.
    pub lines: u64,
    /// Lines that were read in full.
    pub candidates: u64,
    /// Records that nothing could be made of, and files that were lost before they were read to their end.
    pub unreadable: u64,
}

/// So many records that could not be read are told like one that is cut: a log of another kind, or one that somebody wrote
/// over. Single ones are counted: a server's own messages get into the same file at times.
const MANY: u64 = 100;

/// A document (JSON over several lines) is kept until its end, and is read up to this length.
const MAX_DOCUMENT: usize = 64 * 1024 * 1024;

/// Takes lines, gives events.
pub(super) struct Intake {
    /// `None`: everything is read.
    scan: Option<Scan>,
    pub(super) counts: Counts,
    pub(super) events: Vec<Event>,
    /// The text so far, once the first line has told that it is a document.
    document: Option<Vec<u8>>,
}

impl Intake {
    pub(super) fn new(interest: &Interest, context: bool) -> Self {
        Self {
            scan: sieve(interest, context),
            counts: Counts::default(),
            events: Vec::new(),
            document: None,
        }
    }

    /// From now on something else is wanted.
    pub(super) fn want(&mut self, interest: &Interest, context: bool) {
        self.scan = sieve(interest, context);
    }

    /// Takes a piece of a text; `first` says that it begins the text, which may then be a document.
    pub(super) fn piece(&mut self, piece: &Piece<'_>, first: bool) {
        match *piece {
            Piece::Lines(bytes) if first && is_document(bytes) => {
                self.document = Some(Vec::new());
                self.lines(bytes);
            }
            Piece::Lines(bytes) => self.lines(bytes),
            Piece::Long(line) => self.line(line, true),
        }
    }

    fn lines(&mut self, bytes: &[u8]) {
        if let Some(document) = &mut self.document {
            let room = MAX_DOCUMENT.saturating_sub(document.len());
            document.extend(bytes.iter().take(room));
            return;
        }
        let (mut candidates, mut all) = (0, Reading::default());
        let mut read = |line: &[u8]| {
            candidates += 1;
            let reading = read_line(line, false);
            all.unreadable += reading.unreadable;
            all.events.extend(reading.events);
        };
        self.counts.lines += match &mut self.scan {
            Some(scan) => scan.lines(bytes, &mut read),
            None => every_line(bytes, &mut read),
        };
        self.counts.candidates += candidates;
        self.take(all);
    }

    /// Takes one line without its end; `oversize` says that more of it was not kept.
    pub(super) fn line(&mut self, line: &[u8], oversize: bool) {
        if let Some(document) = &mut self.document {
            document.extend(line);
            return;
        }
        self.counts.lines += 1;
        let wanted = oversize || self.scan.as_mut().is_none_or(|scan| scan.maybe(line));
        if wanted {
            self.counts.candidates += 1;
            let reading = read_line(line, oversize);
            self.take(reading);
        }
    }

    /// The text has ended.
    pub(super) fn end(&mut self) {
        if let Some(document) = self.document.take() {
            let reading = read_document(&document);
            self.counts.candidates += reading.events.len() as u64;
            self.take(reading);
        }
    }

    fn take(&mut self, reading: Reading) {
        self.events.extend(reading.events);
        self.lose(reading.unreadable);
    }

    /// What packs the text is damaged: whatever came behind is lost.
    pub(super) fn lose_rest(&mut self) {
        self.counts.unreadable += 1;
        self.events.push(lost());
    }

    /// So many records could not be read.
    pub(super) fn lose(&mut self, count: u64) {
        let before = self.counts.unreadable;
        self.counts.unreadable += count;
        if before < MANY && self.counts.unreadable >= MANY {
            self.events.push(lost());
        }
    }
}

fn sieve(interest: &Interest, context: bool) -> Option<Scan> {
    match interest {
        Interest::Tripwires(tripwires) => Some(Scan::new(tripwires, context)),
        Interest::Everything => None,
    }
}

fn every_line(bytes: &[u8], read: &mut impl FnMut(&[u8])) -> u64 {
    let lines = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let lines = lines.split(|&byte| byte == b'\n');
    lines.inspect(|line| read(line)).count() as u64
}

/// A log has a whole record on its first line; a document has only its first bracket there.
fn is_document(bytes: &[u8]) -> bool {
    let mut lines = bytes.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    let first = lines.find(|line| !line.is_empty());
    matches!(
        first,
        Some(b"{" | b"[" | b"\xef\xbb\xbf{" | b"\xef\xbb\xbf[")
    )
}
