//! From touches to sightings: what is excused, and why; everything else is seen.
//!
//! Only authenticated identity excuses. Never a user agent, an address that the client wrote, an audit id alone, a time
//! window, or a word in a request.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::ground::Grounds;
use super::machinery::{Machinery, Ruling};
use super::memory::{Awaits, Held, Memory};
use super::reader::{Readers, is_by_node};
use super::reading::{BaitReading, readings};
use super::touch::{Grade, Touch, Touches};
use super::tripwires::{ISSUER, Tripwires};
use super::{Attribution, Event, Meaning, Mention, Planted, Stage, Tripwire};
use crate::bait::{Pods, Sessions};
use crate::config::KnownReader;
use crate::disguise::OwnCalls;
use crate::graph::ProviderId;

/// One event that touched canaries and is not excused.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Sighting {
    /// The event.
    pub event: Event,
    /// What it touched.
    pub touches: Touches,
    /// It is about a canary itself, and not about something that names one.
    pub is_of_it: bool,
    /// A pod's token came from where the pod is not. It is told by itself, whatever else the event touched.
    #[serde(default)]
    pub is_stolen: bool,
    /// What makes it worse than its grade alone, in words.
    pub aggravated: BTreeSet<String>,
    /// What else is known that belongs to it: why it is not excused, for whom a node read, who else reads here.
    pub context: BTreeSet<String>,
}

/// Why a touch was excused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Excuse {
    /// Our own call, by its proof.
    OurOwn,
    /// A reviewed entry.
    KnownReader,
    /// The provider's own machinery, by rule.
    Machinery,
    /// A use that its own event told.
    ToldByItsEvent,
    /// It was before the canary was there, or is the creation of it, or after it was buried and the name is another's.
    NotWhileItWasThere,
}

/// Decides about events. Its [`Memory`] is all that it learned from them.
pub struct Judge {
    pub(super) tripwires: Tripwires,
    pub(super) grounds: Grounds,
    readers: Readers,
    machinery: Vec<Box<dyn Machinery>>,
    own: BTreeMap<ProviderId, Own>,
    /// Who creates the canaries of `--planned`.
    pub(super) applied_by: Option<String>,
    pub(super) planned: bool,
    pods: Option<Arc<Attribution>>,
    /// Who was given baits, until somebody takes it in.
    readings: Vec<BaitReading>,
    memory: Memory,
    excused: BTreeMap<Excuse, u64>,
}

/// What tells our own calls to a site from others'.
#[derive(Clone, Default)]
pub struct Own {
    /// Check the proof in identifiers that we chose: ours, and where there is an agent its own, which has another key. None
    /// where there is no key for the site, or it takes none.
    pub calls: Vec<OwnCalls>,
    /// Identifiers that the site itself gave our requests: nobody else can have a request of that name.
    pub requests: BTreeSet<String>,
    /// Whose proven calls are ours.
    pub operators: BTreeSet<String>,
    /// Tells sessions that were begun for pods by their names; `None` where pods are given none.
    pub sessions: Option<BaitSessions>,
}

/// What tells the sessions that pods are given.
#[derive(Clone)]
pub struct BaitSessions {
    /// Reads their names.
    pub sessions: Sessions,
    /// The pods that there were.
    pub pods: Arc<Pods>,
}

impl BaitSessions {
    /// Whether an event is the beginning of such a session. Who asks for one is to be told by who it is.
    fn began(&self, event: &Event, at: Timestamp) -> bool {
        let names = event.gives.iter().filter_map(|given| match given {
            // `AROA…:session`, the unique id of a session.
            Mention::Principal(name) => Some(name.rsplit_once(':')?.1),
            Mention::Object { .. }
            | Mention::Collection { .. }
            | Mention::Under { .. }
            | Mention::Credential(_) => None,
        });
        let mut names = names.filter(|name| !name.contains('/'));
        names.any(|name| self.pods.proves(&self.sessions, name, at))
    }
}

/// The annotation of an event that is the identifier which the site gave the request.
pub const REQUEST: &str = "requestID";

/// The annotation of an event that no log told: only that a key was used by then is known, from whoever issued it.
pub const SILENT: &str = "silent";

