//! Objects with holes. Filled with values they are objects; printed they are templates of Helm.
//!
//! ```text
//! "$(name)-ca"             a text with a value in it; "$(ca.key:b64)" in base64, "$(config:sha256)" its digest;
//!                          "$(covered.namespace:list)" a list of CEL, "$(covered.namespace/account:list)" of both with a slash
//! raw("replicas")          a value as it is
//! when("allPods", X)       X where the value says something (as Helm's `if` takes it), else nothing; unless() the other way
//! each("covered", X)       X for each of the list, which is `$(one…)` in X
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

const RAW: &str = "$raw";
const WHEN: &str = "$when";
const UNLESS: &str = "$unless";
const EACH: &str = "$each";
const DO: &str = "$do";

/// What a list's element is called inside of [`each`].
const ONE: &str = "one";

/// A value as it is.
pub(super) fn raw(path: &str) -> Value {
    json!({ RAW: path })
}

/// The body where a value says something.
pub(super) fn when(path: &str, body: Value) -> Value {
    json!({ WHEN: path, DO: body })
}

/// The body where a value says nothing.
pub(super) fn unless(path: &str, body: Value) -> Value {
    json!({ UNLESS: path, DO: body })
}

/// The body for each of a list.
pub(super) fn each(path: &str, body: Value) -> Value {
    json!({ EACH: path, DO: body })
}

