//! From a step to its calls, and from what they gave to what is known.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Call, Content, Made};
use crate::disguise::Digester;
use crate::graph::{Address, Desired, Input, Lifetime, Resource};
use crate::ledger::{Effect, Intent, Ledger, Origin, Outputs, Record, Verb, removed, tombstone};
use crate::observe::{Seen, Site, Version, shifted};
use crate::plan::{Action, Step};

/// One call of a step.
#[derive(Clone, Debug)]
pub(super) struct Stage {
    pub(super) verb: Verb,
    pub(super) have: Option<Version>,
}

/// The calls of a step, in order. A step that only changes the ledger has none.
pub(super) fn stages(step: &Step) -> Vec<Stage> {
    let stage = |verb, have: Option<&Version>| Stage {
        verb,
        have: have.cloned(),
    };
    match &step.action {
        Action::Create { .. } => vec![stage(Verb::Create, None)],
        Action::Update { have, .. } => vec![stage(Verb::Update, Some(have))],
        Action::Replace { have: None, .. } => vec![stage(Verb::Create, None)],
        Action::Replace { have, .. } => vec![
            stage(Verb::Delete, have.as_ref()),
            stage(Verb::Create, None),
        ],
        Action::Delete { have, .. } => vec![stage(Verb::Delete, have.as_ref())],
        Action::Keep
        | Action::Forget
        | Action::Retire { .. }
        | Action::Reinstate { .. }
        | Action::Blocked(_) => Vec::new(),
    }
}

/// What a step that only changes the ledger changes in it.
pub(super) fn ledger_effects(
    step: &Step,
    ledger: &Ledger,
    keep: SignedDuration,
    now: Timestamp,
) -> Vec<Effect> {
    match &step.action {
        Action::Reinstate { to } => vec![Effect::Rename {
            from: step.address.clone(),
            to: to.clone(),
            lifetime: Lifetime::Current,
        }],
        Action::Retire { from, .. } => vec![Effect::Rename {
            from: from.clone(),
            to: step.address.clone(),
            lifetime: step.lifetime,
        }],
        Action::Forget => ledger
            .records
            .get(&step.address)
            .map_or_else(Vec::new, |record| removed(record, now, keep)),
        Action::Keep
        | Action::Create { .. }
        | Action::Update { .. }
        | Action::Replace { .. }
        | Action::Delete { .. }
        | Action::Blocked(_) => Vec::new(),
    }
}

/// Everything that calls are made from.
pub(super) struct Maker<'a> {
    pub(super) desired: &'a Desired,
    pub(super) digesters: &'a BTreeMap<crate::graph::ProviderId, Digester>,
    pub(super) operators: &'a BTreeMap<crate::graph::ProviderId, String>,
    pub(super) sites: &'a BTreeMap<crate::graph::ProviderId, Site>,
    pub(super) timeout: Duration,
}

