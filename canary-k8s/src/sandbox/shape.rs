//! The shapes of what is stored: which fields there are, and how they are merged (`k8s.io/api`, its `listType` and
//! `structType` markers).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

/// A field of an object and the shape of its value.
pub(super) type Field = (&'static str, Shape);

/// What a value may be, and what of it has an owner of its own.
#[derive(Debug)]
pub(super) enum Shape {
    Text,
    Flag,
    /// Base64.
    Bytes,
    /// Free keys, each with an owner of its own.
    Map(&'static Self),
    /// Fixed fields, each with an owner of its own.
    Struct(&'static [Field]),
    /// Fixed fields with one owner.
    Whole(&'static [Field]),
    /// A list with one owner.
    List(&'static Self),
    /// A list of different texts, each with an owner of its own.
    Set,
    /// A list whose items are told apart by a field.
    Keyed {
        key: &'static str,
        item: &'static Self,
    },
}

/// Why a value is not of its shape, in the words of Go's decoder.
pub(super) type Misfit = String;

impl Shape {
    /// The value as it is stored: known fields only and, when `sparse`, nothing empty.
    pub(super) fn decode(&self, value: &Value, path: &str, sparse: bool) -> Result<Value, Misfit> {
        match (self, value) {
            (_, Value::Null) => Ok(Value::Null),
            (Self::Text, Value::String(_)) | (Self::Flag, Value::Bool(_)) => Ok(value.clone()),
            (Self::Bytes, Value::String(text)) => match STANDARD.decode(text) {
                Ok(_) => Ok(value.clone()),
                Err(error) => Err(base64_misfit(&error, text)),
            },
            (Self::Map(item), Value::Object(map)) => {
                let mut out = Map::new();
                for (key, value) in map {
                    let value = item.decode(value, path, sparse)?;
                    // Go's zero value of a text or bytes.
                    let value = if value.is_null() { "".into() } else { value };
                    out.insert(key.clone(), value);
                }
                Ok(Value::Object(out))
            }
            (Self::Struct(fields), Value::Object(map)) => {
                Ok(Value::Object(decode_fields(fields, map, path, sparse)?))
            }
            (Self::Whole(fields), Value::Object(map)) => {
                Ok(Value::Object(decode_fields(fields, map, path, false)?))
            }
            (Self::List(item) | Self::Keyed { item, .. }, Value::Array(items)) => {
                let items = items.iter().map(|value| item.decode(value, path, sparse));
                Ok(Value::Array(items.collect::<Result<_, _>>()?))
            }
            (Self::Set, Value::Array(items)) => {
                let items = items
                    .iter()
                    .map(|value| Self::Text.decode(value, path, sparse));
                Ok(Value::Array(items.collect::<Result<_, _>>()?))
            }
            (shape, value) => Err(format!(
                "json: cannot unmarshal {} into Go struct field {path} of type {}",
                json_type(value),
                shape.go_type(path)
            )),
        }
    }

    fn go_type(&self, path: &str) -> String {
        match self {
            Self::Text if path == "Secret.type" => "v1.SecretType".into(),
            Self::Text => "string".into(),
            Self::Flag => "bool".into(),
            Self::Bytes => "[]uint8".into(),
            Self::Map(item) => format!("map[string]{}", item.go_type(path)),
            Self::List(_) | Self::Set | Self::Keyed { .. } => "[]string".into(),
            Self::Struct(_) | Self::Whole(_) => {
                format!("v1.{}", path.rsplit('.').next().unwrap_or(path))
            }
        }
    }
}

fn base64_misfit(error: &base64::DecodeError, text: &str) -> Misfit {
    let at = match error {
        base64::DecodeError::InvalidByte(at, _) => *at,
        base64::DecodeError::InvalidLength(_)
        | base64::DecodeError::InvalidLastSymbol(..)
        | base64::DecodeError::InvalidPadding => text.len() / 4 * 4,
    };
    format!("illegal base64 data at input byte {at}")
}

fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The known fields of a map. `sparse` leaves out empty ones, as `omitempty` does.
pub(super) fn decode_fields(
    fields: &[Field],
    map: &Map<String, Value>,
    path: &str,
    sparse: bool,
) -> Result<Map<String, Value>, Misfit> {
    let mut out = Map::new();
    for (name, shape) in fields {
        let Some(value) = map.get(*name) else {
            continue;
        };
        let value = shape.decode(value, &format!("{path}.{name}"), sparse)?;
        if !value.is_null() && (!sparse || !is_empty(&value)) {
            out.insert((*name).to_owned(), value);
        }
    }
    Ok(out)
}

/// What `omitempty` leaves out. A flag that is false is a pointer in every kind here, and stays.
pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}
