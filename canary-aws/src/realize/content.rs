//! The content of a call, by what the services ask for.

use std::collections::BTreeMap;

use aws_sdk_iam::types::Tag;
use canary_core::apply::{Call, Content, Made, RealizeError};
use canary_core::observe::{Object, Seen, Version};
use canary_core::value::SecretBytes;

use crate::catalog::VALUE;

/// A public field.
pub(super) fn text<'a>(call: &'a Call, field: &str) -> Option<&'a str> {
    match call.content.get(field)? {
        Content::Public(text) => Some(text),
        Content::Secret(_) => None,
    }
}

/// All of its public fields, as they will be seen.
pub(super) fn seen(call: &Call) -> BTreeMap<String, Seen> {
    let fields = call.content.keys();
    fields
        .filter_map(|field| {
            let value = text(call, field)?.to_owned();
            Some((field.clone(), Seen::Public(value)))
        })
        .collect()
}

/// Its tags.
pub(super) fn tags(call: &Call) -> BTreeMap<String, String> {
    let tags = call
        .content
        .keys()
        .filter_map(|field| field.strip_prefix("tags."));
    tags.filter_map(|key| {
        Some((
            key.to_owned(),
            text(call, &format!("tags.{key}"))?.to_owned(),
        ))
    })
    .collect()
}

/// A tag in IAM's form.
pub(super) fn tag(call: &Call, key: &str, value: &str) -> Result<Tag, RealizeError> {
    let built = Tag::builder().key(key).value(value).build();
    built.map_err(|error| RealizeError::Refused {
        handle: call.handle.clone(),
        detail: error.to_string(),
    })
}

/// All of its tags in IAM's form.
pub(super) fn iam_tags(call: &Call) -> Result<Vec<Tag>, RealizeError> {
    tags(call)
        .iter()
        .map(|(key, value)| tag(call, key, value))
        .collect()
}

/// The content that is not shown.
pub(super) fn value_bytes(call: &Call) -> Option<&SecretBytes> {
    match call.content.get(VALUE)? {
        Content::Secret(bytes) => Some(bytes),
        Content::Public(_) => None,
    }
}

/// The same, where the service takes text alone.
pub(super) fn value(call: &Call) -> Result<&str, RealizeError> {
    let text = value_bytes(call).and_then(SecretBytes::expose_text);
    text.ok_or_else(|| RealizeError::Refused {
        handle: call.handle.clone(),
        detail: "its content is not text".into(),
    })
}

/// The content of a call in the form in which it is seen.
pub(super) fn sent(call: &Call) -> BTreeMap<String, Seen> {
    let seen = call.content.iter().map(|(name, content)| {
        let seen = match content {
            Content::Public(text) => Seen::Public(text.clone()),
            Content::Secret(bytes) => Seen::Digest(call.digester.digest(bytes.expose())),
        };
        (name.clone(), seen)
    });
    seen.collect()
}

/// What a call made of which the service said that it was done: what was sent, in that version.
pub(super) fn as_sent(call: &Call, version: Version) -> Made {
    let fields = sent(call);
    Made {
        object: Some(Object {
            field_names: fields.keys().cloned().collect(),
            fields: Some(fields),
            ..Object::of(version)
        }),
        ..Made::default()
    }
}
