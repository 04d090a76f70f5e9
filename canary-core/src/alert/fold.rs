//! The fold: one sweep is one alert.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use serde::{Deserialize, Serialize};

use super::context::{self, Ways, hour};
use super::{Alert, Evidence, Severity};
use crate::detect::{Event, Grade, OutcomeClass, Sighting};
use crate::disguise::Digester;

/// As much of an audit id as is kept: a server's own has 36 characters, a client may send a megabyte.
const LONGEST_ID: usize = 64;
/// As many events as an alert shows; the rest is counted.
const EVIDENCE: usize = 100;
/// As many requests of one alert as are told apart; beyond, each sighting counts.
const REMEMBERED: usize = 10_000;
/// As many alerts of one principal in one hour are seen in each other's light.
const NEAR: usize = 64;
/// As many alerts are kept across restarts: a thousand an hour are told before anybody looks.
const KEPT: usize = 5_000;
/// As many sentences of context are kept with an alert.
const CONTEXT: usize = 32;

/// What is kept of a folder.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Folded {
    /// Each alert with the requests that it counted.
    alerts: Vec<FoldedAlert>,
}

impl Folded {
    /// Takes in what another folder kept; of the same alert, the one that counted more.
    pub fn merge(&mut self, other: Self) {
        let mut all: BTreeMap<String, FoldedAlert> = BTreeMap::new();
        for one in std::mem::take(&mut self.alerts)
            .into_iter()
            .chain(other.alerts)
        {
            let uid = one.alert.uid.clone();
            match all.get(&uid) {
                Some(known) if known.requests.len() > one.requests.len() => {}
                _ => drop(all.insert(uid, one)),
            }
        }
        self.alerts = all.into_values().collect();
        self.alerts
            .sort_by_key(|one| std::cmp::Reverse(one.alert.last));
        self.alerts.truncate(KEPT);
    }

    /// The kept alerts, the latest first.
    pub fn alerts(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.iter().map(|one| &one.alert)
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct FoldedAlert {
    alert: Alert,
    /// Sixteen bytes each, in hex.
    requests: String,
}

/// What a sighting did to the alerts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// A new alert.
    Created,
    /// An alert now covers a canary, or is of a severity, that it did not before.
    Updated,
    /// An alert counts one more.
    Counted,
}

/// Folds sightings into alerts.
pub struct Folder {
    digester: Digester,
    alerts: BTreeMap<String, Alert>,
    requests: BTreeMap<String, BTreeSet<Request>>,
    /// Uids of alerts by principal and hour: what one did in one hour puts the rest of it in another light.
    by_principal: BTreeMap<(String, i64), BTreeSet<String>>,
    /// How a principal came, and since when.
    ways: BTreeMap<String, Ways>,
}

/// A request, whichever stage of it.
type Request = [u8; 16];

impl Folder {
    /// Uids come from this keyed digest (sub-key `Alerts`).
    #[must_use]
    pub fn new(digester: Digester) -> Self {
        Self {
            digester,
            alerts: BTreeMap::new(),
            requests: BTreeMap::new(),
            by_principal: BTreeMap::new(),
            ways: BTreeMap::new(),
        }
    }

    /// From now on uids come from this keyed digest.
    pub fn rekey(&mut self, digester: Digester) {
        self.digester = digester;
    }

    /// Takes a sighting in and does not ask what that changed: for a log of which only the end is told.
    pub fn take(&mut self, sighting: &Sighting) {
        let uid = self.uid(sighting);
        self.take_in(&uid, sighting);
    }

    /// Takes a sighting in. Gives the uids of the alerts that it changed, the sighting's own first; nothing for one that
    /// was taken in before.
    pub fn push(&mut self, sighting: &Sighting) -> Vec<(String, Change)> {
        let uid = self.uid(sighting);
        let near = self.near(sighting);
        let before: Vec<(String, Option<Alert>)> = [&uid]
            .into_iter()
            .chain(near.iter().filter(|other| **other != uid))
            .map(|uid| (uid.clone(), self.get(uid)))
            .collect();
        self.take_in(&uid, sighting);
        before
            .into_iter()
            .filter_map(|(uid, before)| {
                let change = change(before.as_ref(), &self.get(&uid)?)?;
                Some((uid, change))
            })
            .collect()
    }

