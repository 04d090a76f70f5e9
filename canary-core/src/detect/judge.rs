//! From touches to sightings: what is excused, and why; everything else is seen.
//!
//! Only authenticated identity excuses. Never a user agent, an address that the client wrote, an audit id alone, a time
//! window, or a word in a request.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::reader::Readers;
use super::touch::{Grade, Touch, Tripwires};
use super::{Credential, Defect, Event, Planted, Stage};
use crate::config::KnownReader;
use crate::disguise::OwnCalls;
use crate::graph::Address;

/// One event that touched canaries and is not excused.
#[derive(Clone, PartialEq, Debug)]
pub struct Sighting {
    /// The event.
    pub event: Event,
    /// What it touched.
    pub touches: Vec<Touch>,
    /// What makes it worse than its grade alone, in words.
    pub aggravated: Vec<&'static str>,
}

/// Why a touch was excused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Excuse {
    /// Our own call, by its proof.
    OurOwn,
    /// A reviewed entry.
    KnownReader,
    /// The control plane's own, by rule.
    ControlPlane,
    /// It was before the canary was there, or is the creation of it.
    BeforeItWasThere,
}

/// What is known beside the tripwires.
pub struct Judge {
    tripwires: Tripwires,
    readers: Readers,
    own: Option<OwnCalls>,
    operators: BTreeSet<String>,
    /// Who creates the canaries of `--planned`.
    applied_by: Option<String>,
    /// When each was planted; from the ledger, or from the log.
    since: BTreeMap<Address, Option<Timestamp>>,
    planned: bool,
    /// Our own audit ids with the moment that each came in with.
    seen_ids: BTreeMap<String, Timestamp>,
    /// The control plane's own readers with what they first came with.
    pinned: BTreeMap<String, (Credential, Option<std::net::IpAddr>)>,
    excused: BTreeMap<Excuse, u64>,
}

/// What a judge is made from.
pub struct Rules {
    /// What is out there.
    pub planted: Vec<Planted>,
    /// Its tripwires.
    pub tripwires: Tripwires,
    /// Reviewed exceptions.
    pub known_readers: Vec<KnownReader>,
    /// Checks the proof of our own calls; `None` where there is no key for this site.
    pub own: Option<OwnCalls>,
    /// Whose proven calls are ours.
    pub operators: BTreeSet<String>,
    /// The canaries are as configured and nothing was applied by us: the log tells when each came to be.
    pub planned: bool,
    /// With `planned`: creating them and issuing their tokens by this principal is the apply.
    pub applied_by: Option<String>,
}

/// The API server and the controllers watch everything by nature; pinned to what they first came with.
const CONTROL_PLANE: &[&str] = &["system:apiserver", "system:kube-controller-manager"];
/// More of our own ids than can come in within the tolerance of their proof.
const REMEMBERED_IDS: usize = 200_000;
/// The controller fills a new token Secret within seconds; a minute covers one that is restarted.
const FILLING: SignedDuration = SignedDuration::from_mins(1);

