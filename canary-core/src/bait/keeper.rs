//! The loop that keeps every pod's bait: sees pods, has credentials issued, writes down whose they are, then delivers them.
//!
//! Nothing is delivered before the record of it is durable, so that no credential is out there that nobody can resolve.
//! Whatever is lost before that was in nobody's hands.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::pin::Pin;
use std::time::Duration;

use futures::future::{Either, select};
use futures::stream::FuturesUnordered;
use futures::{FutureExt as _, Stream, StreamExt as _};
use jiff::{SignedDuration, Timestamp};

use super::counters::Counters;
use super::due::{Standing, Task, after, due};
use super::log::{PodLog, Write};
use super::means::{
    Deliver, Fresh, Issue, Kinds, Pace, Place, PodEvent, Refusal, SeenPod, Term, TouchError, Wanted,
};
use super::segment::{Seal, Segments, SegmentsError};
use super::{BaitKind, Issued, Other, PodEntry, PodNumber, Pods, SegmentName};
use crate::apply::Clock;
use crate::value::SecretBytes;

/// Everything that a term of keeping is given.
pub struct Keeping<'a> {
    /// Issues credentials.
    pub issue: &'a dyn Issue,
    /// Writes Secrets.
    pub deliver: &'a dyn Deliver,
    /// Where the log is kept.
    pub segments: &'a dyn Segments,
    /// Whether writing is still ours.
    pub term: &'a dyn Term,
    /// Time.
    pub clock: &'a dyn Clock,
    /// Seals the log.
    pub seal: &'a Seal,
    /// What each canary's pods are given.
    pub kinds: &'a Kinds,
    /// How much at once.
    pub pace: &'a Pace,
    /// Is told what happens.
    pub counters: &'a Counters,
}

/// Why a term of keeping ended.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// Somebody else keeps.
    #[error("somebody else keeps the baits by now")]
    Fenced,
    /// The log cannot be read or written.
    #[error("the log of pods cannot be used")]
    Segments(#[source] SegmentsError),
    /// A thousand million pods were numbered.
    #[error("the log of pods is full: every number is given")]
    Full,
}

/// One write of the log in a second at most, whatever it is.
const BETWEEN_WRITES: Duration = Duration::from_secs(1);
/// What nobody waits for is written together with what comes within this time.
const UNHURRIED: Duration = Duration::from_secs(5);
/// A refreshed credential has a fifth of its life to be delivered in: those of this time are written together.
const REFRESHED: Duration = Duration::from_secs(20);
/// The first wait after a failure; it doubles.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// What does not change by itself is asked for this seldom.
const SETTLED_WAIT: Duration = Duration::from_secs(600);
/// With nothing to do, it looks again after this.
const IDLE: Duration = Duration::from_secs(3600);

type Running<'a> = Pin<Box<dyn Future<Output = Done> + Send + 'a>>;

enum Done {
    Issued(PodNumber, BaitKind, Timestamp, Result<Fresh, TouchError>),
    Saved(SegmentName, usize, usize, Result<(), SegmentsError>, bool),
    Dropped(SegmentName, Result<(), SegmentsError>),
    Written(PodNumber, Result<String, TouchError>),
    Looked(PodNumber, Result<bool, TouchError>),
    Removed(PodNumber, Result<(), TouchError>),
}

/// What is under way for a pod.
#[derive(Default)]
struct Work {
    standing: Standing,
    files: BTreeMap<BaitKind, BTreeMap<String, SecretBytes>>,
    /// So many calls have not ended.
    issuing: usize,
    /// Its credentials are delivered once so many entries are durable.
    saved_at: Option<u64>,
    is_touching: bool,
    /// A write of its Secret was not answered, in this term or before it was cut off.
    is_unanswered: bool,
    tries: u32,
    agenda: Option<(bool, Timestamp)>,
}

impl Work {
    fn is_busy(&self) -> bool {
        self.issuing > 0 || self.saved_at.is_some() || self.is_touching
    }
}

