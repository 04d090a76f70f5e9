//! A site in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;

use super::clock::yield_now;
use super::{Fault, Faults, When};
use crate::apply::{Call, Clock, Content, Found, Made, Realize, RealizeError};
use crate::disguise::Digester;
use crate::graph::{Handle, ProviderId};
use crate::ledger::{OutputValue, Verb};
use crate::observe::{
    Gap, Grant, Look, Object, Observe, Observed, Place, Reason, Scope, Seen, Site, Version,
};

/// Something in the world.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Thing {
    /// Unlike any other, ever.
    pub uid: String,
    /// Changes with every write.
    pub revision: u64,
    /// When it was made.
    pub created: Timestamp,
    /// Its content.
    pub fields: BTreeMap<String, Content>,
}

#[derive(Debug, Default)]
struct Inside {
    things: BTreeMap<Handle, Thing>,
    tokens: u64,
    clock: u64,
    writes: u64,
    reads: u64,
    full_reads: u64,
    late: Vec<Call>,
    faults: Faults,
    killed: bool,
    hidden: BTreeSet<Scope>,
    grants: BTreeSet<Grant>,
    asked_for_rights: u64,
    written: BTreeMap<Handle, u64>,
}

/// A site in memory: things with names, content and versions, and badges that leave no object.
pub struct World {
    inside: Mutex<Inside>,
    clock: Arc<dyn Clock>,
    site: String,
}

