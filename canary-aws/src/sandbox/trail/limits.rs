//! How much a record holds: what CloudTrail documents for version 1.08 and later.

use serde_json::Value;

/// Request parameters and response elements that are longer are left out.
const ELEMENTS: usize = 100 * 1024;

/// Error messages and user agents that are longer are cut.
const TEXT: usize = 1024;

/// A value that fits, or nothing.
pub(super) fn within(value: Value) -> Value {
    match value.to_string().len() {
        0..=ELEMENTS => value,
        _ => Value::Null,
    }
}

/// A text that fits.
pub(super) fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(TEXT)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let text = "ä".repeat(600);
        assert_eq!(cut(&text).len(), 1024);
        assert_eq!(cut("short"), "short");
    }

    #[test]
    fn what_is_too_long_is_left_out() {
        assert_eq!(within(Value::from("a".repeat(ELEMENTS))), Value::Null);
        assert_eq!(within(Value::from("a")), Value::from("a"));
    }
}
