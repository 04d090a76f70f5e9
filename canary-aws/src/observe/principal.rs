//! A user or a role as it was seen, and the objects that it is to the core. Pure.

use std::collections::{BTreeMap, BTreeSet};

use aws_smithy_types::DateTime;
use canary_core::graph::Handle;
use canary_core::observe::{Object, Seen, Version};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::catalog::canonical;

/// A user or a role with everything that is declared of it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Principal {
    pub(crate) name: String,
    /// Unlike for any other, ever (`AIDA…`, `AROA…`).
    pub(crate) id: String,
    pub(crate) arn: String,
    pub(crate) path: String,
    pub(crate) created: Option<Timestamp>,
    pub(crate) boundary: Option<String>,
    pub(crate) tags: BTreeMap<String, String>,
    /// ARNs of managed policies.
    pub(crate) attached: BTreeSet<String>,
    pub(crate) groups: BTreeSet<String>,
    /// Inline policies, decoded.
    pub(crate) inline: BTreeMap<String, String>,
    /// Whatever else is declared of it, as a role's trust.
    pub(crate) more: BTreeMap<&'static str, String>,
}

impl Principal {
    /// The user or role itself.
    pub(crate) fn object(&self) -> Object {
        let mut fields = BTreeMap::new();
        let mut public =
            |name: String, value: &str| fields.insert(name, Seen::Public(value.to_owned()));
        public("arn".into(), &self.arn);
        public("path".into(), &self.path);
        for (name, value) in &self.more {
            public((*name).to_owned(), value);
        }
        if let Some(boundary) = &self.boundary {
            public("boundary".into(), boundary);
        }
        for (key, value) in &self.tags {
            public(format!("tags.{key}"), value);
        }
        // What is attached or joined is somebody's doing: nothing of the kind is declared.
        for arn in &self.attached {
            public(format!("attached.{arn}"), "attached");
        }
        for group in &self.groups {
            public(format!("groups.{group}"), "member");
        }
        object(&self.id, self.created, fields)
    }

    /// Its inline policies. They have no identifiers of their own, and are known by whose they are.
    pub(crate) fn policies(&self, kind: &str) -> Vec<(Handle, Object)> {
        let policies = self.inline.iter().map(|(name, document)| {
            let document = canonical(document).unwrap_or_else(|| document.clone());
            let fields = BTreeMap::from([("document".to_owned(), Seen::Public(document))]);
            let handle = Handle::scoped(kind, &self.name, name);
            let object = object(&handle.path(), None, fields);
            (handle, object)
        });
        policies.collect()
    }
}

/// An object whose state is told by all of its content.
pub(crate) fn object(
    uid: &str,
    created: Option<Timestamp>,
    fields: BTreeMap<String, Seen>,
) -> Object {
    let version = Version {
        uid: uid.to_owned(),
        revision: revision(&fields),
    };
    Object {
        created,
        field_names: fields.keys().cloned().collect(),
        fields: Some(fields),
        ..Object::of(version)
    }
}

/// The services keep no revision: 128 bits of SHA-256 over the content stand for one.
pub(super) fn revision(fields: &BTreeMap<String, Seen>) -> String {
    let mut hash = Sha256::new();
    for (name, value) in fields {
        let value = match value {
            Seen::Public(text) => text.as_bytes(),
            Seen::Digest(digest) => digest.as_bytes(),
        };
        for part in [name.as_bytes(), value] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
    }
    hash.finalize()[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// A moment as the services write it.
pub(crate) fn moment(date: Option<&DateTime>) -> Option<Timestamp> {
    let date = date?;
    Timestamp::new(date.secs(), i32::try_from(date.subsec_nanos()).ok()?).ok()
}

/// A policy document as the services hand it out: percent-encoded (RFC 3986).
pub(super) fn decoded(document: &str) -> String {
    percent_encoding::percent_decode_str(document)
        .decode_utf8_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_attached_is_seen_and_moves_the_revision() {
        let alone = Principal {
            name: "svc".into(),
            id: "AIDA".into(),
            path: "/".into(),
            ..Principal::default()
        };
        let mut given = alone.clone();
        given
            .attached
            .insert("arn:aws:iam::aws:policy/ReadOnlyAccess".into());
        let (before, after) = (alone.object(), given.object());
        assert_eq!(before.version.uid, after.version.uid);
        assert_ne!(before.version.revision, after.version.revision);
        assert!(
            after
                .fields
                .unwrap()
                .contains_key("attached.arn:aws:iam::aws:policy/ReadOnlyAccess")
        );
    }

    #[test]
    fn a_document_is_compared_in_one_form() {
        let principal = Principal {
            name: "svc".into(),
            id: "AIDA".into(),
            inline: BTreeMap::from([(
                "p".into(),
                decoded("%7B%22b%22%3A1%2C+%22a%22%3A2%7D").replace('+', " "),
            )]),
            ..Principal::default()
        };
        let (handle, object) = principal.policies("UserPolicy").remove(0);
        assert_eq!(handle.path(), "svc/p");
        assert_eq!(
            object.fields.unwrap()["document"],
            Seen::Public("{\"a\":2,\"b\":1}".into())
        );
    }
}
