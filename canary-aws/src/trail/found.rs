//! What a text held.

use canary_core::detect::Event;

/// An object in S3 to fetch.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct S3Object {
    /// The bucket.
    pub bucket: String,
    /// The key, decoded.
    pub key: String,
}

/// Why nothing can be made of a text, now or later.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Poison {
    /// It is no JSON, not even the beginning of some.
    #[error("it is no JSON")]
    NoJson,
    /// It is JSON of a form that is not known here.
    #[error("it is JSON of no known form")]
    UnknownForm,
    /// Its data are no base64.
    #[error("its data are no base64")]
    NoBase64,
    /// Its data are no gzip, or damaged.
    #[error("its data are no gzip, or damaged")]
    NoGzip,
    /// Its data are longer than any service sends.
    #[error("its data are too long")]
    TooLong,
    /// It is wrapped more often than any service does it.
    #[error("it is wrapped too often")]
    TooDeep,
}

/// What a text held.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Found {
    /// Events, in their order.
    pub events: Vec<Event>,
    /// Objects that hold more.
    pub objects: Vec<S3Object>,
    /// Audit events of Kubernetes, each as it stands: a line for its own reader.
    pub kubernetes: Vec<Vec<u8>>,
    /// What is known and means nothing here: test messages, digest and Insight files, other logs.
    pub skipped: u64,
    /// Parts that nothing could be made of, now or later.
    pub unreadable: u64,
    /// Why the first of them could not be read.
    pub poison: Option<Poison>,
}

impl Found {
    /// Whether nothing came of it and it will never be otherwise, so that it is no use to read it again.
    #[must_use]
    pub fn is_poison(&self) -> bool {
        self.poison.is_some()
            && self.events.is_empty()
            && self.objects.is_empty()
            && self.kubernetes.is_empty()
            && self.skipped == 0
    }

    /// Takes what came of a part, but what is wrong with it.
    pub(super) fn take(&mut self, mut part: Self) {
        self.events.append(&mut part.events);
        self.objects.append(&mut part.objects);
        self.kubernetes.append(&mut part.kubernetes);
        self.skipped += part.skipped;
    }

    pub(super) fn spoil(&mut self, why: Poison) {
        self.unreadable += 1;
        self.poison.get_or_insert(why);
    }
}
