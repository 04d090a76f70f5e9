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
    text: Text,
}

/// What kind of text it is, with what of it waits.
#[derive(Default)]
enum Text {
    /// A record, or a list of them, to each line.
    #[default]
    Lines,
    /// Nothing yet but the bracket that may begin a document.
    Unknown(Vec<u8>),
    /// JSON over several lines.
    Document(Vec<u8>),
}

impl Intake {
    pub(super) fn new(interest: &Interest, context: bool) -> Self {
        Self {
            scan: sieve(interest, context),
            counts: Counts::default(),
            events: Vec::new(),
            text: Text::Lines,
        }
    }

    /// From now on something else is wanted.
    pub(super) fn want(&mut self, interest: &Interest, context: bool) {
        self.scan = sieve(interest, context);
    }

    /// Takes a piece of a text; `first` says that it begins the text, which may then be a document.
    pub(super) fn piece(&mut self, piece: &Piece<'_>, first: bool) {
        if first {
            self.text = Text::Unknown(Vec::new());
        }
        match *piece {
            Piece::Lines(bytes) => self.lines(bytes),
            Piece::Long(line) => self.line(line, true),
        }
    }

    fn lines(&mut self, bytes: &[u8]) {
        match &mut self.text {
            Text::Lines => self.each_line(bytes),
            Text::Document(document) => {
                let room = MAX_DOCUMENT.saturating_sub(document.len());
                let (kept, beyond) = bytes.split_at(room.min(bytes.len()));
                document.extend_from_slice(kept);
                if !beyond.is_empty() {
                    self.end();
                    self.lose_rest();
                    self.text = Text::Lines;
                }
            }
            Text::Unknown(before) => {
                before.extend_from_slice(bytes);
                let Some(is_document) = is_document(before) else {
                    return;
                };
                let begun = std::mem::take(before);
                if is_document {
                    self.text = Text::Document(Vec::new());
                } else {
                    self.text = Text::Lines;
                }
                self.lines(&begun);
            }
        }
    }

    fn each_line(&mut self, bytes: &[u8]) {
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
        match &mut self.text {
            Text::Lines => {}
            Text::Document(document) => {
                document.extend_from_slice(line);
                return;
            }
            Text::Unknown(before) => {
                let begun = std::mem::take(before);
                self.text = Text::Lines;
                self.each_line(&begun);
            }
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
        match std::mem::take(&mut self.text) {
            Text::Lines => {}
            Text::Unknown(begun) => self.each_line(&begun),
            Text::Document(document) => {
                let reading = read_document(&document);
                self.counts.candidates += reading.events.len() as u64;
                self.take(reading);
            }
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
        Interest::AlsoAway(tripwires, homes) => {
            Some(Scan::new(tripwires, context).with_homes(homes.clone()))
        }
        Interest::Everything => None,
    }
}

fn every_line(bytes: &[u8], read: &mut impl FnMut(&[u8])) -> u64 {
    let lines = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let lines = lines.split(|&byte| byte == b'\n');
    lines.inspect(|line| read(line)).count() as u64
}

/// A log has a whole record on each line. A document has only its first bracket on the first, and on the next a key, or
/// the bracket of the first record. `None` when there is no more than the bracket yet.
fn is_document(bytes: &[u8]) -> Option<bool> {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let lines = bytes.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii);
    let mut lines = lines.filter(|line| !line.is_empty());
    let (first, next) = (lines.next()?, lines.next());
    Some(match first {
        b"{" => next?.starts_with(b"\""),
        b"[" => next? == b"{",
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_a_lone_bracket_tells_a_document_from_a_torn_line() {
        let is = |text: &str| is_document(text.as_bytes());
        assert_eq!(is("\n{\n  \"kind\": \"Event\"\n"), Some(true));
        assert_eq!(is("\u{feff}[\r\n  {\r\n"), Some(true));
        assert_eq!(is("{\n{\"kind\":\"Event\"}\n"), Some(false));
        assert_eq!(is("[\n{\"kind\":\"Event\"},\n"), Some(false));
        assert_eq!(is("{\"kind\":\"Event\"}\n"), Some(false));
        assert_eq!(is("{\n"), None);
        assert_eq!(is("\n"), None);
    }
}
