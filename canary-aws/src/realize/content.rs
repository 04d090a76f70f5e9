//! The content of a call, by what the services ask for.

use std::collections::BTreeMap;

use aws_sdk_iam::types::Tag;
use canary_core::apply::{Call, Content, RealizeError};
use canary_core::observe::Seen;

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
