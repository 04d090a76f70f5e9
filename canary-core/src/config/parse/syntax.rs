//! The errors of TOML itself.

use std::ops::Range;

use toml::de::{DeTable, DeValue, Error};

use super::errors::Errors;
use crate::config::error::quoted;
use crate::config::{ConfigError, Span};

/// How many duplicates get their first place shown: each costs another reading of the file.
const FIRST_PLACES: usize = 16;

/// Adds the errors that reading TOML gave.
pub(super) fn report(errors: &mut Errors, source: &str, found: &[Error]) {
    let mut places = FIRST_PLACES;
    for error in found {
        let span = clamp(source, error.span());
        if error.message() == "duplicate key" {
            let first = (places > 0 && !errors.full()).then(|| first_place(source, &span));
            places = places.saturating_sub(1);
            errors.push_duplicate(duplicate(source, &span, first.flatten()));
            continue;
        }
        let line = lines_of(source, &span);
        errors.push_syntax(broken(error, span), line);
    }
}

/// A span that is safe to cut the source with.
fn clamp(source: &str, span: Option<Range<usize>>) -> Span {
    let span = span.unwrap_or(0..0);
    let start = source.floor_char_boundary(span.start);
    let end = source.ceil_char_boundary(span.end.max(start));
    start..end
}

/// The lines that a span is on.
fn lines_of(source: &str, span: &Span) -> Range<usize> {
    let start = source[..span.start]
        .rfind('\n')
        .map_or(0, |newline| newline + 1);
    let end = source[span.end..]
        .find('\n')
        .map_or(source.len(), |newline| span.end + newline + 1);
    start..end
}

fn broken(error: &Error, span: Span) -> ConfigError {
    let message = error.message();
    let (title, expected) = message.split_once(", expected ").unwrap_or((message, ""));
    // The reader's own words for this one, the commonest, are about its grammar.
    let expected = expected.replace("literal string", "a string in quotes");
    let label = match expected.as_str() {
        "" | "nothing" => String::new(),
        expected => format!("expected {expected}"),
    };
    ConfigError::new(span, title, label)
}

fn duplicate(source: &str, span: &Span, first: Option<Span>) -> ConfigError {
    let token = source[span.clone()].trim_matches(['"', '\'']);
    let title = format!("{} is here twice", quoted(token));
    let error = ConfigError::new(span.clone(), title, "again here");
    match first {
        Some(first) => error.and_at(first, "first here"),
        None => error,
    }
}

/// Where the key that `again` repeats was first. TOML's reader does not tell: so the second key is given a name that
/// is nowhere else, and its neighbour of the first name is the first place.
fn first_place(source: &str, again: &Span) -> Option<Span> {
    let name = key_text(&source[again.clone()])?;
    let probe = fresh_name(source)?;
    let (before, after) = (&source[..again.start], &source[again.end..]);
    let renamed = format!("{before}{probe}{after}");
    let (document, _) = DeTable::parse_recoverable(&renamed);
    let mut tables = vec![document.get_ref()];
    while let Some(table) = tables.pop() {
        if table.contains_key(probe.as_str()) {
            let (key, _) = table.get_key_value(name.as_str())?;
            // What is before the second key did not move.
            return (key.span().end <= again.start).then(|| key.span());
        }
        tables.extend(
            table
                .values()
                .flat_map(|value| inner_tables(value.get_ref())),
        );
    }
    None
}

/// The tables directly inside a value.
fn inner_tables<'v, 'i>(value: &'v DeValue<'i>) -> Vec<&'v DeTable<'i>> {
    let mut tables = Vec::new();
    let mut values = vec![value];
    while let Some(value) = values.pop() {
        match value {
            DeValue::Table(table) => tables.push(table),
            DeValue::Array(array) => values.extend(array.iter().map(|item| item.get_ref())),
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_) => {}
        }
    }
    tables
}

/// A key that the source does not hold.
fn fresh_name(source: &str) -> Option<String> {
    // Of 1,000 names, a file that holds none of them is as good as certain unless it was written against us.
    (0..1_000)
        .map(|number| format!("again-{number}"))
        .find(|name| !source.contains(name.as_str()))
}

/// A key as written, without its quotes and escapes.
fn key_text(written: &str) -> Option<String> {
    let line = format!("{written} = 0");
    let table = DeTable::parse(&line).ok()?;
    let key = table.get_ref().keys().next()?;
    Some(key.get_ref().to_string())
}
