//! Label and field selectors, evaluated.

use serde_json::Value;

use super::kinds::Kind;
use super::status::{Status, quoted};

/// What a list or watch is narrowed to.
#[derive(Clone, Debug, Default)]
pub(super) struct Selector {
    labels: Vec<Term>,
    fields: Vec<Term>,
}

#[derive(Clone, Debug, PartialEq)]
struct Term {
    key: String,
    test: Test,
}

#[derive(Clone, Debug, PartialEq)]
enum Test {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    Absent,
}

impl Selector {
    /// Reads the selectors of a query.
    pub(super) fn parse(kind: &Kind, labels: &str, fields: &str) -> Result<Self, Status> {
        let labels_parsed = split(labels)
            .into_iter()
            .map(|term| label_term(&term))
            .collect::<Option<_>>();
        let Some(labels_parsed) = labels_parsed else {
            return Err(Status::bad_request(format!(
                "unable to parse requirement: {labels}"
            )));
        };
        let mut parsed = Vec::new();
        for term in fields.split(',').filter(|term| !term.is_empty()) {
            let term = comparison(term).ok_or_else(|| {
                Status::bad_request(format!(
                    "invalid selector: {}; can't understand {}",
                    quoted(fields),
                    quoted(term)
                ))
            })?;
            if field(kind, &Value::Null, &term.key).is_none() {
                return Err(Status::bad_request(unsupported(kind, &term.key)));
            }
            parsed.push(term);
        }
        Ok(Self {
            labels: labels_parsed,
            fields: parsed,
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    pub(super) fn matches(&self, kind: &Kind, object: &Value) -> bool {
        let labels = &object["metadata"]["labels"];
        self.labels
            .iter()
            .all(|term| term.test.holds(labels[&term.key].as_str()))
            && self.fields.iter().all(|term| {
                let value = field(kind, object, &term.key);
                term.test.holds(Some(value.unwrap_or_default()))
            })
    }
}

impl Test {
    fn holds(&self, value: Option<&str>) -> bool {
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

fn unsupported(kind: &Kind, key: &str) -> String {
    match kind.group {
        "" if kind.plural != "configmaps" && kind.plural != "serviceaccounts" => {
            format!("field label not supported: {key}")
        }
        _ => format!(
            "{} is not a known field selector: only \"metadata.name\", \"metadata.namespace\"",
            quoted(key)
        ),
    }
}

/// The value of a field that can be selected by; `None` for one that cannot.
fn field<'a>(kind: &Kind, object: &'a Value, key: &str) -> Option<&'a str> {
    let value = match (key, kind.plural) {
        ("metadata.name", _) => &object["metadata"]["name"],
        ("metadata.namespace", _) => &object["metadata"]["namespace"],
        ("type", "secrets") => &object["type"],
        ("status.phase", "namespaces") => &object["status"]["phase"],
        _ => return None,
    };
    Some(value.as_str().unwrap_or_default())
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

fn comparison(term: &str) -> Option<Term> {
    let (key, test) = if let Some((key, value)) = term.split_once("!=") {
        (key, Test::NotIn(vec![value.trim().to_owned()]))
    } else {
        let (key, value) = term.split_once('=')?;
        let value = value.strip_prefix('=').unwrap_or(value);
        (key, Test::In(vec![value.trim().to_owned()]))
    };
    Some(Term {
        key: key.trim().to_owned(),
        test,
    })
}

fn label_term(term: &str) -> Option<Term> {
    let is_word = |text: &str| {
        !text.is_empty()
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c))
    };
    let term = term.trim();
    let parsed = if let Some(key) = term.strip_prefix('!') {
        Term {
            key: key.trim().to_owned(),
            test: Test::Absent,
        }
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
        Term {
            key: key.to_owned(),
            test,
        }
    } else {
        comparison(term).unwrap_or_else(|| Term {
            key: term.to_owned(),
            test: Test::Exists,
        })
    };
    is_word(&parsed.key).then_some(parsed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::kinds::SECRET;
    use serde_json::json;

    #[test]
    fn selectors_select() {
        let object = json!({ "metadata": { "name": "a", "namespace": "n", "labels": { "app": "x" } }, "type": "Opaque" });
        for (labels, fields, wanted) in [
            ("app=x", "", true),
            ("app in (x, y),!gone", "type=Opaque", true),
            ("app notin (x)", "", false),
            ("app", "metadata.name=b", false),
            ("gone!=1", "metadata.name=a,metadata.namespace=n", true),
        ] {
            let selector = Selector::parse(&SECRET, labels, fields).unwrap();
            assert_eq!(
                selector.matches(&SECRET, &object),
                wanted,
                "{labels} {fields}"
            );
        }
        assert!(Selector::parse(&SECRET, "", "data=x").is_err());
        assert!(Selector::parse(&SECRET, "a b", "").is_err());
    }
}
