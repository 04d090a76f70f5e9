//! Where one record ends and the next begins, in a text that is never held as a whole.
//!
//! Handed out are the members of the list under one of [`LISTS`](super::walk::LISTS) of an outermost object, the members of
//! an outermost list and of lists in it, and outermost objects without such a list, each as it stands. Brackets are counted
//! outside of strings, so that no text that a caller chose ends a record or begins one. Broken syntax is noticed where it matters: a line feed in
//! a string, and an object where none can be. There the text begins anew.

use std::io::{self, Read};

use super::bounds;
use super::walk::{Item, Piece, Walk};

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
            let long = text.get(from..from + bounds::RECORD);
            take(Piece::Long(long.unwrap_or_default(), self.walk.place(from)));
            self.walk.item = Item::Passed;
        }
        self.drop_walked();
    }

    /// Hands out what is left; the text is over.
    pub(super) fn finish(&mut self, take: &mut impl FnMut(Piece<'_>)) {
        let text = self.buffer.get(..self.end).unwrap_or_default();
        match self.walk.item {
            Item::From(from) => {
                let cut = text.get(from..).unwrap_or_default();
                take(Piece::Cut(cut, self.walk.place(from)));
            }
            Item::None if self.walk.depth > 0 => {
                take(Piece::Cut(&[], self.walk.place(self.end)));
            }
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
        self.walk.before += keep as u64;
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
                Piece::Whole(bytes) | Piece::Alone(bytes) => text(bytes),
                Piece::Cut(bytes, _) => format!("cut {}", text(bytes)),
                Piece::Long(bytes, _) => format!("long {}", bytes.len()),
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
            format!("[[{one}],\n[[{two}]]]"),
            format!("{one}\n{two}\n"),
            format!("{one}{two}"),
            format!(r#"{{"Events":[{one}]}} {{"logEvents":[{two}]}}"#),
            format!(r#"{{"events":[{one}],"nextToken":"x"}}{{"a":"b","records":[{two}]}}"#),
        ];
        for form in forms {
            for step in 1..form.len() {
                assert_eq!(pieces(&form, step), [one, two], "{form} in {step}");
            }
        }
    }

    #[test]
    fn texts_in_lists_are_handed_out_for_records_may_stand_in_them() {
        let text = r#"["{\"a\":1}", {"b":["c"]}, "d"]"#;
        for step in 1..text.len() {
            let expected = [r#""{\"a\":1}""#, r#"{"b":["c"]}"#, r#""d""#];
            assert_eq!(pieces(text, step), expected, "{step}");
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
    fn every_beginning_of_a_file_gives_its_whole_records_and_tells_the_cut() {
        let text = r#"{"Records":[{"a":"}"},{"b":["]"]},{"c":{"d":1}}],"e":1}"#;
        for end in 1..text.len() {
            let all = pieces(&text[..end], 3);
            let (last, whole) = all.split_last().unwrap();
            assert!(last.starts_with("cut"), "{end}: {last}");
            let expected = [r#"{"a":"}"}"#, r#"{"b":["]"]}"#, r#"{"c":{"d":1}}"#];
            assert!(
                whole.len() <= 3 && whole == &expected[..whole.len()],
                "{end}"
            );
        }
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
    fn where_something_damaged_begins_is_told_however_it_is_read() {
        let whole = r#"{"Records":[{"a":1},"#;
        let text = format!("{whole}{{\"b\":\"c\n{{\"d\"");
        for step in 1..text.len() {
            let mut split = Split::default();
            let mut places = Vec::new();
            let mut take = |piece: Piece<'_>| {
                if let Piece::Cut(bytes, place) = piece {
                    let place = usize::try_from(place).unwrap();
                    assert!(text.as_bytes()[place..].starts_with(bytes), "{step}");
                    places.push(place);
                }
            };
            for mut bytes in text.as_bytes().chunks(step) {
                while split.fill(&mut bytes).unwrap() > 0 {}
                split.release(&mut take);
            }
            split.finish(&mut take);
            let last = text.len() - 4;
            assert!(places.ends_with(&[whole.len(), last]), "{step}: {places:?}");
        }
    }

    #[test]
    fn however_deep_something_is_nested_what_comes_behind_it_is_read() {
        for depth in [1, 126, 127, 128, 129, 130, 300, 5_000] {
            for (open, close) in [("[", "]"), ("{\"x\":", "}"), ("[{\"x\":", "}]")] {
                let deep = format!("{}1{}", open.repeat(depth), close.repeat(depth));
                let record = format!(r#"{{"a":{deep},"b":{{"c":[{{}},{{}}]}},"d":{{}}}}"#);
                let text = format!(r#"{{"Records":[{record},{{"e":1}}]}}"#);
                assert_eq!(
                    pieces(&text, 100),
                    [record.as_str(), r#"{"e":1}"#],
                    "{open} {depth}"
                );
            }
        }
    }

    #[test]
    fn brackets_without_end_are_torn_in_bounded_memory() {
        let mut split = Split::default();
        let (mut told, mut whole) = (0, 0);
        let mut take = |piece: Piece<'_>| match piece {
            Piece::Whole(_) | Piece::Alone(_) => whole += 1,
            _ => told += 1,
        };
        let end = b"]\n{\"a\":1}";
        let mut text = io::repeat(b'[').take(10_000_000).chain(&end[..]);
        while split.fill(&mut text).unwrap() > 0 {
            split.release(&mut take);
            assert!(split.walk.outer.len() <= bounds::RECORD);
        }
        split.finish(&mut take);
        assert!((1..=11).contains(&told) && whole <= 1, "{told} {whole}");
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
                Piece::Long(bytes, _) => bytes.len(),
                Piece::Whole(bytes) | Piece::Alone(bytes) => bytes.len(),
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