impl Maker<'_> {
    /// The call for a stage, with its intent. `None` when an output that it needs is not known, or nobody can digest.
    pub(super) fn call(
        &self,
        step: &Step,
        stage: &Stage,
        ledger: &Ledger,
        now: Timestamp,
    ) -> Option<(Call, Intent)> {
        let digester = self.digesters.get(&step.provider)?;
        let resource = self.desired.get(&step.address);
        let earlier = ledger.records.get(&step.address);
        // What makes room for its successor is called otherwise than that.
        let handle = match (stage.verb, earlier) {
            (Verb::Delete, Some(earlier)) => &earlier.handle,
            _ => &step.handle,
        };
        let content = match (stage.verb, resource) {
            (Verb::Delete, _) => BTreeMap::new(),
            (Verb::Create | Verb::Update, Some(resource)) => content(resource, ledger)?,
            (Verb::Create | Verb::Update, None) => return None,
        };
        let call = Call {
            verb: stage.verb,
            address: step.address.clone(),
            handle: handle.clone(),
            have: stage.have.clone(),
            written: step
                .choice
                .as_ref()
                .and_then(|choice| choice.written.clone()),
            digester: digester.clone(),
            timeout: self.timeout,
            content,
        };
        let record = match (stage.verb, resource, earlier) {
            (Verb::Delete, _, Some(record)) => record.clone(),
            (Verb::Create | Verb::Update, Some(resource), earlier) => {
                self.record(step, resource, &call, earlier, now)
            }
            (Verb::Delete, _, None) | (Verb::Create | Verb::Update, None, _) => return None,
        };
        let intent = Intent {
            address: step.address.clone(),
            provider: step.provider.clone(),
            handle: handle.clone(),
            verb: stage.verb,
            have: stage.have.clone(),
            record,
            at: now,
            offset_ms: self
                .sites
                .get(&step.provider)
                .map(|site| site.clock_offset_ms),
        };
        Some((call, intent))
    }

    fn record(
        &self,
        step: &Step,
        resource: &Resource,
        call: &Call,
        earlier: Option<&Record>,
        now: Timestamp,
    ) -> Record {
        let planted = match (call.verb, earlier) {
            (Verb::Update, Some(earlier)) => earlier.planted,
            // The site's own clock dates its audit records too.
            _ => self
                .sites
                .get(&step.provider)
                .map_or(now, |site| site.time(now)),
        };
        let outputs = match (call.verb, earlier) {
            (Verb::Update, Some(earlier)) => earlier.outputs.clone(),
            _ => Outputs::new(),
        };
        Record {
            address: step.address.clone(),
            provider: step.provider.clone(),
            handle: step.handle.clone(),
            generation: resource.generation,
            version: None,
            fields: digests(resource, call),
            added: BTreeSet::new(),
            outputs,
            written: call.written.clone(),
            born: step.choice.as_ref().map_or(now, |choice| choice.born),
            planted,
            rewritten: None,
            expires: None,
            applied_by: self.operators.get(&step.provider).cloned(),
            needs: resource.needs(),
            lifetime: resource.lifetime,
            active: resource.active,
            origin: Origin::Made,
        }
    }
}

fn digests(resource: &Resource, call: &Call) -> BTreeMap<String, Seen> {
    call.content
        .iter()
        .map(|(name, content)| {
            let seen = match (resource.fields.get(name), content) {
                (Some(Input::Public(_)), Content::Public(text)) => Seen::Public(text.clone()),
                _ => Seen::Digest(call.digester.digest(content.expose())),
            };
            (name.clone(), seen)
        })
        .collect()
}

fn content(resource: &Resource, ledger: &Ledger) -> Option<BTreeMap<String, Content>> {
    let outputs: BTreeMap<Address, &Outputs> = resource
        .needs()
        .into_iter()
        .filter_map(|need| Some((need.clone(), &ledger.records.get(&need)?.outputs)))
        .collect();
    let mut content = BTreeMap::new();
    for (name, input) in &resource.fields {
        let value = match input {
            Input::Public(text) => Content::Public(text.clone()),
            Input::Secret(bytes) => Content::Secret(bytes.clone()),
            Input::Join(pieces) => {
                let bytes = crate::plan::join(pieces, &outputs)?;
                Content::Secret(crate::value::SecretBytes::new(bytes.as_slice()))
            }
        };
        content.insert(name.clone(), value);
    }
    Some(content)
}

/// What is known once a call is done.
pub(super) fn effects(
    intent: &Intent,
    made: Made,
    ledger: &Ledger,
    keep: SignedDuration,
    now: Timestamp,
) -> Vec<Effect> {
    let earlier = ledger.records.get(&intent.address);
    match intent.verb {
        Verb::Delete => earlier.map_or_else(Vec::new, |record| removed(record, now, keep)),
        Verb::Create | Verb::Update => {
            let mut record = intent.record.clone();
            if let Some(object) = made.object {
                if let Some(fields) = object.fields {
                    let sent = std::mem::replace(&mut record.fields, fields);
                    let names = record.fields.keys();
                    record.added = names
                        .filter(|name| !sent.contains_key(*name))
                        .cloned()
                        .collect();
                }
                if intent.verb == Verb::Create {
                    record.planted = object.created.unwrap_or(record.planted);
                }
                record.version = Some(object.version);
            }
            if intent.verb == Verb::Update {
                let offset_ms = intent.offset_ms.unwrap_or_default();
                record.rewritten = Some(shifted(now, offset_ms));
            }
            record.outputs.extend(made.outputs);
            record.expires = made.expires.or(record.expires);
            // A credential that is made anew leaves its earlier self behind, which still works.
            let left_behind = earlier
                .filter(|earlier| intent.verb == Verb::Create && earlier.active)
                .map(|earlier| Effect::Bury(tombstone(earlier, now, keep)));
            left_behind
                .into_iter()
                .chain([Effect::Put(record)])
                .collect()
        }
    }
}
