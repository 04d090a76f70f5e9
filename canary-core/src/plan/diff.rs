//! Field by field: what is, and what is to be.

use std::collections::BTreeMap;

use super::{FieldChange, Wanted};
use crate::catalog::{Catalog, FieldRule};
use crate::disguise::Digester;
use crate::graph::{Address, Input, Piece, Resource};
use crate::ledger::Outputs;
use crate::observe::Seen;

/// Turns inputs into what can be compared.
pub struct Resolver<'a> {
    /// Makes the digests.
    pub digester: &'a Digester,
    /// Outputs that are known and will stay, by resource.
    pub outputs: &'a BTreeMap<Address, &'a Outputs>,
}

impl Resolver<'_> {
    /// What an input is to be, as far as it is known now.
    #[must_use]
    pub fn resolve(&self, input: &Input) -> Wanted {
        match input {
            Input::Public(text) => Wanted::Now(Seen::Public(text.clone())),
            Input::Secret(bytes) => Wanted::Now(Seen::Digest(self.digester.digest(bytes.expose()))),
            Input::Join(pieces) => match join(pieces, self.outputs) {
                Some(bytes) => Wanted::Now(Seen::Digest(self.digester.digest(&bytes))),
                None => Wanted::AfterApply,
            },
        }
    }

    /// All fields of a resource.
    #[must_use]
    pub fn content(&self, resource: &Resource) -> BTreeMap<String, Wanted> {
        resource
            .fields
            .iter()
            .map(|(name, input)| (name.clone(), self.resolve(input)))
            .collect()
    }
}

/// The bytes of a join, when every output in it is known.
#[must_use]
pub(crate) fn join(
    pieces: &[Piece],
    outputs: &BTreeMap<Address, &Outputs>,
) -> Option<zeroize::Zeroizing<Vec<u8>>> {
    let mut bytes = zeroize::Zeroizing::new(Vec::new());
    for piece in pieces {
        match piece {
            Piece::Known(known) => bytes.extend_from_slice(known.expose()),
            Piece::Output { of, name } => {
                bytes.extend_from_slice(outputs.get(of)?.get(name)?.expose());
            }
        }
    }
    Some(bytes)
}

/// What a comparison came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The same.
    Same,
    /// These fields can be changed in place.
    InPlace(Vec<FieldChange>),
    /// These fields differ, and some of them cannot be changed in place.
    Anew(Vec<FieldChange>),
}

/// Compares what is with what is to be, by the provider's rules. Pure.
#[must_use]
pub fn diff(
    catalog: &dyn Catalog,
    kind: &str,
    have: &BTreeMap<String, Seen>,
    want: &BTreeMap<String, Wanted>,
) -> Outcome {
    let mut changes = Vec::new();
    let names = have
        .keys()
        .chain(want.keys().filter(|name| !have.contains_key(*name)));
    for name in names {
        let before = have.get(name);
        let after = want.get(name);
        let same = match (before, after) {
            (Some(before), Some(Wanted::Now(after))) => same_value(before, after),
            _ => false,
        };
        if same {
            continue;
        }
        let rule = catalog.field_rule(kind, name, after.is_some());
        if rule == FieldRule::Ignored {
            continue;
        }
        changes.push(FieldChange {
            field: name.clone(),
            before: before.cloned(),
            after: after.cloned(),
            anew: rule == FieldRule::Immutable,
        });
    }
    changes.sort_by(|a, b| a.field.cmp(&b.field));
    if changes.is_empty() {
        Outcome::Same
    } else if changes.iter().any(|change| change.anew) {
        Outcome::Anew(changes)
    } else {
        Outcome::InPlace(changes)
    }
}

fn same_value(before: &Seen, after: &Seen) -> bool {
    before == after
}

/// What others changed since we last wrote: the ledger's fields against the world's.
#[must_use]
pub(crate) fn outside(
    catalog: &dyn Catalog,
    kind: &str,
    recorded: &BTreeMap<String, Seen>,
    seen: &BTreeMap<String, Seen>,
) -> Vec<FieldChange> {
    // Most things nobody has touched, and then there is nothing to work out.
    if recorded == seen {
        return Vec::new();
    }
    let as_wanted: BTreeMap<String, Wanted> = seen
        .iter()
        .map(|(name, value)| (name.clone(), Wanted::Now(value.clone())))
        .collect();
    let mut changes = match diff(catalog, kind, recorded, &as_wanted) {
        Outcome::Same => Vec::new(),
        Outcome::InPlace(changes) | Outcome::Anew(changes) => changes,
    };
    // `diff` asks whether the *wanted* side declares a field; here the recorded side is the declaration.
    changes.retain(|change| {
        let declared = recorded.contains_key(&change.field);
        catalog.field_rule(kind, &change.field, declared) != FieldRule::Ignored
    });
    changes
}
