//! What a text held.

use canary_core::detect::Event;

/// So many parts of a text of which nothing can be read are told each; of the rest their number.
pub(super) const TOLD_EACH: u64 = 100;

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
    /// It is UTF-16, which no service writes.
    #[error("it is UTF-16, not UTF-8")]
    Utf16,
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
    /// Audit events of Kubernetes that end in the middle, each with what is told of it when its own reader makes nothing of it.
    pub(super) damaged: Vec<(Vec<u8>, Event)>,
    /// Damaged parts of which nothing is known but that.
    pub(super) lost: u64,
    /// Those of them that are no events.
    untold: u64,
}

impl Found {
    /// Whether nothing came of it and it will never be otherwise, so that it is no use to read it again.
    #[must_use]
    pub fn is_poison(&self) -> bool {
        self.poison.is_some()
            && self.events.is_empty()
            && self.objects.is_empty()
            && self.kubernetes.is_empty()
            && self.damaged.is_empty()
            && self.skipped == 0
    }

    /// Takes what came of a part, but what is wrong with it.
    pub(super) fn take(&mut self, mut part: Self) {
        part.fold(self.lost);
        self.events.append(&mut part.events);
        self.lost += part.lost;
        self.untold += part.untold;
        self.unreadable += part.untold;
        self.objects.append(&mut part.objects);
        self.kubernetes.append(&mut part.kubernetes);
        self.damaged.append(&mut part.damaged);
        self.skipped += part.skipped;
    }

    /// Takes a damaged part of which nothing is known but that. Many make no more events than they tell.
    pub(super) fn lose(&mut self, event: impl FnOnce() -> Event) {
        self.lost += 1;
        if self.lost > TOLD_EACH {
            self.untold += 1;
            self.unreadable += 1;
        } else {
            self.events.push(event());
        }
    }

    /// Where so many were lost before it, a part of which nothing is left is counted only.
    pub(super) fn fold(&mut self, lost_before: u64) {
        let told = self.lost - self.untold;
        let is_all = u64::try_from(self.events.len()).is_ok_and(|events| events == told);
        if is_all && lost_before >= TOLD_EACH {
            self.events = Vec::new();
            self.untold += told;
            self.unreadable += told;
        }
    }

    pub(super) fn spoil(&mut self, why: Poison) {
        self.unreadable += 1;
        self.poison.get_or_insert(why);
    }
}
