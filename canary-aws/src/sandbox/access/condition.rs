//! Conditions of policies, as far as anything here has a value for their keys.

use jiff::Timestamp;
use serde_json::Value;

use super::glob::matches;
use super::policy::Context;

/// Whether all conditions hold; none when one is not understood.
pub(super) fn holds(conditions: &Value, context: &Context<'_>) -> Option<bool> {
    let mut all = true;
    for (operator, keys) in conditions.as_object().into_iter().flatten() {
        for (key, wanted) in keys.as_object()? {
            all &= one(operator, key, wanted, context)?;
        }
    }
    Some(all)
}

fn one(operator: &str, key: &str, wanted: &Value, context: &Context<'_>) -> Option<bool> {
    let wanted = texts(wanted);
    let actual = context.value(key);
    let (operator, if_exists) = match operator.strip_suffix("IfExists") {
        Some(operator) => (operator, true),
        None => (operator, false),
    };
    if operator == "Null" {
        let absent = actual.is_none().to_string();
        return Some(wanted.contains(&absent.as_str()));
    }
    let any = |fits: &dyn Fn(&str, &str) -> bool| match &actual {
        None => if_exists,
        Some(actual) => wanted.iter().any(|wanted| fits(wanted, actual)),
    };
    let none = |fits: &dyn Fn(&str, &str) -> bool| match &actual {
        None => true,
        Some(actual) => !wanted.iter().any(|wanted| fits(wanted, actual)),
    };
    let equal = |wanted: &str, actual: &str| wanted == actual;
    let like = |wanted: &str, actual: &str| matches(wanted, actual);
    Some(match operator {
        "StringEquals" => any(&equal),
        "StringNotEquals" => none(&equal),
        "StringLike" | "ArnLike" | "ArnEquals" => any(&like),
        "StringNotLike" | "ArnNotLike" | "ArnNotEquals" => none(&like),
        "Bool" => any(&|wanted, actual| wanted.eq_ignore_ascii_case(actual)),
        "DateLessThan" => any(&|wanted, actual| earlier(actual, wanted)),
        "DateGreaterThan" => any(&|wanted, actual| earlier(wanted, actual)),
        _ => return None,
    })
}

fn earlier(left: &str, right: &str) -> bool {
    match (left.parse::<Timestamp>(), right.parse::<Timestamp>()) {
        (Ok(left), Ok(right)) => left < right,
        _ => false,
    }
}

/// One text or a list of them.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Bool(flag) => vec![if *flag { "true" } else { "false" }],
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}
