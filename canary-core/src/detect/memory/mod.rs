//! What a judge remembers of the events it saw. Bounded, and kept across restarts.

mod given;
mod keys;

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub(crate) use keys::ROUGHLY;

use self::given::Given;
use self::keys::Keys;
use super::homes::Homes;
use super::{Event, Grade, Mention, Outcome, OutcomeClass, Stage, Touches};

/// As long as one of our own ids can be proven: within five minutes of its making, by two clocks. Beyond, a copy proves
/// nothing by itself.
const OWN_ID: SignedDuration = SignedDuration::from_mins(15);
/// So many may be past that before they are forgotten.
const OWN_IDS: usize = 4096;
/// A cluster has some hundred watches on Secrets and ConfigMaps.
const WATCHES: usize = 20_000;
/// Requests whose stages come out of order do so within a batch of a log.
const STAGES: usize = 20_000;
/// Touches that wait do so for seconds.
const HELD: usize = 10_000;
/// As many readers of one canary as are told with an alert.
const OTHERS: usize = 8;
/// A collection as a whole, each namespace of it, and a selector here and there: the latest of them.
const READ_TOGETHER: usize = 256;

/// Principals of which refusals are remembered, and how many of each.
const REFUSED: usize = 4096;
const REFUSALS: usize = 16;
/// Somebody who looks around takes minutes.
const SHORTLY: SignedDuration = SignedDuration::from_mins(10);

/// What a touch waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) enum Awaits {
    /// What it may be the consequence of.
    #[default]
    Cause,
    /// The rest of its own request: whether it was let through, whether a watch was still open.
    Rest,
}

/// What stands before the moment in a sentence that grows old: of those that are the same before it, the latest counts.
pub(crate) const LAST_ON: &str = ", last on ";

/// A touch that waits.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(super) struct Held {
    #[serde(default)]
    pub(super) awaits: Awaits,
    pub(super) event: Event,
    pub(super) touches: Touches,
    /// Until when, in event time.
    pub(super) until: Timestamp,
    /// Since when, by the wall clock.
    pub(super) ticking: Option<Timestamp>,
}

/// Canaries that are read together, with who reads them by a reviewed entry.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Excused {
    touches: Touches,
    readers: BTreeMap<String, Reader>,
}

/// An excused reader of canaries.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Reader {
    count: u64,
    last: Option<Timestamp>,
    reason: String,
}

/// Something that somebody was refused.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Refusal {
    at: Timestamp,
    resource: String,
}

/// What was learned.
#[derive(Clone, Default, Debug, Serialize, Deserialize)]
pub(super) struct Memory {
    /// Our own audit ids with the moment that each came in with.
    own_ids: BTreeMap<String, Timestamp>,
    /// Watches of collections that have not ended, by request.
    watches: BTreeMap<String, Event>,
    pub(super) held: Vec<Held>,
    /// The latest stage of requests that touched something, by request.
    #[serde(default)]
    stages: BTreeMap<String, Stage>,
    /// The latest moment of any event.
    latest: Option<Timestamp>,
    /// What a principal was refused, the latest of it.
    #[serde(default)]
    refused: BTreeMap<String, VecDeque<Refusal>>,
    /// Who reads canaries by a reviewed entry.
    #[serde(default)]
    excused: Vec<Excused>,
    /// Identities that somebody was given who asked with a canary's.
    #[serde(default)]
    pub(super) given: Given,
    /// What events told of keys.
    #[serde(default)]
    pub(super) keys: Keys,
    /// Where pods' tokens come from.
    #[serde(default)]
    pub(super) homes: Homes,
}

impl Memory {
    /// Learns which watches are open, and who was refused what.
    pub(super) fn learn(&mut self, event: &Event) {
        self.learn_refusal(event);
        let covers = |mention: &Mention| matches!(mention, Mention::Collection { .. });
        if event.action.verb != "watch" || !event.mentions.iter().any(covers) {
            return;
        }
        match event.stage {
            Stage::Started if is_allowed(&event.outcome) => {
                if self.watches.len() >= WATCHES {
                    self.watches.pop_first();
                }
                self.watches.insert(request(event), event.clone());
            }
            Stage::Complete | Stage::Panic => {
                self.watches.remove(&request(event));
            }
            Stage::Started | Stage::Received | Stage::Unknown => {}
        }
    }

    /// Whoever asks for another identity with a canary's goes on with that.
    pub(super) fn learn_identities(&mut self, event: &Event, touches: &Touches) {
        if event.gives.is_empty() {
            return;
        }
        for touch in touches.iter().filter(|touch| touch.grade == Grade::Use) {
            for mention in &event.gives {
                self.given.add(mention.clone(), touch.address.clone());
            }
        }
    }

    fn learn_refusal(&mut self, event: &Event) {
        let name = &event.actor.identity.name;
        let (Some(at), OutcomeClass::Denied) = (event.at, event.outcome.class()) else {
            return;
        };
        if event.actor.identity.is_anonymous() || event.action.resource.is_empty() {
            return;
        }
        if self.refused.len() >= REFUSED && !self.refused.contains_key(name) {
            self.refused.pop_first();
        }
        let all = self.refused.entry(name.clone()).or_default();
        let refusal = Refusal {
            at,
            resource: event.action.resource.clone(),
        };
        if !all.contains(&refusal) {
            all.push_back(refusal);
        }
        if all.len() > REFUSALS {
            all.pop_front();
        }
    }

