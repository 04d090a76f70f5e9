//! Merging: an applied object into a live one, and patches.

use serde_json::{Map, Value, json};

use super::compare::element;
use super::set::FieldSet;
use crate::sandbox::kinds::{Kind, METADATA};
use crate::sandbox::shape::{Field, Shape, is_empty};

/// A live object with what an applied one says.
pub(super) fn apply(kind: &Kind, live: &Value, applied: &Value) -> Value {
    let mut out = live.clone();
    merge_fields(METADATA, &mut out["metadata"], &applied["metadata"]);
    merge_fields(kind.fields, &mut out, applied);
    out
}

fn merge_fields(fields: &[Field], live: &mut Value, applied: &Value) {
    for (name, shape) in fields {
        let value = &applied[*name];
        if !value.is_null() {
            merge(shape, &mut live[*name], value);
        }
    }
}

fn merge(shape: &Shape, live: &mut Value, applied: &Value) {
    match shape {
        Shape::Text | Shape::Flag | Shape::Bytes | Shape::Whole(_) | Shape::List(_) => {
            *live = applied.clone();
        }
        Shape::Struct(fields) => {
            make_object(live);
            merge_fields(fields, live, applied);
        }
        Shape::Map(item) => {
            make_object(live);
            for (key, value) in applied.as_object().into_iter().flatten() {
                merge(item, &mut live[key.as_str()], value);
            }
        }
        Shape::Set | Shape::Keyed { .. } => {
            let mut items = live.as_array().cloned().unwrap_or_default();
            for value in applied.as_array().into_iter().flatten() {
                let wanted = element(shape, value);
                match items.iter_mut().find(|item| element(shape, item) == wanted) {
                    Some(item) => *item = value.clone(),
                    None => items.push(value.clone()),
                }
            }
            *live = items.into();
        }
    }
}

fn make_object(value: &mut Value) {
    if !value.is_object() {
        *value = json!({});
    }
}

/// Takes fields out of an object, and what becomes empty by it.
pub(super) fn without(kind: &Kind, object: &Value, gone: &FieldSet) -> Value {
    let mut out = object.clone();
    for path in gone.paths() {
        match path.split_first() {
            Some((first, rest)) if first == "f:metadata" => {
                remove_field(METADATA, &mut out["metadata"], rest);
            }
            _ => remove_field(kind.fields, &mut out, &path),
        }
    }
    out
}

fn remove_field(fields: &[Field], at: &mut Value, path: &[String]) {
    let Some((name, rest)) = field(path) else {
        return;
    };
    let (Some((_, shape)), Some(map)) = (
        fields.iter().find(|(field, _)| *field == name),
        at.as_object_mut(),
    ) else {
        return;
    };
    if let Some(child) = map.get_mut(name)
        && remove(shape, child, rest)
    {
        map.remove(name);
    }
}

fn field(path: &[String]) -> Option<(&str, &[String])> {
    let (first, rest) = path.split_first()?;
    Some((first.strip_prefix("f:")?, rest))
}

/// Whether nothing is left. A container whose own path is taken out goes only when nothing is in it.
fn remove(shape: &Shape, at: &mut Value, path: &[String]) -> bool {
    match shape {
        Shape::Text | Shape::Flag | Shape::Bytes | Shape::Whole(_) | Shape::List(_) => return true,
        Shape::Struct(fields) => remove_field(fields, at, path),
        Shape::Map(item) => {
            if let (Some((key, rest)), Some(map)) = (field(path), at.as_object_mut())
                && let Some(child) = map.get_mut(key)
                && remove(item, child, rest)
            {
                map.remove(key);
            }
        }
        Shape::Set | Shape::Keyed { .. } => {
            if let (Some(element), Some(items)) = (path.first(), at.as_array_mut()) {
                items.retain(|item| !is_item(element, item));
            }
        }
    }
    is_empty(at)
}