    fn take_in(&mut self, uid: &str, sighting: &Sighting) {
        let event = &sighting.event;
        let requests = self.requests.entry(uid.to_owned()).or_default();
        let is_new = requests.len() >= REMEMBERED || requests.insert(request(event));
        let alert = self
            .alerts
            .entry(uid.to_owned())
            .or_insert_with(|| created(uid.to_owned(), sighting));
        update(alert, sighting, is_new);
        self.index(uid);
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
        let mut alert = self.alerts.get(uid)?.clone();
        let name = &alert.actor.identity.name;
        let from = hour(alert.first);
        let peers = (from - 1..=from + 1)
            .filter_map(|hour| self.by_principal.get(&(name.clone(), hour)))
            .flatten()
            .filter(|other| *other != uid)
            .filter_map(|other| self.alerts.get(other));
        let mut worse = context::graver(&alert, peers);
        if let Some(ways) = self.ways.get(name) {
            worse.extend(ways.is_new(&alert));
        }
        alert.aggravated.extend(worse);
        alert.severity = severity(&alert);
        Some(alert)
    }

    /// All alerts, the gravest and earliest first.
    #[must_use]
    pub fn alerts(&self) -> Vec<Alert> {
        let mut alerts: Vec<Alert> = self.alerts.keys().filter_map(|uid| self.get(uid)).collect();
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

    /// What was taken in, to be kept: the latest alerts, as many as are kept.
    #[must_use]
    pub fn save(&self) -> Folded {
        let mut alerts: Vec<&Alert> = self.alerts.values().collect();
        alerts.sort_by_key(|alert| std::cmp::Reverse(alert.last));
        alerts.truncate(KEPT);
        let one = |alert: &&Alert| FoldedAlert {
            requests: hex(self.requests.get(&alert.uid)),
            // In the light of the others, for whoever reads it without them.
            alert: self.get(&alert.uid).unwrap_or_else(|| (*alert).clone()),
        };
        Folded {
            alerts: alerts.iter().map(one).collect(),
        }
    }

    /// Goes on from what was kept.
    pub fn load(&mut self, folded: Folded) {
        for one in folded.alerts {
            let uid = one.alert.uid.clone();
            self.requests.insert(uid.clone(), unhex(&one.requests));
            self.alerts.insert(uid.clone(), one.alert);
            self.index(&uid);
        }
    }

    /// Principal, whom it acted as, credential, address, outcome class, grade (named or used against covering), and the
    /// UTC hour of the event. Denied anonymous callers are one.
    fn uid(&self, sighting: &Sighting) -> String {
        let event = &sighting.event;
        let hour = hour(event.at);
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
                event.actor.address,
                grade(sighting).min(Grade::Named),
            )
        };
        let digest = self.digester.digest(key.as_bytes());
        digest.as_bytes()[..16]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

fn is_anonymous(event: &Event) -> bool {
    context::is_anonymous(&event.actor)
}

/// What became of an alert; nothing when it is as it was.
fn change(before: Option<&Alert>, now: &Alert) -> Option<Change> {
    let Some(before) = before else {
        return Some(Change::Created);
    };
    if before == now {
        return None;
    }
    let grown = (now.severity, now.touched.len()) != (before.severity, before.touched.len());
    Some(if grown {
        Change::Updated
    } else {
        Change::Counted
    })
}

fn hex(requests: Option<&BTreeSet<Request>>) -> String {
    requests
        .into_iter()
        .flatten()
        .flatten()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn unhex(text: &str) -> BTreeSet<Request> {
    let byte = |at: usize| {
        let pair = text.get(at..at + 2)?;
        u8::from_str_radix(pair, 16).ok()
    };
    (0..text.len() / 32)
        .filter_map(|i| {
            let bytes: Option<Vec<u8>> = (0..16).map(|j| byte(i * 32 + j * 2)).collect();
            Request::try_from(bytes?).ok()
        })
        .collect()
}

fn grade(sighting: &Sighting) -> Grade {
    sighting
        .touches
        .iter()
        .map(|touch| touch.grade)
        .max()
        .unwrap_or(Grade::Damaged)
}

/// The id alone is the client's to choose.
fn request(event: &Event) -> Request {
    let text = format!(
        "{}\0{:?}\0{}\0{}",
        event.id, event.at, event.action.uri, event.actor.identity.name
    );
    let digest = Sha256::digest(text.as_bytes());
    let mut key = [0; 16];
    key.copy_from_slice(&digest[..16]);
    key
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
    }
}

/// Whether an alert has all of it already. A reader covers the same canaries each time, however many, and both are in
/// the order of their addresses.
fn touches_the_same(alert: &Alert, sighting: &Sighting) -> bool {
    let known = alert.touched.iter();
    alert.touched.len() == sighting.touches.len()
        && known
            .zip(&sighting.touches)
            .all(|((address, grade), touch)| *address == touch.address && *grade >= touch.grade)
}

fn update(alert: &mut Alert, sighting: &Sighting, is_new_request: bool) {
    let event = &sighting.event;
    if !touches_the_same(alert, sighting) {
        for touch in &sighting.touches {
            let known = alert
                .touched
                .entry(touch.address.clone())
                .or_insert(touch.grade);
            *known = (*known).max(touch.grade);
            alert.grade = alert.grade.max(touch.grade);
        }
    }
    if is_new_request {
        alert.count += 1;
    }
    alert.first = [alert.first, event.at].into_iter().flatten().min();
    alert.last = [alert.last, event.at].into_iter().flatten().max();
    alert.aggravated.extend(sighting.aggravated.iter().cloned());
    alert.context.extend(sighting.context.iter().cloned());
    while alert.context.len() > CONTEXT {
        alert.context.pop_last();
    }
    // What a client claims differs from request to request, and who is not known comes from anywhere; the least of all
    // is the same in any order.
    if event.actor < alert.actor {
        alert.actor.clone_from(&event.actor);
    }
    alert.evidence.insert(evidence(event));
    while alert.evidence.len() > EVIDENCE {
        alert.evidence.pop_last();
    }
    alert.severity = severity(alert);
}

fn severity(alert: &Alert) -> Severity {
    match (alert.grade, alert.outcome) {
        (_, OutcomeClass::Denied) if context::is_anonymous(&alert.actor) => Severity::Low,
        (Grade::Named | Grade::Use, OutcomeClass::Allowed) => Severity::Critical,
        (Grade::Named | Grade::Use, OutcomeClass::Denied) => Severity::High,
        (Grade::Damaged, _) => Severity::Medium,
        (Grade::Covering, _) if !alert.aggravated.is_empty() => Severity::High,
        (Grade::Covering, _) => Severity::Medium,
    }
}

fn evidence(event: &Event) -> Evidence {
    let action = &event.action;
    let mut object = action.resource.clone();
    if !action.subresource.is_empty() {
        object = format!("{object}/{}", action.subresource);
    }
    let place = match (action.namespace.as_str(), action.name.as_str()) {
        ("", "") => "everywhere".to_owned(),
        ("", name) => name.to_owned(),
        (namespace, "") => format!("in {namespace}"),
        (namespace, name) => format!("{namespace}/{name}"),
    };
    let selector = [&action.selectors.label, &action.selectors.field];
    let selector: Vec<&str> = selector.into_iter().flatten().map(String::as_str).collect();
    Evidence {
        at: event.at,
        id: event.id.chars().take(LONGEST_ID).collect(),
        verb: action.verb.clone(),
        object: format!("{object} {place}"),
        selector: (!selector.is_empty()).then(|| selector.join(" ")),
        code: event.outcome.code,
        defects: event.defects.clone(),
    }
}