/// Keeps the baits of all pods until the events end or the term does.
///
/// # Errors
/// When somebody else keeps them by now, or the log cannot be used. Whoever keeps next reads everything anew.
pub async fn keep(
    keeping: &Keeping<'_>,
    pods: Pods,
    log: PodLog,
    events: &mut (dyn Stream<Item = PodEvent> + Unpin + Send),
) -> Result<(), KeepError> {
    let mut keeper = Keeper::new(keeping, pods, log);
    let result = keeper.drive(events).await;
    // What is under way has its own end: it is waited for, so that nothing is written after the term.
    while keeper.running.next().await.is_some() {}
    result
}

struct Keeper<'a> {
    with: &'a Keeping<'a>,
    pods: Pods,
    log: PodLog,
    seen: BTreeMap<String, SeenPod>,
    /// All pods were listed once: who is not among them is gone.
    is_listed: bool,
    /// The same of single namespaces.
    listed_in: BTreeSet<String>,
    work: BTreeMap<PodNumber, Work>,
    /// When each is due: first baits, and everything else.
    first: BTreeSet<(Timestamp, PodNumber)>,
    later: BTreeSet<(Timestamp, PodNumber)>,
    /// Pods for which there is no room.
    capped: BTreeSet<String>,
    in_namespace: BTreeMap<String, usize>,
    unsaved: Vec<PodEntry>,
    save_by: Option<Timestamp>,
    /// How many entries were made, and how many of them are durable.
    made: u64,
    durable: u64,
    snapshot: VecDeque<Write>,
    is_writing_log: bool,
    log_not_before: Timestamp,
    log_tries: u32,
    issuing: usize,
    issue_not_before: Timestamp,
    running: FuturesUnordered<Running<'a>>,
}

impl<'a> Keeper<'a> {
    fn new(with: &'a Keeping<'a>, pods: Pods, log: PodLog) -> Self {
        let began = with.clock.now();
        let mut keeper = Self {
            with,
            log,
            seen: BTreeMap::new(),
            is_listed: false,
            listed_in: BTreeSet::new(),
            work: BTreeMap::new(),
            first: BTreeSet::new(),
            later: BTreeSet::new(),
            capped: BTreeSet::new(),
            in_namespace: BTreeMap::new(),
            unsaved: Vec::new(),
            save_by: None,
            made: 0,
            durable: 0,
            snapshot: VecDeque::new(),
            is_writing_log: false,
            log_not_before: Timestamp::MIN,
            log_tries: 0,
            issuing: 0,
            issue_not_before: Timestamp::MIN,
            running: FuturesUnordered::new(),
            pods,
        };
        for record in keeper.pods.living() {
            let namespace = record.subject.namespace.clone();
            *keeper.in_namespace.entry(namespace).or_default() += 1;
            let work = keeper.work.entry(record.number).or_default();
            work.is_unanswered =
                record.secret.is_none() && !record.issued.is_empty() && !record.is_taken;
            // At the end of the first interval, each at a moment of its own.
            let chance = u64::from(record.number.get()) % 900;
            let since = with.pace.rewrite * u32::try_from(chance).unwrap_or(0) / 900;
            work.standing.looked = Some(after(began, since));
        }
        // The first commit of a term: from here on the log's numbers are this term's or it is fenced.
        if let Some(next) = keeper.pods.next_number() {
            keeper.write_down(PodEntry::Numbered { next }, began, Duration::ZERO);
        }
        keeper
    }

    async fn drive(
        &mut self,
        events: &mut (dyn Stream<Item = PodEvent> + Unpin + Send),
    ) -> Result<(), KeepError> {
        loop {
            let now = self.with.clock.now();
            self.start_issues(now);
            self.start_log(now);
            self.count();
            let wait = self.wait(now);
            let sleep = self.with.clock.sleep(wait);
            let is_running = !self.running.is_empty();
            let ended = async {
                match is_running {
                    true => self.running.next().await,
                    false => std::future::pending().await,
                }
            };
            let happened = select(select(Box::pin(ended), events.next()), sleep).await;
            let now = self.with.clock.now();
            match happened {
                Either::Left((Either::Left((Some(done), _)), _)) => self.took(done, now)?,
                Either::Left((Either::Right((Some(event), _)), _)) => self.heard(event, now)?,
                Either::Left((Either::Right((None, _)), _)) => return Ok(()),
                Either::Left((Either::Left((None, _)), _)) | Either::Right(_) => {}
            }
            // What has ended or was heard at the same time is taken before anything is decided.
            while let Some(Some(done)) = self.running.next().now_or_never() {
                self.took(done, now)?;
            }
            while let Some(Some(event)) = events.next().now_or_never() {
                self.heard(event, now)?;
            }
        }
    }

