//! What is sent. Pure.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use canary_core::apply::Content;
use canary_core::graph::{Handle, Written};
use canary_core::observe::Version;
use serde_json::{Map, Value, json};

/// The object as it is to be. Holds secrets.
pub(super) fn object(handle: &Handle, content: &BTreeMap<String, Content>) -> Value {
    let mut metadata = Map::new();
    metadata.insert("name".into(), handle.name.clone().into());
    if let Some(namespace) = &handle.scope {
        metadata.insert("namespace".into(), namespace.clone().into());
    }
    let mut body = Map::new();
    body.insert("apiVersion".into(), "v1".into());
    body.insert("kind".into(), handle.kind.clone().into());
    for (field, value) in content {
        if let Some(rest) = field.strip_prefix("metadata.") {
            put_metadata(&mut metadata, rest, value);
        } else {
            put_field(&mut body, &handle.kind, field, value);
        }
    }
    body.insert("metadata".into(), Value::Object(metadata));
    Value::Object(body)
}

fn put_metadata(metadata: &mut Map<String, Value>, field: &str, value: &Content) {
    let text = String::from_utf8_lossy(value.expose()).into_owned();
    if let Some((map, key)) = field.split_once('.') {
        let map = metadata.entry(map).or_insert_with(|| json!({}));
        map[key] = text.into();
    } else if let Ok(json) = serde_json::from_str(&text) {
        metadata.insert(field.into(), json);
    }
}

fn put_field(body: &mut Map<String, Value>, kind: &str, field: &str, value: &Content) {
    let bytes = value.expose();
    match field.split_once('.') {
        Some((map @ ("data" | "binaryData"), key)) => {
            let encoded = if kind == "Secret" || map == "binaryData" {
                STANDARD.encode(bytes)
            } else {
                String::from_utf8_lossy(bytes).into_owned()
            };
            let map = body.entry(map).or_insert_with(|| json!({}));
            map[key] = encoded.into();
        }
        _ => {
            let text = String::from_utf8_lossy(bytes);
            let json = match field {
                "type" => text.into_owned().into(),
                _ => serde_json::from_str(&text).unwrap_or_else(|_| text.into_owned().into()),
            };
            body.insert(field.to_owned(), json);
        }
    }
}

/// Adds what the object must still be.
pub(super) fn with_version(mut body: Value, version: &Version) -> Value {
    body["metadata"]["uid"] = version.uid.clone().into();
    body["metadata"]["resourceVersion"] = version.revision.clone().into();
    body
}

/// The revision that no object has but that an apply takes for "must not exist".
pub(crate) const NOTHING_THERE: &str = "1";

/// Whether it is written by server-side apply.
pub(super) fn is_apply(written: Option<&Written>) -> bool {
    written.is_some_and(|written| written.operation == "Apply")
}

/// The options of a delete.
pub(super) fn delete_options(version: Option<&Version>) -> Value {
    let mut options = json!({ "apiVersion": "v1", "kind": "DeleteOptions" });
    if let Some(version) = version {
        options["preconditions"] = json!({
            "uid": version.uid,
            "resourceVersion": version.revision,
        });
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_encoded_and_a_config_map_is_not() {
        let content = BTreeMap::from([("data.tls.crt".to_owned(), Content::Secret("x".into()))]);
        let secret = object(&Handle::scoped("Secret", "n", "a"), &content);
        assert_eq!(secret["data"]["tls.crt"], "eA==");
        let map = object(&Handle::scoped("ConfigMap", "n", "a"), &content);
        assert_eq!(map["data"]["tls.crt"], "x");
    }

    #[test]
    fn flags_are_flags_and_label_keys_keep_their_dots() {
        let content = BTreeMap::from([
            (
                "automountServiceAccountToken".to_owned(),
                Content::Public("false".into()),
            ),
            (
                "metadata.labels.app.kubernetes.io/name".to_owned(),
                Content::Public("x".into()),
            ),
        ]);
        let account = object(&Handle::scoped("ServiceAccount", "n", "a"), &content);
        assert_eq!(account["automountServiceAccountToken"], false);
        assert_eq!(account["metadata"]["labels"]["app.kubernetes.io/name"], "x");
    }
}
