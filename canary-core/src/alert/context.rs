//! What alerts say of each other: the same principal's other doings, and how it came before. Pure, and the same in any
//! order of what was taken in.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};

use super::Alert;
use crate::detect::{Actor, Credential, Grade, OutcomeClass};

/// Two doings of one principal belong together when they are so near: a person looking around takes minutes.
const NEAR: SignedDuration = SignedDuration::from_mins(10);
/// As many ways of one principal are told apart; beyond, a new one is no news.
const WAYS: usize = 256;

/// The UTC hour of a moment.
pub(super) fn hour(at: Option<Timestamp>) -> i64 {
    at.map_or(0, |at| at.as_second().div_euclid(3600))
}

/// Nobody whom the server knows.
pub(super) fn is_anonymous(actor: &Actor) -> bool {
    actor.identity.is_anonymous() && actor.credential == Credential::Unknown
}

/// What makes a covering reading graver than it is alone: the same principal's named touches and refusals near it.
pub(super) fn graver<'a>(
    alert: &Alert,
    peers: impl Iterator<Item = &'a Alert>,
) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    if alert.grade != Grade::Covering || is_anonymous(&alert.actor) {
        return found;
    }
    for peer in peers {
        if !are_near(alert, peer) {
            continue;
        }
        if peer.grade >= Grade::Named {
            found.insert("the same principal touched a canary by name".to_owned());
        }
        let first_refused = peer.outcome == OutcomeClass::Denied
            && alert.outcome == OutcomeClass::Allowed
            && peer.first <= alert.last;
        if first_refused {
            found.insert("the same principal was refused shortly before".to_owned());
        }
    }
    found
}

fn are_near(a: &Alert, b: &Alert) -> bool {
    let (Some(a_first), Some(a_last), Some(b_first), Some(b_last)) =
        (a.first, a.last, b.first, b.last)
    else {
        return false;
    };
    b_first.duration_since(a_last) <= NEAR && a_first.duration_since(b_last) <= NEAR
}

/// How a principal came: form of credential and network, each since when.
#[derive(Clone, Debug, Default)]
pub(super) struct Ways {
    forms: BTreeMap<String, Timestamp>,
    networks: BTreeMap<String, Timestamp>,
}

impl Ways {
    pub(super) fn came(&mut self, actor: &Actor, at: Option<Timestamp>) {
        let Some(at) = at else {
            return;
        };
        earliest(&mut self.forms, form(actor), at);
        if let Some(network) = home(actor) {
            earliest(&mut self.networks, network, at);
        }
    }

    /// What is new about how it came: there was another way before.
    pub(super) fn is_new(&self, alert: &Alert) -> Vec<String> {
        if alert.grade != Grade::Covering || is_anonymous(&alert.actor) {
            return Vec::new();
        }
        let mut found = Vec::new();
        if is_later(&self.forms, &form(&alert.actor)) {
            found.push("it came with another kind of credential than before".to_owned());
        }
        if home(&alert.actor).is_some_and(|network| is_later(&self.networks, &network)) {
            found.push("it came from another network than before".to_owned());
        }
        found
    }
}

fn earliest(known: &mut BTreeMap<String, Timestamp>, what: String, at: Timestamp) {
    if known.len() < WAYS || known.contains_key(&what) {
        let since = known.entry(what).or_insert(at);
        *since = (*since).min(at);
    }
}

/// Whether others were known before this one.
fn is_later(known: &BTreeMap<String, Timestamp>, what: &str) -> bool {
    known
        .get(what)
        .is_some_and(|since| known.values().any(|other| other < since))
}

/// Tokens of pods change every hour, so only their form is told; a certificate is a thing of its own.
pub(super) fn form(actor: &Actor) -> String {
    match &actor.credential {
        Credential::Token(_) if actor.pod.is_some() => "pod token".to_owned(),
        Credential::Token(_) => "token".to_owned(),
        Credential::Certificate(sha) => format!("certificate {sha}"),
        Credential::AccessKey(id) => format!("key {id}"),
        Credential::Unknown => "unknown".to_owned(),
    }
}

/// The network of an address, as providers hand them out: 256 of IPv4, a /64 of IPv6.
pub(super) fn network(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            format!("{a}.{b}.{c}")
        }
        IpAddr::V6(address) => format!("{:x?}", &address.segments()[..4]),
    }
}

/// Where somebody comes from. Pods come from wherever they were started, which is no news.
fn home(actor: &Actor) -> Option<String> {
    actor.address.filter(|_| actor.pod.is_none()).map(network)
}
