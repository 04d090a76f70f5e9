//! A second provider: notes that hold an access key, as a Secret would.

use std::collections::{BTreeMap, BTreeSet};

use canary_core::catalog::{Catalog, Checking, FieldRule, LowerError, Lowering, Proof};
use canary_core::check::Note;
use canary_core::config::{Canary, FieldShape, KindShape, Shape, TableShape};
use canary_core::detect::{Planted, Tripwire};
use canary_core::graph::{Address, Handle, Input, Lifetime, ProviderId, Resource};
use canary_core::observe::{Object, Scope};
use canary_core::testing::World;

/// Knows `note`, which holds the first key of a user.
pub(crate) struct NoteCatalog;

pub(crate) const ID: &str = "id";
pub(crate) const SECRET: &str = "secret";

fn handle(label: &str) -> Handle {
    Handle::scoped("Thing", "room", label)
}

impl Catalog for NoteCatalog {
    fn provider(&self) -> ProviderId {
        World::provider()
    }

    fn section(&self) -> TableShape {
        TableShape {
            fields: vec![],
            exclusive: vec![],
            one_needed: vec![],
        }
    }

    fn kinds(&self) -> Vec<KindShape> {
        vec![KindShape {
            kind: "note",
            about: "A note.",
            table: TableShape {
                fields: vec![FieldShape {
                    name: "of",
                    shape: Shape::canary_of(&["iam_user"]),
                    required: true,
                    about: "",
                }],
                exclusive: vec![],
                one_needed: vec![],
            },
        }]
    }

    fn proofs(&self, _kind: &str) -> Vec<(String, Proof)> {
        vec![("Thing".into(), Proof::None)]
    }

    fn scopes(&self, _canary: &Canary) -> BTreeSet<Scope> {
        BTreeSet::from([Scope {
            kind: "Thing".into(),
            scope: Some("room".into()),
        }])
    }

    fn handle(&self, _canary: &Canary, path: &str) -> Result<Handle, String> {
        Ok(handle(path))
    }

    fn lower(&self, canary: &Canary, cx: &Lowering<'_>) -> Result<Vec<Resource>, Vec<LowerError>> {
        let key = canary
            .table
            .canary("of")
            .and_then(|of| cx.access_key(of, 1))
            .unwrap();
        let fields = BTreeMap::from([
            (ID.to_owned(), Input::output(&key.of, key.id)),
            (SECRET.to_owned(), Input::output(&key.of, key.secret)),
        ]);
        Ok(vec![Resource {
            address: Address::of(canary.id.clone()),
            provider: World::provider(),
            handle: handle(canary.id.label()),
            generation: canary.generation,
            fields,
            after: BTreeSet::new(),
            written: None,
            lifetime: Lifetime::Current,
            active: false,
            remarks: BTreeMap::new(),
        }])
    }

    fn incarnations(&self, _canary: &Canary, _cx: &Lowering<'_>) -> Vec<Resource> {
        Vec::new()
    }

    fn proves(&self, _resource: &Resource, _object: &Object, _cx: &Lowering<'_>) -> bool {
        false
    }

    fn observable(&self, _kind: &str) -> bool {
        true
    }

    fn field_rule(&self, _kind: &str, _field: &str, _declared: bool) -> FieldRule {
        FieldRule::InPlace
    }

    fn tripwires(&self, _planted: &Planted) -> Vec<Tripwire> {
        Vec::new()
    }

    fn notes(&self, _cx: &Checking<'_>) -> Vec<Note> {
        Vec::new()
    }
}
