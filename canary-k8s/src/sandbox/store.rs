//! What is stored, in every version: a list that is read in pages sees the store as it was at its first page, and a watch
//! hears what changed since.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::watch;

use super::kinds::Kind;

/// An object without `apiVersion` and `kind`.
pub(super) type Object = Arc<Value>;

/// One change of one object.
#[derive(Clone)]
pub(super) struct Change {
    pub(super) revision: u64,
    pub(super) kind: &'static Kind,
    pub(super) before: Option<Object>,
    pub(super) after: Option<Object>,
}

/// Objects by the key that etcd would have them under, so that lists have the server's order.
pub(super) struct Store {
    versions: BTreeMap<String, Vec<(u64, Option<Object>)>>,
    changes: Vec<Change>,
    revision: u64,
    compacted: u64,
    news: watch::Sender<u64>,
}

/// A place that an object can be in.
pub(super) fn key(kind: &Kind, namespace: &str, name: &str) -> String {
    match kind.namespaced {
        true => format!("/registry/{}/{namespace}/{name}", kind.plural),
        false => format!("/registry/{}/{name}", kind.plural),
    }
}

/// What the keys of a collection begin with; of all namespaces where none is named.
pub(super) fn prefix(kind: &Kind, namespace: &str) -> String {
    match namespace {
        namespace if kind.namespaced && !namespace.is_empty() => {
            format!("/registry/{}/{namespace}/", kind.plural)
        }
        _ => format!("/registry/{}/", kind.plural),
    }
}

impl Store {
    /// An empty store. Its first change has revision 2, as in etcd.
    pub(super) fn new() -> Self {
        Self {
            versions: BTreeMap::new(),
            changes: Vec::new(),
            revision: 1,
            compacted: 0,
            news: watch::Sender::new(1),
        }
    }

    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    /// Revisions before this one are forgotten.
    pub(super) fn compacted(&self) -> u64 {
        self.compacted
    }

    /// Forgets the past: lists and watches that go on from it get 410.
    pub(super) fn compact(&mut self) {
        self.compacted = self.revision + 1;
        self.revision += 1;
    }

    pub(super) fn get(&self, kind: &Kind, namespace: &str, name: &str) -> Option<&Object> {
        let versions = self.versions.get(&key(kind, namespace, name))?;
        versions.last()?.1.as_ref()
    }

    /// The objects whose keys begin so, as of a revision, from a key on.
    pub(super) fn range<'a>(
        &'a self,
        prefix: &'a str,
        from: &str,
        revision: u64,
    ) -> impl Iterator<Item = (&'a str, &'a Object)> {
        self.versions
            .range(from.max(prefix).to_owned()..)
            .take_while(move |(key, _)| key.starts_with(prefix))
            .filter_map(move |(key, versions)| {
                let (_, object) = versions.iter().rev().find(|(at, _)| *at <= revision)?;
                Some((key.as_str(), object.as_ref()?))
            })
    }

    /// All objects of a collection as they are now.
    pub(super) fn all(&self, kind: &Kind, namespace: &str) -> Vec<Object> {
        let prefix = prefix(kind, namespace);
        let now = self.range(&prefix, "", self.revision);
        now.map(|(_, object)| object.clone()).collect()
    }

    /// Stores an object and gives it back with its revision.
    pub(super) fn put(
        &mut self,
        kind: &'static Kind,
        namespace: &str,
        name: &str,
        mut object: Value,
    ) -> Object {
        let revision = self.revision + 1;
        object["metadata"]["resourceVersion"] = revision.to_string().into();
        let object = Arc::new(object);
        self.change(kind, key(kind, namespace, name), Some(object.clone()));
        object
    }

    /// Removes an object and gives back its last version, with the revision of its removal.
    pub(super) fn remove(&mut self, kind: &'static Kind, namespace: &str, name: &str) {
        self.change(kind, key(kind, namespace, name), None);
    }

    fn change(&mut self, kind: &'static Kind, key: String, after: Option<Object>) {
        self.revision += 1;
        let versions = self.versions.entry(key).or_default();
        let before = versions.last().and_then(|(_, object)| object.clone());
        versions.push((self.revision, after.clone()));
        self.changes.push(Change {
            revision: self.revision,
            kind,
            before,
            after,
        });
        self.news.send_replace(self.revision);
    }

    /// What changed after a revision.
    pub(super) fn changes_after(&self, revision: u64) -> &[Change] {
        let from = self
            .changes
            .partition_point(|change| change.revision <= revision);
        &self.changes[from..]
    }

    /// Tells the latest revision as it changes.
    pub(super) fn news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }
}
