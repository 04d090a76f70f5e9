//! What may differ between two servers is replaced: uids, revisions, times, tokens.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

/// Replaces; the same thing by the same word, so that what was equal stays equal and what was not does not become so.
#[derive(Default)]
pub(crate) struct Normal {
    words: BTreeMap<String, String>,
}

impl Normal {
    fn word(&mut self, kind: &str, text: &str) -> String {
        let next = self
            .words
            .values()
            .filter(|word| word.starts_with(&format!("<{kind} ")))
            .count()
            + 1;
        self.words
            .entry(format!("{kind} {text}"))
            .or_insert_with(|| format!("<{kind} {next}>"))
            .clone()
    }

    pub(crate) fn value(&mut self, value: &Value) -> Value {
        self.field("", value, false)
    }

    fn field(&mut self, name: &str, value: &Value, in_list: bool) -> Value {
        match value {
            Value::Object(map) => {
                let is_list = map.contains_key("items");
                let mut out = Map::new();
                for (key, value) in map {
                    let in_list = in_list || is_list && key == "metadata";
                    out.insert(key.clone(), self.field(key, value, in_list));
                }
                Value::Object(out)
            }
            Value::Array(items) => {
                let mut items: Vec<Value> = items
                    .iter()
                    .map(|item| self.field(name, item, false))
                    .collect();
                if name == "managedFields" {
                    // Their order follows whole seconds, which fall where they fall.
                    items.sort_by_key(|entry| {
                        [entry["operation"].to_string(), entry["manager"].to_string()]
                    });
                }
                items.into()
            }
            Value::String(text) => self.text(name, text, in_list),
            other => other.clone(),
        }
    }

    fn text(&mut self, name: &str, text: &str, in_list: bool) -> Value {
        match name {
            // The revision of a list is that of the whole server, whose other writers differ.
            "resourceVersion" if in_list => "<list revision>".into(),
            "resourceVersion" => self.word("revision", text).into(),
            "continue" => self.continued(text),
            "token" => self.token(text),
            "message" => self.message(text).into(),
            "requestURI" => {
                let mut text = text.to_owned();
                for key in ["continue=", "&resourceVersion="] {
                    if let Some((before, rest)) = text.split_once(key) {
                        let after = rest.split_once('&').map(|(_, after)| format!("&{after}"));
                        text = format!("{before}{key}<kept>{}", after.unwrap_or_default());
                    }
                }
                self.uuids(&text).into()
            }
            _ if text.parse::<jiff::Timestamp>().is_ok() => "<time>".into(),
            _ => self.uuids(text).into(),
        }
    }

    fn message(&mut self, text: &str) -> String {
        let text = self.uuids(text);
        if !text.contains("ResourceVersion in") {
            return text;
        }
        // Revisions stand in brackets there.
        let mut out = String::new();
        for (at, part) in text.split('(').enumerate() {
            if at > 0 {
                out.push('(');
            }
            match part.split_once(')') {
                Some((number, rest)) if number.parse::<u64>().is_ok() => {
                    out.push_str(&self.word("revision", number));
                    out.push(')');
                    out.push_str(rest);
                }
                _ => out.push_str(part),
            }
        }
        out
    }

    fn uuids(&mut self, text: &str) -> String {
        let is_part = |c: char| c.is_ascii_hexdigit() || c == '-';
        let mut out = String::new();
        let mut rest = text;
        while let Some(start) = rest.find(is_part) {
            out.push_str(&rest[..start]);
            let tail = &rest[start..];
            let end = tail.find(|c| !is_part(c)).unwrap_or(tail.len());
            let candidate = &tail[..end];
            let shape: Vec<usize> = candidate.split('-').map(str::len).collect();
            if shape == [8, 4, 4, 4, 12] && !candidate.starts_with("00000000-") {
                out.push_str(&self.word("uid", candidate));
            } else {
                out.push_str(candidate);
            }
            rest = &tail[end..];
        }
        out.push_str(rest);
        out
    }

    /// A continue token by what is in it.
    fn continued(&mut self, text: &str) -> Value {
        let bytes = URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
        let mut token: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        token["rv"] = json!("<list revision>");
        token
    }

    /// A token by what it says; how long it lasts stays.
    fn token(&mut self, text: &str) -> Value {
        let decoded = STANDARD
            .decode(text)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok());
        let text = decoded.as_deref().unwrap_or(text);
        let parts: Vec<Value> = text
            .split('.')
            .take(2)
            .map(|part| {
                let bytes = URL_SAFE_NO_PAD.decode(part).unwrap_or_default();
                serde_json::from_slice(&bytes).unwrap_or_default()
            })
            .collect();
        let [header, claims] = parts.as_slice() else {
            return json!("<no token>");
        };
        let (mut header, mut claims) = (header.clone(), claims.clone());
        if header["kid"].as_str().is_some_and(|kid| kid.len() == 43) {
            header["kid"] = json!("<key>");
        }
        if let (Some(from), Some(until)) = (claims["iat"].as_i64(), claims["exp"].as_i64()) {
            claims["exp"] = json!(format!("iat+{}", until - from));
            claims["nbf"] = json!(format!(
                "iat+{}",
                claims["nbf"].as_i64().unwrap_or(0) - from
            ));
            claims["iat"] = json!("<time>");
        }
        self.value(&json!({ "header": header, "claims": claims }))
    }
}

/// The keys of a line in their order.
pub(crate) fn keys(line: &str) -> Vec<&str> {
    line.split("\":")
        .filter_map(|part| part.rsplit('"').next())
        .collect()
}