    /// How long nothing happens by itself.
    fn wait(&self, now: Timestamp) -> Duration {
        let mut next = after(now, IDLE);
        if self.issuing < self.with.pace.in_flight {
            let soonest = self.first.first().into_iter().chain(self.later.first());
            for (at, _) in soonest {
                next = next.min((*at).max(self.issue_not_before));
            }
        }
        if !self.is_writing_log {
            let has_more =
                !self.snapshot.is_empty() || self.log.is_long() || self.log.removable().is_some();
            let save_by = self.save_by.or(has_more.then_some(now));
            if let Some(save_by) = save_by {
                next = next.min(save_by.max(self.log_not_before));
            }
        }
        let wait = next.duration_since(now).max(SignedDuration::ZERO);
        Duration::try_from(wait).unwrap_or(IDLE)
    }

    // ---- what is heard ----

    fn heard(&mut self, event: PodEvent, now: Timestamp) -> Result<(), KeepError> {
        match event {
            PodEvent::Listed(pods) => {
                self.is_listed = true;
                self.listed(None, pods, now)?;
            }
            PodEvent::ListedIn { namespace, pods } => {
                self.listed_in.insert(namespace.clone());
                self.listed(Some(&namespace), pods, now)?;
            }
            PodEvent::Seen(pod) => self.saw(*pod, now)?,
            PodEvent::Gone { uid } => {
                self.seen.remove(&uid);
                self.is_gone(&uid);
                self.try_capped(now)?;
            }
        }
        Ok(())
    }

    /// Of a namespace, or of all: who is not among these is gone.
    fn listed(
        &mut self,
        namespace: Option<&str>,
        pods: Vec<SeenPod>,
        now: Timestamp,
    ) -> Result<(), KeepError> {
        let is_within = |of: &str| namespace.is_none_or(|namespace| namespace == of);
        let (before, others): (BTreeMap<_, _>, BTreeMap<_, _>) = std::mem::take(&mut self.seen)
            .into_iter()
            .partition(|(_, pod)| is_within(&pod.subject.namespace));
        self.seen = others;
        self.capped.retain(|uid| !before.contains_key(uid));
        let listed: BTreeSet<String> = pods.iter().map(|pod| pod.subject.uid.clone()).collect();
        for pod in pods {
            self.saw(pod, now)?;
        }
        // Of an earlier list, or of an earlier term.
        let recorded = self.pods.living().map(|record| &record.subject);
        let recorded = recorded.filter(|subject| is_within(&subject.namespace));
        let recorded = recorded.map(|subject| subject.uid.clone());
        let gone: BTreeSet<String> = before.into_keys().chain(recorded).collect();
        for uid in gone.difference(&listed) {
            self.is_gone(uid);
        }
        Ok(())
    }

    fn saw(&mut self, pod: SeenPod, now: Timestamp) -> Result<(), KeepError> {
        let uid = pod.subject.uid.clone();
        let was = self.seen.insert(uid.clone(), pod);
        let Some(pod) = self.seen.get(&uid) else {
            return Ok(());
        };
        if let Some(record) = self.pods.of_pod(&uid) {
            let number = record.number;
            let is_news = record.subject != pod.subject && pod.subject.is_complete();
            if is_news {
                let subject = Box::new(pod.subject.clone());
                self.write_down(PodEntry::Known { number, subject }, now, UNHURRIED);
            }
            if was.is_none_or(|was| was.is_over != self.seen[&uid].is_over) {
                self.reckon(number);
            }
            return Ok(());
        }
        self.open(&uid, now)
    }

