//! Objects as they come and as they are shown.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::request::Form;
use crate::sandbox::kinds::{CONFIG_MAP, Kind, METADATA, NAMESPACE, RBAC, SECRET, VERSION};
use crate::sandbox::shape::{Misfit, decode_fields};
use crate::sandbox::status::Status;

/// What metadata has beside what people write.
const SYSTEM: &[&str] = &[
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "deletionTimestamp",
];

/// An object of a kind from a body: known fields, nothing empty, defaults in place.
pub(super) fn decode(kind: &Kind, body: &Value) -> Result<Value, Status> {
    let mut object = read(kind, body, true)?;
    set_defaults(kind, &mut object);
    Ok(object)
}

/// What somebody applies: known fields as they stand, because what is named is owned.
pub(super) fn decode_applied(kind: &Kind, body: &Value) -> Result<Value, Status> {
    read(kind, body, false)
}

/// What a new object has that nobody wrote.
pub(super) fn prepare(kind: &Kind, object: &mut Value) {
    if kind.plural == NAMESPACE.plural {
        object["spec"] = json!({ "finalizers": ["kubernetes"] });
        object["status"] = json!({ "phase": "Active" });
    }
}

fn read(kind: &Kind, body: &Value, sparse: bool) -> Result<Value, Status> {
    let given = body["apiVersion"].as_str().unwrap_or_default();
    let wanted = kind.api_version();
    if !given.is_empty() && given != wanted {
        let named = body["kind"].as_str().unwrap_or_default();
        return Err(Status::bad_request(format!(
            "{named} in version {given:?} cannot be handled as a {}: no kind {named:?} is registered for version \
             {given:?} in scheme \"pkg/runtime/scheme.go:111\"",
            kind.name
        )));
    }
    let named = body["kind"].as_str().unwrap_or_default();
    let cannot = |from: &str, why: &str| {
        Status::bad_request(format!(
            "{from} in version {VERSION:?} cannot be handled as a {}: {why}",
            kind.name
        ))
    };
    if !named.is_empty() && named != kind.name {
        let why = format!(
            "converting (v1.{named}) to (core.{}): unknown conversion",
            kind.name
        );
        return Err(cannot(named, &why));
    }
    let Some(map) = body.as_object() else {
        return Err(Status::bad_request("the body is no object"));
    };
    fields(kind, map, sparse).map_err(|why| cannot(kind.name, &why))
}

fn fields(kind: &Kind, body: &Map<String, Value>, sparse: bool) -> Result<Value, Misfit> {
    let nothing = Map::new();
    let given = match body.get("metadata") {
        Some(Value::Object(metadata)) => metadata,
        _ => &nothing,
    };
    let mut metadata = decode_fields(METADATA, given, "ObjectMeta.metadata", sparse)?;
    for name in SYSTEM {
        if let Some(Value::String(text)) = given.get(*name)
            && !text.is_empty()
        {
            metadata.insert((*name).to_owned(), text.clone().into());
        }
    }
    for name in ["managedFields", "deletionGracePeriodSeconds"] {
        if let Some(value) = given.get(name).filter(|value| !value.is_null()) {
            metadata.insert(name.to_owned(), value.clone());
        }
    }
    let mut object = decode_fields(kind.fields, body, kind.name, sparse)?;
    object.insert("metadata".into(), Value::Object(metadata));
    Ok(Value::Object(object))
}

fn set_defaults(kind: &Kind, object: &mut Value) {
    let Some(map) = object.as_object_mut() else {
        return;
    };
    match kind.plural {
        "secrets" => {
            if let Some(Value::Object(texts)) = map.remove("stringData") {
                let data = map.entry("data").or_insert_with(|| json!({}));
                for (key, text) in texts {
                    data[key] = STANDARD.encode(text.as_str().unwrap_or_default()).into();
                }
            }
            map.entry("type").or_insert_with(|| "Opaque".into());
        }
        "namespaces" => {
            if let Some(name) = map["metadata"]["name"].as_str().map(str::to_owned) {
                map["metadata"]["labels"]["kubernetes.io/metadata.name"] = name.into();
            }
        }
        "rolebindings" | "clusterrolebindings" => {
            for subject in map
                .get_mut("subjects")
                .and_then(Value::as_array_mut)
                .into_iter()
                .flatten()
            {
                if matches!(subject["kind"].as_str(), Some("User" | "Group"))
                    && subject["apiGroup"].is_null()
                {
                    subject["apiGroup"] = RBAC.into();
                }
            }
            if let Some(role) = map.get_mut("roleRef")
                && role["apiGroup"].as_str().unwrap_or_default().is_empty()
            {
                role["apiGroup"] = RBAC.into();
            }
        }
        _ => {}
    }
}

/// An object in the form that was asked for.
pub(in crate::sandbox) fn shown(kind: &Kind, object: &Value, form: Form) -> Value {
    match form {
        Form::Whole => {
            let mut shown = item(kind, object);
            shown["kind"] = kind.name.into();
            shown["apiVersion"] = kind.api_version().into();
            shown
        }
        Form::Metadata | Form::MetadataList => json!({
            "kind": "PartialObjectMetadata",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": object["metadata"],
        }),
    }
}

/// An object in a list, which has no kind of its own.
fn item(kind: &Kind, object: &Value) -> Value {
    let mut shown = object.clone();
    // Not `omitempty` in its structure.
    if matches!(kind.plural, "roles" | "clusterroles") && shown["rules"].is_null() {
        shown["rules"] = Value::Null;
    }
    shown
}

/// A list in the form that was asked for.
pub(super) fn shown_list<'a>(
    kind: &Kind,
    objects: impl Iterator<Item = &'a Value>,
    metadata: Value,
    form: Form,
) -> Value {
    let mut list = match form {
        Form::Whole => json!({
            "kind": format!("{}List", kind.name),
            "apiVersion": kind.api_version(),
            "metadata": metadata,
            "items": objects.map(|object| item(kind, object)).collect::<Vec<_>>(),
        }),
        Form::Metadata | Form::MetadataList => json!({
            "kind": "PartialObjectMetadataList",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": metadata,
            "items": objects.map(|object| shown(kind, object, form)).collect::<Vec<_>>(),
        }),
    };
    // A slice that nothing was appended to.
    if form != Form::Whole && list["items"].as_array().is_some_and(Vec::is_empty) {
        list["items"] = Value::Null;
    }
    list
}

/// Whether a kind can be made immutable.
pub(super) fn can_be_immutable(kind: &Kind) -> bool {
    kind.plural == SECRET.plural || kind.plural == CONFIG_MAP.plural
}
