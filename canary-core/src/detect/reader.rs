//! Known readers: reviewed exceptions for covering reads. A named touch is never excused.

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};

use super::{Credential, Event, Outcome, OutcomeClass};
use crate::config::{Cadence, KnownReader, Origin, ReaderScope};

/// Judges covering touches by the reviewed entries. Remembers who issued which token, where nodes are, and when a reader
/// last read.
#[derive(Debug, Default)]
pub struct Readers {
    entries: Vec<KnownReader>,
    /// Token identifiers with the node that had them issued.
    issued: BTreeMap<String, String>,
    /// Addresses of nodes, by name.
    nodes: BTreeMap<String, IpAddr>,
    last: BTreeMap<usize, Timestamp>,
    counts: BTreeMap<usize, u64>,
    unproven: u64,
}

/// Beyond this many remembered tokens the oldest names go first: a node issues some hundred a day.
const REMEMBERED: usize = 100_000;

const ISSUED: &str = "authentication.kubernetes.io/issued-credential-id";

impl Readers {
    /// Judges by these entries.
    #[must_use]
    pub fn new(entries: Vec<KnownReader>) -> Self {
        Self {
            entries,
            ..Self::default()
        }
    }

    /// Learns what later decisions need: tokens that nodes had issued for their pods, and where nodes are.
    pub fn learn(&mut self, event: &Event) {
        let Some(node) = event.actor.identity.name.strip_prefix("system:node:") else {
            return;
        };
        if let Some(address) = event.actor.address {
            self.nodes.entry(node.to_owned()).or_insert(address);
        }
        if event.action.resource == "serviceaccounts"
            && event.action.subresource == "token"
            && is_allowed(&event.outcome)
            && let Some(id) = event.annotations.get(ISSUED)
        {
            if self.issued.len() >= REMEMBERED {
                self.issued.pop_first();
            }
            self.issued.insert(id.clone(), node.to_owned());
        }
    }

    /// The entry that excuses a covering touch, if one does: every condition of it holds.
    pub fn excuses(&mut self, event: &Event) -> Option<&KnownReader> {
        let found = (0..self.entries.len()).find(|i| self.fits(*i, event))?;
        if let Some(at) = event.at {
            self.last.insert(found, at);
        }
        *self.counts.entry(found).or_default() += 1;
        if let Credential::Token(id) = &event.actor.credential
            && event.actor.pod.is_some()
            && !self.issued.contains_key(&format!("JTI={id}"))
        {
            self.unproven += 1;
        }
        self.entries.get(found)
    }

    /// How often each entry excused a touch, with its principal.
    pub fn counts(&self) -> impl Iterator<Item = (&KnownReader, u64)> {
        self.entries
            .iter()
            .enumerate()
            .map(|(i, entry)| (entry, self.counts.get(&i).copied().unwrap_or_default()))
    }

    /// Excused touches whose token was issued before the log began.
    #[must_use]
    pub fn unproven(&self) -> u64 {
        self.unproven
    }

    fn fits(&self, i: usize, event: &Event) -> bool {
        let Some(entry) = self.entries.get(i) else {
            return false;
        };
        let identity = &event.actor.identity;
        let acting_as = event
            .acting_as
            .as_ref()
            .map(|identity| identity.name.as_str());
        identity.name == entry.principal
            && entry.uid.as_ref().is_none_or(|uid| *uid == identity.uid)
            && acting_as == entry.acting_as.as_deref()
            && entry.verbs.contains(&event.action.verb)
            && entry.resource == event.action.resource
            && scope_fits(&entry.scope, &event.action.namespace)
            && event.action.selectors.label == entry.label_selector
            && event.action.selectors.field == entry.field_selector
            && event.outcome.class() == OutcomeClass::Allowed
            && event
                .at
                .is_none_or(|at| at.to_zoned(jiff::tz::TimeZone::UTC).date() <= entry.until)
            && entry
                .credential
                .as_deref()
                .is_none_or(|form| self.credential_fits(form, event))
            && entry
                .from
                .as_ref()
                .is_none_or(|from| self.origin_fits(from, event))
            && self.cadence_fits(i, entry, event)
    }

    fn credential_fits(&self, form: &str, event: &Event) -> bool {
        match &event.actor.credential {
            Credential::Token(id) => match form {
                // Issued by the pod's own node, or issued before the log began.
                "pod-token" => {
                    let node = event.actor.node.as_ref().map(|node| node.name.as_str());
                    let issuer = self.issued.get(&format!("JTI={id}")).map(String::as_str);
                    event.actor.pod.is_some() && (issuer.is_none() || issuer == node)
                }
                "token" => event.actor.pod.is_none(),
                _ => false,
            },
            Credential::Certificate(sha) => {
                form.strip_prefix("certificate:") == Some(sha.to_lowercase().as_str())
            }
            Credential::AccessKey(_) => false,
            Credential::Unknown => form == "unknown",
        }
    }

    fn origin_fits(&self, from: &Origin, event: &Event) -> bool {
        let Some(address) = event.actor.address else {
            return false;
        };
        let node = event
            .actor
            .node
            .as_ref()
            .and_then(|node| self.nodes.get(&node.name));
        match from {
            Origin::OwnNode => node == Some(&address),
            // A pod's address is not in the log; what is certain is that it is not its node's.
            Origin::OwnPod => event.actor.pod.is_some() && node != Some(&address),
            Origin::Network(network) => contains(network, address),
        }
    }

    fn cadence_fits(&self, i: usize, entry: &KnownReader, event: &Event) -> bool {
        let (Some(Cadence::Every(every)), Some(last), Some(at)) =
            (&entry.every, self.last.get(&i), event.at)
        else {
            return true;
        };
        let every = SignedDuration::try_from(*every).unwrap_or(SignedDuration::MAX);
        let gap = at.duration_since(*last).abs();
        // Both stages of one request, and clocks that jitter by a tenth.
        gap.is_zero() || gap >= every / 10 * 9
    }
}

fn is_allowed(outcome: &Outcome) -> bool {
    outcome.code.is_none_or(|code| (200..300).contains(&code))
}

fn scope_fits(scope: &ReaderScope, namespace: &str) -> bool {
    match scope {
        ReaderScope::Cluster => true,
        ReaderScope::Namespace(own) => own == namespace,
    }
}

/// Whether an address is in a network written as `ADDRESS/BITS`.
#[must_use]
pub fn contains(network: &str, address: IpAddr) -> bool {
    let Some((base, bits)) = network.split_once('/') else {
        return network.parse() == Ok(address);
    };
    let (Ok(base), Ok(bits)) = (base.parse::<IpAddr>(), bits.parse::<u32>()) else {
        return false;
    };
    match (base, address) {
        (IpAddr::V4(base), IpAddr::V4(address)) if bits <= 32 => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            u32::from(base) & mask == u32::from(address) & mask
        }
        (IpAddr::V6(base), IpAddr::V6(address)) if bits <= 128 => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            u128::from(base) & mask == u128::from(address) & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_their_addresses() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        assert!(contains("10.0.0.0/8", address("10.9.8.7")));
        assert!(!contains("10.0.0.0/8", address("11.0.0.1")));
        assert!(contains("0.0.0.0/0", address("1.2.3.4")));
        assert!(contains("fd00::/8", address("fd12::1")));
        assert!(!contains("10.0.0.0/8", address("fd12::1")));
    }
}
