//! Alerts that hang together: by a credential, a principal or an address in the same days, or because what one of them read
//! holds what the other used.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use petgraph::unionfind::UnionFind;
use serde::{Deserialize, Serialize};

use super::{Alert, context};
use crate::detect::{Credential, Grade};
use crate::graph::{Address, CanaryId};

/// Whoever comes back after longer than that is told by what it does then. What was read may be used at any time.
const TOGETHER: SignedDuration = SignedDuration::from_hours(48);
/// Which canaries hold what others give: by what is given, who holds it.
pub type Holders = BTreeMap<CanaryId, BTreeSet<CanaryId>>;

/// What two alerts may have in common.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Link {
    Principal(String),
    Credential(String),
    Address(String),
    /// It used what that canary gives.
    Used(CanaryId),
    /// It touched something that holds what that canary gives.
    Held(CanaryId),
}

/// Something that belongs to an incident, for its timeline.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Moment {
    /// When.
    pub at: Option<Timestamp>,
    /// The alert that it is told in.
    pub alert: String,
    /// Who, what, from where: one line.
    pub words: String,
}

/// What hangs together through what is held.
#[derive(Default)]
pub(super) struct Held {
    /// What each canary that is held by others is held by.
    holders: Holders,
    /// The same the other way round.
    holds: BTreeMap<CanaryId, BTreeSet<CanaryId>>,
}

/// Which alerts hang together.
#[derive(Default)]
pub(super) struct Incidents {
    /// The incident of each alert: the uid of the earliest that hangs together with it.
    of: BTreeMap<String, String>,
    /// The alerts of each incident.
    members: BTreeMap<String, BTreeSet<String>>,
}

impl Incidents {
    /// The incident of an alert.
    pub(super) fn of(&self, uid: &str) -> Option<&String> {
        self.of.get(uid)
    }

    /// Of how many alerts it is known.
    pub(super) fn len(&self) -> usize {
        self.of.len()
    }

    /// The alerts of an incident.
    pub(super) fn members(&self, incident: &str) -> impl Iterator<Item = &String> {
        self.members.get(incident).into_iter().flatten()
    }
}

impl Held {
    /// From now on these hold what others give.
    pub(super) fn set(&mut self, holders: Holders) {
        self.holds.clear();
        for (given, by) in &holders {
            for holder in by {
                self.holds
                    .entry(holder.clone())
                    .or_default()
                    .insert(given.clone());
            }
        }
        self.holders = holders;
    }

    /// Which of these alerts hang together. The same alerts in any order give the same.
    pub(super) fn incidents(&self, alerts: &BTreeMap<String, Alert>) -> Incidents {
        let mut all: Vec<&Alert> = alerts.values().collect();
        all.sort_by_key(|alert| (alert.first.is_none(), alert.first, &alert.uid));
        let mut together = UnionFind::<usize>::new(all.len());
        let mut by_link: BTreeMap<Link, Vec<usize>> = BTreeMap::new();
        for (i, alert) in all.iter().enumerate() {
            for link in self.links_of(alert) {
                by_link.entry(link).or_default().push(i);
            }
        }
        for (link, linked) in &by_link {
            match link {
                // Of those that only read what holds it, those hang together that somebody's use connects.
                Link::Held(given) => {
                    let used = by_link.get(&Link::Used(given.clone()));
                    if let Some(first) = used.and_then(|used| used.first()) {
                        for i in linked {
                            together.union(*first, *i);
                        }
                    }
                }
                Link::Used(_) => {
                    for pair in linked.windows(2) {
                        together.union(pair[0], pair[1]);
                    }
                }
                Link::Principal(_) | Link::Credential(_) | Link::Address(_) => {
                    chain(linked, &all, &mut together);
                }
            }
        }
        let mut incidents = Incidents::default();
        let mut eldest: BTreeMap<usize, &str> = BTreeMap::new();
        for (i, alert) in all.iter().enumerate() {
            // The earliest come first.
            let incident = eldest.entry(together.find_mut(i)).or_insert(&alert.uid);
            incidents
                .of
                .insert(alert.uid.clone(), (*incident).to_owned());
            let members = incidents.members.entry((*incident).to_owned()).or_default();
            members.insert(alert.uid.clone());
        }
        incidents
    }

