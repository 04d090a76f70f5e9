//! Event patterns.

use serde_json::Value;

use crate::sandbox::access::matches;

/// Whether a text is a pattern: an object whose leaves are lists.
pub(super) fn valid(text: &str) -> bool {
    fn valid_value(value: &Value) -> bool {
        match value {
            Value::Object(fields) => fields.iter().all(|(name, value)| match name.as_str() {
                "$or" => value
                    .as_array()
                    .is_some_and(|all| all.iter().all(valid_value)),
                _ => valid_value(value),
            }),
            Value::Array(leaves) => !leaves.is_empty(),
            _ => false,
        }
    }
    // The pattern of a rule has 2,048 characters at most.
    let parsed = serde_json::from_str::<Value>(text);
    text.len() <= 2048 && parsed.is_ok_and(|value| value.is_object() && valid_value(&value))
}

/// Whether an event fits a pattern.
pub(super) fn fits(pattern: &Value, event: &Value) -> bool {
    let mut fields = pattern.as_object().into_iter().flatten();
    fields.all(|(name, wanted)| match wanted {
        Value::Array(alternatives) if name == "$or" => alternatives
            .iter()
            .any(|alternative| fits(alternative, event)),
        Value::Array(leaves) => fits_leaf(leaves, event.get(name)),
        below => {
            event.get(name).is_some_and(|event| match event {
                Value::Array(events) => events.iter().any(|event| fits(below, event)),
                event => fits(below, event),
            }) || all_absent(below, event.get(name))
        }
    })
}

/// A branch that is not there fits when all that is asked of it is that it is not there.
fn all_absent(pattern: &Value, event: Option<&Value>) -> bool {
    event.is_none() && fits(pattern, &Value::Object(serde_json::Map::new()))
}

fn fits_leaf(leaves: &[Value], actual: Option<&Value>) -> bool {
    leaves.iter().any(|leaf| match actual {
        Some(Value::Array(values)) => values.iter().any(|value| one(leaf, Some(value))),
        actual => one(leaf, actual),
    })
}

fn one(leaf: &Value, actual: Option<&Value>) -> bool {
    let Value::Object(operator) = leaf else {
        return actual == Some(leaf);
    };
    let Some((name, wanted)) = operator.iter().next() else {
        return false;
    };
    if name == "exists" {
        return wanted.as_bool() == Some(actual.is_some());
    }
    let Some(actual) = actual else {
        return false;
    };
    let text = actual.as_str();
    let compare = |test: fn(&str, &str) -> bool| match (text, wanted) {
        (Some(text), Value::String(wanted)) => test(text, wanted),
        (Some(text), Value::Array(wanted)) => wanted
            .iter()
            .filter_map(Value::as_str)
            .any(|wanted| test(text, wanted)),
        _ => false,
    };
    match name.as_str() {
        "prefix" => compare(|text, wanted| text.starts_with(wanted)),
        "suffix" => compare(|text, wanted| text.ends_with(wanted)),
        "equals-ignore-case" => compare(|text, wanted| text.eq_ignore_ascii_case(wanted)),
        "wildcard" => compare(|text, wanted| matches(wanted, text)),
        "anything-but" => match wanted {
            Value::Array(excepted) => !excepted.contains(actual),
            Value::Object(_) => !one(wanted, Some(actual)),
            excepted => excepted != actual,
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_fits_when_all_fields_do() {
        let event = json!({
            "source": "aws.iam",
            "detail": { "userIdentity": { "userName": "svc-backup" }, "readOnly": true },
        });
        for (pattern, want) in [
            (json!({ "source": ["aws.iam", "aws.sts"] }), true),
            (
                json!({ "source": [{ "prefix": "aws." }], "detail": { "readOnly": [true] } }),
                true,
            ),
            (
                json!({ "detail": { "userIdentity": { "userName": [{ "anything-but": ["svc-backup"] }] } } }),
                false,
            ),
            (
                json!({ "detail": { "errorCode": [{ "exists": false }] } }),
                true,
            ),
            (
                json!({ "detail": { "errorCode": [{ "exists": true }] } }),
                false,
            ),
            (
                json!({ "$or": [{ "source": ["aws.s3"] }, { "source": [{ "wildcard": "aws.i*" }] }] }),
                true,
            ),
            (json!({ "nothing": { "here": ["x"] } }), false),
        ] {
            assert_eq!(fits(&pattern, &event), want, "{pattern}");
        }
    }

    #[test]
    fn a_pattern_is_an_object_of_lists() {
        assert!(valid(r#"{"source":["aws.iam"]}"#));
        assert!(!valid(r#"{"source":"aws.iam"}"#));
        assert!(!valid("[]"));
    }
}
