//! JSON with its keys in the order in which the API server writes them: that of its Go structures, and the alphabet in
//! maps.

use serde_json::{Map, Value};

/// A value as the API server writes it.
pub(super) fn to_json(value: &Value) -> String {
    let mut out = String::new();
    write(value, "", &mut out);
    // Go escapes these in every text, and they stand nowhere else.
    out.replace('&', "\\u0026")
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
}

fn write(value: &Value, field: &str, out: &mut String) {
    match value {
        Value::Object(map) => {
            out.push('{');
            for (at, key) in ordered(map, field).into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                out.push_str(&Value::from(key).to_string());
                out.push(':');
                write(&map[key], key, out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write(item, field, out);
            }
            out.push(']');
        }
        other => out.push_str(&other.to_string()),
    }
}

fn ordered<'a>(map: &'a Map<String, Value>, field: &str) -> Vec<&'a str> {
    let order = order(field);
    let mut keys: Vec<&str> = map.keys().map(String::as_str).collect();
    let place = |key: &str| order.iter().position(|known| *known == key);
    keys.sort_by_key(|key| (place(key).unwrap_or(usize::MAX), *key));
    keys
}

/// The order of the structure in a field; empty for maps. What is in no field, or in `items`, is an object or an event.
fn order(field: &str) -> &'static [&'static str] {
    match field {
        "metadata" => &[
            "name",
            "generateName",
            "namespace",
            "uid",
            "resourceVersion",
            "continue",
            "remainingItemCount",
            "creationTimestamp",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "labels",
            "annotations",
            "ownerReferences",
            "finalizers",
            "managedFields",
        ],
        "managedFields" => &[
            "manager",
            "operation",
            "apiVersion",
            "time",
            "fieldsType",
            "fieldsV1",
            "subresource",
        ],
        "user" | "impersonatedUser" | "userInfo" => &["username", "uid", "groups", "extra"],
        "objectRef" => &[
            "resource",
            "namespace",
            "name",
            "uid",
            "apiGroup",
            "apiVersion",
            "resourceVersion",
            "subresource",
        ],
        "responseStatus" => STATUS,
        "details" => &[
            "name",
            "group",
            "kind",
            "uid",
            "causes",
            "retryAfterSeconds",
        ],
        "causes" => &["reason", "message", "field"],
        "rules" => &[
            "verbs",
            "apiGroups",
            "resources",
            "resourceNames",
            "nonResourceURLs",
        ],
        "subjects" => &["kind", "apiGroup", "name", "namespace"],
        "roleRef" => &["apiGroup", "kind", "name"],
        "secrets" | "boundObjectRef" => &["kind", "namespace", "name", "uid", "apiVersion"],
        "ownerReferences" => &[
            "apiVersion",
            "kind",
            "name",
            "uid",
            "controller",
            "blockOwnerDeletion",
        ],
        "spec" => &["audiences", "expirationSeconds", "boundObjectRef"],
        "status" => &["token", "expirationTimestamp", "userInfo"],
        "" | "items" | "object" => &[
            "type",
            "kind",
            "apiVersion",
            "level",
            "auditID",
            "stage",
            "requestURI",
            "verb",
            "user",
            "impersonatedUser",
            "authenticationMetadata",
            "sourceIPs",
            "userAgent",
            "objectRef",
            "responseStatus",
            "requestReceivedTimestamp",
            "stageTimestamp",
            "metadata",
            "status",
            "message",
            "reason",
            "details",
            "code",
        ],
        _ => &[],
    }
}

const STATUS: &[&str] = &["metadata", "status", "message", "reason", "details", "code"];

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn structures_have_their_order_and_maps_the_alphabet() {
        let value = json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": { "labels": { "name": "x", "app": "y" }, "name": "a" },
            "data": { "name": "", "code": "" },
        });
        assert_eq!(
            to_json(&value),
            r#"{"kind":"Secret","apiVersion":"v1","metadata":{"name":"a","labels":{"app":"y","name":"x"}},"data":{"code":"","name":""}}"#
        );
    }

    #[test]
    fn what_a_page_could_take_for_markup_is_escaped() {
        assert_eq!(
            to_json(&json!({ "x": "<&>" })),
            r#"{"x":"\u003c\u0026\u003e"}"#
        );
    }
}
