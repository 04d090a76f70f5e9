//! The JSON Schema of `canaries.toml`, for editors.

use serde_json::{Map, Value, json};

use super::builtin::{self, EXCUSABLE, LONGEST_LABEL};
use super::{Shape, TableShape, Vocabulary};

/// The JSON Schema (2020-12) of a configuration, from the same shapes that the parser reads it by.
///
/// Everything that it refuses the parser refuses too. The parser refuses more: references that name nothing, names
/// that a provider does not take, known readers that have expired.
#[must_use]
pub fn json_schema(vocabulary: &Vocabulary) -> Value {
    let mut properties = Map::new();
    let mut definitions = Map::new();
    for (provider, section, kinds) in &vocabulary.providers {
        properties.insert(provider.to_string(), table(section));
        for kind in kinds {
            let mut schema = table(&builtin::canary(kind));
            set(&mut schema, "description", kind.about.into());
            definitions.insert(kind.kind.into(), schema);
            let mut labels = labelled(&json!({ "$ref": format!("#/$defs/{}", kind.kind) }));
            set(&mut labels, "description", kind.about.into());
            properties.insert(kind.kind.into(), labels);
        }
    }
    properties.insert("ledger".into(), ledger());
    properties.insert("alert".into(), labelled(&table(&builtin::alert())));
    let reader = table(&builtin::known_reader(Shape::OneOf(EXCUSABLE)));
    properties.insert(
        "known_reader".into(),
        json!({ "type": "array", "items": reader }),
    );
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "canaries.toml",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
        "$defs": definitions,
    })
}

/// A table of labels.
fn labelled(schema: &Value) -> Value {
    json!({
        "type": "object",
        "propertyNames": { "pattern": format!("^{}$", label_pattern()) },
        "additionalProperties": schema,
    })
}

fn label_pattern() -> String {
    format!("[a-z0-9][-a-z0-9_]{{0,{}}}", LONGEST_LABEL - 1)
}

fn ledger() -> Value {
    let mut schema = table(&builtin::ledger());
    if let Some(store) = schema.pointer_mut("/properties/store") {
        set(store, "pattern", "^file:.".into());
    }
    schema
}

fn set(schema: &mut Value, key: &str, value: Value) {
    if let Value::Object(members) = schema {
        members.insert(key.into(), value);
    }
}

fn table(shape: &TableShape) -> Value {
    let properties: Map<String, Value> = shape
        .fields
        .iter()
        .map(|field| {
            let mut schema = value(&field.shape);
            if !field.about.is_empty() {
                set(&mut schema, "description", field.about.into());
            }
            (field.name.to_owned(), schema)
        })
        .collect();
    let mut schema = json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    let required = shape.fields.iter().filter(|field| field.required);
    let required: Vec<&str> = required.map(|field| field.name).collect();
    if !required.is_empty() {
        set(&mut schema, "required", json!(required));
    }
    let rules = rules(shape);
    if !rules.is_empty() {
        set(&mut schema, "allOf", rules.into());
    }
    schema
}

fn rules(shape: &TableShape) -> Vec<Value> {
    let exclusive = shape
        .exclusive
        .iter()
        .map(|(one, other)| json!({ "not": { "required": [one, other] } }));
    let needed = shape.one_needed.iter().map(|group| {
        let one: Vec<Value> = group
            .iter()
            .map(|word| json!({ "required": [word] }))
            .collect();
        json!({ "anyOf": one })
    });
    exclusive.chain(needed).collect()
}

fn value(shape: &Shape) -> Value {
    match shape {
        Shape::Text | Shape::Checked(_) => json!({ "type": "string" }),
        Shape::OneOf(words) => json!({ "enum": words }),
        Shape::CanaryOf(kinds) => json!({
            "type": "string",
            "pattern": format!("^({})\\.{}$", kinds.join("|"), label_pattern()),
        }),
        Shape::Integer(least, most) => {
            json!({ "type": "integer", "minimum": least, "maximum": most })
        }
        Shape::Boolean => json!({ "type": "boolean" }),
        Shape::Duration => json!({ "type": "string", "pattern": "^(0|[0-9]+[smhd])$" }),
        // Editors hand TOML's dates to a schema as strings.
        Shape::Date => json!({ "type": "string", "format": "date" }),
        Shape::List(item) => json!({ "type": "array", "items": value(item) }),
        Shape::OneOrMore(item) => {
            let item = value(item);
            json!({ "anyOf": [item, { "type": "array", "items": item }] })
        }
        Shape::Declaration(shape) => table(shape),
        Shape::TextMap(_) => {
            json!({ "type": "object", "additionalProperties": { "type": "string" } })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::example;

    #[test]
    fn the_schema_tells_every_table_and_key() {
        let schema = json_schema(&example::vocabulary());
        insta::assert_snapshot!(serde_json::to_string_pretty(&schema).unwrap());
    }

    #[test]
    fn every_reference_within_the_schema_leads_somewhere() {
        let schema = json_schema(&example::vocabulary());
        let mut values = vec![&schema];
        let mut references = 0;
        while let Some(value) = values.pop() {
            if let Some(Value::String(reference)) = value.get("$ref") {
                references += 1;
                let path = reference.strip_prefix('#').unwrap();
                assert!(schema.pointer(path).is_some(), "{reference}");
            }
            values.extend(value.as_object().into_iter().flat_map(Map::values));
            values.extend(value.as_array().into_iter().flatten());
        }
        assert_eq!(references, 3);
    }
}
