//! What the keeper of baits is given to touch the world with.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use super::{BaitKind, PodHandle, PodNumber, Subject};
use crate::graph::CanaryId;
use crate::value::SecretBytes;

/// A pod as it was seen, with what of it is about baits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SeenPod {
    /// Who it is.
    pub subject: Subject,
    /// The Secret that it waits for, when it went through admission.
    pub handle: Option<PodHandle>,
    /// Whose bait it gets, or should have got.
    pub canary: Option<CanaryId>,
    /// It runs no more, and will not again.
    pub is_over: bool,
}

/// What is heard of pods.
#[derive(Clone, Debug)]
pub enum PodEvent {
    /// These, and no others, are there.
    Listed(Vec<SeenPod>),
    /// These, and no others, are in a namespace.
    ListedIn {
        /// Which.
        namespace: String,
        /// Who.
        pods: Vec<SeenPod>,
    },
    /// One is there, like this.
    Seen(Box<SeenPod>),
    /// One is there no more.
    Gone {
        /// Its uid.
        uid: String,
    },
}

/// A credential that is wanted.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// What kind.
    pub kind: BaitKind,
    /// The pod's number.
    pub number: PodNumber,
    /// Whose bait it is.
    pub canary: CanaryId,
    /// The pod's namespace.
    pub namespace: String,
    /// The present moment.
    pub at: Timestamp,
}

/// A credential that was issued.
#[derive(Clone, Debug)]
pub struct Fresh {
    /// What goes into the Secret, by key.
    pub files: BTreeMap<String, SecretBytes>,
    /// The identifier that its use is known by; `None` where a name says it.
    pub token: Option<String>,
    /// Until when it is valid, as granted.
    pub until: Timestamp,
}

/// Why a touch failed, as far as it decides what comes next.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Refusal {
    /// Too much was asked for.
    Throttled,
    /// It is not allowed to us.
    Denied,
    /// Something is there that is not ours.
    Foreign,
    /// What it needs is not there: the decoy account, the role, the namespace.
    Missing,
    /// The namespace's quota has no room to spare.
    NoRoom,
    /// No answer, or none that can be understood.
    Unreachable,
}

impl Refusal {
    /// All of them, for counting.
    pub const ALL: [Self; 6] = [
        Self::Throttled,
        Self::Denied,
        Self::Foreign,
        Self::Missing,
        Self::NoRoom,
        Self::Unreachable,
    ];

    /// In one word, as in a metric.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::Denied => "denied",
            Self::Foreign => "foreign",
            Self::Missing => "missing",
            Self::NoRoom => "no_room",
            Self::Unreachable => "unreachable",
        }
    }
}

/// Why a touch failed.
#[derive(Debug, thiserror::Error)]
#[error("{}: {detail}", .refusal.word())]
pub struct TouchError {
    /// What decides.
    pub refusal: Refusal,
    /// What was answered. No secret.
    pub detail: String,
    /// How long to wait at least, where that was said.
    pub retry_after: Option<Duration>,
}

impl TouchError {
    /// Without a wait.
    #[must_use]
    pub fn new(refusal: Refusal, detail: impl Into<String>) -> Self {
        Self {
            refusal,
            detail: detail.into(),
            retry_after: None,
        }
    }
}

/// Issues credentials.
#[async_trait]
pub trait Issue: Send + Sync {
    /// Issues one. Ends within seconds.
    ///
    /// # Errors
    /// When there is none. One may have been issued: it is in nobody's hands.
    async fn issue(&self, wanted: &Wanted) -> Result<Fresh, TouchError>;
}

/// Which Secret is to be written or removed.
#[derive(Clone, Debug)]
pub struct Place {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub handle: PodHandle,
    /// Its uid, where it was written before.
    pub secret: Option<String>,
    /// A run that was cut off may have written it.
    pub may_be_ours: bool,
}

/// Writes what pods wait for.
#[async_trait]
pub trait Deliver: Send + Sync {
    /// Writes a Secret: makes it, or puts it back as it should be. Returns its uid. Ends within seconds.
    ///
    /// # Errors
    /// When it could not be written, and perhaps was.
    async fn write(
        &self,
        place: &Place,
        files: &BTreeMap<String, SecretBytes>,
    ) -> Result<String, TouchError>;

    /// Whether a Secret that was written before is there still. Reads nothing of it.
    ///
    /// # Errors
    /// When that cannot be told.
    async fn is_there(&self, place: &Place) -> Result<bool, TouchError>;

    /// Removes a Secret. One that is not there, or is another's by now, is no error.
    ///
    /// # Errors
    /// When it could not be removed, and perhaps was.
    async fn remove(&self, place: &Place) -> Result<(), TouchError>;
}

/// The right to write, which can be lost.
#[async_trait]
pub trait Term: Send + Sync {
    /// Whether it is still ours, asked of whoever gives it.
    async fn holds(&self) -> bool;
}

/// How much at once, how often, how many.
#[derive(Clone, Debug)]
pub struct Pace {
    /// So many credentials are issued in a second at most.
    pub per_second: u32,
    /// So many calls are under way at most.
    pub in_flight: usize,
    /// So many baits one namespace has at most.
    pub per_namespace: usize,
    /// How often each Secret is written again as it should be, in case somebody removed or changed it; where its content is
    /// not known any more, it is asked for.
    pub rewrite: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            // 2,000 pods that come at once are served in 40 s; STS takes some hundreds a second from an account.
            per_second: 50,
            // An API server that answers in 20 ms is asked 800 times a second by 16, far beyond the rate above.
            in_flight: 16,
            // Well above the pods of one namespace (Kubernetes is tested with 3,000 of them); it stops runaways.
            per_namespace: 5000,
            // A write that changes nothing writes nothing; 2,000 pods are two requests a second.
            rewrite: Duration::from_secs(15 * 60),
        }
    }
}

/// The kinds of bait that each canary has.
pub type Kinds = BTreeMap<CanaryId, BTreeSet<BaitKind>>;