    /// Begins a record for a pod that waits for a bait, if it is one.
    fn open(&mut self, uid: &str, now: Timestamp) -> Result<(), KeepError> {
        let Some(pod) = self.seen.get(uid) else {
            return Ok(());
        };
        let (Some(handle), Some(canary), false) = (&pod.handle, &pod.canary, pod.is_over) else {
            return Ok(());
        };
        let namespace = pod.subject.namespace.clone();
        let holder = self.pods.of_secret(&namespace, handle);
        if let Some(holder) = holder.filter(|holder| holder.buried.is_none()) {
            let number = holder.number;
            let other = Other {
                uid: uid.to_owned(),
                name: pod.subject.name.clone(),
            };
            if !holder.others.contains(&other) {
                Counters::add(&self.with.counters.shared, 1);
                self.write_down(PodEntry::Shared { number, other }, now, UNHURRIED);
            }
            self.reckon(number);
            return Ok(());
        }
        let in_namespace = self.in_namespace.entry(namespace).or_default();
        if *in_namespace >= self.with.pace.per_namespace {
            self.capped.insert(uid.to_owned());
            return Ok(());
        }
        *in_namespace += 1;
        self.capped.remove(uid);
        let number = self.pods.next_number().ok_or(KeepError::Full)?;
        let entry = PodEntry::Opened {
            number,
            canary: canary.clone(),
            handle: handle.clone(),
            subject: Box::new(pod.subject.clone()),
            at: now,
        };
        self.write_down(entry, now, UNHURRIED);
        self.reckon(number);
        Ok(())
    }

    fn is_gone(&mut self, uid: &str) {
        self.capped.remove(uid);
        if let Some(number) = self.pods.of_pod(uid).map(|record| record.number) {
            self.reckon(number);
            return;
        }
        // It had the handle of another, perhaps.
        let shared = self
            .pods
            .living()
            .find(|record| record.others.iter().any(|other| other.uid == uid));
        if let Some(number) = shared.map(|record| record.number) {
            self.reckon(number);
        }
    }

    fn try_capped(&mut self, now: Timestamp) -> Result<(), KeepError> {
        for uid in std::mem::take(&mut self.capped) {
            self.open(&uid, now)?;
        }
        Ok(())
    }

    // ---- what is due ----

    /// Finds out anew what is next for a pod.
    fn reckon(&mut self, number: PodNumber) {
        let Some(record) = self.pods.get(number) else {
            return;
        };
        let lives = |uid: &str| self.seen.get(uid).is_some_and(|pod| !pod.is_over);
        let is_listed = self.is_listed || self.listed_in.contains(&record.subject.namespace);
        let is_there = !is_listed
            || lives(&record.subject.uid)
            || record.others.iter().any(|other| lives(&other.uid));
        let none = BTreeSet::new();
        let kinds = self.with.kinds.get(&record.canary).unwrap_or(&none);
        let work = self.work.entry(number).or_default();
        work.standing.is_there = is_there;
        if let Some((is_first, at)) = work.agenda.take() {
            let agenda = if is_first {
                &mut self.first
            } else {
                &mut self.later
            };
            agenda.remove(&(at, number));
        }
        if work.is_busy() {
            return;
        }
        if let Some((at, task)) = due(record, kinds, &work.standing, self.with.pace.rewrite) {
            let is_first = record.secret.is_none() && task != Task::Remove;
            let agenda = if is_first {
                &mut self.first
            } else {
                &mut self.later
            };
            agenda.insert((at, number));
            work.agenda = Some((is_first, at));
        } else if record.buried.is_some() {
            self.work.remove(&number);
        }
    }

    fn start_issues(&mut self, now: Timestamp) {
        while self.issuing < self.with.pace.in_flight && now >= self.issue_not_before {
            let is_due = |agenda: &BTreeSet<(Timestamp, PodNumber)>| {
                agenda.first().filter(|(at, _)| *at <= now).copied()
            };
            let Some((_, number)) = is_due(&self.first).or_else(|| is_due(&self.later)) else {
                return;
            };
            self.start(number, now);
        }
    }

