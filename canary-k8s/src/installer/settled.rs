//! Whether an object is as it is to be. Pure.

use std::collections::BTreeSet;

use serde_json::Value;

/// What the server keeps for itself.
const NOT_OURS: [&str; 6] = [
    "metadata.managedFields",
    "metadata.resourceVersion",
    "metadata.generation",
    "metadata.uid",
    "metadata.creationTimestamp",
    "status",
];

/// The fields in which two objects differ, by name alone.
pub(super) fn differing(one: &Value, other: &Value) -> BTreeSet<String> {
    let mut fields = BTreeSet::new();
    compare("", one, other, &mut fields);
    fields
}

fn compare(path: &str, one: &Value, other: &Value, fields: &mut BTreeSet<String>) {
    if one == other || NOT_OURS.contains(&path) {
        return;
    }
    match (one, other) {
        (Value::Object(a), Value::Object(b)) => {
            let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for name in names {
                let path = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                compare(&path, &one[name], &other[name], fields);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (i, (one, other)) in a.iter().zip(b).enumerate() {
                compare(&format!("{path}[{i}]"), one, other, fields);
            }
        }
        _ => {
            fields.insert(path.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_are_told_by_name_and_not_by_what_is_in_them() {
        let there = json!({
            "metadata": { "resourceVersion": "1", "labels": { "a": "x" } },
            "data": { "key": "c2VjcmV0" }, "rules": [{ "verbs": ["get"] }], "status": 1,
        });
        let wanted = json!({
            "metadata": { "resourceVersion": "2", "labels": {} },
            "data": { "key": "b3RoZXI=" }, "rules": [{ "verbs": ["get", "list"] }],
        });
        let told = differing(&there, &wanted);
        let expected = ["data.key", "metadata.labels.a", "rules[0].verbs"];
        assert!(told.iter().eq(expected), "{told:?}");
    }
}
