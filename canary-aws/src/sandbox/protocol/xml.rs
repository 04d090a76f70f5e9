//! Answers in XML.

use serde_json::Value;

/// Elements whose lists stand without `member`: those of maps, of EC2 and of S3.
const FLAT: [&str; 5] = ["entry", "item", "Contents", "Bucket", "Tag"];

/// Writes a value as the content of an element.
pub(super) fn write(out: &mut String, value: &Value) {
    match value {
        Value::Null => {}
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&number.to_string()),
        Value::String(text) => out.push_str(&escape(text)),
        Value::Array(items) => elements(out, "member", items),
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::Null => {}
                    Value::Array(items) if FLAT.contains(&name.as_str()) => {
                        elements(out, name, items);
                    }
                    value => element(out, name, value),
                }
            }
        }
    }
}

fn elements(out: &mut String, name: &str, items: &[Value]) {
    for item in items {
        element(out, name, item);
    }
}

/// A document.
pub(super) fn root(name: &str, namespace: &str, content: impl FnOnce(&mut String)) -> String {
    let mut out = String::new();
    for part in ["<", name, " xmlns=\"", namespace, "\">"] {
        out.push_str(part);
    }
    content(&mut out);
    for part in ["</", name, ">"] {
        out.push_str(part);
    }
    out
}

/// Writes an element.
pub(super) fn element(out: &mut String, name: &str, value: &Value) {
    out.push('<');
    out.push_str(name);
    out.push('>');
    write(out, value);
    out.push_str("</");
    out.push_str(name);
    out.push('>');
}

/// Text between tags. A carriage return would be read back as a line feed; what XML cannot say is left out.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\r' => out.push_str("&#xD;"),
            '\n' | '\t' => out.push(character),
            character if character < ' ' => {}
            character => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_have_members_and_maps_have_entries() {
        let value = json!({
            "Gone": null,
            "SummaryMap": { "entry": [{ "key": "Users", "value": 2 }] },
            "Tags": [{ "Key": "a<b", "Value": "" }],
        });
        let mut out = String::new();
        write(&mut out, &value);
        let want = "<SummaryMap><entry><key>Users</key><value>2</value></entry></SummaryMap>\
            <Tags><member><Key>a&lt;b</Key><Value></Value></member></Tags>";
        assert_eq!(out, want);
    }
}
