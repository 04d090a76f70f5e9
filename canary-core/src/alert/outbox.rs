//! What is still to be delivered, where to. Kept durably beside the position in the log, so that nothing is lost: at
//! least once, merged under a flood and never dropped, and never given up on.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Change;

/// The first pause after a failure, doubled each time.
const FIRST_PAUSE: SignedDuration = SignedDuration::from_secs(1);
/// No pause is longer: a receiver that is back is told within five minutes.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_mins(5);

/// One alert on its way to one sink.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Letter {
    /// It was never delivered there.
    is_new: bool,
    /// Rises with each change, so that what changes while it is under way goes out again.
    version: u64,
    failures: u32,
    /// Not before.
    due: Option<Timestamp>,
}

/// All that is on its way, by sink and by the uid of the alert.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Outbox {
    letters: BTreeMap<String, BTreeMap<String, Letter>>,
}

/// What is to be delivered now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Due {
    /// The alert.
    pub uid: String,
    /// How it is to be told.
    pub change: Change,
    /// Which state of it.
    pub version: u64,
}

impl Outbox {
    /// An alert changed: each of these sinks is to have it.
    pub fn put<'a>(&mut self, sinks: impl IntoIterator<Item = &'a str>, uid: &str, change: Change) {
        for sink in sinks {
            let letters = self.letters.entry(sink.to_owned()).or_default();
            let letter = letters.entry(uid.to_owned()).or_insert(Letter {
                is_new: change == Change::Created,
                version: 0,
                failures: 0,
                due: None,
            });
            letter.version += 1;
        }
    }

    /// What that sink is to have next, at `now`. Those that failed least come first, so that one that is refused holds up
    /// no other.
    #[must_use]
    pub fn due(&self, sink: &str, now: Timestamp) -> Option<Due> {
        let letters = self.letters.get(sink)?;
        let (uid, letter) = letters
            .iter()
            .filter(|(_, letter)| letter.due.is_none_or(|due| due <= now))
            .min_by_key(|(_, letter)| letter.failures)?;
        Some(Due {
            uid: uid.clone(),
            change: if letter.is_new {
                Change::Created
            } else {
                Change::Updated
            },
            version: letter.version,
        })
    }

    /// That sink took it. What changed meanwhile is still to go out.
    pub fn delivered(&mut self, sink: &str, due: &Due) {
        let Some(letters) = self.letters.get_mut(sink) else {
            return;
        };
        if let Some(letter) = letters.get_mut(&due.uid) {
            letter.is_new = false;
            letter.failures = 0;
            letter.due = None;
            if letter.version == due.version {
                letters.remove(&due.uid);
            }
        }
    }

    /// That sink did not take it.
    pub fn failed(&mut self, sink: &str, due: &Due, now: Timestamp) {
        let letter = self
            .letters
            .get_mut(sink)
            .and_then(|letters| letters.get_mut(&due.uid));
        if let Some(letter) = letter {
            // 2^9 s are more than the longest pause.
            let pause = FIRST_PAUSE * (1 << letter.failures.min(9));
            letter.failures = letter.failures.saturating_add(1);
            letter.due = now.checked_add(pause.min(LONGEST_PAUSE)).ok();
        }
    }

    /// Everything is due at once, whatever failed before: who begins anew may find the receivers again.
    pub fn hurry(&mut self) {
        for letter in self.letters.values_mut().flat_map(BTreeMap::values_mut) {
            letter.due = None;
        }
    }

    /// Whether an alert is still on its way.
    #[must_use]
    pub fn has(&self, uid: &str) -> bool {
        self.letters
            .values()
            .any(|letters| letters.contains_key(uid))
    }

    /// How many deliveries are still to be made.
    #[must_use]
    pub fn len(&self) -> usize {
        self.letters.values().map(BTreeMap::len).sum()
    }

    /// Whether everything was delivered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets sinks that are not there any more.
    pub fn retain<'a>(&mut self, sinks: impl IntoIterator<Item = &'a str> + Clone) {
        self.letters
            .retain(|sink, _| sinks.clone().into_iter().any(|known| known == sink));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_793_491_200 + second).unwrap()
    }

    #[test]
    fn what_is_delivered_is_gone_and_what_changed_meanwhile_goes_out_as_an_update() {
        let mut outbox = Outbox::default();
        outbox.put(["soc"], "a", Change::Created);
        let due = outbox.due("soc", at(0)).unwrap();
        assert_eq!(due.change, Change::Created);
        outbox.put(["soc"], "a", Change::Updated);
        outbox.delivered("soc", &due);
        let again = outbox.due("soc", at(0)).unwrap();
        assert_eq!(again.change, Change::Updated);
        outbox.delivered("soc", &again);
        assert!(outbox.is_empty());
    }

    #[test]
    fn a_change_of_what_was_never_delivered_is_still_new() {
        let mut outbox = Outbox::default();
        outbox.put(["soc"], "a", Change::Created);
        outbox.put(["soc"], "a", Change::Updated);
        assert_eq!(outbox.due("soc", at(0)).unwrap().change, Change::Created);
        assert_eq!(outbox.len(), 1);
    }

    #[test]
    fn failures_wait_longer_each_time_hold_up_no_other_and_are_never_given_up() {
        let mut outbox = Outbox::default();
        outbox.put(["soc"], "a", Change::Created);
        let due = outbox.due("soc", at(0)).unwrap();
        let mut now = at(0);
        for _ in 0..40 {
            outbox.failed("soc", &due, now);
            assert_eq!(outbox.due("soc", now), None);
            now += LONGEST_PAUSE;
            assert!(outbox.due("soc", now).is_some());
        }
        outbox.failed("soc", &due, now);
        outbox.hurry();
        assert_eq!(outbox.due("soc", now), Some(due));
        outbox.put(["soc"], "b", Change::Created);
        assert_eq!(outbox.due("soc", now).unwrap().uid, "b");
    }

    #[test]
    fn each_sink_has_its_own() {
        let mut outbox = Outbox::default();
        outbox.put(["soc", "chat"], "a", Change::Created);
        let due = outbox.due("soc", at(0)).unwrap();
        outbox.delivered("soc", &due);
        assert_eq!(outbox.due("soc", at(0)), None);
        assert!(outbox.due("chat", at(0)).is_some());
        outbox.retain(["soc"]);
        assert!(outbox.is_empty());
    }
}