/// What a judge is made from.
pub struct Rules {
    /// What is out there.
    pub planted: Vec<Planted>,
    /// Its tripwires.
    pub tripwires: Tripwires,
    /// Reviewed exceptions.
    pub known_readers: Vec<KnownReader>,
    /// What the providers' own machinery does.
    pub machinery: Vec<Box<dyn Machinery>>,
    /// What tells our own calls from others'.
    pub own: BTreeMap<ProviderId, Own>,
    /// The canaries are as configured and nothing was applied by us: the log tells when each came to be.
    pub planned: bool,
    /// With `planned`: creating them and issuing their tokens by this principal is the apply.
    pub applied_by: Option<String>,
    /// What is known of pods; `None` where none has a bait.
    pub pods: Option<Arc<Attribution>>,
}

/// A touch that waits for what it is the consequence of waits so long by the wall clock at most: the rules wait for
/// seconds of event time, and a log that stands still must not keep an alert.
const PATIENCE: SignedDuration = SignedDuration::from_secs(15);
/// The rest of a request is in the same log: a refusal comes within milliseconds, the end of a watch that ended before we
/// looked is read at once.
const PATIENCE_FOR_REST: SignedDuration = SignedDuration::from_secs(2);
/// A request that only came in is refused or let through within milliseconds, by event time; ten seconds cover a loaded
/// server.
const UNANSWERED: SignedDuration = SignedDuration::from_secs(10);

