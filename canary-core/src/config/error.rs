//! What is wrong with a configuration, and where.

use super::Span;

/// One thing that is wrong, with the token that it is about.
///
/// Texts are lowercase and without a full stop. They quote at most a few words of the file, with control characters
/// escaped.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{title}")]
pub struct ConfigError {
    /// The token, in bytes of the file.
    pub span: Span,
    /// What is wrong, as in ``unknown key `namspace` ``.
    pub title: String,
    /// What was expected there; fits beside the underlined token. May be empty.
    pub label: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Other places that it is about, each with what stands there.
    pub also: Vec<(Span, String)>,
}

impl ConfigError {
    /// Something wrong with a token, and what was expected there.
    #[must_use]
    pub fn new(span: Span, title: impl Into<String>, label: impl Into<String>) -> Self {
        Self {
            span,
            title: title.into(),
            label: label.into(),
            help: None,
            also: Vec::new(),
        }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<Option<String>>) -> Self {
        self.help = help.into();
        self
    }

    /// Adds another place that it is about.
    #[must_use]
    pub fn and_at(mut self, span: Span, what: impl Into<String>) -> Self {
        self.also.push((span, what.into()));
        self
    }
}

/// The most characters of the file that a message repeats: more than any label or key that is allowed (63).
const MOST_QUOTED: usize = 72;

/// A word of the file for a message: in backticks, shortened, control characters escaped.
pub(super) fn quoted(word: &str) -> String {
    format!("`{}`", shortened(word))
}

/// A word of the file for a message: shortened, control characters escaped.
pub(super) fn shortened(word: &str) -> String {
    let mut shown = String::new();
    for c in word.chars().take(MOST_QUOTED) {
        if c.is_control() {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    if word.chars().nth(MOST_QUOTED).is_some() {
        shown.push('…');
    }
    shown
}

/// Words for a message: `` `a`, `b` or `c` ``.
pub(super) fn any_of<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    listed(words, "or")
}

/// Words for a message: `` `a`, `b` and `c` ``.
pub(super) fn all_of<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    listed(words, "and")
}

fn listed<'a>(words: impl IntoIterator<Item = &'a str>, last_word: &str) -> String {
    let words: Vec<String> = words.into_iter().map(quoted).collect();
    match words.split_last() {
        None => String::from("nothing"),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} {last_word} {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_word_is_short_and_shows_no_control_characters() {
        assert_eq!(quoted("a\u{1b}[31m\0"), "`a\\u{1b}[31m\\u{0}`");
        assert_eq!(quoted(&"x".repeat(1_000)).chars().count(), MOST_QUOTED + 3);
    }

    #[test]
    fn words_are_joined_as_in_a_sentence() {
        assert_eq!(any_of(["a"]), "`a`");
        assert_eq!(any_of(["a", "b", "c"]), "`a`, `b` or `c`");
        assert_eq!(all_of(["a", "b"]), "`a` and `b`");
    }
}
