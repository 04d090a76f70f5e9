//! `managedFields`: who wrote an object, and which fields it has.

use std::collections::BTreeSet;

use canary_core::graph::Written;
use serde_json::Value;

/// Managers with their operations, oldest first. Writers of subresources are left out: they did not make the object.
pub(super) fn written(metadata: &Value) -> Vec<Written> {
    let mut entries: Vec<&Value> = entries(metadata)
        .filter(|entry| entry["subresource"].as_str().unwrap_or_default().is_empty())
        .collect();
    // RFC 3339 in one zone sorts as text.
    entries.sort_by_key(|entry| entry["time"].as_str().unwrap_or_default().to_owned());
    let mut written: Vec<Written> = entries
        .into_iter()
        .filter_map(|entry| {
            Some(Written {
                manager: entry["manager"].as_str()?.to_owned(),
                operation: entry["operation"].as_str()?.to_owned(),
                like: None,
            })
        })
        .collect();
    // Most objects have one writer, and thousands of objects are kept.
    written.shrink_to_fit();
    written
}

/// Names of fields, as far as ownership tells them: `data.KEY`, `type`.
pub(super) fn field_names(metadata: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for entry in entries(metadata) {
        let fields = &entry["fieldsV1"];
        for map in ["data", "binaryData"] {
            let keys = fields[format!("f:{map}")].as_object();
            for key in keys.into_iter().flat_map(|keys| keys.keys()) {
                if let Some(key) = key.strip_prefix("f:") {
                    names.insert(format!("{map}.{key}"));
                }
            }
        }
        for field in ["type", "immutable"] {
            if !fields[format!("f:{field}")].is_null() {
                names.insert(field.to_owned());
            }
        }
    }
    names
}

fn entries(metadata: &Value) -> impl Iterator<Item = &Value> {
    metadata["managedFields"].as_array().into_iter().flatten()
}
