//! Names and globs.

use serde::{Deserialize, Serialize};

/// A name in which `*` stands for any number of characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pattern(String);

impl Pattern {
    /// Takes a text as it is written in the configuration.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The one name that it is, where it has no `*`.
    #[must_use]
    pub fn exact(&self) -> Option<&str> {
        (!self.0.contains('*')).then_some(self.0.as_str())
    }

    /// Whether a name is meant. Takes time in proportion to both lengths at most: the last `*` alone is tried again.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let (pattern, name) = (self.0.as_bytes(), name.as_bytes());
        let (mut at, mut i) = (0, 0);
        let mut star: Option<(usize, usize)> = None;
        while i < name.len() {
            match pattern.get(at) {
                Some(b'*') => {
                    star = Some((at, i));
                    at += 1;
                }
                Some(c) if *c == name[i] => {
                    at += 1;
                    i += 1;
                }
                _ => match &mut star {
                    Some((star_at, taken)) => {
                        *taken += 1;
                        at = *star_at + 1;
                        i = *taken;
                    }
                    None => return false,
                },
            }
        }
        pattern[at..].iter().all(|c| *c == b'*')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_number_of_characters() {
        for (pattern, name, expected) in [
            ("web", "web", true),
            ("web", "web-a", false),
            ("web-*", "web-a", true),
            ("web-*", "web-", true),
            ("web-*", "web", false),
            ("*", "", true),
            ("*-prod", "shop-prod", true),
            ("*-prod", "shop-prod-prod", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(
                Pattern::new(pattern).matches(name),
                expected,
                "{pattern} {name}"
            );
        }
    }

    #[test]
    fn many_stars_cost_no_more_than_the_lengths_together() {
        let pattern = Pattern::new("*a".repeat(60));
        assert!(!pattern.matches(&format!("{}b", "a".repeat(250))));
    }
}
