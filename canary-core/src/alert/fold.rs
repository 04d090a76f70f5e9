//! The fold: one sweep is one alert.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;

use super::attributed::{self, Attributed, Link, attributed};
use super::context::{self, Ways, hour};
use super::incident::{self, Held, Holders, Incidents};
use super::kept::{Folded, KEPT};
use super::readers::{BaitReaders, Reader};
use super::{Alert, Change, Changes, Evidence, Moment, Outbox, Severity, silent};
use crate::bait::PodNumber;
use crate::detect::{
    Action, Attribution, BaitReading, Credential, Event, Grade, LAST_ON, OutcomeClass, Reach,
    RequestKey, Sighting, Touches,
};
use crate::disguise::Digester;
use crate::graph::Address;

/// As much of an audit id as is kept: a server's own has 36 characters, a client may send a megabyte.
const LONGEST_ID: usize = 64;
/// As much of a path as is kept, of a request that is about no object.
const LONGEST_PATH: usize = 128;
/// As many events as an alert shows; the rest is counted.
const EVIDENCE: usize = 100;
/// As many requests of one alert as are told apart; beyond, each sighting counts.
const REMEMBERED: usize = 10_000;
/// As many alerts of one principal in one hour are seen in each other's light.
const NEAR: usize = 64;
/// As many alerts are told apart, at some 10 KB each; what comes beyond is folded into few, so that nobody can fill the
/// memory by coming under ever new names.
const MOST: usize = 20_000;
/// A watcher forgets alerts that are so many hours old when there are too many, and they were told.
const OLD: i64 = 3;
/// As many sentences of context are kept with an alert.
const CONTEXT: usize = 32;

/// What an alert has taken in.
#[derive(Default)]
struct Taken {
    requests: BTreeSet<RequestKey>,
    /// What was touched last: a reader covers the same canaries each time, however many.
    touches: Touches,
    /// So many pods' baits were touched among others. They come and go, so that another is no news.
    among: usize,
}

/// Folds sightings into alerts.
pub struct Folder {
    digester: Digester,
    alerts: BTreeMap<String, Alert>,
    taken: BTreeMap<String, Taken>,
    /// Uids of alerts by principal and hour: what one did in one hour puts the rest of it in another light.
    by_principal: BTreeMap<(String, i64), BTreeSet<String>>,
    /// How a principal came, and since when.
    ways: BTreeMap<String, Ways>,
    held: Held,
    /// As they were found last, which is as they are told.
    incidents: Incidents,
    /// Incidents of which some alerts are not here any more, by those that are: what hung together by them still does.
    told_together: BTreeMap<String, String>,
    /// Something changed since that they depend on.
    is_unrelated: bool,
    /// Alerts from before this hour were forgotten.
    forgotten: i64,
    /// What is known of pods.
    pods: Option<Arc<Attribution>>,
    /// Who was given what is in their baits.
    readers: BaitReaders,
    /// Uids of alerts by the pod whose credential was used.
    by_pod: BTreeMap<PodNumber, BTreeSet<String>>,
}

impl Folder {
    /// Uids come from this keyed digest (sub-key `Alerts`).
    #[must_use]
    pub fn new(digester: Digester) -> Self {
        Self {
            digester,
            alerts: BTreeMap::new(),
            taken: BTreeMap::new(),
            by_principal: BTreeMap::new(),
            ways: BTreeMap::new(),
            held: Held::default(),
            incidents: Incidents::default(),
            told_together: BTreeMap::new(),
            is_unrelated: false,
            forgotten: 0,
            pods: None,
            readers: BaitReaders::default(),
            by_pod: BTreeMap::new(),
        }
    }