fn is_item(element: &str, item: &Value) -> bool {
    match element.split_once(':') {
        Some(("k", key)) => {
            let key: Map<String, Value> = serde_json::from_str(key).unwrap_or_default();
            key.iter()
                .all(|(name, value)| &item[name.as_str()] == value)
        }
        Some((_, value)) => serde_json::from_str::<Value>(value).is_ok_and(|value| value == *item),
        None => false,
    }
}

/// RFC 7386.
pub(in crate::sandbox) fn json_merge(target: &mut Value, patch: &Value) {
    let Some(patch) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    make_object(target);
    for (key, value) in patch {
        if value.is_null() {
            if let Some(map) = target.as_object_mut() {
                map.remove(key);
            }
        } else {
            json_merge(&mut target[key.as_str()], value);
        }
    }
}

/// Kubernetes' own kind of merge: lists of named things are merged by name.
pub(in crate::sandbox) fn strategic_merge(kind: &Kind, target: &mut Value, patch: &Value) {
    let mut rest = patch.clone();
    let metadata = rest
        .as_object_mut()
        .and_then(|rest| rest.remove("metadata"));
    let metadata = metadata.unwrap_or_else(|| json!({}));
    strategic_fields(kind.fields, target, &rest);
    strategic_fields(METADATA, &mut target["metadata"], &metadata);
}

fn strategic_fields(fields: &[Field], target: &mut Value, patch: &Value) {
    make_object(target);
    for (key, value) in patch.as_object().into_iter().flatten() {
        let shape = fields.iter().find(|(name, _)| name == key);
        let at = &mut target[key.as_str()];
        match shape.map(|(_, shape)| shape) {
            _ if value.is_null() => *at = Value::Null,
            Some(shape @ (Shape::Set | Shape::Keyed { .. })) => strategic_list(shape, at, value),
            Some(Shape::Map(_) | Shape::Struct(_)) if value["$patch"] == "replace" => {
                *at = undirected(value);
            }
            Some(Shape::Map(_) | Shape::Struct(_)) if value["$patch"] == "delete" => {
                *at = Value::Null;
            }
            _ => json_merge(at, value),
        }
    }
}

fn strategic_list(shape: &Shape, at: &mut Value, patch: &Value) {
    let patches = patch.as_array().cloned().unwrap_or_default();
    let replaces = patches.iter().any(|item| item["$patch"] == "replace");
    let mut items = match replaces {
        true => Vec::new(),
        false => at.as_array().cloned().unwrap_or_default(),
    };
    for patch in patches {
        if patch["$patch"] == "replace" {
            continue;
        }
        let wanted = element(shape, &patch);
        let found = items.iter().position(|item| element(shape, item) == wanted);
        match found {
            Some(found) if patch["$patch"] == "delete" => drop(items.remove(found)),
            Some(found) => json_merge(&mut items[found], &patch),
            None if patch["$patch"] == "delete" => {}
            None => items.push(patch),
        }
    }
    *at = items.into();
}

fn undirected(value: &Value) -> Value {
    let mut value = value.clone();
    if let Some(map) = value.as_object_mut() {
        map.remove("$patch");
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::kinds::{SECRET, SERVICE_ACCOUNT};

    #[test]
    fn named_things_are_merged_by_name() {
        let mut target = json!({ "metadata": {}, "secrets": [{ "name": "a" }, { "name": "b" }] });
        let patch = json!({ "secrets": [{ "name": "c" }, { "name": "a", "$patch": "delete" }] });
        strategic_merge(&SERVICE_ACCOUNT, &mut target, &patch);
        assert_eq!(target["secrets"], json!([{ "name": "b" }, { "name": "c" }]));
    }

    #[test]
    fn what_becomes_empty_goes() {
        let object =
            json!({ "metadata": { "labels": { "x": "y" } }, "data": { "a": "", "b": "" } });
        let gone = FieldSet::from_json(
            &json!({ "f:metadata": { "f:labels": { "f:x": {} } }, "f:data": { ".": {}, "f:a": {} } }),
        );
        assert_eq!(
            without(&SECRET, &object, &gone),
            json!({ "metadata": {}, "data": { "b": "" } })
        );
    }
}