    /// Whether the principal was refused another kind shortly before.
    pub(super) fn was_refused_others(&self, event: &Event) -> bool {
        let Some(at) = event.at else {
            return false;
        };
        self.refused
            .get(&event.actor.identity.name)
            .into_iter()
            .flatten()
            .any(|refusal| {
                refusal.resource != event.action.resource
                    && refusal.at <= at
                    && at.duration_since(refusal.at) <= SHORTLY
            })
    }

    pub(super) fn open_watches(&self) -> impl Iterator<Item = &Event> {
        self.watches.values()
    }

    /// Event time goes on; it never goes back.
    pub(super) fn goes_on(&mut self, now: Option<Timestamp>) {
        self.latest = self.latest.max(now);
    }

    /// The latest moment of any event.
    pub(super) fn latest(&self) -> Option<Timestamp> {
        self.latest
    }

    pub(super) fn is_before(&self, moment: Timestamp) -> bool {
        self.latest.is_none_or(|latest| latest <= moment)
    }

    /// Keeps a touch that waits; gives it back when there are too many, so that none is lost.
    pub(super) fn hold(&mut self, held: Held) -> Option<Held> {
        if self.held.iter().any(|other| other.event == held.event) {
            return None;
        }
        if self.held.len() >= HELD {
            return Some(held);
        }
        self.held.push(held);
        None
    }

    /// A request that touched something went on to this stage: what waits for that has come.
    pub(super) fn went_on(&mut self, event: &Event) {
        let request = request(event);
        self.held.retain(|held| {
            held.awaits != Awaits::Rest
                || held.event.stage >= event.stage
                || self::request(&held.event) != request
        });
        if self.stages.len() >= STAGES && !self.stages.contains_key(&request) {
            self.stages.pop_first();
        }
        let latest = self.stages.entry(request).or_insert(event.stage);
        *latest = event.stage.max(*latest);
    }

    /// Whether a later stage of the same request was seen.
    pub(super) fn has_gone_on(&self, event: &Event) -> bool {
        let latest = self.stages.get(&request(event));
        latest.is_some_and(|latest| *latest > event.stage)
    }

    pub(super) fn is_first_arrival(&mut self, id: &str, at: Timestamp) -> bool {
        if self.own_ids.len() >= OWN_IDS {
            let oldest = self.latest.unwrap_or(at) - OWN_ID;
            self.own_ids.retain(|_, at| *at >= oldest);
        }
        *self.own_ids.entry(id.to_owned()).or_insert(at) == at
    }

    pub(super) fn excused_reading(&mut self, event: &Event, touches: &Touches, reason: &str) {
        let known = self.excused.iter().position(|one| one.touches == *touches);
        let place = known.unwrap_or_else(|| {
            if self.excused.len() >= READ_TOGETHER {
                self.excused.remove(0);
            }
            self.excused.push(Excused {
                touches: touches.clone(),
                readers: BTreeMap::new(),
            });
            self.excused.len() - 1
        });
        let Excused {
            touches: known,
            readers,
        } = &mut self.excused[place];
        // After a restart they are equal first; from then on they are the same.
        known.clone_from(touches);
        let name = &event.actor.identity.name;
        if readers.len() >= OTHERS && !readers.contains_key(name) {
            return;
        }
        let reader = readers.entry(name.clone()).or_insert_with(|| Reader {
            count: 0,
            last: None,
            reason: reason.to_owned(),
        });
        reader.count += 1;
        reader.last = reader.last.max(event.at);
    }

    /// Who else reads what was touched, a sentence each.
    pub(super) fn others(&self, event: &Event, touches: &Touches) -> Vec<String> {
        let mut all: BTreeMap<&str, (u64, Option<Timestamp>, &str)> = BTreeMap::new();
        let read = |excused: &&Excused| excused.touches.meet(touches);
        for (name, reader) in self
            .excused
            .iter()
            .filter(read)
            .flat_map(|one| &one.readers)
        {
            let entry = all.entry(name).or_insert((0, None, &reader.reason));
            entry.0 += reader.count;
            entry.1 = entry.1.max(reader.last);
        }
        all.into_iter()
            .filter(|(name, _)| *name != event.actor.identity.name)
            .take(OTHERS)
            .map(|(name, (count, last, reason))| {
                let last = last.map_or_else(String::new, |at| {
                    format!("{LAST_ON}{}", at.strftime("%Y-%m-%d %H:%M:%SZ"))
                });
                format!("read among others by {name}{last}, excused {count} times: {reason}")
            })
            .collect()
    }
}

fn is_allowed(outcome: &Outcome) -> bool {
    outcome.code.is_none_or(|code| (200..300).contains(&code))
}

/// A request as a key of what is kept as JSON.
fn request(event: &Event) -> String {
    let key = event.request();
    key.iter().map(|byte| format!("{byte:02x}")).collect()
}
