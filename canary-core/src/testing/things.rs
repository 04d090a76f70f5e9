//! A small provider: things that may hold badges, and badges that leave no object.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::World;
use crate::catalog::{Catalog, Checking, FieldRule, LowerError, Lowering, Proof};
use crate::check::{Note, Severity, Topic};
use crate::config::{
    Canary, Config, FieldShape, KindShape, Setting, Shape, Spanned, Table, TableShape,
};
use crate::detect::{Meaning, Mention, Planted, Tripwire};
use crate::disguise::Purpose;
use crate::graph::{Address, CanaryId, Handle, Input, Lifetime, Piece, ProviderId, Resource};
use crate::observe::{Given, Grant, Grantee, Object, Scope, Seen};
use crate::value::SecretBytes;

/// Knows `thing` (with a secret, and with the badge of another thing when it is `of` it).
#[derive(Clone, Copy, Debug, Default)]
pub struct ThingCatalog;

fn any(_: &str) -> Result<(), String> {
    Ok(())
}

fn field(name: &'static str, shape: Shape) -> FieldShape {
    FieldShape {
        name,
        shape,
        required: false,
        about: "",
    }
}

impl ThingCatalog {
    fn name(canary: &Canary) -> String {
        canary.table.text("name").map_or_else(
            || format!("{}-{}", canary.id.label(), canary.generation),
            str::to_owned,
        )
    }

    fn resource(canary: &Canary, part: Option<&str>, handle: Handle) -> Resource {
        let id = canary.id.clone();
        Resource {
            address: part.map_or_else(
                || Address::of(id.clone()),
                |part| Address::part_of(id.clone(), part),
            ),
            provider: World::provider(),
            handle,
            generation: canary.generation,
            fields: BTreeMap::new(),
            after: BTreeSet::new(),
            written: None,
            lifetime: Lifetime::Current,
            active: part.is_some(),
            remarks: BTreeMap::new(),
        }
    }
}

