//! Looking for secrets where none may be.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use memchr::memmem::Finder;

/// A secret that was found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Leak {
    /// Which of the values.
    pub value: usize,
    /// In which form.
    pub form: &'static str,
    /// Where in the text.
    pub at: usize,
}

/// The forms in which a value can hide in an output, each with its name: as it is, in base64 at each of its three
/// offsets (without the characters that depend on what stands around it), hex, URL- and JSON-escaped, and as Rust prints
/// it for debugging.
#[must_use]
pub fn encodings(value: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut forms = vec![("plain", value.to_vec())];
    for (name, shift) in [("base64+0", 0), ("base64+1", 1), ("base64+2", 2)] {
        let shifted = [vec![0; shift], value.to_vec()].concat();
        // The first and last characters share bits with the neighbours.
        let skip = (shift * 4).div_ceil(3);
        for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            let text = engine.encode(&shifted);
            // A character that no neighbour shares ends where three bytes do.
            let end = if shifted.len().is_multiple_of(3) {
                text.len()
            } else {
                text.len().saturating_sub(1)
            };
            if skip < end {
                forms.push((name, text.as_bytes()[skip..end].to_vec()));
            }
        }
    }
    let hex: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
    forms.push(("hex", hex.to_uppercase().into_bytes()));
    forms.push(("hex", hex.into_bytes()));
    forms.push(("url", url_escaped(value, false).into_bytes()));
    forms.push(("url", url_escaped(value, true).into_bytes()));
    let numbers: Vec<String> = value.iter().map(ToString::to_string).collect();
    forms.push(("bytes", numbers.join(", ").into_bytes()));
    if let Ok(text) = std::str::from_utf8(value) {
        let json = serde_json::Value::from(text).to_string();
        forms.push(("json", json.as_bytes()[1..json.len() - 1].to_vec()));
        forms.push(("debug", text.escape_debug().to_string().into_bytes()));
    }
    // A value without anything to escape has one form for many names.
    let mut seen = BTreeSet::new();
    forms.retain(|(_, form)| seen.insert(form.clone()));
    forms
}

fn url_escaped(value: &[u8], lower: bool) -> String {
    value
        .iter()
        .map(|&byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            byte if lower => format!("%{byte:02x}"),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

/// Shorter values occur by chance.
const SHORTEST: usize = 6;

/// Looks for values in texts.
#[derive(Debug)]
pub struct Search {
    needles: Vec<(usize, &'static str, Finder<'static>)>,
}

impl Search {
    /// For these values, in each of their forms. Values shorter than six bytes are passed over: they occur by chance.
    #[must_use]
    pub fn of(values: &[Vec<u8>]) -> Self {
        let long = values
            .iter()
            .enumerate()
            .filter(|(_, value)| value.len() >= SHORTEST);
        let needles = long.flat_map(|(i, value)| {
            encodings(value)
                .into_iter()
                .map(move |(form, needle)| (i, form, Finder::new(&needle).into_owned()))
        });
        Self {
            needles: needles.collect(),
        }
    }

    /// The first place in a text of each form of each value.
    #[must_use]
    pub fn leaks(&self, text: &[u8]) -> Vec<Leak> {
        let found = |(value, form, finder): &(usize, &'static str, Finder<'static>)| {
            let at = finder.find(text)?;
            Some(Leak {
                value: *value,
                form,
                at,
            })
        };
        self.needles.iter().filter_map(found).collect()
    }
}

/// As [`Search::leaks`], for one text.
#[must_use]
pub fn leaks(text: &[u8], values: &[Vec<u8>]) -> Vec<Leak> {
    Search::of(values).leaks(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, value: &[u8]) -> Vec<&'static str> {
        let leaks = leaks(text.as_bytes(), &[value.to_vec()]);
        leaks.iter().map(|leak| leak.form).collect()
    }

    #[test]
    fn base64_is_found_wherever_it_stands_in_what_was_encoded() {
        for length in 6..12 {
            let value: Vec<u8> = (0..length).map(|i| 0xf0 + i).collect();
            for before in 0..6 {
                for after in 0..4 {
                    let whole = [vec![b'x'; before], value.clone(), vec![b'y'; after]].concat();
                    let expected = ["base64+0", "base64+1", "base64+2"][before % 3];
                    for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
                        let text = engine.encode(&whole);
                        assert_eq!(found(&text, &value), [expected], "{before} {after} {text}");
                    }
                }
            }
        }
    }

    #[test]
    fn every_way_of_escaping_is_found() {
        let value = "p/ss\n\"wörd";
        assert_eq!(found(value, value.as_bytes()), ["plain"]);
        assert_eq!(found("p%2Fss%0A%22w%C3%B6rd", value.as_bytes()), ["url"]);
        assert_eq!(found("p%2fss%0a%22w%c3%b6rd", value.as_bytes()), ["url"]);
        assert_eq!(found("702f73730a2277c3b67264", value.as_bytes()), ["hex"]);
        assert_eq!(found("702F73730A2277C3B67264", value.as_bytes()), ["hex"]);
        let json = serde_json::Value::from(value).to_string();
        assert_eq!(found(&json, value.as_bytes()), ["json"]);
        let bytes = format!("{:?}", value.as_bytes());
        assert_eq!(found(&bytes, value.as_bytes()), ["bytes"]);
        assert_eq!(found("p/ss", value.as_bytes()), [""; 0]);
    }
}
