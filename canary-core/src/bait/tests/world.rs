//! Secrets, credentials, a log and a clock in memory.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use futures::Stream;
use jiff::{SignedDuration, Timestamp};

use crate::apply::Clock;
use crate::bait::{
    BaitKind, Counters, Deliver, Fresh, Issue, KeepError, Keeping, Kinds, LogDefect, Owner, Pace,
    Place, PodEvent, PodHandle, PodHandles, PodLog, PodNumber, Pods, Refusal, Seal, SeenPod,
    SegmentName, Segments, SegmentsError, Subject, Term, TouchError, Wanted, keep,
};
use crate::disguise::{Key, SiteKeys};
use crate::graph::{CanaryId, ProviderId};
use crate::value::SecretBytes;

/// A Secret: its uid and its files.
type Written = (String, BTreeMap<String, Vec<u8>>);

/// What is there, and what was done.
#[derive(Default)]
pub(super) struct Inner {
    pub(super) now: Timestamp,
    /// By namespace and name: uid and files.
    pub(super) secrets: BTreeMap<(String, String), Written>,
    pub(super) segments: BTreeMap<SegmentName, Vec<u8>>,
    /// When each credential was issued.
    pub(super) issued: Vec<(Timestamp, PodNumber)>,
    /// When the log was written, and how much.
    pub(super) log_writes: Vec<(Timestamp, usize)>,
    pub(super) secret_writes: usize,
    /// The term that counts.
    pub(super) term: u32,
    /// So many touches end as they should; the next is cut off.
    fuse: Option<usize>,
    /// The touch that is cut off takes place, and its answer is lost.
    after: bool,
    uids: u32,
    script: VecDeque<(Timestamp, PodEvent)>,
    end: Timestamp,
    /// What is answered to whoever asks for a credential.
    pub(super) refuse: Option<Refusal>,
}

#[derive(Clone, Default)]
pub(super) struct World(pub(super) Arc<Mutex<Inner>>);

pub(super) const LIFE: SignedDuration = SignedDuration::from_hours(1);

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_793_491_200 + seconds).unwrap()
}

pub(super) fn keys() -> SiteKeys {
    Key::from_bytes([3; 32]).at_site(&ProviderId::new("kubernetes"), "cluster")
}

pub(super) fn canary() -> CanaryId {
    CanaryId::new("pod_credentials", "web")
}

pub(super) fn pod(uid: &str) -> SeenPod {
    SeenPod {
        subject: Subject {
            uid: uid.to_owned(),
            namespace: "web".to_owned(),
            name: format!("checkout-{uid}"),
            owner: Some(Owner {
                kind: "Deployment".to_owned(),
                name: "checkout".to_owned(),
            }),
            service_account: "default".to_owned(),
            node: None,
            node_address: None,
            addresses: Vec::new(),
            images: BTreeMap::new(),
            created: at(0),
        },
        handle: Some(handle(uid)),
        canary: Some(canary()),
        is_over: false,
    }
}

pub(super) fn handle(uid: &str) -> PodHandle {
    PodHandles::new(&keys()).make("web", "checkout-settings", uid.as_bytes())
}

pub(super) fn running(uid: &str) -> SeenPod {
    let mut pod = pod(uid);
    pod.subject.node = Some("node1".to_owned());
    pod.subject.node_address = Some([10, 0, 0, 1].into());
    pod.subject.addresses = vec![[10, 1, 0, 7].into()];
    let image = format!("registry.example/checkout@sha256:{}", "ab".repeat(32));
    pod.subject.images.insert("app".to_owned(), image);
    pod
}

impl World {
    pub(super) fn new() -> Self {
        let world = Self::default();
        world.inner().now = at(0);
        world
    }

    pub(super) fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    /// What is heard, when; and when hearing ends.
    pub(super) fn script(&self, events: Vec<(Timestamp, PodEvent)>, end: Timestamp) {
        let mut inner = self.inner();
        inner.script = events.into();
        inner.end = end;
    }

    pub(super) fn cut_after(&self, touches: usize, takes_place: bool) {
        let mut inner = self.inner();
        inner.fuse = Some(touches);
        inner.after = takes_place;
    }

    pub(super) fn mend(&self) {
        self.inner().fuse = None;
    }

    pub(super) fn is_cut(&self) -> bool {
        self.inner().fuse == Some(0)
    }

    /// One touch. `false`: it never comes to an end.
    fn touch<T>(&self, does: impl FnOnce(&mut Inner) -> T) -> Option<T> {
        let mut inner = self.inner();
        match inner.fuse {
            Some(0) => None,
            Some(1) => {
                inner.fuse = Some(0);
                if inner.after {
                    does(&mut inner);
                }
                None
            }
            Some(more) => {
                inner.fuse = Some(more - 1);
                Some(does(&mut inner))
            }
            None => Some(does(&mut inner)),
        }
    }

    async fn answered<T>(&self, does: impl FnOnce(&mut Inner) -> T) -> T {
        match self.touch(does) {
            Some(answer) => answer,
            None => std::future::pending().await,
        }
    }

    pub(super) fn read(&self) -> (PodLog, Pods, Vec<LogDefect>) {
        let segments: Vec<_> = self.inner().segments.clone().into_iter().collect();
        PodLog::read(&Seal::new(&keys()), &segments)
    }

    /// One term, from reading the log until hearing ends or it is cut off.
    pub(super) fn keep(&self, pace: &Pace, counters: &Counters) -> Option<Result<(), KeepError>> {
        let term = self.inner().term + 1;
        self.inner().term = term;
        self.keep_in(term, pace, counters)
    }