    fn start(&mut self, number: PodNumber, now: Timestamp) {
        let Some(record) = self.pods.get(number) else {
            return;
        };
        let none = BTreeSet::new();
        let kinds = self.with.kinds.get(&record.canary).unwrap_or(&none);
        let work = self.work.entry(number).or_default();
        let task = due(record, kinds, &work.standing, self.with.pace.rewrite);
        if let Some((is_first, at)) = work.agenda.take() {
            let agenda = if is_first {
                &mut self.first
            } else {
                &mut self.later
            };
            agenda.remove(&(at, number));
        }
        let Some((_, task)) = task else {
            return;
        };
        let place = Place {
            namespace: record.subject.namespace.clone(),
            handle: record.handle.clone(),
            secret: record.secret.clone(),
            // Of this term's own attempts, or of one that was cut off.
            may_be_ours: record.secret.is_none() && work.is_unanswered,
        };
        let with = self.with;
        match task {
            Task::Issue(kinds) => {
                for kind in kinds {
                    let wanted = Wanted {
                        kind,
                        number,
                        canary: record.canary.clone(),
                        namespace: record.subject.namespace.clone(),
                        at: now,
                    };
                    work.issuing += 1;
                    self.issuing += 1;
                    self.running.push(Box::pin(async move {
                        let fresh = with.issue.issue(&wanted).await;
                        Done::Issued(number, kind, wanted.at, fresh)
                    }));
                    let gap = Duration::from_secs(1) / self.with.pace.per_second.max(1);
                    self.issue_not_before = after(self.issue_not_before.max(now), gap);
                }
            }
            Task::Write => {
                work.is_touching = true;
                let files = whole(work);
                self.running.push(Box::pin(async move {
                    Done::Written(number, with.deliver.write(&place, &files).await)
                }));
                self.issuing += 1;
            }
            Task::Look => {
                work.is_touching = true;
                self.running.push(Box::pin(async move {
                    Done::Looked(number, with.deliver.is_there(&place).await)
                }));
                self.issuing += 1;
            }
            Task::Remove => {
                work.is_touching = true;
                self.running.push(Box::pin(async move {
                    Done::Removed(number, with.deliver.remove(&place).await)
                }));
                self.issuing += 1;
            }
        }
    }

    // ---- what has ended ----

    fn took(&mut self, done: Done, now: Timestamp) -> Result<(), KeepError> {
        match done {
            Done::Issued(number, kind, at, fresh) => {
                self.issuing -= 1;
                self.issued(number, kind, at, fresh, now);
            }
            Done::Written(number, result) => {
                self.issuing -= 1;
                self.written(number, result, now);
            }
            Done::Looked(number, result) => {
                self.issuing -= 1;
                self.looked(number, result, now);
            }
            Done::Removed(number, result) => {
                self.issuing -= 1;
                self.removed(number, result, now)?;
            }
            Done::Saved(name, length, taken, result, holds) => {
                return self.saved(name, length, taken, result, holds, now);
            }
            Done::Dropped(name, result) => {
                self.is_writing_log = false;
                self.log_not_before = after(now, BETWEEN_WRITES);
                match result {
                    Ok(()) => self.log.removed(name),
                    Err(error) => self.log_failed(&error, now),
                }
            }
        }
        Ok(())
    }

    fn issued(
        &mut self,
        number: PodNumber,
        kind: BaitKind,
        at: Timestamp,
        fresh: Result<Fresh, TouchError>,
        now: Timestamp,
    ) {
        let is_first = self
            .pods
            .get(number)
            .is_some_and(|record| record.secret.is_none());
        let work = self.work.entry(number).or_default();
        work.issuing -= 1;
        match fresh {
            Ok(fresh) => {
                Counters::add(&self.with.counters.issued, 1);
                work.files.insert(kind, fresh.files);
                work.standing.known.insert(kind);
                work.standing.is_dirty = true;
                let issued = Issued {
                    kind,
                    token: fresh.token,
                    at,
                    until: fresh.until,
                };
                let within = if is_first { Duration::ZERO } else { REFRESHED };
                self.write_down(PodEntry::Issued { number, issued }, now, within);
                let made = self.made;
                self.work.entry(number).or_default().saved_at = Some(made);
            }
            Err(error) => self.failed(number, &error, now),
        }
        self.reckon(number);
    }