impl World {
    /// An empty world at this site.
    #[must_use]
    pub fn new(site: &str, clock: Arc<dyn Clock>) -> Self {
        Self {
            inside: Mutex::default(),
            clock,
            site: site.into(),
        }
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The provider's name.
    #[must_use]
    pub fn provider() -> ProviderId {
        ProviderId::new("world")
    }

    /// Lets things go wrong; counting of writes begins anew.
    pub fn with_faults(&self, faults: Faults) {
        let mut inside = self.inside();
        inside.faults = faults;
        inside.writes = 0;
        inside.killed = false;
    }

    /// True once a fault killed us. Whoever waits for an answer then waits for ever.
    #[must_use]
    pub fn killed(&self) -> bool {
        self.inside().killed
    }

    /// Everything that is there.
    #[must_use]
    pub fn things(&self) -> BTreeMap<Handle, Thing> {
        self.inside().things.clone()
    }

    /// Writes since the faults were set.
    #[must_use]
    pub fn writes(&self) -> u64 {
        self.inside().writes
    }

    /// Reads of single things in full, ever.
    #[must_use]
    pub fn full_reads(&self) -> u64 {
        self.inside().full_reads
    }

    /// How often each name was written, ever.
    #[must_use]
    pub fn written(&self) -> BTreeMap<Handle, u64> {
        self.inside().written.clone()
    }

    /// Somebody else makes or changes a thing.
    pub fn put(&self, handle: Handle, fields: BTreeMap<String, Content>) {
        let now = self.clock.now();
        self.inside().put(handle, fields, now);
    }

    /// Somebody else removes a thing.
    pub fn remove(&self, handle: &Handle) {
        self.inside().things.remove(handle);
    }

    /// Somebody else gives rights.
    pub fn grant(&self, grant: Grant) {
        self.inside().grants.insert(grant);
    }

    /// How often rights were asked for, ever.
    #[must_use]
    pub fn asked_for_rights(&self) -> u64 {
        self.inside().asked_for_rights
    }

    /// From now on nobody can look there.
    pub fn hide(&self, scope: Scope) {
        self.inside().hidden.insert(scope);
    }

    /// Everybody can look everywhere.
    pub fn unhide(&self) {
        self.inside().hidden.clear();
    }
}

impl Inside {
    fn tick(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    fn put(&mut self, handle: Handle, fields: BTreeMap<String, Content>, now: Timestamp) -> Thing {
        let revision = self.tick();
        let thing = match self.things.get(&handle) {
            Some(there) => Thing {
                revision,
                fields,
                ..there.clone()
            },
            None => Thing {
                uid: format!("uid-{revision}"),
                revision,
                created: now,
                fields,
            },
        };
        self.things.insert(handle, thing.clone());
        thing
    }

    fn write(&mut self, call: &Call, now: Timestamp) -> Result<Made, RealizeError> {
        let handle = call.handle.clone();
        *self.written.entry(handle.clone()).or_default() += 1;
        if handle.kind == "Badge" {
            return Ok(self.badge(call));
        }
        let there = self.things.get(&handle);
        let unmoved = |thing: &Thing| call.have.as_ref() == Some(&version(thing));
        match (call.verb, there) {
            (Verb::Create, Some(_)) => Err(RealizeError::Exists { handle }),
            (Verb::Update, None) => Err(RealizeError::Changed { handle }),
            (Verb::Delete, None) => Ok(Made::default()),
            (Verb::Update | Verb::Delete, Some(thing)) if !unmoved(thing) => {
                Err(RealizeError::Changed { handle })
            }
            (Verb::Delete, Some(_)) => {
                self.things.remove(&handle);
                Ok(Made::default())
            }
            (Verb::Create | Verb::Update, _) => {
                let thing = self.put(handle, call.content.clone(), now);
                Ok(outputs(Made {
                    object: Some(object(&thing, Some(&call.digester))),
                    ..Made::default()
                }))
            }
        }
    }

    fn badge(&mut self, call: &Call) -> Made {
        if call.verb == Verb::Delete {
            return Made::default();
        }
        self.tokens += 1;
        let number = self.tokens;
        Made::default()
            .with("number", OutputValue::Public(format!("badge-{number}")))
            .with(
                "secret",
                OutputValue::Secret(
                    format!("badge-secret-{number}-of-{}", call.handle.name).into(),
                ),
            )
    }
}

fn version(thing: &Thing) -> Version {
    Version {
        uid: thing.uid.clone(),
        revision: thing.revision.to_string(),
    }
}

fn outputs(made: Made) -> Made {
    match made
        .object
        .as_ref()
        .map(|object| object.version.uid.clone())
    {
        Some(uid) => made.with("uid", OutputValue::Public(uid)),
        None => made,
    }
}

fn object(thing: &Thing, digester: Option<&Digester>) -> Object {
    let seen = |content: &Content, digester: &Digester| match content {
        Content::Public(text) => Seen::Public(text.clone()),
        Content::Secret(bytes) => Seen::Digest(digester.digest(bytes.expose())),
    };
    Object {
        created: Some(thing.created),
        field_names: thing.fields.keys().cloned().collect(),
        fields: digester.map(|digester| {
            thing
                .fields
                .iter()
                .map(|(name, content)| (name.clone(), seen(content, digester)))
                .collect()
        }),
        ..Object::of(version(thing))
    }
}

#[async_trait]
impl Observe for World {
    async fn site(&self) -> Result<Site, Gap> {
        self.inside().reads += 1;
        Ok(Site {
            id: self.site.clone(),
            name: "world".into(),
            ..Site::default()
        })
    }

    async fn principal(&self) -> Option<String> {
        Some("operator".into())
    }