impl Judge {
    /// Judges by these rules.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self {
            grounds: Grounds::new(rules.planted),
            tripwires: rules.tripwires,
            readers: Readers::new(rules.known_readers),
            machinery: rules.machinery,
            own: rules.own,
            applied_by: rules.applied_by,
            planned: rules.planned,
            pods: rules.pods,
            readings: Vec::new(),
            memory: Memory::default(),
            excused: BTreeMap::new(),
        }
    }

    /// What an event means: itself, and what had waited for it. Events come in any order and more than once.
    pub fn judge(&mut self, event: &Event) -> Vec<Sighting> {
        let touches = self.touched(event);
        // What is learned there excuses others, and half a record says half of it.
        if !event.is_cut() {
            self.readers.learn(event);
            for machinery in &mut self.machinery {
                machinery.learn(event, &touches);
            }
        }
        self.memory.learn(event);
        // Who has but the name of a session is perhaps not who has it.
        let proven = if self.memory.given.is_by_name_only(event) {
            self.tripwires.touches(event)
        } else {
            touches.clone()
        };
        self.memory.learn_identities(event, &proven);
        self.memory.keys.learn(event, &touches);
        if !touches.is_empty() {
            self.memory.went_on(event);
        }
        let mut seen = self.release(event.at);
        seen.extend(self.judge_touches(event, touches));
        seen.extend(self.judge_home(event));
        seen
    }

    /// Where it came from: what waited, and itself.
    fn judge_home(&mut self, event: &Event) -> Vec<Sighting> {
        let Some(pods) = self.pods.clone() else {
            return Vec::new();
        };
        self.memory.homes.learn(event);
        let latest = self.memory.latest();
        let mut ripe = self.memory.homes.ripe(latest);
        if self.memory.homes.away(event, &pods).is_some() {
            ripe.extend(self.memory.homes.suspect(event));
        }
        self.stolen(ripe)
    }

    /// Those of suspected uses that are from elsewhere by what is known now.
    fn stolen(&self, suspects: Vec<Event>) -> Vec<Sighting> {
        let is_away = |event: &Event| {
            let pods = self.pods.as_ref();
            pods.is_some_and(|pods| self.memory.homes.away(event, pods).is_some())
        };
        let stolen = suspects.into_iter().filter(is_away);
        stolen
            .map(|event| Sighting {
                aggravated: aggravations(&event),
                event,
                touches: Touches::default(),
                is_of_it: false,
                is_stolen: true,
                context: BTreeSet::new(),
            })
            .collect()
    }

    /// What waited too long by the wall clock, `now`.
    pub fn tick(&mut self, now: Timestamp) -> Vec<Sighting> {
        let mut seen = Vec::new();
        for mut held in std::mem::take(&mut self.memory.held) {
            let since = *held.ticking.get_or_insert(now);
            let patience = match held.awaits {
                Awaits::Cause => PATIENCE,
                Awaits::Rest => PATIENCE_FOR_REST,
            };
            if now.duration_since(since) >= patience {
                seen.extend(self.settle(&held.event, held.touches));
            } else {
                self.memory.held.push(held);
            }
        }
        let suspects = self.memory.homes.tick(now);
        seen.extend(self.stolen(suspects));
        seen
    }

    /// Everything that still waits: the log has ended.
    pub fn finish(&mut self) -> Vec<Sighting> {
        let held = std::mem::take(&mut self.memory.held);
        let mut seen: Vec<Sighting> = held
            .into_iter()
            .filter_map(|held| self.settle(&held.event, held.touches))
            .collect();
        let suspects = self.memory.homes.rest();
        seen.extend(self.stolen(suspects));
        seen
    }

    /// Other canaries are out there now. Watches that are open cover the new ones.
    pub fn replant(
        &mut self,
        planted: Vec<Planted>,
        tripwires: Tripwires,
        own: BTreeMap<ProviderId, Own>,
        pods: Option<Arc<Attribution>>,
    ) -> Vec<Sighting> {
        self.grounds = Grounds::new(planted);
        self.tripwires = tripwires;
        self.own = own;
        self.pods = pods;
        self.look_at_open_watches()
    }

    /// What the watches that are open, as far as is remembered, cover now.
    pub fn look_at_open_watches(&mut self) -> Vec<Sighting> {
        let open: Vec<Event> = self.memory.open_watches().cloned().collect();
        let mut seen = Vec::new();
        for event in open {
            let touches = self.tripwires.touches(&event);
            seen.extend(self.judge_touches(&event, touches));
        }
        // They are open: nothing is to be waited for.
        for held in std::mem::take(&mut self.memory.held) {
            if held.awaits == Awaits::Rest {
                seen.extend(self.settle(&held.event, held.touches));
            } else {
                self.memory.held.push(held);
            }
        }
        seen
    }

    /// What an event touches, by identities too that were had with a canary's.
    fn touched(&self, event: &Event) -> Touches {
        let touches = self.tripwires.touches(event);
        let had = self.memory.given.had_with(event);
        if had.is_empty() {
            return touches;
        }
        let had = had.into_iter().map(|address| Touch {
            address: address.clone(),
            grade: Grade::Use,
        });
        touches.iter().cloned().chain(had).collect()
    }

    fn judge_touches(&mut self, event: &Event, touches: Touches) -> Option<Sighting> {
        if touches.is_empty() {
            return self.damaged(event);
        }
        if self.is_ours(event) {
            return self.excuse(Excuse::OurOwn);
        }
        if self.is_planting(event, &touches) {
            return self.excuse(Excuse::NotWhileItWasThere);
        }
        if self.memory.keys.is_told(event) {
            return self.excuse(Excuse::ToldByItsEvent);
        }
        self.learn_that_it_is_there(event);
        let touches = self.grounds.were_there(touches, event);
        if touches.is_empty() {
            let damaged = self.damaged(event);
            return damaged.or_else(|| self.excuse(Excuse::NotWhileItWasThere));
        }
        let (awaits, until) = match self.awaits_rest(event, &touches) {
            Some(_) if self.memory.has_gone_on(event) => return None,
            Some(until) => (Awaits::Rest, until),
            None => match self.rule(event, &touches) {
                Ruling::Waits(until) => (Awaits::Cause, until),
                Ruling::ByRule | Ruling::Unruled => return self.settle(event, touches),
            },
        };
        if !self.memory.is_before(until) {
            return self.settle(event, touches);
        }
        let held = Held {
            awaits,
            event: event.clone(),
            touches,
            until,
            ticking: None,
        };
        let held = self.memory.hold(held)?;
        self.settle(&held.event, held.touches)
    }

    /// Until when the rest of a request decides: one that only came in may be refused, and a watch from before a canary
    /// was there may have ended before it.
    fn awaits_rest(&self, event: &Event, touches: &Touches) -> Option<Timestamp> {
        if self.grounds.depends_on_its_end(touches, event) {
            return Some(Timestamp::MAX);
        }
        let at = event.at.filter(|_| event.stage == Stage::Received)?;
        Some(at.checked_add(UNANSWERED).unwrap_or(at))
    }

    /// Excused, or seen: there is nothing more to wait for.
    fn settle(&mut self, event: &Event, touches: Touches) -> Option<Sighting> {
        // A damaged record may be of something else than it seems: it is told, whoever it names.
        if event.is_cut() {
            self.learn_readings(event, &touches, false);
            return Some(self.sighting(event.clone(), touches));
        }
        if self.rule(event, &touches) == Ruling::ByRule {
            // Whose node it was may be known later only.
            if is_by_node(event) {
                self.learn_readings(event, &touches, false);
            }
            return self.excuse(Excuse::Machinery);
        }
        if touches.is_covering()
            && let Some(entry) = self.readers.excuses(event)
        {
            self.memory.excused_reading(event, &touches, &entry.reason);
            self.learn_readings(event, &touches, true);
            return self.excuse(Excuse::KnownReader);
        }
        self.learn_readings(event, &touches, false);
        Some(self.sighting(event.clone(), touches))
    }

    fn learn_readings(&mut self, event: &Event, touches: &Touches, is_known: bool) {
        if let Some(pods) = &self.pods {
            self.readings
                .extend(readings(event, touches, pods, is_known));
        }
    }

    /// Who was given what is in pods' baits, since this was last asked: excused or not, a thief may have it from there.
    pub fn take_readings(&mut self) -> Vec<BaitReading> {
        std::mem::take(&mut self.readings)
    }

    fn rule(&self, event: &Event, touches: &Touches) -> Ruling {
        self.machinery
            .iter()
            .map(|machinery| machinery.rule(event, touches, self.grounds.all()))
            .find(|ruling| *ruling != Ruling::Unruled)
            .unwrap_or(Ruling::Unruled)
    }

    /// Touches that waited: excused by what has come, or let go because it did not come in time.
    fn release(&mut self, now: Option<Timestamp>) -> Vec<Sighting> {
        self.memory.goes_on(now);
        let mut seen = Vec::new();
        for held in std::mem::take(&mut self.memory.held) {
            let has_come = held.awaits == Awaits::Cause
                && self.rule(&held.event, &held.touches) == Ruling::ByRule;
            if has_come || !self.memory.is_before(held.until) {
                seen.extend(self.settle(&held.event, held.touches));
            } else {
                self.memory.held.push(held);
            }
        }
        seen
    }

    fn sighting(&self, event: Event, touches: Touches) -> Sighting {
        let mut context: BTreeSet<String> = self
            .machinery
            .iter()
            .flat_map(|machinery| machinery.context(&event, &touches))
            .collect();
        let mut aggravated = aggravations(&event);
        aggravated.extend(self.grounds.is_another(&event, &touches));
        let pods = self.pods.as_ref();
        if let Some((_, from)) = pods.and_then(|pods| self.memory.homes.away(&event, pods)) {
            aggravated.insert(format!(
                "it came from {from}, which is neither its pod's nor its node's: the token is stolen"
            ));
        }
        let reads = matches!(event.action.verb.as_str(), "list" | "watch") && touches.is_covering();
        if reads {
            match self.readers.near_miss(&event) {
                Some(words) => aggravated.extend([words]),
                None => context.extend(["no [[known_reader]] covers this reading".to_owned()]),
            }
        }
        if reads && self.memory.was_refused_others(&event) {
            aggravated.insert("it was refused other kinds shortly before".to_owned());
        }
        context.extend(self.memory.others(&event, &touches));
        context.extend(self.grounds.planted_in(&touches));
        let is_had = !self.memory.given.had_with(&event).is_empty();
        if self.memory.given.is_by_name_only(&event) {
            context.insert(ANOTHER_SESSION.to_owned());
        }
        context.extend(
            self.grounds
                .unknown_key(&event, &touches)
                .filter(|_| !is_had),
        );
        let covers = |mention: &Mention| {
            matches!(mention, Mention::Collection { .. } | Mention::Under { .. })
        };
        let is_of_it =
            event.mentions.iter().any(covers) || self.tripwires.named(&event).next().is_some();
        Sighting {
            event,
            touches,
            is_of_it,
            is_stolen: false,
            aggravated,
            context,
        }
    }

    /// Identities that somebody was given who asked with a canary's: whoever comes with them touches that canary. A source
    /// that passes over what touches nothing has to be told of them.
    #[must_use]
    pub fn derived(&self) -> Vec<Tripwire> {
        let given = self.memory.given.all();
        given
            .map(|(mention, address)| Tripwire {
                mention: mention.clone(),
                meaning: Meaning::Identity,
                address: address.clone(),
                labels: None,
                fields: BTreeMap::new(),
            })
            .collect()
    }

    /// Identities that are [derived](Self::derived), as an earlier reading of the same logs told.
    pub fn learn_derived(&mut self, derived: &[Tripwire]) {
        for one in derived {
            self.memory
                .given
                .add(one.mention.clone(), one.address.clone());
        }
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

    /// Excused touches whose token was issued before the log began.
    #[must_use]
    pub fn unproven(&self) -> u64 {
        self.readers.unproven()
    }

    /// All that was learned, to be kept beside the position in the log.
    ///
    /// # Errors
    /// When it has no JSON form.
    pub fn save(&self) -> serde_json::Result<serde_json::Value> {
        let saved = Saved {
            memory: self.memory.clone(),
            readers: self.readers.memory().clone(),
            machinery: self
                .machinery
                .iter()
                .map(|machinery| machinery.save())
                .collect::<serde_json::Result<_>>()?,
        };
        serde_json::to_value(saved)
    }

    /// Remembers again.
    ///
    /// # Errors
    /// When it is of another form.
    pub fn load(&mut self, saved: serde_json::Value) -> serde_json::Result<()> {
        let saved: Saved = serde_json::from_value(saved)?;
        self.memory = saved.memory;
        self.readers.remember(saved.readers);
        for (machinery, memory) in self.machinery.iter_mut().zip(saved.machinery) {
            machinery.load(memory);
        }
        Ok(())
    }

    fn excuse(&mut self, why: Excuse) -> Option<Sighting> {
        *self.excused.entry(why).or_default() += 1;
        None
    }

    /// By proof and by principal. The same id with another time of arrival is a copy, and is no excuse.
    fn is_ours(&mut self, event: &Event) -> bool {
        let (Some(own), Some(at)) = (self.own.get(&event.provider), event.at) else {
            return false;
        };
        let identity = &event.actor.identity;
        if event.acting_as.is_some() {
            return false;
        }
        // Sessions of a role have many names. The role's is told by whoever authenticates them.
        let roles = identity.extra.get(ISSUER).into_iter().flatten();
        let mut names = roles.chain([&identity.name]);
        let is_ours = names.any(|name| own.operators.contains(name));
        let began = |own: &BaitSessions| own.began(event, at);
        if is_ours && own.sessions.as_ref().is_some_and(began) {
            return true;
        }
        if !own.operators.contains(&identity.name) {
            return false;
        }
        let request = event.annotations.get(REQUEST);
        if request.is_some_and(|request| own.requests.contains(request)) {
            return true;
        }
        let is_proven = own
            .calls
            .iter()
            .any(|calls| calls.proves(&event.id, &event.action.verb, &event.action.uri, at));
        is_proven && self.memory.is_first_arrival(&event.id, at)
    }

    /// A record that is cut or too long may have hidden a touch from us: that is told, whatever else it says.
    fn damaged(&self, event: &Event) -> Option<Sighting> {
        event.is_cut().then(|| Sighting {
            event: event.clone(),
            touches: Touches::default(),
            is_of_it: false,
            is_stolen: false,
            aggravated: aggravations(event),
            context: BTreeSet::new(),
        })
    }
}

#[derive(Serialize, Deserialize)]
struct Saved {
    memory: Memory,
    readers: super::reader::Learned,
    machinery: Vec<serde_json::Value>,
}

/// Said of who has the name of a session that was had with one of ours, and not its key.
const ANOTHER_SESSION: &str = "its session has the name of one that was had with ours, but another key: forged, or another session of that name";

/// What makes a touch worse, told from the event alone.
fn aggravations(event: &Event) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    if event.acting_as.is_some() {
        found.insert("it acted as somebody else".to_owned());
    }
    if !event.defects.is_empty() {
        found.insert("the record is damaged".to_owned());
    }
    found
}
