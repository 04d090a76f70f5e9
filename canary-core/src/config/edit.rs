//! Changing one number of `canaries.toml` and nothing else.

use toml::Spanned as At;
use toml::de::{DeTable, DeValue};

use super::Span;
use super::builtin::LAST_GENERATION;
use super::nesting::too_deep;
use crate::graph::CanaryId;

/// Why a generation cannot be set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The text is not TOML, or nests too deeply to be read.
    #[error("the configuration is not valid TOML")]
    Syntax,
    /// There is no table of that canary.
    #[error("the configuration has no table [{canary}]")]
    NotThere {
        /// The canary.
        canary: CanaryId,
    },
    /// There is no generation after that.
    #[error("{canary} is of generation {LAST_GENERATION}, the last that there is")]
    Last {
        /// The canary.
        canary: CanaryId,
    },
    /// The table is written in a form that is not edited.
    #[error(
        "the table of {canary} is written in a form that cannot be edited: set `generation = {generation}` by hand"
    )]
    Form {
        /// The canary.
        canary: CanaryId,
        /// The generation that was to be set.
        generation: u32,
    },
}

/// The same text with a canary's `generation` set: replaced where it is, else inserted. Everything else is byte for
/// byte as it was.
///
/// # Errors
/// The text is not TOML, has no such canary, or writes it in a form in which nothing can be inserted. The result was
/// read again: it says what the text said, and the generation.
pub fn with_generation(
    source: &str,
    canary: &CanaryId,
    generation: u32,
) -> Result<String, EditError> {
    if too_deep(source).is_some() {
        return Err(EditError::Syntax);
    }
    if i64::from(generation) > LAST_GENERATION {
        return Err(EditError::Last {
            canary: canary.clone(),
        });
    }
    let document = DeTable::parse(source).map_err(|_| EditError::Syntax)?;
    let not_there = || EditError::NotThere {
        canary: canary.clone(),
    };
    let table = table_of(document.get_ref(), canary).ok_or_else(not_there)?;
    let edited = edit(source, &table, generation).filter(|edited| {
        // The form may be one that was not thought of: what counts is what is read from it.
        says(source, canary, generation).is_some_and(|wanted| read(edited) == Some(wanted))
    });
    edited.ok_or_else(|| EditError::Form {
        canary: canary.clone(),
        generation,
    })
}

/// The table of a canary: its label, its place, what it holds.
struct Found<'d, 'i> {
    label: Span,
    place: Span,
    table: &'d DeTable<'i>,
}