    fn links_of(&self, alert: &Alert) -> BTreeSet<Link> {
        let mut links = BTreeSet::new();
        if !context::is_anonymous(&alert.actor) {
            links.insert(Link::Principal(alert.actor.identity.name.clone()));
        }
        match &alert.actor.credential {
            Credential::Token(id) | Credential::Certificate(id) | Credential::AccessKey(id) => {
                links.insert(Link::Credential(id.clone()));
            }
            Credential::Unknown => {}
        }
        // Everybody on the machine comes from its loopback address.
        let addresses = alert
            .evidence
            .iter()
            .filter_map(|evidence| evidence.address);
        let told = addresses.filter(|address| !address.is_loopback() && !address.is_unspecified());
        links.extend(told.map(|address| Link::Address(address.to_string())));
        // Few hold anything, and a reading of everything touches thousands.
        for given in self.holders.keys() {
            if is_touched(alert, given, |grade| grade == Grade::Use) {
                links.insert(Link::Used(given.clone()));
            }
        }
        for (holder, given) in &self.holds {
            if is_touched(alert, holder, |_| true) {
                links.extend(given.iter().cloned().map(Link::Held));
            }
        }
        links
    }
}

/// Joins alerts, in the order in which they began, each to those before it that had not ended long ago.
fn chain(linked: &[usize], all: &[&Alert], together: &mut UnionFind<usize>) {
    let mut latest: Option<(usize, Timestamp)> = None;
    for i in linked {
        let (Some(first), Some(last)) = (all[*i].first, all[*i].last) else {
            continue;
        };
        if let Some((before, ended)) = latest
            && first.duration_since(ended) <= TOGETHER
        {
            together.union(before, *i);
        }
        if latest.is_none_or(|(_, ended)| ended < last) {
            latest = Some((*i, last));
        }
    }
}

/// Whether an alert touched any part of a canary in such a way.
fn is_touched(alert: &Alert, canary: &CanaryId, how: impl Fn(Grade) -> bool) -> bool {
    let parts = alert.touched.range(Address::of(canary.clone())..);
    parts
        .take_while(|(address, _)| address.canary() == canary)
        .any(|(_, grade)| how(*grade))
}

/// How an alert reads in the timeline of its incident.
fn moments(alert: &Alert) -> impl Iterator<Item = Moment> + '_ {
    let who = super::text::name(alert);
    alert.evidence.iter().map(move |evidence| {
        let address = evidence.address.map(|address| format!(" from {address}"));
        let what = super::text::what(evidence);
        Moment {
            at: evidence.at,
            alert: alert.uid.clone(),
            words: format!("{what}, by {who}{}", address.unwrap_or_default()),
        }
    })
}

/// What these alerts tell, in order, as much of it as is kept.
pub(super) fn timeline<'a>(alerts: impl Iterator<Item = &'a Alert>, most: usize) -> Vec<Moment> {
    let mut all: Vec<Moment> = alerts.flat_map(moments).collect();
    all.sort_by(|one, other| order(one).cmp(&order(other)));
    all.truncate(most);
    all
}

/// Some logs tell whole seconds only: what they tell may have been at any moment of it, and comes after what is told more
/// exactly.
fn order(moment: &Moment) -> (Option<(i64, i32)>, &Moment) {
    let of = |at: Timestamp| match at.subsec_nanosecond() {
        0 => (at.as_second(), i32::MAX),
        nanos => (at.as_second(), nanos),
    };
    (moment.at.map(of), moment)
}
