//! The state of something whose content is not read: what metadata tells, and the digest that the content had when it was
//! known. Pure.

use std::collections::BTreeMap;

use canary_core::observe::{Seen, Version};
use canary_core::value::Digest;

use super::principal::revision;

/// What metadata tells of a thing's state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct State {
    /// Changes whenever the content does, as an ETag. Without white space.
    content: String,
    /// Stands for everything else.
    rest: String,
}

impl State {
    /// The state of which the content has this identifier, and the rest these fields.
    pub(crate) fn new(content: &str, rest: &BTreeMap<String, Seen>) -> Self {
        Self {
            content: content.split_whitespace().collect(),
            rest: revision(rest),
        }
    }

    /// The version of something in this state. The digest stands in it, so that a later look knows the content again.
    pub(crate) fn version(&self, uid: &str, digest: Option<&Digest>) -> Version {
        let digest = digest.map(hex).unwrap_or_default();
        Version {
            uid: uid.to_owned(),
            revision: format!("{} {} {digest}", self.content, self.rest),
        }
    }

    /// Whether a version that is known is of this state: then nothing has changed.
    pub(crate) fn is(&self, known: &Version) -> bool {
        let mut words = known.revision.split(' ');
        words.next() == Some(&self.content) && words.next() == Some(&self.rest)
    }

    /// The digest of the content, where it is the one that a known version has.
    pub(crate) fn digest(&self, known: &Version) -> Option<Digest> {
        let mut words = known.revision.split(' ');
        let is_same = words.next() == Some(&self.content);
        unhex(words.nth(1)?).filter(|_| is_same)
    }
}

/// The identifier of the content that a version has.
pub(crate) fn content_of(version: &Version) -> &str {
    let mut words = version.revision.split(' ');
    words.next().unwrap_or_default()
}

fn hex(digest: &Digest) -> String {
    let bytes = digest.as_bytes().iter();
    bytes.map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Digest> {
    let mut bytes = [0; 32];
    if text.len() != 64 {
        return None;
    }
    for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(Digest::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(content: &str, rest: &str) -> State {
        let rest = BTreeMap::from([("description".to_owned(), Seen::Public(rest.into()))]);
        State::new(content, &rest)
    }

    #[test]
    fn a_content_is_known_again_whatever_else_changed() {
        let digest = Digest::from_bytes([7; 32]);
        let known = state("v1", "a").version("uid", Some(&digest));
        assert!(state("v1", "a").is(&known));
        assert!(!state("v1", "b").is(&known) && !state("v2", "a").is(&known));
        assert_eq!(state("v1", "b").digest(&known), Some(digest));
        assert_eq!(state("v2", "a").digest(&known), None);
        assert_eq!(content_of(&known), "v1");
        let unread = state("v1", "a").version("uid", None);
        assert!(state("v1", "a").is(&unread));
        assert_eq!(state("v1", "a").digest(&unread), None);
    }

    #[test]
    fn a_version_that_is_none_of_ours_is_of_no_state() {
        for revision in ["", " ", "v1", "v1  zz"] {
            let known = Version {
                uid: String::new(),
                revision: revision.into(),
            };
            assert!(!state("v1", "a").is(&known), "{revision}");
            assert_eq!(state("v1", "a").digest(&known), None, "{revision}");
        }
    }
}
