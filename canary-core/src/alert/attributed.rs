//! The pods that an alert points to. Pure: the same records and readings give the same, whichever came first.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Alert;
use super::readers::{BaitReaders, Readings, Window};
use crate::bait::{Other, POD_CREDENTIALS, PodNumber, PodRecord, Resolved, Subject};
use crate::detect::{Attribution, Credential, Grade, PodRef};
use crate::graph::Address;

/// As many pods whose baits one alert is about are told with it; how many there are tells what it touched.
const BAITS: usize = 16;

/// What is said where the records do not tell whose a bait is.
pub(super) const UNKNOWN: &str =
    "whose credential it is cannot be told: no record of a pod that is at hand has it";

/// How an alert points to a pod.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// The credential that was used was issued for it.
    Credential,
    /// What it waits for was touched.
    Bait,
    /// Who did it came with a token that was issued to it.
    Caller,
}

/// A pod that an alert points to, as it was when its bait was issued.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Attributed {
    /// How.
    pub link: Link,
    /// Which.
    pub pod: PodRef,
    /// Where, where only the event says it.
    pub node: Option<String>,
    /// The number of its record; `None` where there is none.
    pub number: Option<PodNumber>,
    /// All that is known of it; `None` where only an event names it.
    pub subject: Option<Subject>,
    /// When the credential that was used was issued.
    pub issued: Option<Timestamp>,
    /// Which of the tokens that are known of it that was, and of how many.
    pub place: Option<(usize, usize)>,
    /// When the pod was gone.
    pub gone: Option<Timestamp>,
    /// Pods that carry the same handle, and so have the same credential.
    pub others: Vec<Other>,
    /// Who else had what is in its bait before it was used.
    pub readers: Vec<Readings>,
    /// Readings by others that are not named.
    pub more_readings: u64,
}

impl Attributed {
    fn of(link: Link, record: &PodRecord) -> Self {
        let subject = &record.subject;
        Self {
            link,
            pod: PodRef {
                namespace: subject.namespace.clone(),
                name: subject.name.clone(),
                uid: subject.uid.clone(),
            },
            node: subject.node.clone(),
            number: Some(record.number),
            subject: Some(subject.clone()),
            issued: None,
            place: None,
            gone: record.buried,
            others: Vec::new(),
            readers: Vec::new(),
            more_readings: 0,
        }
    }

    /// How old the credential was at a moment, in seconds.
    #[must_use]
    pub fn age(&self, at: Option<Timestamp>) -> Option<i64> {
        let age = at?.duration_since(self.issued?).as_secs();
        Some(age.max(0))
    }

    /// Whether the pod alone can have used it, as far as is known.
    #[must_use]
    pub fn is_certain(&self) -> bool {
        self.others.is_empty() && self.readers.is_empty() && self.more_readings == 0
    }
}

/// Whose bait was used, as far as the records tell.
pub(super) fn used<'a>(alert: &Alert, pods: &'a Attribution) -> Option<Resolved<'a>> {
    // The names of sessions are given by whoever asks for one: only those of ours mean anything.
    let is_used = alert.grade == Grade::Use;
    is_used.then(|| pods.of_credential(&alert.actor)).flatten()
}

/// Whether an identity was used that only pods have, and the records do not tell by which.
pub(super) fn is_unknown(alert: &Alert, pods: Option<&Attribution>) -> bool {
    let is_of_pods = |(address, grade): (&Address, &Grade)| {
        *grade == Grade::Use && address.canary().kind() == POD_CREDENTIALS
    };
    // Whoever acts as a decoy has another credential.
    alert.acting_as.is_none()
        && alert.touched.iter().any(is_of_pods)
        && pods.and_then(|pods| used(alert, pods)).is_none()
}

/// The pods that an alert points to.
pub(super) fn attributed(
    alert: &Alert,
    pods: &Attribution,
    readers: &BaitReaders,
) -> Vec<Attributed> {
    let used = used(alert, pods);
    let mut all: Vec<Attributed> = used
        .map(|resolved| by_credential(alert, resolved, readers))
        .into_iter()
        .collect();
    let is_used = |record: &PodRecord| used.is_some_and(|used| used.record.number == record.number);
    let named = alert
        .touched
        .iter()
        .filter(|(_, grade)| **grade == Grade::Named);
    let baits = named.filter_map(|(address, _)| pods.of_address(address));
    let baits = baits.filter(|record| !is_used(record)).take(BAITS);
    all.extend(baits.map(|record| Attributed::of(Link::Bait, record)));
    if let Some(pod) = &alert.actor.pod {
        all.push(match pods.of_caller(&alert.actor) {
            Some(record) => Attributed::of(Link::Caller, record),
            None => Attributed {
                link: Link::Caller,
                pod: pod.clone(),
                node: alert.actor.node.as_ref().map(|node| node.name.clone()),
                number: None,
                subject: None,
                issued: None,
                place: None,
                gone: None,
                others: Vec::new(),
                readers: Vec::new(),
                more_readings: 0,
            },
        });
    }
    all
}

fn by_credential(alert: &Alert, resolved: Resolved<'_>, readers: &BaitReaders) -> Attributed {
    let Resolved { record, issued } = resolved;
    let place = match &alert.actor.credential {
        Credential::Token(id) => record.place_of(id),
        Credential::Certificate(_) | Credential::AccessKey(_) | Credential::Unknown => None,
    };
    let (readers, more_readings) = alert.last.map_or_else(Default::default, |used| {
        readers.of(record, Window { issued, used })
    });
    Attributed {
        issued,
        place,
        others: record.others.clone(),
        readers,
        more_readings,
        ..Attributed::of(Link::Credential, record)
    }
}
