//! Where pods' tokens come from: a token of a pod that comes from anywhere else was stolen.
//!
//! - Of a pod whose record is not complete nothing is said: where it runs is not known yet.
//! - An address that the node's own agent came from is the node's: what goes through the node, or through whatever stands
//!   before the API server, has the same address translated.
//! - The loopback interface is the API server's own machine, which whoever steals a token cannot come from without having
//!   that, too.
//! - A pod whose sandbox is made anew has another address, which is recorded some seconds later: so a suspicion waits.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::reader::NODE;
use super::{Attribution, Credential, Event, contains};
use crate::bait::PodRecord;

/// A cluster has 5,000 nodes at most.
const NODES: usize = 5_000;
/// Their addresses, of both families and translated.
const ADDRESSES: usize = 16;
/// Suspicions that wait do so for seconds.
const SUSPECTS: usize = 1_000;
/// What is recorded of a pod is written within five seconds, and looked at every two.
const WAIT: SignedDuration = SignedDuration::from_secs(15);

/// Where the tokens of pods may come from, by the pods' uids: for whoever passes over what comes from there.
#[derive(Clone, Debug, Default)]
pub struct PodHomes {
    of: BTreeMap<String, BTreeSet<IpAddr>>,
    egress: Vec<String>,
}

impl PodHomes {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.of.is_empty()
    }

    /// Whether a pod's token has no business at an address. Of a pod that is not known nothing is said.
    #[must_use]
    pub fn is_away(&self, uid: &str, address: IpAddr) -> bool {
        let homes = self.of.get(uid);
        homes.is_some_and(|homes| {
            !homes.contains(&address)
                && !address.is_loopback()
                && !self.egress.iter().any(|network| contains(network, address))
        })
    }
}

impl Attribution {
    /// Where the tokens of pods may come from, as far as that is recorded.
    #[must_use]
    pub fn homes(&self) -> PodHomes {
        let known = self.pods().all().filter(|record| is_known(record));
        let homes = |record: &PodRecord| {
            let subject = &record.subject;
            let all = subject
                .addresses
                .iter()
                .copied()
                .chain(subject.node_address);
            (subject.uid.clone(), all.collect())
        };
        PodHomes {
            of: known.map(homes).collect(),
            egress: self.egress().to_vec(),
        }
    }
}

fn is_known(record: &PodRecord) -> bool {
    record.subject.is_complete() && record.subject.node_address.is_some()
}

/// A use that waits for what is recorded meanwhile.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Suspect {
    pub(super) event: Event,
    until: Timestamp,
    ticking: Option<Timestamp>,
}

/// What a judge remembers of it.
#[derive(Clone, Default, Debug, Serialize, Deserialize)]
pub(super) struct Homes {
    /// Where nodes' own agents came from.
    nodes: BTreeMap<String, BTreeSet<IpAddr>>,
    suspects: Vec<Suspect>,
}

impl Homes {
    pub(super) fn learn(&mut self, event: &Event) {
        let actor = &event.actor;
        let node = actor.identity.name.strip_prefix(NODE);
        let (Some(node), Some(address)) = (node, actor.address) else {
            return;
        };
        if event.acting_as.is_some() || !(self.nodes.len() < NODES || self.nodes.contains_key(node))
        {
            return;
        }
        let addresses = self.nodes.entry(node.to_owned()).or_default();
        if addresses.len() < ADDRESSES {
            addresses.insert(address);
        }
    }

    /// Where a pod's token was used that has no business there.
    pub(super) fn away<'p>(
        &self,
        event: &Event,
        pods: &'p Attribution,
    ) -> Option<(&'p PodRecord, IpAddr)> {
        let actor = &event.actor;
        let record = pods.of_caller(actor).filter(|record| is_known(record))?;
        let address = actor.address.filter(|address| !address.is_loopback())?;
        let node = record.subject.node.as_ref();
        let of_node = node.and_then(|node| self.nodes.get(node));
        let is_home = record.subject.is_at(address)
            || of_node.is_some_and(|addresses| addresses.contains(&address))
            || pods
                .egress()
                .iter()
                .any(|network| contains(network, address));
        let is_token = matches!(actor.credential, Credential::Token(_));
        (is_token && !is_home).then_some((record, address))
    }

    /// Suspects a use; gives it back when too many are suspected, so that none is lost.
    pub(super) fn suspect(&mut self, event: &Event) -> Option<Event> {
        let Some(at) = event.at.filter(|_| self.suspects.len() < SUSPECTS) else {
            return Some(event.clone());
        };
        let is_it = |suspect: &Suspect| suspect.event == *event;
        if !self.suspects.iter().any(is_it) {
            self.suspects.push(Suspect {
                event: event.clone(),
                until: at.checked_add(WAIT).unwrap_or(at),
                ticking: None,
            });
        }
        None
    }

    /// Those that have waited long enough by the events.
    pub(super) fn ripe(&mut self, latest: Option<Timestamp>) -> Vec<Event> {
        let is_ripe = |suspect: &Suspect| latest.is_some_and(|latest| latest > suspect.until);
        self.take(is_ripe)
    }

    /// Those that have waited long enough by the wall clock.
    pub(super) fn tick(&mut self, now: Timestamp) -> Vec<Event> {
        for suspect in &mut self.suspects {
            suspect.ticking.get_or_insert(now);
        }
        self.take(|suspect| {
            let since = suspect.ticking;
            since.is_some_and(|since| now.duration_since(since) >= WAIT)
        })
    }

    /// All of them: the log has ended.
    pub(super) fn rest(&mut self) -> Vec<Event> {
        self.take(|_| true)
    }

    fn take(&mut self, is: impl Fn(&Suspect) -> bool) -> Vec<Event> {
        if self.suspects.is_empty() {
            return Vec::new();
        }
        let (taken, kept) = std::mem::take(&mut self.suspects).into_iter().partition(is);
        self.suspects = kept;
        let taken: Vec<Suspect> = taken;
        taken.into_iter().map(|suspect| suspect.event).collect()
    }
}
