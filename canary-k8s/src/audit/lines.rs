//! Bytes → events: a line of a log, a body of the webhook, a file of JSON in any form.

use std::borrow::Cow;

use canary_core::detect::{Defect, Event};
use serde_json::value::RawValue;

use super::lenient::Field;
use super::mend::mend;
use super::read::{Damage, event};
use super::record::{Items, Record};
use super::split::{self, RECORD_START};

/// What some bytes held.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Reading {
    /// The events, in their order.
    pub events: Vec<Event>,
    /// Records that nothing could be made of.
    pub unreadable: u64,
}

/// A record of which nothing is known but that it could not be read.
pub(super) fn lost() -> Event {
    let damage = Damage {
        defects: vec![Defect::Cut],
        ..Damage::default()
    };
    event(&Record::default(), damage)
}

/// Reads one line of an audit log: one record, or a list of records as the webhook gets them. Empty lines hold nothing.
///
/// What is damaged is read as far as it goes and says so in [`Event::defects`]; where a second record begins in the
/// middle of a line, as after a write that failed, both are read. `oversize` says that the line went on after `line`.
#[must_use]
pub fn read_line(line: &[u8], oversize: bool) -> Reading {
    let mut reading = Reading::default();
    let mut damage = Damage::default();
    if oversize {
        damage.defects.push(Defect::Oversize);
    }
    let text = utf8(trim(line), &mut damage);
    if !text.is_empty() && reading.value(&text, &damage).is_err() {
        reading.values(&text, &damage);
        let told = |event: &Event| event.defects.contains(&Defect::Oversize);
        if oversize && !reading.events.iter().any(told) {
            // It went on right behind a record.
            reading.events.push(event(&Record::default(), damage));
        }
    }
    reading
}

/// Reads any number of JSON values, written over any number of lines: records, lists of records (`EventList`, as the
/// webhook sends them), or JSON arrays of records. Where its syntax breaks, every record is read for itself.
#[must_use]
pub fn read_document(bytes: &[u8]) -> Reading {
    let mut reading = Reading::default();
    let mut damage = Damage::default();
    let text = utf8(trim(bytes), &mut damage);
    let mut values = serde_json::Deserializer::from_str(&text).into_iter::<&RawValue>();
    loop {
        let from = values.byte_offset();
        let result = match values.next() {
            None => return reading,
            Some(result) => result.and_then(|raw| reading.value(raw.get(), &damage)),
        };
        if result.is_err() {
            for piece in split::pieces(text.get(from..).unwrap_or_default()) {
                reading.values(piece, &damage);
                if reading
                    .events
                    .iter()
                    .rev()
                    .take(TEARS)
                    .filter(|event| event.is_cut())
                    .count()
                    == TEARS
                {
                    // It is nothing but damage.
                    break;
                }
            }
            return reading;
        }
    }
}

/// A line is torn once, when a disk is full, and at times twice. What is beyond is told as damage, and not looked at
/// again and again.
const TEARS: usize = 100;

impl Reading {
    /// Reads one JSON value; nothing is added when its syntax is broken.
    fn value(&mut self, text: &str, damage: &Damage) -> Result<(), serde_json::Error> {
        if text.starts_with('[') {
            let Field(Items(items)) = serde_json::from_str(text)?;
            self.items(&items.unwrap_or_default(), damage);
            return Ok(());
        }
        let Field(record) = serde_json::from_str::<Field<Record<'_>>>(text)?;
        match &record.items.0 {
            Some(items) if !record.is_audit() => self.items(items, damage),
            _ => self.record(&record, damage),
        }
        Ok(())
    }

