//! Words that give a canary away wherever they stand.

/// What deception tools call themselves and their things, and what this product is called.
const TELLING: &[&str] = &[
    "canary", "canaries", "decoy", "honey", "trap", "bait", "fake", "tracebit", "koney", "thinkst",
    "tripwire",
];

/// The telling word in a text, if there is one. `bootstrap` is none.
#[must_use]
pub fn giveaway(text: &str) -> Option<&'static str> {
    let lower = text.to_ascii_lowercase().replace("bootstrap", "");
    TELLING.iter().copied().find(|word| lower.contains(word))
}

/// Whether a text gives a canary away.
#[must_use]
pub fn is_telling(text: &str) -> bool {
    giveaway(text).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn telling_words_are_found_in_any_case_and_place() {
        assert_eq!(giveaway("my-HoneyPot"), Some("honey"));
        assert_eq!(giveaway("bootstrap-token"), None);
        assert_eq!(giveaway("payments-db"), None);
    }
}