fn table_of<'d, 'i>(document: &'d DeTable<'i>, canary: &CanaryId) -> Option<Found<'d, 'i>> {
    let labels = document.get(canary.kind())?.get_ref().as_table()?;
    let (label, value): (_, &At<DeValue<'i>>) = labels.get_key_value(canary.label())?;
    Some(Found {
        label: label.span(),
        place: value.span(),
        table: value.get_ref().as_table()?,
    })
}

/// The edited text. `None`: in this form nothing can be inserted.
fn edit(source: &str, found: &Found<'_, '_>, generation: u32) -> Option<String> {
    if let Some(value) = found.table.get("generation") {
        let (before, after) = (
            source.get(..value.span().start)?,
            source.get(value.span().end..)?,
        );
        return Some(format!("{before}{generation}{after}"));
    }
    let written = source.get(found.place.clone())?;
    let (at, text) = if written.starts_with('[') {
        below_header(source, found, generation)?
    } else if written.starts_with('{') {
        let comma = if found.table.is_empty() { "" } else { "," };
        (
            found.place.start + 1,
            format!(" generation = {generation}{comma}"),
        )
    } else {
        beside_dotted_key(source, found, generation)?
    };
    let (before, after) = (source.get(..at)?, source.get(at..)?);
    Some(format!("{before}{text}{after}"))
}

/// A line below `[KIND.LABEL]`, in the indentation and with the line ending of the header.
fn below_header(source: &str, found: &Found<'_, '_>, generation: u32) -> Option<(usize, String)> {
    let indent = source.get(line_start(source, found.place.start)?..found.place.start)?;
    let line = format!("{indent}generation = {generation}");
    let rest = source.get(found.place.end..)?;
    Some(match rest.find('\n') {
        Some(newline) => {
            let end = if rest[..newline].ends_with('\r') {
                "\r\n"
            } else {
                "\n"
            };
            (found.place.end + newline + 1, format!("{line}{end}"))
        }
        None => (source.len(), format!("\n{line}")),
    })
}

/// A line above `KIND.LABEL.key = …`, or a header above `[KIND.LABEL.key]`.
fn beside_dotted_key(
    source: &str,
    found: &Found<'_, '_>,
    generation: u32,
) -> Option<(usize, String)> {
    let start = line_start(source, found.label.start)?;
    let path = source.get(start..found.label.end)?;
    let rest = source.get(found.label.end..)?;
    let line = rest.lines().next()?;
    let end = if rest.get(line.len()..)?.starts_with('\r') {
        "\r\n"
    } else {
        "\n"
    };
    let text = if path.trim_start().starts_with('[') {
        format!("{path}]{end}generation = {generation}{end}{end}")
    } else {
        format!("{path}.generation = {generation}{end}")
    };
    Some((start, text))
}

/// Where the line of a place begins, behind a byte order mark.
fn line_start(source: &str, place: usize) -> Option<usize> {
    let before = source.get(..place)?;
    Some(match before.rfind('\n') {
        Some(newline) => newline + 1,
        None if source.starts_with('\u{feff}') => '\u{feff}'.len_utf8(),
        None => 0,
    })
}

fn read(source: &str) -> Option<toml::Table> {
    source.parse().ok()
}

/// What a text says once the generation is set.
fn says(source: &str, canary: &CanaryId, generation: u32) -> Option<toml::Table> {
    let mut document = read(source)?;
    let table = document
        .get_mut(canary.kind())?
        .get_mut(canary.label())?
        .as_table_mut()?;
    table.insert("generation".into(), i64::from(generation).into());
    Some(document)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::example;

    fn edited(source: &str) -> String {
        with_generation(source, &CanaryId::new("secret", "a"), 7).unwrap()
    }

    #[test]
    fn a_generation_is_replaced_where_it_stands() {
        assert_eq!(
            edited("[secret.a]\n# kept\ngeneration=0x2 # why\nname = 'x'\n"),
            "[secret.a]\n# kept\ngeneration=7 # why\nname = 'x'\n"
        );
    }

    #[test]
    fn a_missing_generation_goes_below_the_header() {
        for (source, expected) in [
            (
                "[secret.a] # note\nname = 'x'\n",
                "[secret.a] # note\ngeneration = 7\nname = 'x'\n",
            ),
            ("[secret.a]", "[secret.a]\ngeneration = 7"),
            (
                "  [secret.a]\r\n  name = 'x'\r\n",
                "  [secret.a]\r\n  generation = 7\r\n  name = 'x'\r\n",
            ),
            (
                "\u{feff}[secret.a]\nname = 'ä'",
                "\u{feff}[secret.a]\ngeneration = 7\nname = 'ä'",
            ),
            (
                "[ secret . \"a\" ]\n[secret.a.data]\nx = '1'\n",
                "[ secret . \"a\" ]\ngeneration = 7\n[secret.a.data]\nx = '1'\n",
            ),
        ] {
            assert_eq!(edited(source), expected);
        }
    }

    #[test]
    fn tables_without_a_header_are_edited_in_their_own_form() {
        for (source, expected) in [
            (
                "[secret]\na = { name = 'x' }\n",
                "[secret]\na = { generation = 7, name = 'x' }\n",
            ),
            ("secret.a = {}\n", "secret.a = { generation = 7}\n"),
            (
                "secret = { a = { name = 'x' } }\n",
                "secret = { a = { generation = 7, name = 'x' } }\n",
            ),
            (
                "x = 1\nsecret.a.name = 'x'\n",
                "x = 1\nsecret.a.generation = 7\nsecret.a.name = 'x'\n",
            ),
            (
                "[secret]\n a.name = 'x'\r\n",
                "[secret]\n a.generation = 7\r\n a.name = 'x'\r\n",
            ),
            (
                "[secret.a.data]\nx = '1'\n",
                "[secret.a]\ngeneration = 7\n\n[secret.a.data]\nx = '1'\n",
            ),
        ] {
            assert_eq!(edited(source), expected);
        }
    }

    #[test]
    fn what_cannot_be_edited_is_refused_with_its_reason() {
        let canary = CanaryId::new("secret", "a");
        let form = EditError::Form {
            canary: canary.clone(),
            generation: 7,
        };
        let not_there = EditError::NotThere {
            canary: canary.clone(),
        };
        for (source, error) in [
            ("[secret.a", EditError::Syntax),
            ("", not_there.clone()),
            ("[secret.b]\n", not_there.clone()),
            ("[[secret.a]]\n", not_there),
            ("secret = { a.name = 'x' }\n", form),
        ] {
            assert_eq!(with_generation(source, &canary, 7), Err(error), "{source}");
        }
    }

    #[test]
    fn the_lookalike_in_a_comment_or_a_text_is_not_edited() {
        let source = "# [secret.a]\nx = '''\n[secret.a]\ngeneration = 1\n'''\n[secret.a]\n";
        assert_eq!(edited(source), format!("{source}generation = 7\n"));
    }

    #[test]
    fn every_canary_of_the_example_is_rotated_and_the_rest_is_as_it_was() {
        let vocabulary = example::vocabulary();
        let before = crate::config::parse(example::SOURCE, &vocabulary, example::TODAY).unwrap();
        for canary in before.canaries.keys() {
            let text = with_generation(example::SOURCE, canary, 41).unwrap();
            let after = crate::config::parse(&text, &vocabulary, example::TODAY).unwrap();
            assert_eq!(after.canaries[canary].generation, 41);
            let changed: Vec<_> = similar::TextDiff::from_lines(example::SOURCE, text.as_str())
                .iter_all_changes()
                .filter(|change| change.tag() != similar::ChangeTag::Equal)
                .map(|change| change.to_string())
                .collect();
            assert!(changed.len() <= 2, "{changed:?}");
        }
    }
}
