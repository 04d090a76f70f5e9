//! What differs between two objects, and which fields an object has.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::set::FieldSet;
use crate::sandbox::kinds::{Kind, METADATA};
use crate::sandbox::shape::{Field, Shape};

/// What differs.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    pub(super) added: FieldSet,
    pub(super) removed: FieldSet,
    pub(super) modified: FieldSet,
}

type Path = Vec<String>;

/// Compares two versions of an object. Fields that the server alone writes are left out.
pub(super) fn compare(kind: &Kind, before: &Value, after: &Value) -> Comparison {
    let mut comparison = Comparison::default();
    let nothing = json!({});
    let metadata = |object: &Value| match &object["metadata"] {
        Value::Null => nothing.clone(),
        metadata => metadata.clone(),
    };
    let mut path = vec!["f:metadata".to_owned()];
    let (a, b) = (metadata(before), metadata(after));
    compare_fields(METADATA, &a, &b, &mut path, &mut comparison);
    compare_fields(kind.fields, before, after, &mut Vec::new(), &mut comparison);
    comparison
}

fn compare_fields(
    fields: &[Field],
    before: &Value,
    after: &Value,
    path: &mut Path,
    out: &mut Comparison,
) {
    for (name, shape) in fields {
        descend(
            format!("f:{name}"),
            shape,
            present(&before[*name]),
            present(&after[*name]),
            path,
            out,
        );
    }
}

fn present(value: &Value) -> Option<&Value> {
    Some(value).filter(|value| !value.is_null())
}

fn descend(
    element: String,
    shape: &Shape,
    before: Option<&Value>,
    after: Option<&Value>,
    path: &mut Path,
    out: &mut Comparison,
) {
    if before.is_none() && after.is_none() {
        return;
    }
    path.push(element);
    match shape {
        Shape::Text | Shape::Flag | Shape::Bytes | Shape::Whole(_) | Shape::List(_) => {
            if let (Some(before), Some(after)) = (before, after)
                && before != after
            {
                out.modified.insert(path);
            }
        }
        Shape::Map(item) => {
            let (a, b) = (entries(before), entries(after));
            for (key, (a, b)) in zip(a, b) {
                descend(format!("f:{key}"), item, a, b, path, out);
            }
        }
        Shape::Struct(fields) => {
            let (a, b) = (
                before.unwrap_or(&Value::Null),
                after.unwrap_or(&Value::Null),
            );
            compare_fields(fields, a, b, path, out);
        }
        Shape::Set | Shape::Keyed { .. } => {
            let item = match shape {
                Shape::Keyed { item, .. } => item,
                _ => &Shape::Text,
            };
            let (a, b) = (elements(shape, before), elements(shape, after));
            for (element, (a, b)) in zip(a, b) {
                descend(element, item, a, b, path, out);
            }
        }
    }
    match (before, after) {
        (None, Some(_)) => out.added.insert(path),
        (Some(_), None) => out.removed.insert(path),
        (Some(_), Some(_)) | (None, None) => {}
    }
    path.pop();
}

fn entries(value: Option<&Value>) -> BTreeMap<String, &Value> {
    let map = value.and_then(Value::as_object);
    map.into_iter()
        .flatten()
        .map(|(key, value)| (key.clone(), value))
        .collect()
}

/// The items of a list that are told apart, by their path elements.
pub(super) fn elements<'a>(shape: &Shape, value: Option<&'a Value>) -> BTreeMap<String, &'a Value> {
    let items = value.and_then(Value::as_array);
    items
        .into_iter()
        .flatten()
        .map(|item| (element(shape, item), item))
        .collect()
}

/// The path element of an item of a list.
pub(super) fn element(shape: &Shape, item: &Value) -> String {
    match shape {
        Shape::Keyed { key, .. } => {
            let mut map = Map::new();
            map.insert((*key).to_owned(), item[*key].clone());
            format!("k:{}", Value::Object(map))
        }
        _ => format!("v:{item}"),
    }
}

type Both<'a> = (Option<&'a Value>, Option<&'a Value>);

fn zip<'a>(
    before: BTreeMap<String, &'a Value>,
    after: BTreeMap<String, &'a Value>,
) -> BTreeMap<String, Both<'a>> {
    let mut both: BTreeMap<String, Both<'a>> = BTreeMap::new();
    for (key, value) in before {
        both.entry(key).or_default().0 = Some(value);
    }
    for (key, value) in after {
        both.entry(key).or_default().1 = Some(value);
    }
    both
}

/// The fields that an applied object names. Unlike in a comparison a container is in it only where it is empty.
pub(super) fn fields_of(kind: &Kind, object: &Value) -> FieldSet {
    let mut set = FieldSet::default();
    let mut path = vec!["f:metadata".to_owned()];
    struct_fields(METADATA, &object["metadata"], &mut path, &mut set);
    struct_fields(kind.fields, object, &mut Vec::new(), &mut set);
    set
}

fn struct_fields(fields: &[Field], value: &Value, path: &mut Path, out: &mut FieldSet) {
    for (name, shape) in fields {
        if let Some(value) = present(&value[*name]) {
            path.push(format!("f:{name}"));
            value_fields(shape, value, path, out);
            path.pop();
        }
    }
}

fn value_fields(shape: &Shape, value: &Value, path: &mut Path, out: &mut FieldSet) {
    match shape {
        Shape::Text | Shape::Flag | Shape::Bytes | Shape::Whole(_) | Shape::List(_) => {
            out.insert(path);
        }
        Shape::Struct(fields) => struct_fields(fields, value, path, out),
        Shape::Map(item) => {
            if entries(Some(value)).is_empty() {
                out.insert(path);
            }
            for (key, value) in entries(Some(value)) {
                path.push(format!("f:{key}"));
                value_fields(item, value, path, out);
                out.insert(path);
                path.pop();
            }
        }
        Shape::Set | Shape::Keyed { .. } => {
            for (element, item) in elements(shape, Some(value)) {
                path.push(element);
                if let Shape::Keyed { item: shape, .. } = shape {
                    value_fields(shape, item, path, out);
                }
                out.insert(path);
                path.pop();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::kinds::{SECRET, SERVICE_ACCOUNT};

    #[test]
    fn what_was_not_there_is_added_with_its_containers() {
        let after = json!({ "metadata": { "name": "a", "labels": { "x": "y" } }, "data": { "p": "eA==" }, "type": "Opaque" });
        assert_eq!(
            compare(&SECRET, &json!({}), &after).added.to_json(),
            json!({ "f:data": { ".": {}, "f:p": {} }, "f:metadata": { "f:labels": { ".": {}, "f:x": {} } }, "f:type": {} })
        );
    }

    #[test]
    fn an_applied_object_names_its_fields_without_containers() {
        let object =
            json!({ "metadata": { "labels": { "x": "y" } }, "secrets": [{ "name": "s" }] });
        assert_eq!(
            fields_of(&SERVICE_ACCOUNT, &object).to_json(),
            json!({ "f:metadata": { "f:labels": { "f:x": {} } }, "f:secrets": { "k:{\"name\":\"s\"}": {} } })
        );
    }
}
