//! A JSON object that may hold anything: a value of the wrong type reads as nothing, the first of repeated keys counts.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// An object whose values are not read until somebody asks for them.
#[derive(Default, Debug)]
pub(super) struct Object<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Object<'a> {
    /// Reads the outermost object of a text. Only broken syntax fails, and what is no object.
    pub(super) fn parse(text: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    fn key(raw: &'a RawValue) -> Result<Cow<'a, str>, serde_json::Error> {
        #[derive(serde::Deserialize)]
        struct Text<'t>(#[serde(borrow)] Cow<'t, str>);
        serde_json::from_str::<Text<'a>>(raw.get()).map(|text| text.0)
    }

    /// The value under a key, as it stands. What is `null` is not there.
    pub(super) fn raw(&self, key: &str) -> Option<&'a str> {
        let (_, raw) = self.0.iter().find(|(name, _)| name == key)?;
        let raw = raw.get();
        (raw != "null").then_some(raw)
    }

    /// A text, or a number or a truth value as it is written.
    pub(super) fn text(&self, key: &str) -> Option<Cow<'a, str>> {
        let (_, raw) = self.0.iter().find(|(name, _)| name == key)?;
        match raw.get().as_bytes().first()? {
            b'"' => Self::key(raw).ok(),
            b'{' | b'[' | b'n' => None,
            _ => Some(Cow::Borrowed(raw.get())),
        }
    }

    /// A truth value, also where it is written as a text.
    pub(super) fn flag(&self, key: &str) -> bool {
        self.text(key).is_some_and(|text| text == "true")
    }

    /// An object; an empty one where there is none.
    pub(super) fn object(&self, key: &str) -> Self {
        self.raw(key)
            .and_then(|raw| Self::parse(raw).ok())
            .unwrap_or_default()
    }

    /// The members of a list, as they stand; `None` where there is no list.
    pub(super) fn list(&self, key: &str) -> Option<Vec<&'a str>> {
        let raw = self.raw(key)?;
        let members: Vec<&'a RawValue> = serde_json::from_str(raw).ok()?;
        Some(members.into_iter().map(RawValue::get).collect())
    }

    /// Whether there is such a key.
    pub(super) fn has(&self, key: &str) -> bool {
        self.raw(key).is_some()
    }
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Entries)
    }
}

struct Entries;

impl<'de> Visitor<'de> for Entries {
    type Value = Object<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
        #[derive(serde::Deserialize)]
        struct Key<'k>(#[serde(borrow)] Cow<'k, str>);
        let mut entries = Vec::new();
        while let Some((Key(key), value)) = map.next_entry::<Key<'de>, &'de RawValue>()? {
            entries.push((key, value));
        }
        Ok(Object(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_any_type_are_read_as_far_as_they_can_be() {
        let text = r#"{"a":"x\u0041","b":7,"c":true,"d":null,"e":{"f":"g"},"h":["i",{}],"a":"second","\u006a":"k"}"#;
        let object = Object::parse(text).unwrap();
        assert_eq!(object.text("a").as_deref(), Some("xA"));
        assert_eq!(object.text("b").as_deref(), Some("7"));
        assert!(object.flag("c") && !object.flag("b"));
        assert_eq!(object.text("d"), None);
        assert_eq!(object.object("e").text("f").as_deref(), Some("g"));
        assert_eq!(object.object("h").text("f"), None);
        assert_eq!(object.list("h").unwrap(), [r#""i""#, "{}"]);
        assert_eq!(object.text("j").as_deref(), Some("k"));
    }

    #[test]
    fn nesting_without_end_does_no_harm() {
        let deep = format!(
            r#"{{"a":{}1{},"b":"c"}}"#,
            "[".repeat(100_000),
            "]".repeat(100_000)
        );
        let object = Object::parse(&deep).unwrap();
        assert_eq!(object.text("b").as_deref(), Some("c"));
        assert!(object.object("a").raw("x").is_none());
    }
}
