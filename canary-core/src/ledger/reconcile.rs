//! What became of intents whose end was never written down.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::entry::{Effect, Intent, Record, Tombstone, Verb};
use super::strays::Strays;
use super::{Ledger, OpenIntent};
use crate::catalog::{Catalog, FieldRule};
use crate::graph::CanaryId;
use crate::observe::{Object, Observed, Seen, Sight};
use crate::plan::Catalogs;

/// How far the site's clock may be from ours beyond the offset that was measured: the granularity of `creationTimestamp`
/// (1 s), the age of the measurement, and half a second of round trip.
const SKEW: SignedDuration = SignedDuration::from_secs(5);
/// A call ends within two minutes ([`crate::apply::Settings`]: patience and one more request); the world may do it, or show
/// it, a little later.
const WINDOW: SignedDuration = SignedDuration::from_secs(150);

/// What an open intent came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settled {
    /// Which intent.
    pub id: u64,
    /// What is known now.
    pub effects: Vec<Effect>,
}

/// Works out what became of every open intent. What could not be seen stays open.
///
/// A thing that is there after a create counts as ours only if it was absent before (a create is planned for nothing
/// else), appeared within the call's window, and equals what was sent.
#[must_use]
pub fn reconcile(
    ledger: &Ledger,
    observed: &Observed,
    catalogs: &Catalogs,
    keep_retired: &BTreeMap<CanaryId, SignedDuration>,
) -> Vec<Settled> {
    let mut strays = Strays::of(ledger, observed, catalogs);
    let open = ledger.open.iter().map(|(id, intent)| OpenIntent {
        id: *id,
        intent: intent.clone(),
    });
    open.filter_map(|open| {
        if strays.is_about(&open.intent) {
            return strays.settle(&open, observed);
        }
        let canary = open.intent.address.canary();
        let keep = keep_retired.get(canary).copied().unwrap_or_default();
        let effects = settle(&open.intent, ledger, observed, catalogs, keep)?;
        Some(Settled {
            id: open.id,
            effects,
        })
    })
    .collect()
}

fn settle(
    intent: &Intent,
    ledger: &Ledger,
    observed: &Observed,
    catalogs: &Catalogs,
    keep: SignedDuration,
) -> Option<Vec<Effect>> {
    let catalog = catalogs.get(&intent.provider)?;
    if !catalog.observable(&intent.handle.kind) {
        // Nothing to find: what was issued, if anything, is known by the account it was issued for.
        return Some(Vec::new());
    }
    let record = ledger.records.get(&intent.address);
    match (
        intent.verb,
        observed.sight(&intent.provider, &intent.handle),
    ) {
        (_, Sight::Unseen(_)) => None,
        (Verb::Create | Verb::Update, Sight::Absent) => Some(Vec::new()),
        (Verb::Create, Sight::There(object)) => {
            let fields = object.fields.as_ref()?;
            let sent = sent(intent, observed);
            // What bears no date is told by its content alone.
            let ours = object
                .created
                .is_none_or(|created| is_in_window(created, sent))
                && equals(&intent.record.fields, fields, |name, declared| {
                    catalog.field_rule(&intent.handle.kind, name, declared)
                });
            Some(if ours {
                vec![Effect::Put(made(
                    intent,
                    object,
                    observed,
                    catalog.as_ref(),
                ))]
            } else {
                Vec::new()
            })
        }
        (Verb::Update, Sight::There(object)) => {
            let fields = object.fields.as_ref()?;
            let ours = intent
                .have
                .as_ref()
                .is_some_and(|have| have.uid == object.version.uid);
            let done = ours
                && equals(&intent.record.fields, fields, |name, declared| {
                    catalog.field_rule(&intent.handle.kind, name, declared)
                });
            Some(if done {
                vec![Effect::Put(made(
                    intent,
                    object,
                    observed,
                    catalog.as_ref(),
                ))]
            } else {
                Vec::new()
            })
        }
        (Verb::Delete, Sight::Absent) => {
            // Nothing is known of what is called otherwise.
            let record = record.filter(|record| record.handle == intent.handle);
            Some(record.map_or_else(Vec::new, |record| removed(record, intent.at, keep)))
        }
        (Verb::Delete, Sight::There(_)) => Some(Vec::new()),
    }
}

