//! Selectors, evaluated against a decoy. What cannot be parsed covers: a thief must not hide behind a strange one.

use std::collections::BTreeMap;

/// Whether a label selector covers an object with these labels (`k8s.io/apimachinery` labels grammar: `k`, `!k`, `k=v`,
/// `k==v`, `k!=v`, `k in (…)`, `k notin (…)`, joined by commas). Labels that are not known are covered.
#[must_use]
pub fn covers_labels(selector: &str, labels: Option<&BTreeMap<String, String>>) -> bool {
    let Some(labels) = labels else {
        return true;
    };
    let Some(terms) = split(selector) else {
        return true;
    };
    terms
        .iter()
        .all(|term| label_term(term, labels).unwrap_or(true))
}

/// Whether a field selector covers an object with these fields. Only `=`, `==` and `!=` exist; a field that is not known
/// is covered.
#[must_use]
pub fn covers_fields(selector: &str, fields: &BTreeMap<String, String>) -> bool {
    selector.split(',').all(|term| {
        let Some((key, negated, value)) = comparison(term) else {
            return true;
        };
        match fields.get(key.trim()) {
            Some(known) => (known == value.trim()) != negated,
            None => true,
        }
    })
}

/// Splits at commas outside parentheses; `None` when they do not match.
fn split(selector: &str) -> Option<Vec<&str>> {
    let mut terms = Vec::new();
    let (mut depth, mut start) = (0_u32, 0);
    for (i, c) in selector.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.checked_sub(1)?,
            ',' if depth == 0 => {
                terms.push(selector[start..i].trim());
                start = i + 1;
            }
            _ => {}
        }
    }
    terms.push(selector[start..].trim());
    (depth == 0).then_some(terms)
}

fn comparison(term: &str) -> Option<(&str, bool, &str)> {
    if let Some((key, value)) = term.split_once("!=") {
        return Some((key, true, value));
    }
    let (key, value) = term.split_once("==").or_else(|| term.split_once('='))?;
    Some((key, false, value))
}

/// Whether a term holds; `None` when it is not understood.
fn label_term(term: &str, labels: &BTreeMap<String, String>) -> Option<bool> {
    if term.is_empty() {
        return Some(true);
    }
    if let Some(set) = set_term(term, labels) {
        return set;
    }
    if let Some((key, negated, value)) = comparison(term) {
        let key = word(key)?;
        let same = labels.get(key).is_some_and(|known| known == value.trim());
        return Some(same != negated);
    }
    match term.strip_prefix('!') {
        Some(key) => Some(!labels.contains_key(word(key)?)),
        None => Some(labels.contains_key(word(term)?)),
    }
}

/// `k in (a, b)` and `k notin (a, b)`; the outer `None`: it is no such term.
fn set_term(term: &str, labels: &BTreeMap<String, String>) -> Option<Option<bool>> {
    let (head, rest) = term.split_once('(')?;
    let Some(values) = rest.strip_suffix(')') else {
        return Some(None);
    };
    let mut words = head.split_whitespace();
    let (Some(key), Some(operator), None) = (words.next(), words.next(), words.next()) else {
        return Some(None);
    };
    let among = labels
        .get(key)
        .is_some_and(|known| values.split(',').any(|value| value.trim() == known));
    Some(match operator {
        "in" => Some(among),
        "notin" => Some(!among),
        _ => None,
    })
}

/// A key is one word.
fn word(text: &str) -> Option<&str> {
    let text = text.trim();
    let plain =
        !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || "()!=<>".contains(c));
    plain.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels() -> BTreeMap<String, String> {
        BTreeMap::from([("app".into(), "db".into()), ("tier".into(), "back".into())])
    }

    #[test]
    fn a_selector_that_cannot_match_the_decoy_does_not_cover_it() {
        for selector in [
            "owner=helm",
            "app=web",
            "app!=db",
            "!app",
            "app notin (db)",
            "app in (a,b)",
            "app=db,x",
        ] {
            assert!(!covers_labels(selector, Some(&labels())), "{selector}");
        }
    }

    #[test]
    fn a_selector_that_matches_or_is_not_understood_covers() {
        for selector in [
            "",
            "app",
            "app==db",
            "app in (db, x),tier",
            "x!=y",
            "!x",
            "app >",
            "app in (db",
            "((",
            "a b c",
        ] {
            assert!(covers_labels(selector, Some(&labels())), "{selector}");
        }
        assert!(covers_labels("owner=helm", None));
    }

    #[test]
    fn field_selectors_name_what_they_name() {
        let fields = BTreeMap::from([("type".to_owned(), "Opaque".to_owned())]);
        assert!(covers_fields("type=Opaque", &fields));
        assert!(covers_fields("type!=helm.sh/release.v1", &fields));
        assert!(!covers_fields("type=helm.sh/release.v1", &fields));
        assert!(covers_fields("unknown=1", &fields));
    }
}
