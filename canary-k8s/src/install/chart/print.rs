//! Templates as Helm has them: YAML with expressions of Go in it.

use serde_json::Value;

use crate::install::template::{Form, Node, Part, bodies, list_of};

/// One document, or what stands under its condition.
pub(super) fn document(template: &Value) -> String {
    match Node::of(template) {
        Node::When(path, body) => block(&format!("if {}", expression(path)), &documents(body)),
        Node::Unless(path, body) => {
            block(&format!("if not {}", expression(path)), &documents(body))
        }
        Node::Each(path, body) => block(
            &format!("range $one := {}", expression(path)),
            &documents(body),
        ),
        _ => format!("---\n{}", yaml(template)),
    }
}

fn documents(body: &Value) -> String {
    bodies(body).iter().map(document).collect()
}

fn block(head: &str, inside: &str) -> String {
    format!("{{{{- {head} }}}}\n{inside}{{{{- end }}}}\n")
}

/// A template as YAML.
pub(in crate::install) fn yaml(template: &Value) -> String {
    match Node::of(template) {
        Node::Map(map) => map
            .iter()
            .map(|(key, value)| entry(key, value, 0))
            .collect(),
        _ => format!("{}\n", inline(template)),
    }
}

/// A key with its value, or both under the value's condition.
fn entry(key: &str, value: &Value, depth: usize) -> String {
    match Node::of(value) {
        Node::When(path, body) => block(
            &format!("if {}", expression(path)),
            &entry(key, body, depth),
        ),
        Node::Unless(path, body) => block(
            &format!("if not {}", expression(path)),
            &entry(key, body, depth),
        ),
        _ => {
            let key = format!("{}{}:", "  ".repeat(depth), key_text(key));
            match nested(value, depth + 1) {
                Some(inside) => format!("{key}\n{inside}"),
                None => format!("{key} {}\n", inline(value)),
            }
        }
    }
}

/// Lists and maps that have something in them stand below their key.
fn nested(value: &Value, depth: usize) -> Option<String> {
    match Node::of(value) {
        Node::Map(map) if !map.is_empty() => Some(
            map.iter()
                .map(|(key, value)| entry(key, value, depth))
                .collect(),
        ),
        Node::List(items) if !items.is_empty() => {
            Some(items.iter().map(|item| list_item(item, depth)).collect())
        }
        _ => None,
    }
}

fn list_item(value: &Value, depth: usize) -> String {
    let all = |body: &Value| -> String {
        bodies(body)
            .iter()
            .map(|one| list_item(one, depth))
            .collect()
    };
    match Node::of(value) {
        Node::When(path, body) => block(&format!("if {}", expression(path)), &all(body)),
        Node::Unless(path, body) => block(&format!("if not {}", expression(path)), &all(body)),
        Node::Each(path, body) => block(&format!("range $one := {}", expression(path)), &all(body)),
        _ => {
            let indent = "  ".repeat(depth);
            match nested(value, depth + 1) {
                // The first line stands beside the dash; where it is a condition's, the dash stands alone.
                Some(inside) if !inside.starts_with("{{") => {
                    format!("{indent}- {}", inside.trim_start_matches(' '))
                }
                Some(inside) => format!("{indent}-\n{inside}"),
                None => format!("{indent}- {}\n", inline(value)),
            }
        }
    }
}

fn inline(value: &Value) -> String {
    match Node::of(value) {
        Node::Raw(path) => format!("{{{{ toJson {} }}}}", expression(path)),
        Node::Text(parts) => format!("\"{}\"", parts.iter().map(text).collect::<String>()),
        _ => value.to_string(),
    }
}

fn text(part: &Part<'_>) -> String {
    match part {
        Part::As(text) => {
            let quoted = Value::from(*text).to_string();
            quoted[1..quoted.len() - 1].to_owned()
        }
        Part::Hole { path, form } => match form {
            Form::Plain => format!("{{{{ {} }}}}", expression(path)),
            Form::Base64 => format!("{{{{ {} | b64enc }}}}", expression(path)),
            Form::Sha256 => format!("{{{{ {} | sha256sum }}}}", expression(path)),
            Form::List => {
                let (list, fields) = list_of(path);
                let item = match fields[..] {
                    [] => "{{ $item }}".to_owned(),
                    _ => {
                        let fields: Vec<String> = fields
                            .iter()
                            .map(|field| format!("{{{{ $item.{field} }}}}"))
                            .collect();
                        fields.join("/")
                    }
                };
                format!(
                    "[{{{{ range $i, $item := {} }}}}{{{{ if $i }}}}, {{{{ end }}}}'{item}'{{{{ end }}}}]",
                    expression(list)
                )
            }
        },
    }
}

/// What a path is called in a template of Helm.
fn expression(path: &str) -> String {
    match path.split_once('.').map_or(path, |(first, _)| first) {
        "ownNamespace" => "(ne $namespace $.Release.Namespace)".to_owned(),
        "instance" => "$.Release.Name".to_owned(),
        "name" | "namespace" | "one" | "ca" => format!("${path}"),
        _ => format!("$.Values.{path}"),
    }
}

fn key_text(key: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._/".contains(c);
    if key.chars().all(plain) {
        key.to_owned()
    } else {
        Value::from(key).to_string()
    }
}
