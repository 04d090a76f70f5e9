//! The query protocol: `Tags.member.1.Key=team` is a tree.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// IAM's deepest parameter has five parts; deeper ones are left out.
const DEPTH: usize = 8;

/// More than any operation takes.
const PARAMETERS: usize = 4096;

#[derive(Default)]
struct Node {
    text: Option<String>,
    below: BTreeMap<String, Self>,
}

/// The parameters of a form.
pub(super) fn parameters(body: &[u8]) -> Value {
    let mut root = Node::default();
    for (key, value) in form_urlencoded::parse(body).take(PARAMETERS) {
        if key.split('.').count() > DEPTH {
            continue;
        }
        let node = key.split('.').fold(&mut root, |node, part| {
            node.below.entry(part.to_owned()).or_default()
        });
        node.text = Some(value.into_owned());
    }
    value(root)
}

fn value(mut node: Node) -> Value {
    if let Some(members) = node
        .below
        .remove("member")
        .or_else(|| node.below.remove("entry"))
    {
        return Value::Array(in_order(members));
    }
    if node.below.is_empty() {
        return node.text.map_or(Value::Null, Value::String);
    }
    let map: Map<String, Value> = node
        .below
        .into_iter()
        .map(|(name, node)| (name, value(node)))
        .collect();
    Value::Object(map)
}

/// Members by number: `10` comes after `9`.
fn in_order(members: Node) -> Vec<Value> {
    let mut numbered: Vec<(u32, Value)> = members
        .below
        .into_iter()
        .filter_map(|(number, node)| Some((number.parse().ok()?, value(node))))
        .collect();
    numbered.sort_by_key(|(number, _)| *number);
    numbered.into_iter().map(|(_, value)| value).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_are_in_order_of_their_numbers() {
        let body =
            b"Action=TagUser&Tags.member.10.Key=j&Tags.member.2.Key=b&Tags.member.2.Value=a+b%2F";
        let want = json!({
            "Action": "TagUser",
            "Tags": [{ "Key": "b", "Value": "a b/" }, { "Key": "j" }],
        });
        assert_eq!(parameters(body), want);
    }
}
