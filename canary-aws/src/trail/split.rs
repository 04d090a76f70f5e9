//! Where one record ends and the next begins, in a text that is never held as a whole.
//!
//! Handed out are the members of the list under `Records`, `Events` or `logEvents` of an outermost object, the members of
//! an outermost list, and outermost objects without such a list, each as it stands. Brackets are counted outside of strings,
//! so that no text that a caller chose ends a record or begins one. Broken syntax is noticed where it matters: a line feed in
//! a string, and an object where none can be. There the text begins anew.

use std::io::{self, Read};

use memchr::memchr3;

use super::bounds;

/// A part of a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Piece<'b> {
    /// An object from its first bracket to its last.
    Whole(&'b [u8]),
    /// An object that ends in the middle.
    Cut(&'b [u8]),
    /// The beginning of an object that is longer than a record may be.
    Long(&'b [u8]),
    /// Something that is no object, where one was due.
    Broken,
}

/// Keys of an outermost object whose lists hold the records.
const LISTS: [&[u8]; 3] = [b"Records", b"Events", b"logEvents"];

/// Read at once: large enough that a system call costs nothing beside what is done with it, small enough for the second
/// level of cache.
const READ: usize = 256 * 1024;

/// Splits one text.
#[derive(Default)]
pub(super) struct Split {
    buffer: Vec<u8>,
    /// Up to here the buffer was walked through.
    at: usize,
    /// Up to here it is filled.
    end: usize,
    walk: Walk,
}

/// Where the walk stands.
#[derive(Default)]
struct Walk {
    depth: usize,
    /// One bit for each open bracket, the innermost lowest: whether it is an object's.
    objects: u128,
    in_string: bool,
    escaped: bool,
    /// The last byte outside of strings that was no space; `"` for a string.
    last: u8,
    /// How deep the members of the list are that is being read.
    list: Option<usize>,
    item: Item,
    /// Where the string at hand begins, when it may be a key of the outermost object.
    key_from: Option<usize>,
    /// The last string of the outermost object is one of [`LISTS`].
    lists: bool,
    /// It was told already that something is broken here.
    told: bool,
}

/// The object that is being read.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
enum Item {
    #[default]
    None,
    /// It begins there.
    From(usize),
    /// It was too long, and is passed by.
    Passed,
}

impl Split {
    /// Reads once, and gives the number of bytes; 0 at the end.
    pub(super) fn fill(&mut self, from: &mut impl Read) -> io::Result<usize> {
        if self.buffer.len() < self.end + READ {
            self.buffer.resize(self.end + READ, 0);
        }
        let room = self.buffer.get_mut(self.end..).unwrap_or_default();
        loop {
            match from.read(room) {
                Ok(count) => {
                    self.end += count;
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Hands out what the bytes that were read since the last time made complete.
    pub(super) fn release(&mut self, take: &mut impl FnMut(Piece<'_>)) {
        let text = self.buffer.get(..self.end).unwrap_or_default();
        self.at = self.walk.through(text, self.at, take);
        if let Item::From(from) = self.walk.item
            && self.end - from > bounds::RECORD
        {
            take(Piece::Long(
                text.get(from..from + bounds::RECORD).unwrap_or_default(),
            ));
            self.walk.item = Item::Passed;
        }
        self.drop_walked();
    }

    /// Hands out what is left; the text is over.
    pub(super) fn finish(&mut self, take: &mut impl FnMut(Piece<'_>)) {
        let text = self.buffer.get(..self.end).unwrap_or_default();
        match self.walk.item {
            Item::From(from) => take(Piece::Cut(text.get(from..).unwrap_or_default())),
            Item::None if self.walk.depth > 0 => take(Piece::Cut(&[])),
            Item::None | Item::Passed => {}
        }
        *self = Self::default();
    }

    /// Moves what is still needed to the beginning of the buffer.
    fn drop_walked(&mut self) {
        // A key that matters is short.
        if self.walk.key_from.is_some_and(|from| self.at - from > 16) {
            self.walk.key_from = None;
            self.walk.lists = false;
        }
        let item = match self.walk.item {
            Item::From(from) => from,
            Item::None | Item::Passed => self.at,
        };
        let keep = self.walk.key_from.map_or(item, |key| key.min(item));
        self.buffer.copy_within(keep..self.end, 0);
        self.at -= keep;
        self.end -= keep;
        if let Item::From(from) = &mut self.walk.item {
            *from -= keep;
        }
        if let Some(from) = &mut self.walk.key_from {
            *from -= keep;
        }
    }
}

impl Walk {
    /// Goes through `text` from `at` on, and gives where it stands then.
    fn through(&mut self, text: &[u8], mut at: usize, take: &mut impl FnMut(Piece<'_>)) -> usize {
        while at < text.len() {
            if self.in_string {
                at = self.string(text, at, take);
                continue;
            }
            let Some(&byte) = text.get(at) else {
                break;
            };
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' => {
                    at += 1;
                    continue;
                }
                b'"' => {
                    self.in_string = true;
                    if self.depth == 1 && self.list.is_none() {
                        self.key_from = Some(at + 1);
                    } else if self.depth == 0 {
                        self.broken(take);
                    }
                }
                b'{' | b'[' => self.open(text, at, byte, take),
                b'}' | b']' => self.close(text, at, take),
                b',' | b':' => {}
                // A byte order mark, and the NUL bytes that a damaged file system leaves.
                0 | 0xef | 0xbb | 0xbf => {}
                _ if self.depth == 0 => self.broken(take),
                _ => {}
            }
            self.last = byte;
            at += 1;
        }
        at
    }

    /// Goes on in a string.
    fn string(&mut self, text: &[u8], at: usize, take: &mut impl FnMut(Piece<'_>)) -> usize {
        if self.escaped {
            self.escaped = false;
            return at + 1;
        }
        let tail = text.get(at..).unwrap_or_default();
        let Some(found) = memchr3(b'"', b'\\', b'\n', tail) else {
            return text.len();
        };
        let at = at + found;
        match text.get(at) {
            Some(b'\\') => self.escaped = true,
            Some(b'"') => {
                self.in_string = false;
                if let Some(from) = self.key_from.take() {
                    let key = text.get(from..at).unwrap_or_default();
                    self.lists = LISTS.contains(&key);
                }
            }
            // JSON writes a line feed as an escape: the text was torn here.
            _ => self.torn(text, at, take),
        }
        at + 1
    }

    fn open(&mut self, text: &[u8], at: usize, byte: u8, take: &mut impl FnMut(Piece<'_>)) {
        if byte == b'{' && self.depth > 0 && !self.may_begin() {
            self.torn(text, at, take);
        }
        let is_object = byte == b'{';
        if is_object && (self.depth == 0 || self.list == Some(self.depth)) {
            self.item = Item::From(at);
        }
        if !is_object && self.list.is_none() {
            let is_list = self.depth == 1 && self.last == b':' && self.lists;
            if self.depth == 0 || is_list {
                self.list = Some(self.depth + 1);
                // The outermost object itself is no record.
                self.item = Item::None;
            }
        }
        self.depth += 1;
        self.objects = self.objects << 1 | u128::from(is_object);
    }

    fn close(&mut self, text: &[u8], at: usize, take: &mut impl FnMut(Piece<'_>)) {
        if self.depth == 0 {
            self.broken(take);
            return;
        }
        if self.list == Some(self.depth) {
            self.list = None;
        }
        self.depth -= 1;
        self.objects >>= 1;
        if self.depth == 0 || self.list == Some(self.depth) {
            match self.item {
                Item::From(from) => {
                    let item = text.get(from..=at).unwrap_or_default();
                    take(if item.len() > bounds::RECORD {
                        Piece::Long(item.get(..bounds::RECORD).unwrap_or_default())
                    } else {
                        Piece::Whole(item)
                    });
                    self.told = false;
                }
                Item::None | Item::Passed => {}
            }
            self.item = Item::None;
        }
    }

    /// Whether an object can begin behind the last byte: as a value of an object, or as a member of a list. Of more brackets
    /// than are remembered it can.
    fn may_begin(&self) -> bool {
        let in_object = self.objects & 1 == 1;
        match self.last {
            b':' => in_object,
            b'[' => true,
            b',' => !in_object || self.depth > 128,
            _ => false,
        }
    }

    /// The text is torn at `at`: what was being read is cut, and something new begins.
    fn torn(&mut self, text: &[u8], at: usize, take: &mut impl FnMut(Piece<'_>)) {
        match self.item {
            Item::From(from) => take(Piece::Cut(text.get(from..at).unwrap_or_default())),
            Item::None => self.broken(take),
            Item::Passed => {}
        }
        *self = Self {
            told: true,
            ..Self::default()
        };
    }

    fn broken(&mut self, take: &mut impl FnMut(Piece<'_>)) {
        if !self.told {
            self.told = true;
            take(Piece::Broken);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of a text that is read in bits of `step` bytes.
    fn pieces(text: &str, step: usize) -> Vec<String> {
        let mut split = Split::default();
        let mut all = Vec::new();
        let mut take = |piece: Piece<'_>| {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            all.push(match piece {
                Piece::Whole(bytes) => text(bytes),
                Piece::Cut(bytes) => format!("cut {}", text(bytes)),
                Piece::Long(bytes) => format!("long {}", bytes.len()),
                Piece::Broken => "broken".to_owned(),
            });
        };
        for mut bytes in text.as_bytes().chunks(step) {
            while split.fill(&mut bytes).unwrap() > 0 {}
            split.release(&mut take);
        }
        split.finish(&mut take);
        all
    }

    #[test]
    fn every_form_is_split_into_its_records_however_it_is_read() {
        let one = r#"{"a":"},{\"\\","Records":{"x":[{"y":1}]}}"#;
        let two = r#"{ "b" : [ { } , "]" ] }"#;
        let forms = [
            format!(r#"{{"Records":[{one},{two}]}}"#),
            format!(
                "{{ \"x\" : {{\"Records\":[]}},\n \"Records\" : [\n{one}\n,\n{two} ] , \"z\":1 }}"
            ),
            format!("\u{feff}[{one},\r\n{two}]\n"),
            format!("{one}\n{two}\n"),
            format!("{one}{two}"),
            format!(r#"{{"Events":[{one}]}} {{"logEvents":[{two}]}}"#),
        ];
        for form in forms {
            for step in 1..form.len() {
                assert_eq!(pieces(&form, step), [one, two], "{form} in {step}");
            }
        }
    }

    #[test]
    fn a_text_that_ends_in_the_middle_is_told() {
        let text = r#"{"Records":[{"a":1},{"b":"c"#;
        assert_eq!(pieces(text, 7), [r#"{"a":1}"#, r#"cut {"b":"c"#]);
        assert_eq!(pieces(r#"{"Records":[{"a":1}"#, 7), [r#"{"a":1}"#, "cut "]);
        assert_eq!(pieces("", 1), Vec::<String>::new());
    }

    #[test]
    fn behind_a_tear_the_text_begins_anew() {
        let torn_in_a_string = "{\"a\":\"b\n{\"c\":1}\n";
        assert_eq!(
            pieces(torn_in_a_string, 100),
            [r#"cut {"a":"b"#, r#"{"c":1}"#]
        );
        let torn_between = "{\"a\":{\"b\":1\n{\"c\":1}\n";
        assert_eq!(
            pieces(torn_between, 100),
            ["cut {\"a\":{\"b\":1\n", r#"{"c":1}"#]
        );
        let torn_behind_a_comma = "{\"a\":1,\n{\"c\":1}\n";
        assert_eq!(
            pieces(torn_behind_a_comma, 100),
            ["cut {\"a\":1,\n", r#"{"c":1}"#]
        );
    }

    #[test]
    fn what_is_no_json_is_told_once() {
        assert_eq!(
            pieces("I0101 klog text\nmore\n{\"a\":1}", 100),
            ["broken", r#"{"a":1}"#]
        );
        assert_eq!(pieces(r#"x"},{"a":1}]}"#, 100)[0], "broken");
    }

    #[test]
    fn a_record_without_end_is_passed_by_in_bounded_memory() {
        let mut split = Split::default();
        let mut told = Vec::new();
        let mut take = |piece: Piece<'_>| {
            told.push(match piece {
                Piece::Long(bytes) => bytes.len(),
                Piece::Whole(bytes) => bytes.len(),
                _ => 0,
            });
        };
        let begin = r#"{"Records":[{"a":""#.as_bytes();
        let end = br#""},{"b":1}]}"#;
        let mut text = begin
            .chain(io::repeat(b'x').take(50_000_000))
            .chain(&end[..]);
        while split.fill(&mut text).unwrap() > 0 {
            split.release(&mut take);
            assert!(split.buffer.len() <= bounds::RECORD + 3 * READ);
        }
        split.finish(&mut take);
        assert_eq!(told, [bounds::RECORD, br#"{"b":1}"#.len()]);
    }
}