    /// From now on this is known of pods. Gives the alerts that point to others by that.
    pub fn attribute(&mut self, pods: Option<Arc<Attribution>>) -> Vec<String> {
        let points = |folder: &Self, alert: &Alert| -> Vec<_> {
            let all = folder
                .pods
                .as_ref()
                .map(|pods| folder.attributed(alert, pods));
            let one = |one: Attributed| (one.number, one.others);
            all.into_iter().flatten().map(one).collect()
        };
        let before: Vec<_> = self.alerts.values().map(|one| points(self, one)).collect();
        if let Some(pods) = &pods {
            self.readers.keep_those_of(pods);
        }
        self.pods = pods;
        self.by_pod.clear();
        let uids: Vec<String> = self.alerts.keys().cloned().collect();
        for uid in &uids {
            self.index_pod(uid);
        }
        let now = self.alerts.values().map(|one| points(self, one));
        let all = uids.iter().zip(before.iter().zip(now));
        let moved = all.filter(|(_, (before, now))| *before != now);
        moved.map(|(uid, _)| uid.clone()).collect()
    }

    /// Takes in who was given what is in pods' baits. Gives the alerts that name somebody else by that.
    pub fn learn(&mut self, readings: &[BaitReading]) -> Vec<String> {
        let mut changed = BTreeSet::new();
        for reading in readings {
            let uids = self.concerned(reading);
            let before: Vec<_> = uids.iter().map(|uid| self.readers_of(uid)).collect();
            let home = self.home(reading);
            self.readers.add(reading, home.as_deref());
            let now = uids.iter().map(|uid| self.readers_of(uid));
            let all = uids.iter().zip(before.iter().zip(now));
            let others = all.filter(|(_, (before, now))| *before != now);
            changed.extend(others.map(|(uid, _)| uid.clone()));
        }
        changed.into_iter().collect()
    }

    /// The namespace of the one bait that was read.
    fn home(&self, reading: &BaitReading) -> Option<String> {
        let Reach::Pod(number) = reading.reach else {
            return None;
        };
        let record = self.pods.as_ref()?.pods().get(number)?;
        Some(record.subject.namespace.clone())
    }

    /// The alerts of uses of baits that were read.
    fn concerned(&self, reading: &BaitReading) -> Vec<String> {
        let Some(pods) = &self.pods else {
            return Vec::new();
        };
        let has = |number: &PodNumber| {
            let record = pods.pods().get(*number);
            record.is_some_and(|record| reading.reach.has(record))
        };
        let of_pods: Vec<_> = match &reading.reach {
            Reach::Pod(number) => self.by_pod.get(number).into_iter().collect(),
            Reach::Collection { .. } => {
                let reached = self.by_pod.iter().filter(|(number, _)| has(number));
                reached.map(|(_, uids)| uids).collect()
            }
        };
        of_pods.into_iter().flatten().cloned().collect()
    }

    fn attributed(&self, alert: &Alert, pods: &Attribution) -> Vec<Attributed> {
        attributed(alert, pods, &self.readers)
    }

    /// Who else had the credential that was used.
    fn readers_of(&self, uid: &str) -> BTreeSet<Reader> {
        let alert = self.alerts.get(uid);
        let all = alert.zip(self.pods.as_ref());
        let all = all.map(|(alert, pods)| self.attributed(alert, pods));
        let readers = all.into_iter().flatten().flat_map(|one| one.readers);
        readers.map(|one| one.reader).collect()
    }

    /// Makes an alert found by the pod whose credential was used.
    fn index_pod(&mut self, uid: &str) {
        let alert = self.alerts.get(uid).zip(self.pods.as_ref());
        let used = alert.and_then(|(alert, pods)| attributed::used(alert, pods));
        if let Some(number) = used.map(|used| used.record.number) {
            self.by_pod
                .entry(number)
                .or_default()
                .insert(uid.to_owned());
        }
    }

    /// From now on these canaries hold what others give.
    pub fn hold(&mut self, holders: Holders) {
        self.held.set(holders);
        self.is_unrelated = true;
    }

    /// From now on uids come from this keyed digest.
    pub fn rekey(&mut self, digester: Digester) {
        self.digester = digester;
    }

    /// Takes a sighting in and does not ask what that changed: for a log of which only the end is told.
    pub fn take(&mut self, sighting: &Sighting) {
        let uid = self.place(sighting);
        self.take_in(&uid, sighting);
    }

