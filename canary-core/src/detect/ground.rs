//! What was planted when.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::machinery::Ground;
use super::{Credential, Event, Grade, ISSUER, ISSUER_ID, Planted, Stage, Touch, Touches};
use crate::graph::{Address, CanaryId};

/// What was planted is dated by the server, in whole seconds.
const WHOLE_SECOND: SignedDuration = SignedDuration::from_secs(1);

/// So many places of one identity are named.
const HOLDERS: usize = 8;

/// Everything planted, by address.
#[derive(Debug, Default)]
pub(super) struct Grounds {
    by_address: Ground,
    /// Since when all of it is there. A reading of everything touches every canary, and most come when all are there.
    complete: Option<Timestamp>,
    /// What was buried, which is little: only this may be gone.
    gone: BTreeSet<Address>,
    /// When somebody had something that `--planned` does not date: it was there by then.
    had: BTreeMap<Address, Timestamp>,
}

impl Grounds {
    pub(super) fn new(planted: Vec<Planted>) -> Self {
        let mut by_address = Ground::new();
        for planted in planted {
            by_address
                .entry(planted.address.clone())
                .or_default()
                .push(planted);
        }
        let all = || by_address.values().flatten();
        Self {
            complete: all().filter_map(|planted| planted.since).max(),
            gone: all()
                .filter(|planted| planted.buried.is_some())
                .map(|planted| planted.address.clone())
                .collect(),
            had: BTreeMap::new(),
            by_address,
        }
    }

    /// Whether everything was planted by then, as far as the server's dates tell.
    fn was_complete(&self, at: Timestamp) -> bool {
        self.complete
            .is_none_or(|complete| at >= complete - WHOLE_SECOND)
    }

    pub(super) fn all(&self) -> &Ground {
        &self.by_address
    }

    /// The touches that count.
    pub(super) fn were_there(&self, touches: Touches, event: &Event) -> Touches {
        let all_were = event
            .at
            .is_none_or(|at| self.was_complete(ended(event, at)));
        if all_were && !self.may_be_gone(&touches) {
            return touches;
        }
        touches.only(|touch| self.was_there(touch, event))
    }

    /// Whether any of them was buried. Of both lists the shorter is gone through.
    fn may_be_gone(&self, touches: &Touches) -> bool {
        if touches.len() < self.gone.len() {
            return touches
                .iter()
                .any(|touch| self.gone.contains(&touch.address));
        }
        self.gone.iter().any(|gone| touches.has(gone))
    }

    /// A touch counts while the canary was there. One that the log does not create was there before it began. An open
    /// watch goes on after its start, so its start does not matter. An identity is an exception: it cannot be used
    /// before it was given out, whatever two clocks say, and may be used when its object is gone.
    fn was_there(&self, touch: &Touch, event: &Event) -> bool {
        let Some(at) = event.at.filter(|_| touch.grade != Grade::Use) else {
            return true;
        };
        let ended = ended(event, at);
        // What was buried is asked for in vain; who gets something under its name gets another's.
        let in_vain = event
            .outcome
            .code
            .is_some_and(|code| !(200..300).contains(&code));
        self.by_address.get(&touch.address).is_none_or(|all| {
            all.iter().any(|planted| {
                let begun = planted
                    .since
                    .is_none_or(|since| ended >= since - WHOLE_SECOND);
                let over = planted
                    .buried
                    .is_some_and(|buried| at > buried + WHOLE_SECOND);
                begun && (!over || (in_vain && touch.grade == Grade::Named))
            })
        })
    }

    /// What is planted of the canaries whose identity was used.
    fn used<'a>(&'a self, touches: &'a Touches) -> impl Iterator<Item = &'a Planted> {
        let used = touches.iter().filter(|touch| touch.grade == Grade::Use);
        used.filter_map(|touch| self.by_address.get(&touch.address))
            .flatten()
    }

    /// Said of whoever comes under the name of an identity of ours and is another.
    pub(super) fn is_another(&self, event: &Event, touches: &Touches) -> Option<String> {
        let identity = &event.actor.identity;
        let of_session = |key: &str| identity.extra.get(key)?.first().map(String::as_str);
        let names = [Some(identity.name.as_str()), of_session(ISSUER)];
        let of_uid = identity.uid.split(':').next().unwrap_or_default();
        let id = of_session(ISSUER_ID).unwrap_or(of_uid);
        // Only where the log tells identities apart as the ledger does, and by none of ours.
        let has_its_name = |planted: &&Planted| {
            let arn = planted.fields.get("arn");
            let mut names = names.iter().flatten();
            arn.is_some_and(|arn| names.any(|name| is_named(arn, name)))
        };
        let named: Vec<&str> = self
            .used(touches)
            .filter(has_its_name)
            .filter_map(|planted| planted.uid.as_deref())
            .collect();
        let is_one = named.is_empty() || id.is_empty() || named.contains(&id);
        (!is_one).then(|| format!("forged: {id} is not who has that name here"))
    }