impl Catalog for ThingCatalog {
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
            kind: "thing",
            about: "A thing.",
            table: TableShape {
                fields: vec![
                    field("name", Shape::Checked(any)),
                    field("note", Shape::Text),
                    field("of", Shape::canary_of(&["thing"])),
                ],
                exclusive: vec![],
                one_needed: vec![],
            },
        }]
    }

    fn proofs(&self, _kind: &str) -> Vec<(String, Proof)> {
        vec![
            ("Thing".into(), Proof::Derived),
            ("Badge".into(), Proof::None),
        ]
    }

    fn scopes(&self, _canary: &Canary) -> BTreeSet<Scope> {
        BTreeSet::from([Scope {
            kind: "Thing".into(),
            scope: Some("room".into()),
        }])
    }

    fn handle(&self, _canary: &Canary, path: &str) -> Result<Handle, String> {
        let name = path.strip_prefix("room/").ok_or("expected room/NAME")?;
        Ok(Handle::scoped("Thing", "room", name))
    }

    fn lower(&self, canary: &Canary, cx: &Lowering<'_>) -> Result<Vec<Resource>, Vec<LowerError>> {
        let name = Self::name(canary);
        let mut thing = Self::resource(canary, None, Handle::scoped("Thing", "room", &name));
        let secret = cx
            .keys
            .bytes_for(Purpose::Values, &thing.handle, canary.generation, "secret");
        let text: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        thing
            .fields
            .insert("secret".into(), Input::Secret(text.into()));
        thing
            .fields
            .insert("type".into(), Input::Public("plain".into()));
        if let Some(note) = canary.table.text("note") {
            thing
                .fields
                .insert("note".into(), Input::Public(note.into()));
        }
        if let Some(of) = canary.table.canary("of") {
            let badge = Address::part_of(of.clone(), "badge");
            let held = Input::Join(vec![
                Piece::Known(SecretBytes::from("badge: ")),
                Piece::Output {
                    of: badge,
                    name: "secret".into(),
                },
            ]);
            thing.fields.insert("held".into(), held);
        }
        let mut badge = Self::resource(
            canary,
            Some("badge"),
            Handle::scoped("Badge", "room", &name),
        );
        badge
            .fields
            .insert("thing".into(), Input::output(&thing.address, "uid"));
        Ok(vec![thing, badge])
    }

    fn incarnations(&self, canary: &Canary, cx: &Lowering<'_>) -> Vec<Resource> {
        let mut found = Vec::new();
        for generation in (1..=canary.generation).rev() {
            let earlier = Canary {
                generation,
                ..canary.clone()
            };
            found.extend(self.lower(&earlier, cx).unwrap_or_default());
        }
        found
    }

    fn proves(&self, resource: &Resource, object: &Object, cx: &Lowering<'_>) -> bool {
        let Some(Input::Secret(secret)) = resource.fields.get("secret") else {
            return false;
        };
        let digest = cx.keys.digester().digest(secret.expose());
        let fields = object.fields.as_ref();
        fields.and_then(|fields| fields.get("secret")) == Some(&Seen::Digest(digest))
    }

    fn observable(&self, kind: &str) -> bool {
        kind != "Badge"
    }

    fn field_rule(&self, _kind: &str, field: &str, _declared: bool) -> FieldRule {
        match field {
            "type" | "thing" => FieldRule::Immutable,
            "status" => FieldRule::Ignored,
            _ => FieldRule::InPlace,
        }
    }

    fn tripwires(&self, planted: &Planted) -> Vec<Tripwire> {
        let (mention, meaning) = match planted.outputs.get("number") {
            Some(number) => (Mention::Credential(number.clone()), Meaning::Identity),
            None => (
                Mention::Object {
                    group: String::new(),
                    resource: "things".into(),
                    namespace: "room".into(),
                    name: planted.handle.name.clone(),
                },
                Meaning::Content,
            ),
        };
        vec![Tripwire {
            mention,
            meaning,
            address: planted.address.clone(),
            labels: None,
            fields: BTreeMap::new(),
        }]
    }

    fn notes(&self, _cx: &Checking<'_>) -> Vec<Note> {
        Vec::new()
    }

    fn is_identity(&self, kind: &str) -> bool {
        kind == "Thing"
    }

    fn rights(
        &self,
        identities: &BTreeMap<Address, Handle>,
        grants: &BTreeSet<Grant>,
    ) -> Vec<Note> {
        let given = |handle: &Handle| {
            let to = Grantee::Principal(handle.name.clone());
            grants
                .iter()
                .filter(move |grant| grant.to.contains(&to))
                .filter(|grant| matches!(grant.given, Given::Rules(_)))
        };
        identities
            .iter()
            .flat_map(|(address, handle)| given(handle).map(move |grant| (address, grant)))
            .map(|(address, grant)| Note {
                severity: Severity::Error,
                topic: Topic::BlastRadius,
                canary: address.canary().clone(),
                address: Some(address.clone()),
                message: format!("is given rights by {}", grant.by),
                help: None,
            })
            .collect()
    }
}

/// A declared thing.
#[must_use]
pub fn thing(label: &str, of: Option<&str>) -> Canary {
    let setting = |value| Spanned { value, span: 0..0 };
    let mut table = Table::default();
    if let Some(of) = of {
        let of = CanaryId::new("thing", of);
        table.fields.insert("of", setting(Setting::Canary(of)));
    }
    Canary {
        id: CanaryId::new("thing", label),
        provider: World::provider(),
        generation: 1,
        keep_retired: Duration::from_secs(90 * 24 * 3600),
        table,
    }
}

/// A configuration of these canaries.
#[must_use]
pub fn things(canaries: impl IntoIterator<Item = Canary>) -> Config {
    Config {
        providers: BTreeMap::from([(World::provider(), Table::default())]),
        canaries: canaries
            .into_iter()
            .map(|canary| (canary.id.clone(), canary))
            .collect(),
        ..Config::default()
    }
}

/// A configuration of fifteen things, thirty resources with their badges, with edges between them: chains, a fan, and
/// some that stand alone.
#[must_use]
pub fn example() -> Config {
    things((0..15).map(|i| {
        let of = match i {
            1..=4 => Some(format!("t{:02}", i - 1)),
            5..=8 => Some("t00".into()),
            _ => None,
        };
        thing(&format!("t{i:02}"), of.as_deref())
    }))
}