    /// Reads values one after another, among the commas and brackets of a list that may begin or end elsewhere. Where one
    /// breaks, what stands before the break is read, and what begins as a record behind it.
    fn values(&mut self, text: &str, damage: &Damage) {
        let mut whole = damage.clone();
        whole.defects.retain(|defect| *defect == Defect::Encoding);
        let mut tears = 0;
        let mut rest = split::item(text);
        while !rest.is_empty() {
            let mut values = serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>();
            let result = match values.next() {
                None => return,
                Some(result) => result.and_then(|raw| self.value(raw.get(), &whole)),
            };
            let Err(error) = result else {
                rest = split::item(rest.get(values.byte_offset()..).unwrap_or_default());
                continue;
            };
            tears += 1;
            if let Some(items) = split::items_of_open_list(rest).filter(|_| tears <= TEARS) {
                rest = split::item(items);
                continue;
            }
            let (this, next) = match tears {
                ..=TEARS => split::torn(rest, offset(rest, &error)),
                _ => (rest, ""),
            };
            if next.is_empty() || self.value(this, damage).is_err() {
                self.cut(this, damage);
            }
            rest = split::item(next);
        }
    }

    /// Only the last of a list that ends in the middle is cut.
    fn items(&mut self, items: &[&RawValue], damage: &Damage) {
        let mut whole = damage.clone();
        whole
            .defects
            .retain(|defect| !matches!(defect, Defect::Cut | Defect::Oversize));
        for (i, item) in items.iter().enumerate() {
            let damage = if i + 1 == items.len() { damage } else { &whole };
            match serde_json::from_str::<Field<Record<'_>>>(item.get()) {
                Ok(Field(record)) => self.record(&record, damage),
                Err(_) => self.unreadable += 1,
            }
        }
    }

    fn record(&mut self, record: &Record<'_>, damage: &Damage) {
        if record.is_audit() || damage.torn_uri.is_some() {
            self.events.push(event(record, damage.clone()));
        } else {
            self.unreadable += 1;
        }
    }

    /// Reads what stands before the place where the syntax breaks.
    fn cut(&mut self, text: &str, damage: &Damage) {
        let mut damage = damage.clone();
        if !damage.defects.contains(&Defect::Oversize) {
            damage.defects.push(Defect::Cut);
        }
        let before = (self.events.len(), self.unreadable);
        if let Some(mended) = mend(sound_part(text)) {
            damage.torn_uri = mended.torn_uri();
            // What cannot be read even so adds nothing, and counts below.
            let _broken: Result<(), serde_json::Error> = self.value(&mended.text, &damage);
        }
        if before.0 < self.events.len() {
            return;
        }
        self.unreadable = before.1;
        let text = text.trim_end();
        let start = text.len().min(RECORD_START.len());
        if text.get(..start) == RECORD_START.get(..start) || split::is_of_a_record(text) {
            // It was a record, of which nothing is left.
            self.events.push(event(&Record::default(), damage));
        } else {
            self.unreadable += 1;
        }
    }
}

/// The text up to where it is no longer JSON.
fn sound_part(text: &str) -> &str {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    let Some(Err(error)) = values.next() else {
        return text;
    };
    if error.is_eof() {
        return text;
    }
    let mut end = offset(text, &error).saturating_sub(1).min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// Where the syntax breaks: the byte that is wrong, or the one behind it.
fn offset(text: &str, error: &serde_json::Error) -> usize {
    let lines_before = error.line().saturating_sub(1);
    let lines = text.split_inclusive('\n').take(lines_before);
    lines.map(str::len).sum::<usize>() + error.column()
}

/// White space, a byte order mark, and the NUL bytes that a file truncated under its writer begins with.
fn trim(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let blank = |byte: &u8| *byte == 0 || byte.is_ascii_whitespace();
    let from = bytes.iter().position(|byte| !blank(byte));
    let to = bytes.iter().rposition(|byte| !blank(byte));
    match (from, to) {
        (Some(from), Some(to)) => bytes.get(from..=to).unwrap_or_default(),
        _ => &[],
    }
}

fn utf8<'b>(bytes: &'b [u8], damage: &mut Damage) -> Cow<'b, str> {
    std::str::from_utf8(bytes).map_or_else(
        |_| {
            damage.defects.push(Defect::Encoding);
            String::from_utf8_lossy(bytes)
        },
        Cow::Borrowed,
    )
}