fn made(intent: &Intent, object: &Object, observed: &Observed, catalog: &dyn Catalog) -> Record {
    let object = as_sent(object, &intent.record.fields, |name, declared| {
        catalog.field_rule(&intent.handle.kind, name, declared)
    });
    // The site's own clock dates its audit records too.
    let planted = match intent.verb {
        Verb::Create => object.created.unwrap_or(intent.record.planted),
        Verb::Update | Verb::Delete => intent.record.planted,
    };
    let rewritten = (intent.verb == Verb::Update).then(|| sent(intent, observed));
    Record {
        version: Some(object.version),
        fields: object.fields.unwrap_or_default(),
        planted,
        rewritten,
        ..intent.record.clone()
    }
}

/// When a call was about to be sent, by the site's clock.
pub(crate) fn sent(intent: &Intent, observed: &Observed) -> Timestamp {
    intent.site_time(observed.sites.get(&intent.provider))
}

/// Whether what a call made may not be there yet: its request waits somewhere on its way.
pub(super) fn is_open(intent: &Intent, observed: &Observed) -> bool {
    let site = observed.sites.get(&intent.provider);
    let now = site.map_or(observed.at, |site| site.time(observed.at));
    now.duration_since(sent(intent, observed)) <= WINDOW
}

/// Whether a create that was cut off and made nothing yet may still come.
pub(crate) fn may_still_come(intent: &Intent, observed: &Observed) -> bool {
    intent.verb == Verb::Create && is_open(intent, observed)
}

/// Whether something that was created then may be of a call that was sent then, both by the site's clock.
pub(super) fn is_in_window(created: Timestamp, sent: Timestamp) -> bool {
    let after = created.duration_since(sent);
    after >= -SKEW && after <= WINDOW
}

/// Whether an object is exactly what was sent: every field that was sent, and none beside it that counts.
pub(crate) fn equals(
    sent: &BTreeMap<String, Seen>,
    seen: &BTreeMap<String, Seen>,
    rule: impl Fn(&str, bool) -> FieldRule,
) -> bool {
    let kept = sent.iter().all(|(name, value)| {
        seen.get(name) == Some(value) || rule(name, true) == FieldRule::Ignored
    });
    // Nobody else makes our values; beside them admission may have put what it puts into every object.
    let is_value = |value: &Seen| matches!(value, Seen::Digest(_));
    let is_proven = sent
        .iter()
        .any(|(name, value)| is_value(value) && seen.get(name) == Some(value));
    let may_be_added = |name: &str| {
        is_proven
            && ["metadata.labels.", "metadata.annotations."]
                .iter()
                .any(|map| name.starts_with(map))
    };
    let nothing_else = seen
        .keys()
        .filter(|name| !sent.contains_key(*name))
        .all(|name| rule(name, false) == FieldRule::Ignored || may_be_added(name));
    kept && nothing_else
}

/// An object as it was sent, where only that is known to be ours: what stands beside it may be admission's, or somebody's
/// since. Then its revision is of no look, so that the next one reads it in full and tells.
pub(crate) fn as_sent(
    object: &Object,
    sent: &BTreeMap<String, Seen>,
    rule: impl Fn(&str, bool) -> FieldRule,
) -> Object {
    let mut object = object.clone();
    if let Some(fields) = &mut object.fields {
        let before = fields.len();
        fields.retain(|name, _| sent.contains_key(name) || rule(name, false) == FieldRule::Ignored);
        if fields.len() < before {
            object.version.revision.clear();
        }
    }
    object
}

/// What is known once a resource is gone: its identifiers still mean something until nothing can report them any more.
pub(crate) fn removed(record: &Record, at: Timestamp, keep: SignedDuration) -> Vec<Effect> {
    vec![
        Effect::Remove(record.address.clone()),
        Effect::Bury(tombstone(record, at, keep)),
    ]
}

/// Audit records reach us days late when a shipper was down; a month is far beyond any queue's retention.
const LATEST_REPORT: SignedDuration = SignedDuration::from_hours(30 * 24);

pub(crate) fn tombstone(record: &Record, at: Timestamp, keep: SignedDuration) -> Tombstone {
    let end_of_life = record.expires.unwrap_or(at).max(at);
    let kept = at.checked_add(keep).unwrap_or(Timestamp::MAX);
    let until = end_of_life
        .max(kept)
        .checked_add(LATEST_REPORT)
        .unwrap_or(Timestamp::MAX);
    let mut record = record.clone();
    record.outputs.retain(|_, value| value.public().is_some());
    Tombstone {
        record,
        buried: at,
        until,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::apply::Settings;

    #[test]
    fn a_call_ends_well_before_its_window_does() {
        let Settings {
            patience,
            call_timeout,
            ..
        } = Settings::default();
        let longest = patience + call_timeout + Duration::from_secs(30);
        assert!(SignedDuration::try_from(longest).unwrap() <= WINDOW);
    }
}
