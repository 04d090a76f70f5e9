//! Closing what a cut left open.

/// What is left of a text of JSON that ends in the middle.
pub(super) struct Mended {
    /// The text up to its last complete value, everything open closed again.
    pub(super) text: String,
    /// The string of the outermost object that was being written when it was cut, with its key, both as they stand.
    torn: Option<(String, String)>,
}

impl Mended {
    /// The beginning of the request's URI, when the cut went through it.
    pub(super) fn torn_uri(&self) -> Option<String> {
        let (_, uri) = self.torn.as_ref().filter(|(key, _)| key == "requestURI")?;
        let whole = |text: &str| serde_json::from_str(&format!("\"{text}\"")).ok();
        // The cut may have gone through an escape too.
        whole(uri).or_else(|| whole(uri.rsplit_once('\\')?.0))
    }
}

/// Drops what is incomplete at the end of `text` and closes its open lists and objects. `None` when nothing of it is
/// complete. Whether the text before its end is JSON is not looked at.
///
/// One pass, one byte of memory for every open bracket.
pub(super) fn mend(text: &str) -> Option<Mended> {
    let mut scan = Scan::default();
    for (at, byte) in text.bytes().enumerate() {
        scan.step(at, byte);
    }
    if scan.safe == 0 {
        return None;
    }
    let mut closed = text.get(..scan.safe)?.to_owned();
    closed.extend(scan.open.iter().rev().map(|&byte| char::from(byte)));
    Some(Mended {
        text: closed,
        torn: scan.torn(text),
    })
}

/// Where the scan stands.
#[derive(Default)]
struct Scan {
    /// The closers that are missing, outermost first.
    open: Vec<u8>,
    /// Up to here everything is complete, but for the closers.
    safe: usize,
    in_string: bool,
    escaped: bool,
    /// Where the last strings began and ended, without their quotes.
    string_from: usize,
    key: (usize, usize),
    /// A colon came after the last string.
    colon: bool,
}

impl Scan {
    fn step(&mut self, at: usize, byte: u8) {
        if self.in_string {
            self.step_in_string(at, byte);
            return;
        }
        match byte {
            b'"' => {
                self.in_string = true;
                self.string_from = at + 1;
            }
            b'{' | b'[' => {
                self.open.push(if byte == b'{' { b'}' } else { b']' });
                self.colon = false;
                self.safe = at + 1;
            }
            b'}' | b']' => {
                self.open.pop();
                self.colon = false;
                self.safe = at + 1;
            }
            // What stands before a comma is complete; the comma itself is left out.
            b',' => {
                self.colon = false;
                self.safe = at;
            }
            b':' => self.colon = true,
            _ => {}
        }
    }

    fn step_in_string(&mut self, at: usize, byte: u8) {
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' => self.escaped = true,
            b'"' => {
                self.in_string = false;
                if self.colon {
                    self.safe = at + 1;
                } else {
                    self.key = (self.string_from, at);
                }
            }
            _ => {}
        }
    }

    fn torn(&self, text: &str) -> Option<(String, String)> {
        if !(self.in_string && self.colon && self.open.len() == 1) {
            return None;
        }
        let key = text.get(self.key.0..self.key.1)?;
        Some((key.to_owned(), text.get(self.string_from..)?.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prefix_of_an_object_is_mended_to_valid_json() {
        let whole = r#"{"a":"x,}\"y","b":[1,{"c":null},"]"],"d":{"e":"\\","f":[[]]},"g":true}"#;
        for end in 1..=whole.len() {
            let mended = mend(&whole[..end]).unwrap();
            let read: Result<serde_json::Value, _> = serde_json::from_str(&mended.text);
            assert!(read.is_ok(), "{end}: {}", mended.text);
        }
        assert_eq!(mend(whole).unwrap().text, whole);
    }

    #[test]
    fn the_string_that_was_torn_is_told_with_its_key() {
        let mended = mend(r#"{"verb":"get","requestURI":"/api/v1?x=\u0026y"#).unwrap();
        assert_eq!(mended.text, r#"{"verb":"get"}"#);
        assert_eq!(
            mended.torn,
            Some(("requestURI".to_owned(), r"/api/v1?x=\u0026y".to_owned()))
        );
        assert!(mend(r#"{"verb":"get","requ"#).unwrap().torn.is_none());
    }

    #[test]
    fn nothing_is_made_of_nothing() {
        assert!(mend("").is_none());
        assert!(mend("I1124 klog text").is_none());
    }
}
