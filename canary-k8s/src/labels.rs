//! Label selectors in the grammar of the API: `app=shop,tier in (web, api),!legacy`.

/// What labels must be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelSelector(Vec<Requirement>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    test: Test,
}

/// What the value of one label or field must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Test {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    Absent,
}

impl Test {
    pub(crate) fn holds(&self, value: Option<&str>) -> bool {
        match (self, value) {
            (Self::In(wanted), Some(value)) => wanted.iter().any(|one| one == value),
            (Self::NotIn(refused), Some(value)) => refused.iter().all(|one| one != value),
            (Self::Exists, value) => value.is_some(),
            (Self::Absent, value) => value.is_none(),
            (Self::In(_), None) => false,
            (Self::NotIn(_), None) => true,
        }
    }
}

impl LabelSelector {
    /// Reads a selector; `None` for a text that is none. An empty one selects everything. Comparisons of numbers
    /// (`key > 1`), which nodes alone have a use for, are none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        split(text)
            .into_iter()
            .map(|term| requirement(&term))
            .collect::<Option<_>>()
            .map(Self)
    }

    /// Whether it selects everything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether labels, asked for by key, are as they must be.
    pub fn matches<'a>(&self, label: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.0.iter().all(|one| one.test.holds(label(&one.key)))
    }
}

/// `key=value`, `key==value` or `key!=value`, as labels and fields are compared alike.
pub(crate) fn comparison(term: &str) -> Option<(String, Test)> {
    let (key, test) = if let Some((key, value)) = term.split_once("!=") {
        (key, Test::NotIn(vec![value.trim().to_owned()]))
    } else {
        let (key, value) = term.split_once('=')?;
        let value = value.strip_prefix('=').unwrap_or(value);
        (key, Test::In(vec![value.trim().to_owned()]))
    };
    Some((key.trim().to_owned(), test))
}

/// Splits at commas outside of brackets.
fn split(selector: &str) -> Vec<String> {
    let mut terms = vec![String::new()];
    let mut depth = 0_u32;
    for c in selector.chars() {
        match c {
            ',' if depth == 0 => terms.push(String::new()),
            c => {
                match c {
                    '(' => depth += 1,
                    ')' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                if let Some(term) = terms.last_mut() {
                    term.push(c);
                }
            }
        }
    }
    terms.retain(|term| !term.trim().is_empty());
    terms
}

fn requirement(term: &str) -> Option<Requirement> {
    let is_word = |text: &str| {
        text.chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c))
    };
    let term = term.trim();
    let (key, test) = if let Some(key) = term.strip_prefix('!') {
        (key.trim().to_owned(), Test::Absent)
    } else if let Some((head, values)) = term.split_once('(') {
        let values = values.trim_end().strip_suffix(')')?;
        let values = values
            .split(',')
            .map(|value| value.trim().to_owned())
            .collect();
        let mut words = head.split_whitespace();
        let (key, operator) = (words.next()?, words.next()?);
        let test = match operator {
            "in" => Test::In(values),
            "notin" => Test::NotIn(values),
            _ => return None,
        };
        (key.to_owned(), test)
    } else {
        comparison(term).unwrap_or_else(|| (term.to_owned(), Test::Exists))
    };
    let values_are_words = match &test {
        Test::In(values) | Test::NotIn(values) => values.iter().all(|value| is_word(value)),
        Test::Exists | Test::Absent => true,
    };
    (!key.is_empty() && is_word(&key) && values_are_words).then_some(Requirement { key, test })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_selected_by_value_by_set_and_by_being_there() {
        let label = |key: &str| match key {
            "app" => Some("shop"),
            "example.com/tier" => Some("web"),
            _ => None,
        };
        for (selector, wanted) in [
            ("", true),
            ("app=shop", true),
            ("app==shop, example.com/tier in (web, api)", true),
            ("app!=shop", false),
            ("app notin (shop)", false),
            ("gone notin (x),gone!=y,!gone", true),
            ("gone", false),
            ("app", true),
        ] {
            let parsed = LabelSelector::parse(selector).unwrap();
            assert_eq!(parsed.matches(label), wanted, "{selector}");
        }
    }

    #[test]
    fn what_is_no_selector_is_refused() {
        for text in [
            "a b",
            "app in x",
            "app in (x",
            "=x",
            "!",
            "app = x y",
            "n > 1",
        ] {
            assert_eq!(LabelSelector::parse(text), None, "{text}");
        }
    }
}