    fn written(&mut self, number: PodNumber, result: Result<String, TouchError>, now: Timestamp) {
        let work = self.work.entry(number).or_default();
        work.is_touching = false;
        let is = |refusal: Refusal| result.as_ref().is_err_and(|error| error.refusal == refusal);
        work.is_unanswered |= is(Refusal::Unreachable);
        let is_taken = is(Refusal::Foreign);
        match result {
            Ok(secret) => {
                work.standing.is_dirty = false;
                work.standing.looked = Some(now);
                work.standing.is_missing = false;
                work.standing.not_before = None;
                work.is_unanswered = false;
                work.tries = 0;
                Counters::add(&self.with.counters.written, 1);
                let known = self
                    .pods
                    .get(number)
                    .and_then(|record| record.secret.clone());
                if known.as_ref() != Some(&secret) {
                    self.write_down(PodEntry::Written { number, secret }, now, UNHURRIED);
                }
            }
            Err(error) => self.failed(number, &error, now),
        }
        let is_known = self.pods.get(number).is_some_and(|record| record.is_taken);
        if is_taken && !is_known {
            self.write_down(PodEntry::Taken { number }, now, Duration::ZERO);
        }
        self.reckon(number);
    }

    fn looked(&mut self, number: PodNumber, result: Result<bool, TouchError>, now: Timestamp) {
        let work = self.work.entry(number).or_default();
        work.is_touching = false;
        match result {
            Ok(is_there) => {
                work.standing.looked = Some(now);
                work.standing.is_missing = !is_there;
            }
            Err(error) => self.failed(number, &error, now),
        }
        self.reckon(number);
    }

    fn removed(
        &mut self,
        number: PodNumber,
        result: Result<(), TouchError>,
        now: Timestamp,
    ) -> Result<(), KeepError> {
        self.work.entry(number).or_default().is_touching = false;
        match result {
            Ok(()) => {
                Counters::add(&self.with.counters.removed, 1);
                if let Some(record) = self.pods.get(number)
                    && let Some(count) = self.in_namespace.get_mut(&record.subject.namespace)
                {
                    *count = count.saturating_sub(1);
                }
                self.write_down(PodEntry::Buried { number, at: now }, now, UNHURRIED);
                self.work.remove(&number);
                return self.try_capped(now);
            }
            Err(error) => self.failed(number, &error, now),
        }
        self.reckon(number);
        Ok(())
    }

    fn failed(&mut self, number: PodNumber, error: &TouchError, now: Timestamp) {
        self.with.counters.refused(error.refusal);
        tracing::debug!(refusal = error.refusal.word(), detail = %error.detail, "a pod's credential waits");
        let work = self.work.entry(number).or_default();
        work.tries = work.tries.saturating_add(1);
        let wait = match error.refusal {
            Refusal::Foreign => SETTLED_WAIT,
            Refusal::Throttled | Refusal::Unreachable => doubled(work.tries),
            Refusal::Denied | Refusal::Missing | Refusal::NoRoom => LONGEST_WAIT,
        };
        let wait = wait.max(error.retry_after.unwrap_or_default());
        work.standing.not_before = Some(after(now, wait));
        if error.refusal == Refusal::Throttled {
            self.issue_not_before = self.issue_not_before.max(after(now, FIRST_WAIT));
        }
    }

    // ---- the log ----

    /// Takes an entry in, to be durable within that time.
    fn write_down(&mut self, entry: PodEntry, now: Timestamp, within: Duration) {
        self.pods.add(entry.clone());
        self.unsaved.push(entry);
        self.made += 1;
        let by = after(now, within);
        self.save_by = Some(self.save_by.map_or(by, |known| known.min(by)));
    }

