//! Identities that were had with a canary's.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use super::super::{Credential, Event, Mention};
use crate::graph::Address;

/// A session is three of them and lasts a day and a half at most; whoever makes more of them is told by their making.
const MOST: usize = 10_000;

/// Identities that somebody was given who asked with a canary's, each with whose.
#[derive(Clone, Default, Debug, Serialize, Deserialize)]
#[serde(
    from = "VecDeque<(Mention, Address)>",
    into = "VecDeque<(Mention, Address)>"
)]
pub(in super::super) struct Given {
    /// The latest last.
    order: VecDeque<(Mention, Address)>,
    of: BTreeMap<Mention, BTreeSet<Address>>,
}

impl Given {
    pub(in super::super) fn all(&self) -> impl Iterator<Item = &(Mention, Address)> {
        self.order.iter()
    }

    pub(in super::super) fn add(&mut self, mention: Mention, address: Address) {
        let of = self.of.entry(mention.clone()).or_default();
        if !of.insert(address.clone()) {
            return;
        }
        self.order.push_back((mention, address));
        while self.order.len() > MOST
            && let Some((mention, address)) = self.order.pop_front()
        {
            self.forget(&mention, &address);
        }
    }

    fn forget(&mut self, mention: &Mention, address: &Address) {
        if let Some(of) = self.of.get_mut(mention) {
            of.remove(address);
            if of.is_empty() {
                self.of.remove(mention);
            }
        }
    }

    /// Whose identity was used to get what an event came with. What it speaks of it did not come with.
    pub(in super::super) fn had_with(&self, event: &Event) -> BTreeSet<&Address> {
        if self.of.is_empty() {
            return BTreeSet::new();
        }
        let came_with = names(event).into_iter().chain(key(event));
        came_with
            .filter_map(|mention| self.of.get(&mention))
            .flatten()
            .collect()
    }

    /// Whether its caller has the name of such an identity, and a key that is not known to be its.
    pub(in super::super) fn is_by_name_only(&self, event: &Event) -> bool {
        let Some(key) = key(event) else {
            return false;
        };
        let has_name = names(event).iter().any(|name| self.of.contains_key(name));
        has_name && !self.of.contains_key(&key)
    }
}

/// What the caller is called.
fn names(event: &Event) -> [Mention; 2] {
    let identity = &event.actor.identity;
    [&identity.name, &identity.uid].map(|name| Mention::Principal(name.clone()))
}

/// What the caller came with.
fn key(event: &Event) -> Option<Mention> {
    match &event.actor.credential {
        Credential::AccessKey(id) => Some(Mention::Credential(id.clone())),
        Credential::Token(_) | Credential::Certificate(_) | Credential::Unknown => None,
    }
}

impl From<VecDeque<(Mention, Address)>> for Given {
    fn from(order: VecDeque<(Mention, Address)>) -> Self {
        let mut given = Self::default();
        for (mention, address) in order {
            given.add(mention, address);
        }
        given
    }
}

impl From<Given> for VecDeque<(Mention, Address)> {
    fn from(given: Given) -> Self {
        given.order
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::CanaryId;

    #[test]
    fn the_oldest_is_forgotten_and_the_rest_is_known_after_a_restart() {
        let address = Address::of(CanaryId::new("user", "a"));
        let mention = |number: usize| Mention::Credential(number.to_string());
        let mut given = Given::default();
        for number in 0..MOST + 3 {
            given.add(mention(number), address.clone());
            given.add(mention(number), address.clone());
        }
        let kept = serde_json::to_value(&given).unwrap();
        let given: Given = serde_json::from_value(kept).unwrap();
        assert_eq!(given.all().count(), MOST);
        assert!(!given.of.contains_key(&mention(2)) && given.of.contains_key(&mention(3)));
    }
}
