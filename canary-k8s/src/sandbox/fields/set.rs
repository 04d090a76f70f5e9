//! Sets of fields, in the form of `fieldsV1`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// A set of paths. An element of a path is written as `fieldsV1` writes it: `f:data`, `k:{"name":"x"}`, `v:"x"`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct FieldSet {
    member: bool,
    children: BTreeMap<String, Self>,
}

impl FieldSet {
    pub(super) fn is_empty(&self) -> bool {
        !self.member && self.children.values().all(Self::is_empty)
    }

    pub(super) fn insert(&mut self, path: &[String]) {
        let mut at = self;
        for element in path {
            at = at.children.entry(element.clone()).or_default();
        }
        at.member = true;
    }

    pub(super) fn union(&self, other: &Self) -> Self {
        let mut out = self.clone();
        out.member |= other.member;
        for (element, child) in &other.children {
            let merged = match out.children.get(element) {
                Some(mine) => mine.union(child),
                None => child.clone(),
            };
            out.children.insert(element.clone(), merged);
        }
        out
    }

    /// The paths of this set that are not in the other, each for itself: a container can go and its items stay.
    pub(super) fn difference(&self, other: &Self) -> Self {
        let children = self.children.iter().map(|(element, child)| {
            let left = match other.children.get(element) {
                Some(theirs) => child.difference(theirs),
                None => child.clone(),
            };
            (element.clone(), left)
        });
        Self {
            member: self.member && !other.member,
            children: children.filter(|(_, child)| !child.is_empty()).collect(),
        }
    }

    pub(super) fn intersection(&self, other: &Self) -> Self {
        let children = self.children.iter().filter_map(|(element, child)| {
            let common = child.intersection(other.children.get(element)?);
            (!common.is_empty()).then(|| (element.clone(), common))
        });
        Self {
            member: self.member && other.member,
            children: children.collect(),
        }
    }

    /// Every path in it, containers after what they contain.
    pub(super) fn paths(&self) -> Vec<Vec<String>> {
        let mut out = Vec::new();
        self.collect(&mut Vec::new(), &mut out);
        out
    }

    fn collect(&self, path: &mut Vec<String>, out: &mut Vec<Vec<String>>) {
        for (element, child) in &self.children {
            path.push(element.clone());
            child.collect(path, out);
            path.pop();
        }
        if self.member {
            out.push(path.clone());
        }
    }

    /// As `fieldsV1`.
    pub(super) fn to_json(&self) -> Value {
        let mut map = Map::new();
        if self.member && !self.children.is_empty() {
            map.insert(".".into(), Value::Object(Map::new()));
        }
        for (element, child) in &self.children {
            map.insert(element.clone(), child.to_json());
        }
        Value::Object(map)
    }

    /// From `fieldsV1`.
    pub(super) fn from_json(value: &Value) -> Self {
        let mut set = Self::read(value);
        set.member = false;
        set
    }

    fn read(value: &Value) -> Self {
        let map = value.as_object();
        let children: BTreeMap<String, Self> = map
            .into_iter()
            .flatten()
            .filter(|(element, _)| *element != ".")
            .map(|(element, value)| (element.clone(), Self::read(value)))
            .collect();
        Self {
            member: children.is_empty() || map.is_some_and(|map| map.contains_key(".")),
            children,
        }
    }
}

/// A path as the server's messages have it: `.data.password`, `.secrets[name="x"]`.
pub(super) fn shown(path: &[String]) -> String {
    let mut out = String::new();
    for element in path {
        match element.split_once(':') {
            Some(("f", field)) => {
                out.push('.');
                out.push_str(field);
            }
            Some(("k", key)) => {
                let key: Map<String, Value> = serde_json::from_str(key).unwrap_or_default();
                let pairs: Vec<String> = key
                    .iter()
                    .map(|(name, value)| format!("{name}={value}"))
                    .collect();
                out.push('[');
                out.push_str(&pairs.join(","));
                out.push(']');
            }
            Some((_, value)) => {
                out.push_str("[=");
                out.push_str(value);
                out.push(']');
            }
            None => out.push_str(element),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_set_reads_back_as_it_was_written() {
        let json = json!({ "f:data": { ".": {}, "f:a": {} }, "f:metadata": { "f:labels": { "f:x": {} } } });
        let set = FieldSet::from_json(&json);
        assert_eq!(set.to_json(), json);
        let shown: Vec<String> = set.paths().iter().map(|path| shown(path)).collect();
        assert_eq!(shown, [".data.a", ".data", ".metadata.labels.x"]);
    }

    #[test]
    fn a_container_can_go_and_its_items_stay() {
        let set = FieldSet::from_json(&json!({ "f:data": { ".": {}, "f:a": {} } }));
        let container = FieldSet::from_json(&json!({ "f:data": {} }));
        assert_eq!(
            set.difference(&container).to_json(),
            json!({ "f:data": { "f:a": {} } })
        );
    }
}