    pub(super) fn keep_in(
        &self,
        term: u32,
        pace: &Pace,
        counters: &Counters,
    ) -> Option<Result<(), KeepError>> {
        let (log, pods, _) = self.read();
        let kinds: Kinds = [(canary(), BTreeSet::from([BaitKind::Kubeconfig]))].into();
        let seal = Seal::new(&keys());
        let (issue, deliver, segments) = (self.clone(), self.clone(), self.clone());
        let terms = TermOf(self.clone(), term);
        let keeping = Keeping {
            issue: &issue,
            deliver: &deliver,
            segments: &segments,
            term: &terms,
            clock: self,
            seal: &seal,
            kinds: &kinds,
            pace,
            counters,
        };
        let mut events = Heard(self.clone());
        let cut = std::future::poll_fn(|_| match self.is_cut() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        });
        let kept = keep(&keeping, pods, log, &mut events);
        let whole = futures::future::select(Box::pin(kept), cut);
        match futures::executor::block_on(whole) {
            futures::future::Either::Left((result, _)) => Some(result),
            futures::future::Either::Right(_) => None,
        }
    }

    /// The tokens that lie in Secrets.
    pub(super) fn tokens(&self) -> Vec<String> {
        let inner = self.inner();
        let files = inner.secrets.values().flat_map(|(_, files)| files.values());
        files
            .map(|bytes| String::from_utf8(bytes.clone()).unwrap())
            .collect()
    }
}

struct TermOf(World, u32);

#[async_trait]
impl Term for TermOf {
    async fn holds(&self) -> bool {
        self.0.inner().term == self.1
    }
}

struct Heard(World);

impl Stream for Heard {
    type Item = PodEvent;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<PodEvent>> {
        let mut inner = self.0.inner();
        match inner.script.front() {
            Some((at, _)) if *at <= inner.now => {
                Poll::Ready(inner.script.pop_front().map(|(_, event)| event))
            }
            None if inner.now >= inner.end => Poll::Ready(None),
            _ => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }
}

#[async_trait]
impl Clock for World {
    fn now(&self) -> Timestamp {
        self.inner().now
    }

    async fn sleep(&self, duration: Duration) {
        // Lets others run first.
        let mut yielded = false;
        std::future::poll_fn(|cx| {
            if std::mem::replace(&mut yielded, true) {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
        let mut inner = self.inner();
        let wish = inner.now + SignedDuration::try_from(duration).unwrap();
        let next = inner.script.front().map_or(inner.end, |(at, _)| *at);
        inner.now = wish.min(next.max(inner.now));
    }
}

#[async_trait]
impl Issue for World {
    async fn issue(&self, wanted: &Wanted) -> Result<Fresh, TouchError> {
        self.answered(|inner| {
            if let Some(refusal) = inner.refuse {
                return Err(TouchError::new(refusal, "as asked for"));
            }
            inner.issued.push((inner.now, wanted.number));
            let token = format!("jti-{}", inner.issued.len());
            Ok(Fresh {
                files: [("config".to_owned(), SecretBytes::from(token.as_str()))].into(),
                token: Some(token),
                until: wanted.at + LIFE,
            })
        })
        .await
    }
}

#[async_trait]
impl Deliver for World {
    async fn write(
        &self,
        place: &Place,
        files: &BTreeMap<String, SecretBytes>,
    ) -> Result<String, TouchError> {
        self.answered(|inner| {
            let key = (place.namespace.clone(), place.handle.to_string());
            let files = files
                .iter()
                .map(|(key, bytes)| (key.clone(), bytes.expose().to_vec()))
                .collect();
            inner.uids += 1;
            let fresh = format!("secret-{}", inner.uids);
            let uid = match (inner.secrets.get(&key), &place.secret) {
                (None, _) => fresh,
                (Some((uid, _)), Some(known)) if uid == known => uid.clone(),
                (Some((uid, _)), None) if place.may_be_ours => uid.clone(),
                (Some(_), _) => return Err(TouchError::new(Refusal::Foreign, "it is there")),
            };
            inner.secret_writes += 1;
            inner.secrets.insert(key, (uid.clone(), files));
            Ok(uid)
        })
        .await
    }

    async fn is_there(&self, place: &Place) -> Result<bool, TouchError> {
        self.answered(|inner| {
            let key = (place.namespace.clone(), place.handle.to_string());
            Ok(inner.secrets.contains_key(&key))
        })
        .await
    }

    async fn remove(&self, place: &Place) -> Result<(), TouchError> {
        self.answered(|inner| {
            let key = (place.namespace.clone(), place.handle.to_string());
            let is_ours = |uid: &String| match &place.secret {
                Some(known) => uid == known,
                None => place.may_be_ours,
            };
            if inner.secrets.get(&key).is_some_and(|(uid, _)| is_ours(uid)) {
                inner.secrets.remove(&key);
            }
            Ok(())
        })
        .await
    }
}

#[async_trait]
impl Segments for World {
    fn place(&self) -> String {
        "memory".to_owned()
    }

    async fn load(&self) -> Result<Vec<(SegmentName, Vec<u8>)>, SegmentsError> {
        Ok(self.inner().segments.clone().into_iter().collect())
    }

    async fn create(&self, name: SegmentName, bytes: &[u8]) -> Result<(), SegmentsError> {
        self.answered(|inner| {
            if inner.segments.contains_key(&name) {
                return Err(SegmentsError::Exists(name));
            }
            inner.segments.insert(name, bytes.to_vec());
            let write = (inner.now, bytes.len());
            inner.log_writes.push(write);
            Ok(())
        })
        .await
    }

    async fn remove(&self, name: SegmentName) -> Result<(), SegmentsError> {
        self.answered(|inner| {
            inner.segments.remove(&name);
            let write = (inner.now, 0);
            inner.log_writes.push(write);
            Ok(())
        })
        .await
    }
}