/// What stands in a template.
pub(super) enum Node<'a> {
    Raw(&'a str),
    When(&'a str, &'a Value),
    Unless(&'a str, &'a Value),
    Each(&'a str, &'a Value),
    Text(Vec<Part<'a>>),
    List(&'a [Value]),
    Map(&'a Map<String, Value>),
    /// A number, a truth value, nothing.
    Plain(&'a Value),
}

/// A part of a text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part<'a> {
    As(&'a str),
    Hole { path: &'a str, form: Form },
}

/// How a value stands in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Plain,
    Base64,
    /// Its SHA-256 in hex.
    Sha256,
    /// A list of CEL's strings: of fields of each of a list, or of the list itself.
    List,
}

impl<'a> Node<'a> {
    pub(super) fn of(value: &'a Value) -> Self {
        match value {
            Value::String(text) => Self::Text(parts(text)),
            Value::Array(items) => Self::List(items),
            Value::Object(map) => Self::of_map(map),
            plain => Self::Plain(plain),
        }
    }

    fn of_map(map: &'a Map<String, Value>) -> Self {
        let path = |name: &str| map.get(name).and_then(Value::as_str);
        if let Some(path) = path(RAW) {
            return Self::Raw(path);
        }
        let body = map.get(DO);
        for (name, make) in [
            (WHEN, Self::When as fn(&'a str, &'a Value) -> Self),
            (UNLESS, Self::Unless),
            (EACH, Self::Each),
        ] {
            if let (Some(path), Some(body)) = (path(name), body) {
                return make(path, body);
            }
        }
        Self::Map(map)
    }
}

fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("$(") {
        let Some((hole, behind)) = after.split_once(')') else {
            break;
        };
        if !before.is_empty() {
            parts.push(Part::As(before));
        }
        let (path, form) = match hole.split_once(':') {
            Some((path, "b64")) => (path, Form::Base64),
            Some((path, "sha256")) => (path, Form::Sha256),
            Some((path, "list")) => (path, Form::List),
            _ => (hole, Form::Plain),
        };
        parts.push(Part::Hole { path, form });
        rest = behind;
    }
    if !rest.is_empty() || parts.is_empty() {
        parts.push(Part::As(rest));
    }
    parts
}

/// Fills a template. `None`: nothing of it is there.
pub(super) fn fill(template: &Value, values: &Value) -> Option<Value> {
    match Node::of(template) {
        Node::Raw(path) => Some(at(values, path).clone()),
        Node::When(path, body) => says_something(at(values, path))
            .then(|| fill(body, values))
            .flatten(),
        Node::Unless(path, body) => (!says_something(at(values, path)))
            .then(|| fill(body, values))
            .flatten(),
        // Alone it stands for the list of what it gives.
        Node::Each(..) => Some(Value::Array(fill_all(
            std::slice::from_ref(template),
            values,
        ))),
        Node::Text(parts) => Some(Value::String(
            parts.iter().map(|part| text_of(part, values)).collect(),
        )),
        Node::List(items) => Some(Value::Array(fill_all(items, values))),
        Node::Map(map) => Some(Value::Object(
            map.iter()
                .filter_map(|(key, body)| Some((key.clone(), fill(body, values)?)))
                .collect(),
        )),
        Node::Plain(plain) => Some(plain.clone()),
    }
}

/// Fills each of a list. What is done for each of a list gives several; a list that stands conditionally gives its own.
pub(super) fn fill_all(templates: &[Value], values: &Value) -> Vec<Value> {
    let mut all = Vec::new();
    for template in templates {
        match Node::of(template) {
            Node::Each(path, body) => {
                for one in at(values, path).as_array().into_iter().flatten() {
                    let mut inside = values.clone();
                    inside[ONE] = one.clone();
                    all.extend(fill_all(bodies(body), &inside));
                }
            }
            Node::When(path, body) if says_something(at(values, path)) => {
                all.extend(fill_all(bodies(body), values));
            }
            Node::Unless(path, body) if !says_something(at(values, path)) => {
                all.extend(fill_all(bodies(body), values));
            }
            Node::When(..) | Node::Unless(..) => {}
            _ => all.extend(fill(template, values)),
        }
    }
    all
}

/// What stands under a condition in a list: one item, or several.
pub(super) fn bodies(body: &Value) -> &[Value] {
    match body {
        Value::Array(items) => items,
        one => std::slice::from_ref(one),
    }
}

fn text_of(part: &Part<'_>, values: &Value) -> String {
    match part {
        Part::As(text) => (*text).to_owned(),
        Part::Hole { path, form } => match form {
            Form::Plain => plain(at(values, path)),
            Form::Base64 => STANDARD.encode(plain(at(values, path))),
            Form::Sha256 => {
                let digest = Sha256::digest(plain(at(values, path)));
                digest.iter().map(|byte| format!("{byte:02x}")).collect()
            }
            Form::List => {
                let (list, fields) = list_of(path);
                let text = |item: &Value| match fields[..] {
                    [] => plain(item),
                    _ => {
                        let texts: Vec<String> =
                            fields.iter().map(|field| plain(&item[*field])).collect();
                        texts.join("/")
                    }
                };
                let items = at(values, list).as_array().into_iter().flatten();
                let quoted: Vec<String> = items.map(|item| format!("'{}'", text(item))).collect();
                format!("[{}]", quoted.join(", "))
            }
        },
    }
}

/// The list of a hole, and the fields of its elements that are meant.
pub(super) fn list_of(path: &str) -> (&str, Vec<&str>) {
    match path.split_once('.') {
        Some((list, fields)) => (list, fields.split('/').collect()),
        None => (path, Vec::new()),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn at<'a>(values: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(values, |at, field| &at[field])
}

/// As a condition of Helm takes it.
fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(is) => *is,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hole_is_filled_in_its_form() {
        let values = json!({
            "name": "a", "list": ["x", "y"], "of": [{ "n": "p" }, { "n": "q" }], "one": { "n": "p" }
        });
        for (template, expected) in [
            ("$(name)-$(one.n)", "a-p"),
            ("$(name:b64)", "YQ=="),
            ("z in $(of.n:list)", "z in ['p', 'q']"),
            ("$(of.n/n:list)", "['p/p', 'q/q']"),
            ("$(list:list)", "['x', 'y']"),
            (
                "$(name:sha256)",
                "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
            ),
            ("", ""),
            ("$(", "$("),
        ] {
            assert_eq!(fill(&json!(template), &values), Some(json!(expected)));
        }
    }

    #[test]
    fn what_stands_under_a_condition_is_there_or_not() {
        let template = json!({
            "a": when("yes", json!(1)), "b": unless("yes", json!(2)), "c": when("no", json!(3)),
            "d": [when("yes", json!([1, 2])), unless("yes", json!(3)), each("list", json!("$(one)"))],
        });
        for nothing in [
            json!(null),
            json!(0),
            json!(""),
            json!([]),
            json!({}),
            json!(false),
        ] {
            let values = json!({ "yes": true, "no": nothing, "list": ["x", "y"] });
            let filled = fill(&template, &values).unwrap();
            assert_eq!(filled, json!({ "a": 1, "d": [1, 2, "x", "y"] }));
        }
    }
}