impl Judge {
    /// Judges by these rules.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        let since = rules
            .planted
            .iter()
            .map(|planted| (planted.address.clone(), planted.since));
        Self {
            since: since.collect(),
            tripwires: rules.tripwires,
            readers: Readers::new(rules.known_readers),
            own: rules.own,
            operators: rules.operators,
            applied_by: rules.applied_by,
            planned: rules.planned,
            seen_ids: BTreeMap::new(),
            pinned: BTreeMap::new(),
            excused: BTreeMap::new(),
        }
    }

    /// What an event means. Events come in any order and more than once.
    pub fn judge(&mut self, event: &Event) -> Option<Sighting> {
        self.readers.learn(event);
        self.pin(event);
        let mut touches = self.tripwires.touches(event);
        if touches.is_empty() {
            return damaged(event);
        }
        if self.is_ours(event) {
            return self.excuse(Excuse::OurOwn);
        }
        if self.is_planting(event, &touches) {
            return self.excuse(Excuse::BeforeItWasThere);
        }
        // An identity cannot be used before it was given out, whatever two clocks say.
        touches.retain(|touch| touch.grade == Grade::Use || self.was_there(touch, event));
        if touches.is_empty() {
            return self.excuse(Excuse::BeforeItWasThere);
        }
        if touches.iter().all(|touch| touch.grade == Grade::Covering) {
            if self.is_control_plane(event) {
                return self.excuse(Excuse::ControlPlane);
            }
            if self.readers.excuses(event).is_some() {
                return self.excuse(Excuse::KnownReader);
            }
        } else if self.is_filling(event, &touches) {
            return self.excuse(Excuse::ControlPlane);
        }
        Some(Sighting {
            aggravated: aggravations(event),
            event: event.clone(),
            touches,
        })
    }

    /// How many touches were excused, by reason.
    #[must_use]
    pub fn excused(&self) -> &BTreeMap<Excuse, u64> {
        &self.excused
    }

    /// How often each reviewed entry excused a touch.
    pub fn readers(&self) -> impl Iterator<Item = (&KnownReader, u64)> {
        self.readers.counts()
    }

    fn excuse(&mut self, why: Excuse) -> Option<Sighting> {
        *self.excused.entry(why).or_default() += 1;
        None
    }

    /// By proof and by principal. The same id with another time of arrival is a copy, and is no excuse.
    fn is_ours(&mut self, event: &Event) -> bool {
        let (Some(own), Some(at)) = (&self.own, event.at) else {
            return false;
        };
        if !self.operators.contains(&event.actor.identity.name)
            || event.acting_as.is_some()
            || !own.proves(&event.id, &event.action.verb, &event.action.uri, at)
        {
            return false;
        }
        if self.seen_ids.len() >= REMEMBERED_IDS {
            self.seen_ids.clear();
        }
        *self.seen_ids.entry(event.id.clone()).or_insert(at) == at
    }

    /// In `--planned`, whoever plants them creates them and has their tokens issued. Learns when that was.
    fn is_planting(&mut self, event: &Event, touches: &[Touch]) -> bool {
        if !self.planned {
            return false;
        }
        let creates =
            event.action.verb == "create" && event.outcome.code.is_none_or(|code| code < 300);
        let by = self.applied_by.as_deref();
        if !creates || by.is_some_and(|by| by != event.actor.identity.name) {
            return false;
        }
        if event.action.subresource == "token" {
            return by.is_some();
        }
        if !event.action.subresource.is_empty() {
            return false;
        }
        let mut is_first = false;
        for touch in touches
            .iter()
            .filter(|touch| touch.grade != Grade::Covering)
        {
            if let Some(since @ None) = self.since.get_mut(&touch.address) {
                *since = event.at;
                is_first = true;
            }
        }
        is_first || by.is_some()
    }

    /// A touch counts from the moment the canary was there. A canary that the log does not create was there before it
    /// began. An open watch goes on after its start, so its start does not matter.
    fn was_there(&self, touch: &Touch, event: &Event) -> bool {
        let (Some(Some(since)), Some(at)) = (self.since.get(&touch.address), event.at) else {
            return true;
        };
        let ended = match (event.action.verb.as_str(), event.stage) {
            ("watch", Stage::Complete) => event.stage_at.unwrap_or(at),
            ("watch", _) => Timestamp::MAX,
            _ => at,
        };
        // What was planted is dated by the server, in whole seconds.
        ended >= *since - SignedDuration::from_secs(1)
    }

    fn pin(&mut self, event: &Event) {
        let name = &event.actor.identity.name;
        if CONTROL_PLANE.contains(&name.as_str()) && !self.pinned.contains_key(name) {
            let first = (event.actor.credential.clone(), event.actor.address);
            self.pinned.insert(name.clone(), first);
        }
    }

    /// The same name with another credential or from another address is somebody with a stolen one.
    fn comes_as_pinned(&self, event: &Event) -> bool {
        let now = (event.actor.credential.clone(), event.actor.address);
        self.pinned.get(&event.actor.identity.name) == Some(&now) && event.acting_as.is_none()
    }

    fn is_control_plane(&self, event: &Event) -> bool {
        let from_loopback = event
            .actor
            .address
            .is_some_and(|address| address.is_loopback());
        let name = event.actor.identity.name.as_str();
        self.comes_as_pinned(event)
            && matches!(event.action.verb.as_str(), "list" | "watch")
            && (name != "system:apiserver" || from_loopback)
    }

    /// The token controller reads and fills a token Secret that was just made.
    fn is_filling(&self, event: &Event, touches: &[Touch]) -> bool {
        let just_made = |touch: &Touch| {
            let since = self.since.get(&touch.address).copied().flatten();
            match (since, event.at) {
                (Some(since), Some(at)) => at.duration_since(since).abs() <= FILLING,
                _ => false,
            }
        };
        event.actor.identity.name == "system:kube-controller-manager"
            && self.comes_as_pinned(event)
            && matches!(event.action.verb.as_str(), "get" | "update")
            && event.action.resource == "secrets"
            && touches.iter().all(just_made)
    }
}

/// A record that is cut or too long may have hidden a touch from us: that is told, whatever else it says.
fn damaged(event: &Event) -> Option<Sighting> {
    let hides = |defect: &Defect| matches!(defect, Defect::Cut | Defect::Oversize);
    event.defects.iter().any(hides).then(|| Sighting {
        event: event.clone(),
        touches: Vec::new(),
        aggravated: aggravations(event),
    })
}

/// What makes a touch worse, told from the event alone.
fn aggravations(event: &Event) -> Vec<&'static str> {
    let mut found = Vec::new();
    if event.acting_as.is_some() {
        found.push("it acted as somebody else");
    }
    if !event.defects.is_empty() {
        found.push("the record is damaged");
    }
    found
}
