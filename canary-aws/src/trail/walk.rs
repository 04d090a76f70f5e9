//! The walk through a text that finds where its objects begin and end.

use memchr::memchr3;

use super::bounds;

/// A part of a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Piece<'b> {
    /// An object of a list from its first bracket to its last, or a text in a list, in which one may stand.
    Whole(&'b [u8]),
    /// An outermost object that holds no list of records.
    Alone(&'b [u8]),
    /// An object that ends in the middle, and where in the text it begins.
    Cut(&'b [u8], u64),
    /// The beginning of an object that is longer than a record may be, and where in the text it is.
    Long(&'b [u8], u64),
    /// Something that is no object, where one was due.
    Broken,
}

/// Keys of an outermost object whose lists hold the records: of log files, `lookup-events`, subscriptions of CloudWatch
/// Logs, `filter-log-events` and `get-log-events`, Firehose.
pub(super) const LISTS: [&str; 5] = ["Records", "Events", "logEvents", "events", "records"];

/// So many open brackets are kept where they cost nothing.
const INNERMOST: usize = 128;
/// And so many around them: no record has more. What is nested deeper is torn there.
const DEEPEST: usize = bounds::RECORD;

/// Where the walk stands.
#[derive(Default)]
pub(super) struct Walk {
    pub(super) depth: usize,
    /// One bit for each of the innermost brackets that are open, the innermost lowest: whether it is an object's.
    objects: u128,
    /// The same of those around them, the outermost first.
    pub(super) outer: Vec<bool>,
    in_string: bool,
    escaped: bool,
    /// The last byte outside of strings that was no space; `"` for a string.
    last: u8,
    /// How deep the members of the list are that is being read.
    list: Option<usize>,
    /// In so many others that list is, each a member of the one around it.
    outer_lists: usize,
    pub(super) item: Item,
    /// Where the string at hand begins, when it may be a key of the outermost object.
    pub(super) key_from: Option<usize>,
    /// The last string of the outermost object is one of [`LISTS`].
    pub(super) lists: bool,
    /// It was told already that something is broken here.
    told: bool,
    /// So much of the text came before what is at hand.
    pub(super) before: u64,
}

/// The object that is being read.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Item {
    #[default]
    None,
    /// It begins there.
    From(usize),
    /// It was too long, and is passed by.
    Passed,
}

impl Walk {
    /// Goes through `text` from `at` on, and gives where it stands then.
    pub(super) fn through(
        &mut self,
        text: &[u8],
        mut at: usize,
        take: &mut impl FnMut(Piece<'_>),
    ) -> usize {
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
                    } else if self.list == Some(self.depth) {
                        self.item = Item::From(at);
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
                if self.list == Some(self.depth) {
                    self.end_item(text, at, take);
                }
                if let Some(from) = self.key_from.take() {
                    let key = text.get(from..at).unwrap_or_default();
                    self.lists = LISTS.iter().any(|list| list.as_bytes() == key);
                }
            }
            // JSON writes a line feed as an escape: the text was torn here.
            _ => self.torn(text, at, take),
        }
        at + 1
    }

    fn open(&mut self, text: &[u8], at: usize, byte: u8, take: &mut impl FnMut(Piece<'_>)) {
        let is_due = byte == b'[' || self.depth == 0 || self.may_begin();
        if !is_due || self.outer.len() >= DEEPEST {
            self.torn(text, at, take);
        }
        let is_object = byte == b'{';
        if is_object && (self.depth == 0 || self.list == Some(self.depth)) {
            self.item = Item::From(at);
        }
        if !is_object && self.list == Some(self.depth) {
            self.outer_lists += 1;
            self.list = Some(self.depth + 1);
        } else if !is_object && self.list.is_none() {
            let is_list = self.depth == 1 && self.last == b':' && self.lists;
            if self.depth == 0 || is_list {
                self.list = Some(self.depth + 1);
                // The outermost object itself is no record.
                self.item = Item::None;
            }
        }
        if self.depth >= INNERMOST {
            self.outer.push(self.objects >> (INNERMOST - 1) == 1);
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
            self.list = (self.outer_lists > 0).then_some(self.depth - 1);
            self.outer_lists = self.outer_lists.saturating_sub(1);
        }
        self.depth -= 1;
        self.objects >>= 1;
        if let Some(is_object) = self.outer.pop() {
            self.objects |= u128::from(is_object) << (INNERMOST - 1);
        }
        if self.depth == 0 || self.list == Some(self.depth) {
            self.end_item(text, at, take);
        }
    }

    /// What was being read ends with the byte at `at`.
    fn end_item(&mut self, text: &[u8], at: usize, take: &mut impl FnMut(Piece<'_>)) {
        match self.item {
            Item::From(from) => {
                let item = text.get(from..=at).unwrap_or_default();
                take(match item.get(..bounds::RECORD) {
                    Some(long) if item.len() > bounds::RECORD => {
                        Piece::Long(long, self.place(from))
                    }
                    _ if self.depth == 0 => Piece::Alone(item),
                    _ => Piece::Whole(item),
                });
                self.told = false;
            }
            Item::None | Item::Passed => {}
        }
        self.item = Item::None;
    }

    /// Whether an object can begin behind the last byte: as a value of an object, or as a member of a list.
    fn may_begin(&self) -> bool {
        let in_object = self.objects & 1 == 1;
        match self.last {
            b':' => in_object,
            b'[' => true,
            b',' => !in_object,
            _ => false,
        }
    }

    /// The text is torn at `at`: what was being read is cut, and something new begins.
    fn torn(&mut self, text: &[u8], at: usize, take: &mut impl FnMut(Piece<'_>)) {
        match self.item {
            Item::From(from) => {
                let cut = text.get(from..at).unwrap_or_default();
                take(Piece::Cut(cut, self.place(from)));
            }
            Item::None => self.broken(take),
            Item::Passed => {}
        }
        *self = Self {
            told: true,
            before: self.before,
            ..Self::default()
        };
    }

    /// Where in the text something is.
    pub(super) fn place(&self, at: usize) -> u64 {
        self.before + at as u64
    }

    fn broken(&mut self, take: &mut impl FnMut(Piece<'_>)) {
        if !self.told {
            self.told = true;
            take(Piece::Broken);
        }
    }
}