    /// Takes sightings in. Gives what became of alerts by them, each sighting's own first; nothing for one that was taken in
    /// before. Which incidents they belong to is found out by [`relate`](Self::relate).
    ///
    /// When there are too many alerts, old ones are forgotten before, but none that the outbox still has.
    pub fn push(&mut self, seen: &[Sighting], outbox: &Outbox) -> Changes {
        self.make_room(seen, outbox);
        let mut changes = Changes::default();
        for sighting in seen {
            let uid = self.place(sighting);
            let near = self.near(sighting);
            let before: Vec<(String, Option<Standing>)> = [&uid]
                .into_iter()
                .chain(near.iter().filter(|other| **other != uid))
                .map(|uid| (uid.clone(), self.standing(uid)))
                .collect();
            self.take_in(&uid, sighting);
            for (uid, before) in before {
                let now = self.standing(&uid);
                if let Some(change) = now.and_then(|now| change(before.as_ref(), &now)) {
                    changes.add(uid, change);
                }
            }
        }
        changes
    }

    /// Finds out what hangs together, where that may have changed. Gives the alerts that belong to another incident now.
    ///
    /// All alerts are looked through for that: whoever pushes many decides how often.
    pub fn relate(&mut self) -> Vec<String> {
        if !std::mem::take(&mut self.is_unrelated) {
            return Vec::new();
        }
        let now = self.held.incidents(&self.alerts, &self.told_together);
        let before = std::mem::replace(&mut self.incidents, now);
        let moved = |uid: &&String| before.of(uid) != self.incidents.of(uid);
        self.alerts.keys().filter(moved).cloned().collect()
    }

    fn take_in(&mut self, uid: &str, sighting: &Sighting) {
        let event = &sighting.event;
        let is_of_many = self.alerts.len() >= MOST && self.uid(sighting) != uid;
        let taken = self.taken.entry(uid.to_owned()).or_default();
        let is_new = taken.requests.len() >= REMEMBERED || taken.requests.insert(event.request());
        let alert = self
            .alerts
            .entry(uid.to_owned())
            .or_insert_with(|| created(uid.to_owned(), sighting));
        let touches_more = !taken.touches.is(&sighting.touches);
        if touches_more {
            touch(alert, &sighting.touches, &mut taken.among);
            taken.touches = sighting.touches.clone();
        }
        update(alert, sighting, is_new);
        if is_of_many {
            alert.context.insert(format!(
                "beyond {MOST} alerts many principals are folded into one, which names one of them"
            ));
        }
        self.index(uid);
        if is_new || touches_more {
            self.is_unrelated = true;
        }
    }

    /// Makes an alert found by its principal.
    fn index(&mut self, uid: &str) {
        let Some(alert) = self.alerts.get(uid) else {
            return;
        };
        let principal = alert.actor.identity.name.clone();
        let near = self
            .by_principal
            .entry((principal.clone(), hour(alert.first)))
            .or_default();
        if near.len() < NEAR {
            near.insert(uid.to_owned());
        }
        self.ways
            .entry(principal)
            .or_default()
            .came(&alert.actor, alert.first);
        self.index_pod(uid);
    }

    /// The alerts of the same principal in the same hour and those beside it.
    fn near(&self, sighting: &Sighting) -> Vec<String> {
        let name = &sighting.event.actor.identity.name;
        let hour = hour(sighting.event.at);
        (hour - 1..=hour + 1)
            .filter_map(|hour| self.by_principal.get(&(name.clone(), hour)))
            .flatten()
            .cloned()
            .collect()
    }

    /// An alert by its uid, in the light of all that was taken in.
    #[must_use]
    pub fn get(&self, uid: &str) -> Option<Alert> {
        let mut alert = self.told(uid)?;
        let incident = self.incidents.of(uid);
        alert.timeline = self.incidents.in_short(incident).map_or_else(
            || {
                let members = self.incidents.members(incident);
                let members = members.filter_map(|uid| self.alerts.get(uid));
                incident::timeline(&alert, members)
            },
            <[Moment]>::to_vec,
        );
        Some(alert)
    }

