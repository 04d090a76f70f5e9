//! Alerts that hang together: by a credential, a principal or an address in the same days, or because what one of them read
//! holds what the other used.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use petgraph::unionfind::UnionFind;
use serde::{Deserialize, Serialize};

use super::{Alert, Evidence, context};
use crate::detect::{Credential, Grade};
use crate::graph::{Address, CanaryId};

/// Whoever comes back after longer than that is told by what it does then. What was read may be used at any time.
const TOGETHER: SignedDuration = SignedDuration::from_hours(48);
/// The timeline of an incident of more alerts is told in short, the same in each: many alerts would else be long, too.
const MEMBERS: usize = 64;
/// As many moments as a timeline has.
const MOMENTS: usize = 100;
/// As many of the first and of the latest moments as one in short has.
const FIRST: usize = 6;
const LATEST: usize = 5;

/// Which canaries hold what others give: by what is given, who holds it.
pub type Holders = BTreeMap<CanaryId, BTreeSet<CanaryId>>;

/// What two alerts may have in common.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Link<'a> {
    Principal(&'a str),
    Credential(&'a str),
    Address(IpAddr),
    /// It used what that canary gives.
    Used(&'a CanaryId),
    /// It touched something that holds what that canary gives.
    Held(&'a CanaryId),
    /// It was told as of that incident.
    Told(&'a str),
}

/// Something that belongs to an incident, for its timeline.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Moment {
    /// When.
    pub at: Option<Timestamp>,
    /// The alert that it is told in; empty where it stands for those that a timeline in short leaves out.
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
    /// The timelines of those that are told in short.
    in_short: BTreeMap<String, Vec<Moment>>,
}

impl Incidents {
    /// The incident of an alert: itself, for all that is known of one that is new.
    pub(super) fn of<'a>(&'a self, uid: &'a str) -> &'a str {
        self.of.get(uid).map_or(uid, String::as_str)
    }

    /// The alerts of an incident.
    pub(super) fn members(&self, incident: &str) -> impl Iterator<Item = &String> {
        self.members.get(incident).into_iter().flatten()
    }

    /// The timeline of an incident that is told in short.
    pub(super) fn in_short(&self, incident: &str) -> Option<&[Moment]> {
        self.in_short.get(incident).map(Vec::as_slice)
    }

    fn shorten(&mut self, alerts: &BTreeMap<String, Alert>) {
        let long = self.members.iter();
        let long = long.filter(|(_, members)| members.len() > MEMBERS);
        let in_short = long.map(|(incident, members)| {
            let members: Vec<&Alert> = members.iter().filter_map(|uid| alerts.get(uid)).collect();
            (incident.clone(), in_short(&members))
        });
        self.in_short = in_short.collect();
    }

    /// An alert belongs to that incident.
    pub(super) fn set(&mut self, uid: &str, incident: &str) {
        self.of.insert(uid.to_owned(), incident.to_owned());
        let members = self.members.entry(incident.to_owned()).or_default();
        members.insert(uid.to_owned());
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

    /// Which of these alerts hang together. The same alerts in any order give the same. Some hang together by others that
    /// are not there any more, and keep the incident that they were told as of.
    pub(super) fn incidents(
        &self,
        alerts: &BTreeMap<String, Alert>,
        told: &BTreeMap<String, String>,
    ) -> Incidents {
        let mut all: Vec<&Alert> = alerts.values().collect();
        all.sort_by_key(|alert| (alert.first.is_none(), alert.first, &alert.uid));
        let mut together = UnionFind::<usize>::new(all.len());
        let mut by_link: BTreeMap<Link<'_>, Vec<usize>> = BTreeMap::new();
        for (i, alert) in all.iter().enumerate() {
            let told = told.get(&alert.uid).map(|incident| Link::Told(incident));
            for link in self.links_of(alert).into_iter().chain(told) {
                by_link.entry(link).or_default().push(i);
            }
        }
        for (link, linked) in &by_link {
            match link {
                // Of those that only read what holds it, those hang together that somebody's use connects.
                Link::Held(given) => {
                    let used = by_link.get(&Link::Used(given));
                    if let Some(first) = used.and_then(|used| used.first()) {
                        for i in linked {
                            together.union(*first, *i);
                        }
                    }
                }
                Link::Used(_) | Link::Told(_) => {
                    for pair in linked.windows(2) {
                        together.union(pair[0], pair[1]);
                    }
                }
                Link::Principal(_) | Link::Credential(_) | Link::Address(_) => {
                    chain(linked, &all, &mut together);
                }
            }
        }
        // The earliest come first, and those that are not there any more came before them.
        let mut eldest: BTreeMap<usize, &str> = BTreeMap::new();
        for (i, alert) in all.iter().enumerate() {
            let incident = told.get(&alert.uid);
            if let Some(incident) = incident.filter(|uid| !alerts.contains_key(*uid)) {
                eldest.entry(together.find_mut(i)).or_insert(incident);
            }
        }
        let mut incidents = Incidents::default();
        for (i, alert) in all.iter().enumerate() {
            let incident = eldest.entry(together.find_mut(i)).or_insert(&alert.uid);
            incidents.set(&alert.uid, incident);
        }
        incidents.shorten(alerts);
        incidents
    }

    fn links_of<'a>(&'a self, alert: &'a Alert) -> BTreeSet<Link<'a>> {
        let mut links = BTreeSet::new();
        if !context::is_anonymous(&alert.actor) {
            links.insert(Link::Principal(&alert.actor.identity.name));
        }
        match &alert.actor.credential {
            Credential::Token(id) | Credential::Certificate(id) | Credential::AccessKey(id) => {
                links.insert(Link::Credential(id));
            }
            Credential::Unknown => {}
        }
        // Everybody on the machine comes from its loopback address.
        let addresses = alert
            .evidence
            .iter()
            .filter_map(|evidence| evidence.address);
        let told = addresses.filter(|address| !address.is_loopback() && !address.is_unspecified());
        links.extend(told.map(Link::Address));
        // Few hold anything, and a reading of everything touches thousands.
        for given in self.holders.keys() {
            if is_touched(alert, given, |grade| grade == Grade::Use) {
                links.insert(Link::Used(given));
            }
        }
        for (holder, given) in &self.holds {
            if is_touched(alert, holder, |_| true) {
                links.extend(given.iter().map(Link::Held));
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

/// What belongs to the incident of an alert, of which these are the members, in order and as much of it as is kept; nothing
/// when the alert is alone.
pub(super) fn timeline<'a>(
    alert: &'a Alert,
    members: impl Iterator<Item = &'a Alert>,
) -> Vec<Moment> {
    let others = members.filter(|member| member.uid != alert.uid);
    let all: Vec<&Alert> = others.chain([alert]).collect();
    match all.len() {
        1 => Vec::new(),
        ..=MEMBERS => {
            let each = |alert: &'a Alert| alert.evidence.iter().map(move |one| (alert, one));
            let all = in_order(all.into_iter().flat_map(each));
            let kept = all.into_iter().take(MOMENTS);
            kept.map(|(alert, evidence)| moment(alert, evidence))
                .collect()
        }
        _ => in_short(&all),
    }
}

/// The first and the latest moments of an incident of these alerts, which are many, and how many lie between.
fn in_short(alerts: &[&Alert]) -> Vec<Moment> {
    let ends = in_order(alerts.iter().flat_map(|alert| ends(alert)));
    let told = |(alert, evidence): &(&Alert, &Evidence)| moment(alert, evidence);
    let all: usize = alerts.iter().map(|alert| alert.evidence.len()).sum();
    let left_out = Moment {
        at: None,
        alert: String::new(),
        words: format!("{} more in between", all.saturating_sub(FIRST + LATEST)),
    };
    let latest = ends.len().saturating_sub(LATEST);
    let first = ends.iter().take(FIRST).map(told);
    let latest = ends.iter().skip(latest).map(told);
    first.chain([left_out]).chain(latest).collect()
}

/// What is at neither end of its alert is at none of the incident.
fn ends(alert: &Alert) -> impl Iterator<Item = (&Alert, &Evidence)> {
    let inner = FIRST..alert.evidence.len().saturating_sub(LATEST);
    let all = alert.evidence.iter().enumerate();
    let ends = all.filter(move |(at, _)| !inner.contains(at));
    ends.map(move |(_, evidence)| (alert, evidence))
}

fn in_order<'a>(
    moments: impl Iterator<Item = (&'a Alert, &'a Evidence)>,
) -> Vec<(&'a Alert, &'a Evidence)> {
    let mut all: Vec<_> = moments.collect();
    let key = |(alert, one): &(&'a Alert, &'a Evidence)| (order(one.at), &alert.uid, *one);
    all.sort_by(|one, other| key(one).cmp(&key(other)));
    all
}

/// How an event reads in the timeline of its incident.
fn moment(alert: &Alert, evidence: &Evidence) -> Moment {
    let who = super::text::name(alert);
    let address = evidence.address.map(|address| format!(" from {address}"));
    let what = super::text::what(evidence);
    Moment {
        at: evidence.at,
        alert: alert.uid.clone(),
        words: format!("{what}, by {who}{}", address.unwrap_or_default()),
    }
}

/// Some logs tell whole seconds only: what they tell may have been at any moment of it, and comes after what is told more
/// exactly.
fn order(at: Option<Timestamp>) -> Option<(i64, i32)> {
    at.map(|at| match at.subsec_nanosecond() {
        0 => (at.as_second(), i32::MAX),
        nanos => (at.as_second(), nanos),
    })
}
