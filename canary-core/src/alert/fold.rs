//! The fold: one sweep is one alert.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use super::{Alert, Evidence, Severity};
use crate::detect::{Credential, Event, Grade, OutcomeClass, Sighting};
use crate::disguise::Digester;

/// As much of an audit id as is kept: a server's own has 36 characters, a client may send a megabyte.
const LONGEST_ID: usize = 64;
/// As many events as an alert shows; the rest is counted.
const EVIDENCE: usize = 100;
/// As many requests of one alert as are told apart; beyond, each sighting counts.
const REMEMBERED: usize = 10_000;

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
    requests: BTreeMap<String, BTreeSet<[u8; 16]>>,
}

impl Folder {
    /// Uids come from this keyed digest (sub-key `Alerts`).
    #[must_use]
    pub fn new(digester: Digester) -> Self {
        Self {
            digester,
            alerts: BTreeMap::new(),
            requests: BTreeMap::new(),
        }
    }

    /// Takes a sighting in. Gives the uid of its alert and what changed; nothing for one that was taken in before.
    pub fn push(&mut self, sighting: &Sighting) -> Option<(String, Change)> {
        let uid = self.uid(sighting);
        let requests = self.requests.entry(uid.clone()).or_default();
        let is_new_request =
            requests.len() >= REMEMBERED || requests.insert(request(&sighting.event));
        let Some(alert) = self.alerts.get_mut(&uid) else {
            self.alerts
                .insert(uid.clone(), created(uid.clone(), sighting));
            return Some((uid, Change::Created));
        };
        let before = (alert.severity, alert.touched.len());
        let known = alert.clone();
        update(alert, sighting, is_new_request);
        if *alert == known {
            return None;
        }
        let grown = (alert.severity, alert.touched.len()) != before;
        Some((
            uid,
            if grown {
                Change::Updated
            } else {
                Change::Counted
            },
        ))
    }

    /// An alert by its uid.
    #[must_use]
    pub fn get(&self, uid: &str) -> Option<&Alert> {
        self.alerts.get(uid)
    }

    /// All alerts, the gravest and earliest first.
    #[must_use]
    pub fn alerts(&self) -> Vec<&Alert> {
        let mut alerts: Vec<&Alert> = self.alerts.values().collect();
        alerts.sort_by(|a, b| (b.severity, a.first, &a.uid).cmp(&(a.severity, b.first, &b.uid)));
        alerts
    }

    /// Principal, whom it acted as, credential, address, outcome class, grade (named or used against covering), and the
    /// UTC hour of the event. Denied anonymous callers are one.
    fn uid(&self, sighting: &Sighting) -> String {
        let event = &sighting.event;
        let hour = event.at.map_or(0, |at| at.as_second().div_euclid(3600));
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
    let name = event.actor.identity.name.as_str();
    (name.is_empty() || name == "system:anonymous") && event.actor.credential == Credential::Unknown
}

fn grade(sighting: &Sighting) -> Grade {
    sighting
        .touches
        .iter()
        .map(|touch| touch.grade)
        .max()
        .unwrap_or(Grade::Damaged)
}

/// A request, whichever stage of it: its id alone is the client's to choose.
fn request(event: &Event) -> [u8; 16] {
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
    let mut alert = Alert {
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
        evidence: BTreeSet::new(),
    };
    update(&mut alert, sighting, true);
    alert
}

fn update(alert: &mut Alert, sighting: &Sighting, is_new_request: bool) {
    let event = &sighting.event;
    for touch in &sighting.touches {
        let known = alert
            .touched
            .entry(touch.address.clone())
            .or_insert(touch.grade);
        *known = (*known).max(touch.grade);
        alert.grade = alert.grade.max(touch.grade);
    }
    if is_new_request {
        alert.count += 1;
    }
    alert.first = [alert.first, event.at].into_iter().flatten().min();
    alert.last = [alert.last, event.at].into_iter().flatten().max();
    alert
        .aggravated
        .extend(sighting.aggravated.iter().map(|words| (*words).to_owned()));
    // What a client claims differs from request to request; the least of all is the same in any order.
    if event.actor.user_agent < alert.actor.user_agent {
        alert.actor.user_agent.clone_from(&event.actor.user_agent);
    }
    alert.evidence.insert(evidence(event));
    while alert.evidence.len() > EVIDENCE {
        alert.evidence.pop_last();
    }
    alert.severity = severity(alert, is_anonymous(event));
}

fn severity(alert: &Alert, anonymous: bool) -> Severity {
    match (alert.grade, alert.outcome) {
        (_, OutcomeClass::Denied) if anonymous => Severity::Low,
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