    fn start_log(&mut self, now: Timestamp) {
        if self.is_writing_log || now < self.log_not_before {
            return;
        }
        let with = self.with;
        if self.save_by.is_some_and(|by| by <= now) {
            if let Some(write) = self.log.commit(with.seal, &self.unsaved) {
                self.save(write);
            }
            return;
        }
        if self.snapshot.is_empty() && self.log.is_long() && self.unsaved.is_empty() {
            self.snapshot = self.log.snapshot(with.seal, &self.pods, now).into();
        }
        if let Some(write) = self.snapshot.pop_front() {
            self.save(Write { taken: 0, ..write });
        } else if let Some(name) = self.log.removable() {
            self.is_writing_log = true;
            self.running.push(Box::pin(async move {
                Done::Dropped(name, with.segments.remove(name).await)
            }));
        }
    }

    fn save(&mut self, write: Write) {
        self.is_writing_log = true;
        let with = self.with;
        self.running.push(Box::pin(async move {
            let result = with.segments.create(write.name, &write.bytes).await;
            // Asked after the write: then nobody else kept before it.
            let holds = result.is_err() || with.term.holds().await;
            Done::Saved(write.name, write.bytes.len(), write.taken, result, holds)
        }));
    }

    fn saved(
        &mut self,
        name: SegmentName,
        length: usize,
        taken: usize,
        result: Result<(), SegmentsError>,
        holds: bool,
        now: Timestamp,
    ) -> Result<(), KeepError> {
        self.is_writing_log = false;
        self.log_not_before = after(now, BETWEEN_WRITES);
        match result {
            Ok(()) if !holds => return Err(KeepError::Fenced),
            Ok(()) => {}
            Err(SegmentsError::Exists(_)) => return Err(KeepError::Fenced),
            Err(error @ SegmentsError::Denied { .. }) => return Err(KeepError::Segments(error)),
            Err(error) => {
                // Whether it was written is not known: the same is tried again, and if it is there, all is read anew.
                self.snapshot.clear();
                self.log_failed(&error, now);
                return Ok(());
            }
        }
        self.log_tries = 0;
        Counters::add(&self.with.counters.commits, 1);
        let bytes = u64::try_from(length).unwrap_or(u64::MAX);
        Counters::add(&self.with.counters.committed_bytes, bytes);
        self.log.written(name, length);
        self.unsaved.drain(..taken);
        self.durable += u64::try_from(taken).unwrap_or(0);
        self.save_by = (!self.unsaved.is_empty()).then_some(now);
        let durable = self.durable;
        let ready: Vec<PodNumber> = self
            .work
            .iter()
            .filter(|(_, work)| work.issuing == 0 && work.saved_at.is_some_and(|at| at <= durable))
            .map(|(number, _)| *number)
            .collect();
        for number in ready {
            self.work.entry(number).or_default().saved_at = None;
            self.reckon(number);
        }
        Ok(())
    }

    fn log_failed(&mut self, error: &SegmentsError, now: Timestamp) {
        self.log_tries = self.log_tries.saturating_add(1);
        tracing::warn!(%error, "the log of pods cannot be written, and is tried again");
        self.log_not_before = after(now, doubled(self.log_tries));
    }

    fn count(&self) {
        let counters = self.with.counters;
        let (mut covered, mut waiting) = (0, 0);
        for record in self.pods.living() {
            match record.secret {
                Some(_) => covered += 1,
                None => waiting += 1,
            }
        }
        Counters::set(&counters.covered, covered);
        Counters::set(&counters.waiting, waiting);
        Counters::set(&counters.capped, self.capped.len());
        let is_missed =
            |pod: &&SeenPod| pod.canary.is_some() && pod.handle.is_none() && !pod.is_over;
        Counters::set(
            &counters.missed,
            self.seen.values().filter(is_missed).count(),
        );
    }
}

/// All files of a pod's Secret.
fn whole(work: &Work) -> BTreeMap<String, SecretBytes> {
    let all = work.files.values().flatten();
    all.map(|(key, bytes)| (key.clone(), bytes.clone()))
        .collect()
}

/// The wait after so many failures, from 1.
fn doubled(tries: u32) -> Duration {
    FIRST_WAIT
        .saturating_mul(1 << tries.saturating_sub(1).min(6))
        .min(LONGEST_WAIT)
}