    /// Said of a key that was used under an identity of ours and that nobody here made.
    pub(super) fn unknown_key(&self, event: &Event, touches: &Touches) -> Option<String> {
        let Credential::AccessKey(id) = &event.actor.credential else {
            return None;
        };
        let used: BTreeSet<&CanaryId> = self
            .used(touches)
            .map(|planted| planted.address.canary())
            .collect();
        let all = self.by_address.values().flatten();
        let of_them = all.filter(|planted| used.contains(planted.address.canary()));
        // A role's sessions have keys that change.
        let gives_keys = |planted: &Planted| !planted.outputs.is_empty();
        let (mut any, mut known) = (false, false);
        for planted in of_them {
            any |= gives_keys(planted);
            known |= planted.uid.as_ref() == Some(id)
                || planted.outputs.values().any(|output| output == id);
        }
        (any && !known).then(|| {
            format!("{id} is none of the keys that were made here: somebody else gave it one")
        })
    }

    /// Where an identity that was used is planted, a sentence each.
    pub(super) fn planted_in(&self, touches: &Touches) -> Vec<String> {
        let used: BTreeSet<&CanaryId> = touches
            .iter()
            .filter(|touch| touch.grade == Grade::Use)
            .map(|touch| touch.address.canary())
            .collect();
        if used.is_empty() {
            return Vec::new();
        }
        let holds = |planted: &&Planted| {
            let of_others = planted.needs.iter().map(Address::canary);
            of_others
                .filter(|of| *of != planted.address.canary())
                .any(|of| used.contains(of))
        };
        let holders = self.by_address.values().flatten().filter(holds);
        let words: BTreeSet<String> = holders
            .map(|planted| {
                format!(
                    "planted in {}: {}",
                    planted.address.canary(),
                    planted.handle
                )
            })
            .collect();
        words.into_iter().take(HOLDERS).collect()
    }

    /// Whether it depends on the end of a watch what it touched: it began when some of that was not there yet.
    pub(super) fn depends_on_its_end(&self, touches: &Touches, event: &Event) -> bool {
        let is_open = event.action.verb == "watch" && event.stage < Stage::Complete;
        let Some(at) = event.at.filter(|at| is_open && !self.was_complete(*at)) else {
            return false;
        };
        let later =
            |planted: &Planted| planted.since.is_some_and(|since| at < since - WHOLE_SECOND);
        touches.iter().any(|touch| {
            self.by_address
                .get(&touch.address)
                .is_some_and(|all| all.iter().all(later))
        })
    }

    /// Somebody had them at that time: what is made later under their names is not their planting.
    pub(super) fn were_had<'a>(
        &mut self,
        addresses: impl Iterator<Item = &'a Address>,
        at: Timestamp,
    ) {
        for address in addresses {
            let had = self.had.entry(address.clone()).or_insert(at);
            *had = at.min(*had);
            let planted = self.by_address.get_mut(address).into_iter().flatten();
            let is_later =
                |planted: &&mut Planted| planted.since.is_some_and(|s| at < s - WHOLE_SECOND);
            for planted in planted.filter(is_later) {
                planted.since = None;
            }
        }
        self.find_complete();
    }

    fn find_complete(&mut self) {
        let all = self.by_address.values().flatten();
        self.complete = all.filter_map(|planted| planted.since).max();
    }

    /// They came to be at that time, if that was not known, or not that early. Whether it is when one of them came to be.
    pub(super) fn came_to_be<'a>(
        &mut self,
        addresses: impl Iterator<Item = &'a Address>,
        at: Option<Timestamp>,
    ) -> bool {
        // A log tells it to the microsecond; what is allowed for dates in seconds is no part of it.
        let Some(at) = at.and_then(|at| at.checked_add(WHOLE_SECOND).ok()) else {
            return false;
        };
        let mut any = false;
        for address in addresses {
            if self
                .had
                .get(address)
                .is_some_and(|had| *had < at - WHOLE_SECOND)
            {
                continue;
            }
            for planted in self.by_address.get_mut(address).into_iter().flatten() {
                let since = planted.since.get_or_insert(at);
                *since = at.min(*since);
                any |= *since == at;
            }
        }
        self.find_complete();
        any
    }
}

/// Whether they are one name: what a session tells of its role leaves the path out.
fn is_named(full: &str, name: &str) -> bool {
    let parts = |name: &'_ str| {
        let (kind, rest) = name.split_once('/')?;
        Some((kind.to_owned(), rest.rsplit('/').next()?.to_owned()))
    };
    full == name || parts(full).is_some_and(|full| Some(full) == parts(name))
}

/// Until when an event may have touched something.
fn ended(event: &Event, at: Timestamp) -> Timestamp {
    match (event.action.verb.as_str(), event.stage) {
        ("watch", Stage::Complete) => event.stage_at.unwrap_or(at),
        ("watch", _) => Timestamp::MAX,
        _ => at,
    }
}