    /// The same without the timeline of its incident.
    fn told(&self, uid: &str) -> Option<Alert> {
        let mut alert = self.alerts.get(uid)?.clone();
        alert.aggravated = self.aggravated(&alert);
        alert.severity = severity(&alert, &alert.aggravated);
        alert.incident = Some(self.incidents.of(uid).to_owned());
        if silent::is_untold(&alert) {
            alert.context.insert(silent::UNTOLD.to_owned());
        }
        // Without records it stays as it was told.
        if let Some(pods) = &self.pods {
            alert.pods = self.attributed(&alert, pods);
        }
        let is_told = alert.pods.iter().any(|one| one.link == Link::Credential);
        if !is_told && attributed::is_unknown(&alert, self.pods.as_deref()) {
            alert.context.insert(attributed::UNKNOWN.to_owned());
        }
        Some(alert)
    }

    /// What makes an alert worse, the others of its principal included.
    fn aggravated(&self, alert: &Alert) -> BTreeSet<String> {
        let name = &alert.actor.identity.name;
        let from = hour(alert.first);
        let peers = (from - 1..=from + 1)
            .filter_map(|hour| self.by_principal.get(&(name.clone(), hour)))
            .flatten()
            .filter(|other| **other != alert.uid)
            .filter_map(|other| self.alerts.get(other));
        let mut worse = context::graver(alert, peers);
        if let Some(ways) = self.ways.get(name) {
            worse.extend(ways.is_new(alert));
        }
        worse.extend(alert.aggravated.iter().cloned());
        worse
    }

    /// What of an alert tells whether it changed. What it touched is only counted: that only grows, and may be much.
    fn standing(&self, uid: &str) -> Option<Standing> {
        let alert = self.alerts.get(uid)?;
        let aggravated = self.aggravated(alert);
        let among = self.taken.get(uid).map_or(0, |taken| taken.among);
        Some(Standing {
            severity: severity(alert, &aggravated),
            grade: alert.grade,
            touched: alert.touched.len() - among + among.min(1),
            count: alert.count,
            time: (alert.first, alert.last),
            aggravated,
            context: alert.context.clone(),
            evidence: alert.evidence.len(),
            is_located: alert.actor.address.is_some(),
            is_untold: silent::is_untold(alert),
            readers: self.readers_of(uid),
        })
    }

    /// All alerts as they are in the end, the gravest and earliest first.
    #[must_use]
    pub fn alerts(&mut self) -> Vec<Alert> {
        drop(self.relate());
        let told = self.alerts.keys().filter_map(|uid| self.get(uid));
        let mut alerts: Vec<Alert> = told.collect();
        alerts.sort_by(|a, b| (b.severity, a.first, &a.uid).cmp(&(a.severity, b.first, &b.uid)));
        alerts
    }

