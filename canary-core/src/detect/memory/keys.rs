//! What events told of keys, so that what is known of them without an event is not told again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::super::judge::SILENT;
use super::super::{Credential, Event, Grade, Mention, Touches};

/// Keys of canaries of which the last use is remembered: two of each of the users that an account may have.
const USED: usize = 10_000;
/// AWS dates the last use of a key roughly: a use is told by an event of the same quarter of an hour or of one beside it.
pub(crate) const ROUGHLY: SignedDuration = SignedDuration::from_mins(15);
/// A last use is told an hour after it, or two where it is seldom asked for; a day leaves room for an outage.
const QUARTERS: usize = 96;
/// Keys that somebody made; a user has two at most, and whoever makes more of them is told by their making.
const MADE: usize = 1000;

#[derive(Clone, Default, Debug, Serialize, Deserialize)]
pub(in super::super) struct Keys {
    /// In which quarters of an hour the keys of canaries were used.
    used: BTreeMap<String, BTreeSet<i64>>,
    /// Keys that were made beside a canary's, the latest last.
    made: VecDeque<String>,
}

impl Keys {
    /// Learns of the making and of the use of keys.
    pub(in super::super) fn learn(&mut self, event: &Event, touches: &Touches) {
        if touches.is_empty() || is_silent(event) {
            return;
        }
        for mention in &event.gives {
            if let Mention::Credential(id) = mention {
                self.made.push_back(id.clone());
            }
        }
        while self.made.len() > MADE {
            self.made.pop_front();
        }
        if touches.nearest() == Some(Grade::Use) {
            self.learn_use(event);
        }
    }

    fn learn_use(&mut self, event: &Event) {
        let (Credential::AccessKey(id), Some(at)) = (&event.actor.credential, event.at) else {
            return;
        };
        if self.used.len() >= USED && !self.used.contains_key(id) {
            self.used.pop_first();
        }
        let used = self.used.entry(id.clone()).or_default();
        used.insert(quarter(at));
        if used.len() > QUARTERS {
            used.pop_first();
        }
    }

    /// Whether what is told of a key's making or use without an event was told by one.
    pub(in super::super) fn is_told(&self, event: &Event) -> bool {
        is_silent(event) && (self.is_made(event) || self.is_used(event))
    }

    fn is_made(&self, event: &Event) -> bool {
        event
            .gives
            .iter()
            .any(|mention| matches!(mention, Mention::Credential(id) if self.made.contains(id)))
    }

    fn is_used(&self, event: &Event) -> bool {
        let (Credential::AccessKey(id), Some(at)) = (&event.actor.credential, event.at) else {
            return false;
        };
        let told = quarter(at);
        self.used
            .get(id)
            .is_some_and(|used| used.range(told - 1..=told + 1).next().is_some())
    }
}

/// Whether something is known of a key without an event.
fn is_silent(event: &Event) -> bool {
    event.annotations.contains_key(SILENT)
}

fn quarter(at: Timestamp) -> i64 {
    at.as_second().div_euclid(ROUGHLY.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::{Action, Actor, Outcome, Stage, Touch};
    use crate::graph::{Address, CanaryId, ProviderId};

    fn event(key: &str, minute: i64) -> Event {
        Event {
            provider: ProviderId::new("cloud"),
            id: format!("{key} {minute}"),
            stage: Stage::Complete,
            at: Some(Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minute)),
            stage_at: None,
            actor: Actor {
                credential: Credential::AccessKey(key.to_owned()),
                ..Actor::default()
            },
            acting_as: None,
            action: Action::default(),
            outcome: Outcome::default(),
            mentions: BTreeSet::new(),
            annotations: BTreeMap::new(),
            gives: BTreeSet::new(),
            request_body: None,
            response_body: None,
            defects: Vec::new(),
        }
    }

    fn silent(mut event: Event) -> Event {
        event.annotations.insert(SILENT.to_owned(), String::new());
        event
    }

    fn making(by: &str, key: &str) -> Event {
        let mut event = event(by, 0);
        event.gives.insert(Mention::Credential(key.to_owned()));
        event
    }

    fn touches(grade: Grade) -> Touches {
        let address = Address::of(CanaryId::new("user", "a"));
        [Touch { address, grade }].into_iter().collect()
    }

    #[test]
    fn a_use_is_told_by_an_event_of_its_quarter_of_an_hour_or_of_one_beside_it() {
        let mut keys = Keys::default();
        keys.learn(&event("A", 50), &touches(Grade::Use));
        for (minute, is_told) in [(29, false), (30, true), (60, true), (74, true), (75, false)] {
            assert_eq!(
                keys.is_told(&silent(event("A", minute))),
                is_told,
                "{minute}"
            );
        }
        assert!(!keys.is_told(&silent(event("B", 50))));
        // What has an event is told by itself.
        assert!(!keys.is_told(&event("A", 50)));
    }

    #[test]
    fn the_making_of_a_key_is_told_by_its_event_and_by_nothing_else() {
        let mut keys = Keys::default();
        keys.learn(&silent(making("", "X")), &touches(Grade::Named));
        keys.learn(&making("theirs", "Y"), &Touches::default());
        assert!(!keys.is_told(&silent(making("", "X"))));
        assert!(!keys.is_told(&silent(making("", "Y"))));
        keys.learn(&making("theirs", "X"), &touches(Grade::Named));
        assert!(keys.is_told(&silent(making("", "X"))));
    }

    #[test]
    fn somebody_who_makes_many_keys_fills_nothing() {
        let mut keys = Keys::default();
        for number in 0..MADE + 7 {
            keys.learn(
                &making("theirs", &number.to_string()),
                &touches(Grade::Named),
            );
        }
        assert_eq!(keys.made.len(), MADE);
    }
}
