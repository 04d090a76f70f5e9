//! Looking for secrets where none may be.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

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
/// offsets (without the characters that depend on what stands around it), hex, URL- and JSON-escaped.
#[must_use]
pub fn encodings(value: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut forms = vec![("plain", value.to_vec())];
    for (name, shift) in [("base64+0", 0), ("base64+1", 1), ("base64+2", 2)] {
        let shifted = [vec![0; shift], value.to_vec()].concat();
        // The first and last characters share bits with the neighbours.
        let skip = (shift * 4).div_ceil(3);
        for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            let text = engine.encode(&shifted);
            let end = text.len().saturating_sub(1);
            if skip < end {
                forms.push((name, text.as_bytes()[skip..end].to_vec()));
            }
        }
    }
    let hex: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
    forms.push(("hex", hex.to_uppercase().into_bytes()));
    forms.push(("hex", hex.into_bytes()));
    forms.push(("url", url_escaped(value).into_bytes()));
    if let Ok(text) = std::str::from_utf8(value) {
        let json = serde_json::Value::from(text).to_string();
        forms.push(("json", json.as_bytes()[1..json.len() - 1].to_vec()));
    }
    forms
}

fn url_escaped(value: &[u8]) -> String {
    value
        .iter()
        .map(|&byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

/// Every place in `text` where one of the values stands in one of its forms. Values shorter than eight bytes are passed
/// over: they occur by chance.
#[must_use]
pub fn leaks(text: &[u8], values: &[Vec<u8>]) -> Vec<Leak> {
    let mut found = Vec::new();
    for (value, bytes) in values.iter().enumerate() {
        if bytes.len() < 8 {
            continue;
        }
        for (form, needle) in encodings(bytes) {
            if needle.is_empty() {
                continue;
            }
            if let Some(at) = memchr::memmem::find(text, &needle) {
                found.push(Leak { value, form, at });
            }
        }
    }
    found
}
