//! From the server's JSON to objects. Secret values become digests here and go no further.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use canary_core::disguise::Digester;
use canary_core::graph::Handle;
use canary_core::observe::{Object, Seen, Version};
use serde_json::Value;
use zeroize::Zeroizing;

use super::{managed, reach};
use crate::realize::LEGACY;

/// An object from its metadata. `None`: this is no object.
pub(crate) fn metadata(kind: &str, item: &Value) -> Option<(Handle, Object)> {
    let metadata = &item["metadata"];
    let text = |name: &str| metadata[name].as_str();
    let handle = Handle {
        kind: kind.to_owned(),
        scope: text("namespace").map(str::to_owned),
        name: text("name")?.to_owned(),
    };
    let object = Object {
        created: text("creationTimestamp").and_then(|text| text.parse().ok()),
        deleting: text("deletionTimestamp").is_some(),
        written: managed::written(metadata),
        metadata: described(metadata),
        field_names: managed::field_names(metadata),
        ..Object::of(Version {
            uid: text("uid")?.to_owned(),
            revision: text("resourceVersion")?.to_owned(),
        })
    };
    Some((handle, object))
}

/// An object read in full.
pub(crate) fn full(kind: &str, item: &Value, digester: &Digester) -> Option<(Handle, Object)> {
    let (handle, mut object) = metadata(kind, item)?;
    let mut fields: BTreeMap<String, Seen> = object
        .metadata
        .iter()
        .map(|(name, text)| (name.clone(), told(name, text, digester)))
        .collect();
    let is_token = kind == "Secret" && item["type"] == LEGACY;
    for (name, value) in item["data"].as_object().into_iter().flatten() {
        let text = value.as_str().unwrap_or_default();
        let bytes = match kind {
            "Secret" => Zeroizing::new(STANDARD.decode(text).unwrap_or_default()),
            _ => Zeroizing::new(text.as_bytes().to_vec()),
        };
        object.reaches.extend(reach::reaches(&bytes));
        let filled = is_token && FILLED.contains(&name.as_str());
        let by = if filled { FILLED_IN } else { "" };
        fields.insert(
            format!("data.{name}{by}"),
            Seen::Digest(digester.digest(&bytes)),
        );
    }
    for (name, value) in item["binaryData"].as_object().into_iter().flatten() {
        let bytes = Zeroizing::new(
            STANDARD
                .decode(value.as_str().unwrap_or_default())
                .unwrap_or_default(),
        );
        fields.insert(
            format!("binaryData.{name}"),
            Seen::Digest(digester.digest(&bytes)),
        );
    }
    for name in [
        "type",
        "immutable",
        "automountServiceAccountToken",
        "secrets",
        "imagePullSecrets",
    ] {
        if let Some(text) = plain(&item[name]) {
            fields.insert(name.to_owned(), Seen::Public(text));
        }
    }
    object.fields = Some(fields);
    Some((handle, object))
}

/// What stands behind the name of a field that the cluster fills in: nobody declares it.
pub(crate) const FILLED_IN: &str = " (filled in)";

/// What the cluster itself puts into a token Secret.
const FILLED: [&str; 3] = ["token", "ca.crt", "namespace"];

/// Annotations hold anything, as the whole object that somebody applied: only what names a token's account is shown.
fn told(name: &str, text: &str, digester: &Digester) -> Seen {
    const OF_TOKENS: [&str; 2] = [
        "metadata.annotations.kubernetes.io/service-account.name",
        "metadata.annotations.kubernetes.io/service-account.uid",
    ];
    if name.starts_with("metadata.annotations.") && !OF_TOKENS.contains(&name) {
        Seen::Digest(digester.digest(text.as_bytes()))
    } else {
        Seen::Public(text.to_owned())
    }
}

/// What metadata says beside name and version, by dotted path.
fn described(metadata: &Value) -> BTreeMap<String, String> {
    let mut described = BTreeMap::new();
    for map in ["labels", "annotations"] {
        for (key, value) in metadata[map].as_object().into_iter().flatten() {
            let text = value.as_str().unwrap_or_default().to_owned();
            described.insert(format!("metadata.{map}.{key}"), text);
        }
    }
    for name in ["finalizers", "ownerReferences"] {
        if let Some(text) = plain(&metadata[name]) {
            described.insert(format!("metadata.{name}"), text);
        }
    }
    described
}

/// Texts as they are, anything else as JSON; nothing for what is not there or empty.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Array(items) if items.is_empty() => None,
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_secret_becomes_digests_and_shows_nothing() {
        let digester = Digester::new(&[1; 32]);
        let item = json!({
            "metadata": { "name": "a", "namespace": "n", "uid": "u", "resourceVersion": "1",
                          "labels": { "app": "x" } },
            "type": "Opaque",
            "data": { "password": STANDARD.encode("correct horse battery") },
        });
        let (handle, object) = full("Secret", &item, &digester).unwrap();
        assert_eq!(handle, Handle::scoped("Secret", "n", "a"));
        let fields = object.fields.clone().unwrap();
        assert_eq!(
            fields["data.password"],
            Seen::Digest(digester.digest(b"correct horse battery"))
        );
        assert_eq!(fields["metadata.labels.app"], Seen::Public("x".into()));
        assert!(!format!("{object:?}").contains("correct horse"));
    }

    #[test]
    fn an_annotation_that_holds_the_object_itself_shows_none_of_it() {
        let digester = Digester::new(&[1; 32]);
        let whole = r#"{"data":{"password":"Y29ycmVjdCBob3JzZQ=="}}"#;
        let item = json!({
            "metadata": { "name": "a", "namespace": "n", "uid": "u", "resourceVersion": "1",
                          "annotations": { "kubectl.kubernetes.io/last-applied-configuration": whole } },
        });
        let (_, object) = full("Secret", &item, &digester).unwrap();
        let shown = serde_json::to_string(&object.fields).unwrap();
        assert!(!shown.contains("Y29ycmVj"), "{shown}");
        assert!(shown.contains("last-applied-configuration"), "{shown}");
    }

    #[test]
    fn what_the_cluster_fills_into_a_token_is_told_from_what_others_put_into_any_secret() {
        let digester = Digester::new(&[1; 32]);
        let mut item = json!({
            "metadata": { "name": "a", "namespace": "n", "uid": "u", "resourceVersion": "1" },
            "type": LEGACY, "data": { "token": "YQ==", "more": "YQ==" },
        });
        let names = |item: &Value| -> Vec<String> {
            let (_, object) = full("Secret", item, &digester).unwrap();
            object.fields.unwrap().into_keys().collect()
        };
        assert_eq!(
            names(&item),
            ["data.more", "data.token (filled in)", "type"]
        );
        item["type"] = "Opaque".into();
        assert_eq!(names(&item), ["data.more", "data.token", "type"]);
    }

    #[test]
    fn what_is_no_object_is_passed_over() {
        for item in [
            json!(null),
            json!(0),
            json!({}),
            json!({ "metadata": { "name": 1 } }),
        ] {
            assert!(metadata("Secret", &item).is_none());
        }
    }
}
