//! Label and field selectors, evaluated.

use serde_json::Value;

use super::kinds::Kind;
use super::status::{Status, quoted};
use crate::labels::{LabelSelector, Test, comparison};

/// What a list or watch is narrowed to.
#[derive(Clone, Debug, Default)]
pub(super) struct Selector {
    labels: LabelSelector,
    fields: Vec<Term>,
}

#[derive(Clone, Debug, PartialEq)]
struct Term {
    key: String,
    test: Test,
}

impl Selector {
    /// Reads the selectors of a query.
    pub(super) fn parse(kind: &Kind, labels: &str, fields: &str) -> Result<Self, Status> {
        let Some(labels_parsed) = LabelSelector::parse(labels) else {
            return Err(Status::bad_request(format!(
                "unable to parse requirement: {labels}"
            )));
        };
        let mut parsed = Vec::new();
        for term in fields.split(',').filter(|term| !term.is_empty()) {
            let (key, test) = comparison(term).ok_or_else(|| {
                Status::bad_request(format!(
                    "invalid selector: {}; can't understand {}",
                    quoted(fields),
                    quoted(term)
                ))
            })?;
            if field(kind, &Value::Null, &key).is_none() {
                return Err(Status::bad_request(unsupported(kind, &key)));
            }
            parsed.push(Term { key, test });
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
        self.labels.matches(|key| labels[key].as_str())
            && self.fields.iter().all(|term| {
                let value = field(kind, object, &term.key);
                term.test.holds(Some(value.unwrap_or_default()))
            })
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