    async fn observe(&self, look: &Look) -> Observed {
        let mut inside = self.inside();
        let provider = Self::provider();
        let mut observed = Observed {
            at: look.at,
            ..Observed::default()
        };
        if !look.rights_of.is_empty() {
            inside.asked_for_rights += 1;
            let grants = inside.grants.clone();
            observed.grants.insert(provider.clone(), grants);
        }
        for scope in &look.scopes {
            inside.reads += 1;
            observed.requests += 1;
            if inside.hidden.contains(scope) {
                observed.gaps.push(Gap {
                    provider: provider.clone(),
                    place: Place::Neighbours(scope.clone()),
                    reason: Reason::Forbidden,
                    detail: String::new(),
                });
                continue;
            }
            observed
                .listed
                .entry(provider.clone())
                .or_default()
                .insert(scope.clone());
            let objects = observed.objects.entry(provider.clone()).or_default();
            for (handle, thing) in inside.things.iter().filter(|(h, _)| Scope::of(h) == *scope) {
                objects.insert(handle.clone(), object(thing, None));
            }
        }
        for handle in look.handles() {
            if inside.hidden.contains(&Scope::of(handle)) {
                continue;
            }
            let Some(thing) = inside.things.get(handle).cloned() else {
                observed
                    .absent
                    .entry(provider.clone())
                    .or_default()
                    .insert(handle.clone());
                continue;
            };
            let moved = look
                .known
                .get(handle)
                .is_some_and(|known| known.as_ref() != Some(&version(&thing)));
            let full = moved || look.full.contains(handle);
            if full {
                inside.full_reads += 1;
                observed.requests += 1;
            }
            let seen = object(&thing, full.then_some(&look.digester));
            observed
                .objects
                .entry(provider.clone())
                .or_default()
                .insert(handle.clone(), seen);
        }
        observed
    }
}

#[async_trait]
impl Realize for World {
    async fn realize(&self, call: &Call) -> Result<Made, RealizeError> {
        // Concurrency is real to the caller: every call is pending once.
        yield_now().await;
        let now = self.clock.now();
        let fate = {
            let mut inside = self.inside();
            for late in std::mem::take(&mut inside.late) {
                // Nobody hears what came of it.
                drop(inside.write(&late, now));
            }
            let number = inside.writes;
            inside.writes += 1;
            fate(&mut inside, number, call, now)
        };
        match fate {
            Some(result) => result,
            // Killed: no answer ever comes.
            None => std::future::pending().await,
        }
    }

    async fn find(&self, call: &Call) -> Result<Found, RealizeError> {
        let mut inside = self.inside();
        inside.reads += 1;
        if call.handle.kind == "Badge" {
            return Ok(Found::NothingToFind);
        }
        Ok(match inside.things.get(&call.handle) {
            Some(thing) => Found::There(Box::new(object(thing, Some(&call.digester)))),
            None => Found::Absent,
        })
    }

    async fn outputs_of(&self, _call: &Call, object: &Object) -> Result<Made, RealizeError> {
        Ok(outputs(Made {
            object: Some(object.clone()),
            ..Made::default()
        }))
    }
}

/// What becomes of one write; `None` when we died over it.
fn fate(
    inside: &mut Inside,
    number: u64,
    call: &Call,
    now: Timestamp,
) -> Option<Result<Made, RealizeError>> {
    let handle = call.handle.clone();
    let lost = |detail: &str| {
        Some(Err(RealizeError::Unknown {
            handle: handle.clone(),
            detail: detail.into(),
        }))
    };
    if inside.killed {
        return None;
    }
    match inside.faults.strike(number) {
        None => Some(inside.write(call, now)),
        Some(Fault::Kill(when)) => {
            if when == When::After {
                drop(inside.write(call, now));
            }
            inside.killed = true;
            None
        }
        Some(Fault::Cut(when)) => {
            if when == When::After {
                drop(inside.write(call, now));
            }
            lost("connection closed")
        }
        Some(Fault::Late) => {
            inside.late.push(call.clone());
            lost("no answer in time")
        }
        Some(Fault::Busy(wait)) => Some(Err(RealizeError::Busy {
            handle,
            retry_after: Some(wait),
            detail: "too many requests".into(),
        })),
        Some(Fault::Error(when)) => {
            if when == When::After {
                drop(inside.write(call, now));
            }
            lost("internal error")
        }
        Some(Fault::Taken) => {
            let theirs = BTreeMap::from([("owner".into(), Content::Public("somebody".into()))]);
            if call.verb == Verb::Create && call.handle.kind != "Badge" {
                inside.put(handle, theirs, now);
            }
            Some(inside.write(call, now))
        }
    }
}
