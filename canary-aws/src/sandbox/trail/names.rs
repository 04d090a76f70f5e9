//! Fields as CloudTrail writes them.

use serde_json::{Map, Value};

/// `UserName` is `userName`.
pub(in crate::sandbox) fn camel(name: &str) -> String {
    if name.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return name.to_ascii_lowercase();
    }
    let mut characters = name.chars();
    characters
        .next()
        .map(|first| first.to_ascii_lowercase())
        .into_iter()
        .chain(characters)
        .collect()
}

/// What AWS writes in place of contents.
const HIDDEN: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";

/// Fields that are left out.
fn is_secret(name: &str) -> bool {
    matches!(
        name,
        "SecretAccessKey" | "SecretString" | "SecretBinary" | "Password"
    )
}

/// Fields whose contents are hidden.
fn is_hidden(name: &str) -> bool {
    matches!(name, "MessageBody" | "MessageAttributes")
}

/// Numbers that the query protocol has as text.
fn is_number(name: &str) -> bool {
    matches!(name, "DurationSeconds" | "MaxItems" | "MaxSessionDuration")
}

/// A value with CloudTrail's names and without secrets.
pub(super) fn written(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(written).collect(),
        Value::Object(fields) => {
            Value::Object(fields.iter().filter_map(field).collect::<Map<_, _>>())
        }
        value => value.clone(),
    }
}

fn field((name, value): (&String, &Value)) -> Option<(String, Value)> {
    if is_secret(name) || value.is_null() {
        return None;
    }
    let value = match value {
        _ if is_hidden(name) => Value::from(HIDDEN),
        Value::String(text) if is_number(name) => text
            .parse::<i64>()
            .map_or_else(|_| value.clone(), Value::from),
        value => written(value),
    };
    Some((camel(name), value))
}

/// The value of a parameter is hidden where it stands; elsewhere a `value` is that of a tag.
pub(super) fn hide_value(params: &mut Value) {
    if let Some(value) = params.get_mut("value") {
        *value = Value::from(HIDDEN);
    }
}

/// How records of IAM have the times that XML has in ISO 8601: `Nov 3, 2026 9:14:11 AM`.
pub(super) const IAM_TIME: &str = "%b %-d, %Y %-I:%M:%S %p";

/// How records of STS have them: `Nov 3, 2026, 9:14:11 AM`.
pub(super) const STS_TIME: &str = "%b %-d, %Y, %-I:%M:%S %p";

/// Writes times in another form.
pub(super) fn with_times(value: &mut Value, form: &str) {
    match value {
        Value::Array(items) => {
            for item in items {
                with_times(item, form);
            }
        }
        Value::Object(fields) => {
            for field in fields.values_mut() {
                with_times(field, form);
            }
        }
        Value::String(text) if text.len() == 20 && text.ends_with('Z') => {
            if let Ok(at) = text.parse::<jiff::Timestamp>() {
                let shown = at.strftime(form).to_string();
                *text = shown;
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_left_out_and_names_begin_small() {
        let answer = json!({ "AccessKey": { "AccessKeyId": "AKIA", "SecretAccessKey": "hush" } });
        assert_eq!(
            written(&answer),
            json!({ "accessKey": { "accessKeyId": "AKIA" } })
        );
        assert_eq!(camel("ARN"), "arn");
    }

    #[test]
    fn times_are_as_in_records_of_iam() {
        let mut value = json!({ "createDate": "2026-11-03T21:04:11Z" });
        with_times(&mut value, IAM_TIME);
        assert_eq!(value["createDate"], "Nov 3, 2026 9:04:11 PM");
    }
}