    /// How many alerts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.alerts.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.alerts.is_empty()
    }

    /// What was taken in, to be kept: the latest alerts, as many as are kept, and all that the outbox still has. In the
    /// light of the others, for whoever reads it without them.
    #[must_use]
    pub fn save(&self, outbox: &Outbox) -> Folded {
        let mut alerts: Vec<&Alert> = self.alerts.values().collect();
        alerts.sort_by_key(|alert| std::cmp::Reverse(alert.last));
        let mut told = 0;
        alerts.retain(|alert| {
            let is_told = !outbox.has(&alert.uid);
            told += usize::from(is_told);
            !is_told || told <= KEPT
        });
        let one = |alert: &&Alert| (self.told(&alert.uid), self.requests(&alert.uid));
        Folded::new(alerts.iter().map(one), self.readers.clone())
    }

    fn requests(&self, uid: &str) -> Option<&BTreeSet<RequestKey>> {
        self.taken.get(uid).map(|taken| &taken.requests)
    }

    /// Goes on from what was kept.
    pub fn load(&mut self, mut folded: Folded) {
        self.readers = folded.take_readers();
        // As it was told: what was not kept may be why.
        for alert in folded.alerts() {
            if let Some(incident) = &alert.incident {
                self.incidents.set(&alert.uid, incident);
                let (uid, incident) = (alert.uid.clone(), incident.clone());
                self.told_together.insert(uid, incident);
            }
        }
        for (alert, requests) in folded.into_alerts() {
            let uid = alert.uid.clone();
            let taken = Taken {
                requests,
                touches: Touches::default(),
                among: among_others(&alert).count(),
            };
            self.taken.insert(uid.clone(), taken);
            self.alerts.insert(uid.clone(), alert);
            self.index(&uid);
        }
        self.is_unrelated = true;
    }

    /// The alert that a sighting belongs to: its own, or when there are too many the one for what came beyond.
    fn place(&self, sighting: &Sighting) -> String {
        let uid = self.uid(sighting);
        if let Some(told) = self.silent(sighting, &uid) {
            return told;
        }
        if self.alerts.len() < MOST || self.alerts.contains_key(&uid) {
            return uid;
        }
        let event = &sighting.event;
        let key = format!(
            "many\0{:?}\0{:?}\0{}",
            event.outcome.class(),
            grade(sighting).min(Grade::Named),
            hour(event.at)
        );
        self.digest(&key)
    }

    /// The alert that told of a key's use before its event came, which is told further by that.
    fn silent(&self, sighting: &Sighting, own: &str) -> Option<String> {
        let event = &sighting.event;
        let from = event.actor.address.filter(|_| is_use_of_key(sighting))?;
        // What came before it was told so stays where it is.
        let taken = self.taken.get(own);
        if taken.is_some_and(|taken| taken.requests.contains(&event.request())) {
            return None;
        }
        let of_event = hour(event.at);
        // Its date is rough, so it may be of the hour before or after.
        [of_event, of_event - 1, of_event + 1]
            .into_iter()
            .map(|hour| self.uid_from(sighting, None, hour))
            .find(|uid| {
                let told = self.alerts.get(uid);
                told.is_some_and(|alert| silent::is_told_by(alert, event.at, from))
            })
    }

    /// Forgets what is old by these.
    fn make_room(&mut self, seen: &[Sighting], outbox: &Outbox) {
        let latest = seen.iter().map(|sighting| hour(sighting.event.at)).max();
        let oldest = latest.map_or(0, |latest| latest - OLD);
        if self.alerts.len() < MOST || oldest <= self.forgotten {
            return;
        }
        self.forgotten = oldest;
        let (old, kept): (Vec<&Alert>, Vec<&Alert>) = self
            .alerts
            .values()
            .partition(|alert| hour(alert.last) < oldest && !outbox.has(&alert.uid));
        let parted: BTreeSet<&str> = old
            .iter()
            .map(|alert| self.incidents.of(&alert.uid))
            .collect();
        for alert in kept {
            let incident = self.incidents.of(&alert.uid);
            if parted.contains(incident) {
                let (uid, incident) = (alert.uid.clone(), incident.to_owned());
                self.told_together.insert(uid, incident);
            }
        }
        let old: BTreeSet<String> = old.iter().map(|alert| alert.uid.clone()).collect();
        self.alerts.retain(|uid, _| !old.contains(uid));
        self.taken.retain(|uid, _| !old.contains(uid));
        self.told_together.retain(|uid, _| !old.contains(uid));
        self.by_principal.retain(|_, near| {
            near.retain(|uid| !old.contains(uid));
            !near.is_empty()
        });
        self.by_pod.retain(|_, uids| {
            uids.retain(|uid| !old.contains(uid));
            !uids.is_empty()
        });
        let names: BTreeSet<&str> = self
            .alerts
            .values()
            .map(|alert| alert.actor.identity.name.as_str())
            .collect();
        self.ways.retain(|name, _| names.contains(name.as_str()));
        self.is_unrelated = true;
    }

    /// Principal, whom it acted as, credential, network, outcome class, grade (named or used against covering), and the
    /// UTC hour of the event. Denied anonymous callers are one.
    fn uid(&self, sighting: &Sighting) -> String {
        let event = &sighting.event;
        self.uid_from(sighting, event.actor.address, hour(event.at))
    }

    fn uid_from(&self, sighting: &Sighting, from: Option<IpAddr>, hour: i64) -> String {
        let event = &sighting.event;
        let class = event.outcome.class();
        let anonymous = is_anonymous(event) && class == OutcomeClass::Denied;
        let identity = (&event.actor.identity.name, &event.actor.identity.uid);
        let acting_as = event.acting_as.as_ref().map(|identity| &identity.name);
        let key = if anonymous {
            format!("anonymous\0{hour}")
        } else {
            format!(
                "{identity:?}\0{acting_as:?}\0{:?}\0{:?}\0{class:?}\0{:?}\0{hour}",
                event.actor.credential,
                from.map(context::network),
                grade(sighting).min(Grade::Named),
                class = used_or(sighting, class),
            )
        };
        self.digest(&key)
    }

    fn digest(&self, key: &str) -> String {
        let digest = self.digester.digest(key.as_bytes());
        digest.as_bytes()[..16]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

/// The use of a key that nobody has a reason to use is one thing, allowed or refused.
fn used_or(sighting: &Sighting, class: OutcomeClass) -> OutcomeClass {
    if is_use_of_key(sighting) {
        OutcomeClass::Allowed
    } else {
        class
    }
}

fn is_use_of_key(sighting: &Sighting) -> bool {
    let credential = &sighting.event.actor.credential;
    grade(sighting) == Grade::Use && matches!(credential, Credential::AccessKey(_))
}

fn is_anonymous(event: &Event) -> bool {
    context::is_anonymous(&event.actor)
}

/// An alert as far as changes of it are told.
#[derive(PartialEq)]
struct Standing {
    severity: Severity,
    grade: Grade,
    touched: usize,
    count: u64,
    time: (Option<Timestamp>, Option<Timestamp>),
    aggravated: BTreeSet<String>,
    context: BTreeSet<String>,
    evidence: usize,
    is_located: bool,
    is_untold: bool,
    readers: BTreeSet<Reader>,
}

/// What became of an alert; nothing when it is as it was.
fn change(before: Option<&Standing>, now: &Standing) -> Option<Change> {
    let Some(before) = before else {
        return Some(Change::Created);
    };
    if before == now {
        return None;
    }
    let told = |of: &Standing| (of.severity, of.touched, of.is_located, of.is_untold);
    // Each damaged record may hide another touch.
    let is_damaged_again = now.grade == Grade::Damaged && now.count != before.count;
    let is_ambiguous = before.readers != now.readers;
    Some(
        if told(before) != told(now) || is_damaged_again || is_ambiguous {
            Change::Updated
        } else {
            Change::Counted
        },
    )
}

fn grade(sighting: &Sighting) -> Grade {
    let nothing = match sighting.is_stolen {
        true => Grade::Stolen,
        false => Grade::Damaged,
    };
    sighting.touches.nearest().unwrap_or(nothing)
}

fn created(uid: String, sighting: &Sighting) -> Alert {
    let event = &sighting.event;
    Alert {
        uid,
        severity: Severity::Low,
        grade: grade(sighting),
        outcome: event.outcome.class(),
        actor: event.actor.clone(),
        acting_as: event.acting_as.clone(),
        touched: BTreeMap::new(),
        first: None,
        last: None,
        count: 0,
        aggravated: BTreeSet::new(),
        context: BTreeSet::new(),
        evidence: BTreeSet::new(),
        pods: Vec::new(),
        incident: None,
        timeline: Vec::new(),
    }
}

fn touch(alert: &mut Alert, touches: &Touches, among: &mut usize) {
    for touch in touches.iter() {
        let was = alert.touched.get(&touch.address).copied();
        let grade = was.map_or(touch.grade, |was| was.max(touch.grade));
        if was != Some(grade) {
            alert.touched.insert(touch.address.clone(), grade);
            *among += usize::from(is_among_others(&touch.address, grade));
            *among -= usize::from(was.is_some_and(|was| is_among_others(&touch.address, was)));
        }
        alert.grade = alert.grade.max(touch.grade);
    }
}

/// A pod's bait that was touched among others: of those how many there are is told, and not which.
pub(super) fn is_among_others(address: &Address, grade: Grade) -> bool {
    grade == Grade::Covering && PodNumber::of(address).is_some()
}

/// Pods' baits that were touched among others.
pub(super) fn among_others(alert: &Alert) -> impl Iterator<Item = &Address> {
    let touched = alert.touched.iter();
    touched
        .filter(|(address, grade)| is_among_others(address, **grade))
        .map(|(address, _)| address)
}

fn update(alert: &mut Alert, sighting: &Sighting, is_new_request: bool) {
    let event = &sighting.event;
    if is_new_request {
        alert.count += 1;
    }
    // What was let through once was let through.
    if event.outcome.class() == OutcomeClass::Allowed {
        alert.outcome = OutcomeClass::Allowed;
    }
    alert.first = [alert.first, event.at].into_iter().flatten().min();
    alert.last = [alert.last, event.at].into_iter().flatten().max();
    alert.aggravated.extend(sighting.aggravated.iter().cloned());
    alert.context.extend(sighting.context.iter().cloned());
    keep_latest(&mut alert.context);
    while alert.context.len() > CONTEXT {
        alert.context.pop_last();
    }
    // What a client claims differs from request to request, and who is not known comes from anywhere; the least of all
    // is the same in any order.
    let tells_more = alert.actor.address.is_none() && event.actor.address.is_some();
    let tells_less = alert.actor.address.is_some() && event.actor.address.is_none();
    if tells_more || (!tells_less && event.actor < alert.actor) {
        alert.actor.clone_from(&event.actor);
    }
    alert.evidence.insert(evidence(sighting));
    while alert.evidence.len() > EVIDENCE {
        alert.evidence.pop_last();
    }
    alert.severity = severity(alert, &alert.aggravated);
}

/// Of sentences that differ only in what was so when, the latest stays: it sorts last.
fn keep_latest(sentences: &mut BTreeSet<String>) {
    let topic = |sentence: &str| {
        sentence
            .split_once(LAST_ON)
            .map(|(topic, _)| topic.to_owned())
    };
    let all: Vec<String> = sentences.iter().cloned().collect();
    for (one, next) in all.iter().zip(all.iter().skip(1)) {
        if topic(one).is_some() && topic(one) == topic(next) {
            sentences.remove(one);
        }
    }
}

fn severity(alert: &Alert, aggravated: &BTreeSet<String>) -> Severity {
    match (alert.grade, alert.outcome) {
        (_, OutcomeClass::Denied) if context::is_anonymous(&alert.actor) => Severity::Low,
        // Whoever uses a key has it, whatever it opens: those that we plant open nothing.
        (Grade::Use, _) if matches!(alert.actor.credential, Credential::AccessKey(_)) => {
            Severity::Critical
        }
        (Grade::Named | Grade::Use, OutcomeClass::Allowed) => Severity::Critical,
        (Grade::Named | Grade::Use, OutcomeClass::Denied) => Severity::High,
        (Grade::Stolen, _) => Severity::High,
        (Grade::Damaged, _) => Severity::Medium,
        (Grade::Covering, _) if !aggravated.is_empty() => Severity::High,
        (Grade::Covering, _) => Severity::Medium,
    }
}

/// What was asked for, as in `secrets payments/db`; of a request that is about no object, its path, unless its operation
/// says all.
fn object(action: &Action) -> String {
    let is_operation = !action.operation.is_empty();
    if action.resource.is_empty() && is_operation {
        return String::new();
    }
    if action.resource.is_empty() {
        let path = action.uri.split('?').next().unwrap_or_default();
        return path.chars().take(LONGEST_PATH).collect();
    }
    let mut object = action.resource.clone();
    if !action.subresource.is_empty() {
        object = format!("{object}/{}", action.subresource);
    }
    let place = match (action.namespace.as_str(), action.name.as_str()) {
        ("", "") if is_operation => return object,
        ("", "") => "everywhere".to_owned(),
        ("", name) => name.to_owned(),
        (namespace, "") => format!("in {namespace}"),
        (namespace, name) => format!("{namespace}/{name}"),
    };
    format!("{object} {place}")
}

fn evidence(sighting: &Sighting) -> Evidence {
    let event = &sighting.event;
    let action = &event.action;
    let selector = [&action.selectors.label, &action.selectors.field];
    let selector: Vec<&str> = selector.into_iter().flatten().map(String::as_str).collect();
    Evidence {
        at: event.at,
        id: event.id.chars().take(LONGEST_ID).collect(),
        address: event.actor.address,
        verb: action.verb.clone(),
        operation: action.operation.clone(),
        object: object(action),
        selector: (!selector.is_empty()).then(|| selector.join(" ")),
        is_of_it: sighting.is_of_it,
        dry_run: action.dry_run,
        silent: silent::is_silent(event),
        code: event.outcome.code,
        defects: event.defects.clone(),
    }
}
