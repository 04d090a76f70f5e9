//! Where one record ends and the next begins, in a text whose syntax is broken.

use memchr::memmem;

/// How every record begins that a kube-apiserver writes.
pub(super) const RECORD_START: &str = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1"#;

/// The text from the next value of a list on: behind commas, closing brackets, and the bracket that opens it.
pub(super) fn item(text: &str) -> &str {
    text.trim_start_matches(|c: char| c.is_ascii_whitespace() || matches!(c, ',' | '[' | ']' | '}'))
}

/// The items of a list of records that is not closed, where `text` is one: it begins like an object, and the first thing
/// in it that is a list are its `items`.
pub(super) fn items_of_open_list(text: &str) -> Option<&str> {
    const ITEMS: &str = "\"items\"";
    let (before, list) = text.split_at_checked(text.find('[')?)?;
    let key = before.trim_end().strip_suffix(':')?.trim_end();
    let is_list = key.ends_with(ITEMS) && !before.contains("\"auditID\"");
    is_list.then(|| list.get(1..)).flatten()
}

/// Splits what a torn record and the one behind it make together; `broken` is where the syntax breaks.
pub(super) fn torn(text: &str, broken: usize) -> (&str, &str) {
    torn_in_a_string(text, broken)
        .or_else(|| torn_before_a_value(text))
        .or_else(|| next_of_a_list(text, broken))
        .and_then(|at| text.split_at_checked(at))
        .unwrap_or((text, ""))
}

/// The next record begins right where the syntax breaks: at its bracket, or behind its first quote when that closed a
/// string. Only there: a record inside of some body is no record.
fn torn_in_a_string(text: &str, broken: usize) -> Option<usize> {
    const REACH: usize = 4;
    let from = broken.saturating_sub(REACH).max(1);
    let window = text.as_bytes().get(from..)?;
    let window = window.get(..REACH + RECORD_START.len()).unwrap_or(window);
    memmem::find(window, RECORD_START.as_bytes()).map(|at| from + at)
}

/// The tear is where a value was due, so that the next record reads as that value. It may be no value of a body: those
/// are a client's words.
fn torn_before_a_value(text: &str) -> Option<usize> {
    const BODIES: [&str; 2] = ["requestObject", "responseObject"];
    let mut outline = Outline::default();
    for (at, byte) in text.bytes().enumerate() {
        let begins = byte == b'{' && at > 0 && !outline.in_string;
        if begins
            && text.as_bytes()[at..].starts_with(RECORD_START.as_bytes())
            && !BODIES.contains(&outline.key(text))
        {
            return Some(at);
        }
        outline.step(at, byte);
    }
    None
}

/// Where a quote is missing, or the beginning of the line, what is a string and what is not cannot be told any more: then
/// a record begins wherever one begins like the next of a list.
fn next_of_a_list(text: &str, broken: usize) -> Option<usize> {
    let headless = !text.starts_with(['{', '[']);
    let from = if headless { 1 } else { broken.min(text.len()) };
    let starts = memmem::find_iter(text.as_bytes().get(from..)?, RECORD_START.as_bytes());
    starts.map(|at| from + at).find(|at| {
        let before = text.as_bytes().get(..*at).unwrap_or_default();
        headless || matches!(before.trim_ascii_end().last(), Some(b',' | b'[' | b'}'))
    })
}

/// Whether a text holds what only audit records hold, so that it is the rest of one.
pub(super) fn is_of_a_record(text: &str) -> bool {
    const KEYS: [&str; 4] = [
        "\"auditID\":",
        "\"requestURI\":",
        "\"objectRef\":",
        "\"stageTimestamp\":",
    ];
    KEYS.iter()
        .any(|key| memmem::find(text.as_bytes(), key.as_bytes()).is_some())
}

/// How deep a text is nested, and the key of its outermost object that is being written.
#[derive(Default)]
struct Outline {
    depth: usize,
    in_string: bool,
    escaped: bool,
    /// The last string of the outermost object, and the last of them that is a key.
    string: (usize, usize),
    key: (usize, usize),
}

impl Outline {
    fn step(&mut self, at: usize, byte: u8) {
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => {
                    self.in_string = false;
                    if self.depth == 1 {
                        self.string.1 = at;
                    }
                }
                _ => {}
            }
            return;
        }
        match byte {
            b'"' => {
                self.in_string = true;
                if self.depth == 1 {
                    self.string = (at + 1, at + 1);
                }
            }
            b':' if self.depth == 1 => self.key = self.string,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }

    fn key<'t>(&self, text: &'t str) -> &'t str {
        text.get(self.key.0..self.key.1).unwrap_or_default()
    }
}

/// The records of a document that is written over many lines, each with what stands behind it. A record begins on a line
/// of its own, written as deep as the first; what stands before that is a piece too.
pub(super) fn pieces(text: &str) -> Vec<&str> {
    let text = items_of_open_list(text).unwrap_or(text);
    let mut at = 0;
    let mut begins = Vec::new();
    for line in text.split_inclusive('\n') {
        let indent = line.len() - line.trim_start().len();
        if line.trim_start().starts_with('{') {
            begins.push((at, indent));
        }
        at += line.len();
    }
    let first = begins.first().map(|(_, indent)| *indent);
    begins.retain(|(_, indent)| Some(*indent) == first);
    let mut from = 0;
    let ends = begins.iter().map(|(at, _)| *at).filter(|at| *at > 0);
    let mut pieces = Vec::new();
    for end in ends.chain([text.len()]) {
        pieces.extend(text.get(from..end));
        from = end;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_stands_where_a_value_was_due_is_split_off_unless_that_is_a_body() {
        for before in [
            r#"{"kind":"#,
            r#"{"kind":"Event","apiVersion":"#,
            r#"{"kind":"Event","sourceIPs":["#,
            r#"{"kind":"Event","user":{"extra":{"a":["#,
        ] {
            let text = format!("{before}{RECORD_START}\"}}");
            assert_eq!(torn(&text, text.len()).0, before);
        }
        let body = format!(r#"{{"kind":"Event","requestObject":{{"a":{RECORD_START}"}}"#);
        assert_eq!(torn(&body, body.len()).1, "");
        let words = format!(
            r#"{{"kind":"Event","userAgent":{:?}"#,
            format!("{RECORD_START}\"}}")
        );
        assert_eq!(torn(&words, words.len()).1, "");
    }

    #[test]
    fn what_is_nested_in_a_record_is_no_piece_of_the_document() {
        let text = "[\n  {\n    \"a\": [\n      {\n      }\n    ]\n  },\n  {\n  }\n]\n";
        let pieces = pieces(text);
        assert_eq!(pieces.concat(), text);
        assert_eq!(pieces.len(), 3);
        assert!(pieces[1].starts_with("  {\n    \"a\"") && pieces[2].starts_with("  {\n  }"));
    }

    #[test]
    fn only_a_list_of_records_has_items_that_are_read_for_themselves() {
        let list = r#"{"kind":"EventList","items":[{"kind":"Event"},"#;
        assert_eq!(items_of_open_list(list), Some(r#"{"kind":"Event"},"#));
        let record = r#"{"kind":"Event","auditID":"a","items":[{"#;
        assert!(items_of_open_list(record).is_none());
        let ips = r#"{"kind":"Event","sourceIPs":["10"#;
        assert!(items_of_open_list(ips).is_none());
    }
}
