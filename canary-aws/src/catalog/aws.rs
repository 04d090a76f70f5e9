//! The catalog: one kind to one file, and what they share.

use std::collections::{BTreeMap, BTreeSet};

use canary_core::catalog::{AccessKey, Catalog, FieldRule, LowerError, Lowering, Proof};
use canary_core::check::Note;
use canary_core::config::{Canary, Config, KindShape, TableShape};
use canary_core::detect::{Planted, Tripwire};
use canary_core::disguise::{Namer, Neighbours, Style};
use canary_core::graph::{Address, Desired, Handle, Input, Lifetime, ProviderId, Resource};
use canary_core::observe::{Object, Observed, Scope};

use super::handles::{ACCESS_KEY, ROLE, ROLE_POLICY, USER, USER_POLICY, alone, place};
use super::{access_key, iam_role, iam_user, notes, shapes, tripwires};
use crate::{PROVIDER, provider};

/// What is known of AWS without looking.
#[derive(Clone, Copy, Debug, Default)]
pub struct AwsCatalog;

impl AwsCatalog {
    /// The kinds of canaries that give an access key: what other providers' canaries can hold.
    pub const WITH_KEYS: &[&str] = &["iam_user"];
}

/// The provider's kind of a canary's main resource.
fn main_kind(kind: &str) -> &'static str {
    match kind {
        "iam_role" => ROLE,
        _ => USER,
    }
}

/// An error that points at a field of the canary's table.
pub(super) fn wrong(canary: &Canary, field: &str, message: &str, help: Option<&str>) -> LowerError {
    LowerError {
        canary: canary.id.clone(),
        message: message.to_owned(),
        help: help.map(str::to_owned),
        span: canary.table.span_of(field),
    }
}

/// The account: of the site, or as configured where nothing was asked.
pub(super) fn account<'a>(config: &'a Config) -> &'a str {
    let section = config.providers.get(&provider());
    section
        .and_then(|section| section.text("account"))
        .unwrap_or_default()
}

/// A region: the canary's own, or the home region.
pub(super) fn region<'a>(canary: &'a Canary, config: &'a Config) -> &'a str {
    let home = || {
        let section = config.providers.get(&canary.provider)?;
        section.text("region")
    };
    canary
        .table
        .text("region")
        .or_else(home)
        .unwrap_or_default()
}

/// The partition that a region is in (`aws`, `aws-cn`, `aws-us-gov`).
pub(super) fn partition(region: &str) -> &'static str {
    match region {
        region if region.starts_with("cn-") => "aws-cn",
        region if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

/// The name of a thing that is named once in an account, whatever its generation: configured, pinned earlier, or chosen to
/// fit.
pub(super) fn named(
    canary: &Canary,
    kind: &str,
    style: &Style,
    cx: &Lowering<'_>,
) -> Result<Handle, Vec<LowerError>> {
    let address = Address::of(canary.id.clone());
    let alike = |name: &str| {
        let mut others = cx.lowered.iter();
        others.any(|(other, handle)| {
            *other != address && handle.kind == kind && handle.name.eq_ignore_ascii_case(name)
        })
    };
    if let Some(name) = canary.table.text("name") {
        if alike(name) {
            let message = "another canary has that name, and IAM does not tell capital letters from small ones";
            return Err(vec![wrong(canary, "name", message, Some("choose another"))]);
        }
        return Ok(alone(kind, name));
    }
    if let Some(pinned) = cx.pinned.get(&address) {
        return Ok(pinned.handle.clone());
    }
    let scope = Scope {
        kind: kind.to_owned(),
        scope: None,
    };
    let provider = provider();
    let there = cx.observed.in_scope(&provider, &scope);
    let there: Vec<&Handle> = there.map(|(handle, _)| handle).collect();
    let given = cx.config.canaries.values().filter_map(|other| {
        let fits = main_kind(other.id.kind()) == kind && other.id != canary.id;
        other.table.text("name").filter(|_| fits)
    });
    let ours = cx.ours.iter().chain(cx.lowered.values());
    let neighbours = Neighbours {
        others: there
            .iter()
            .filter(|handle| !cx.ours.contains(**handle))
            .map(|handle| handle.name.as_str())
            .collect(),
        taken: ours
            .filter(|handle| handle.kind == kind)
            .map(|handle| handle.name.as_str())
            .chain(given)
            .collect(),
    };
    let name = Namer::new(cx.keys).pick(&canary.id, "", 1, style, &neighbours);
    let name = name.ok_or_else(|| {
        vec![wrong(
            canary,
            "name",
            "every fitting name is taken",
            Some("give it a name"),
        )]
    })?;
    Ok(alone(kind, &name))
}

/// A resource with nothing in it yet.
pub(super) fn placed(address: Address, handle: Handle, generation: u32) -> Resource {
    Resource {
        address,
        provider: provider(),
        handle,
        generation,
        fields: BTreeMap::new(),
        after: BTreeSet::new(),
        // AWS keeps no name of whoever wrote something beside it.
        written: None,
        lifetime: Lifetime::Current,
        active: false,
        remarks: BTreeMap::new(),
    }
}

/// The fields that users and roles share.
pub(super) fn principal(
    canary: &Canary,
    resource_type: &str,
    name: &str,
    cx: &Lowering<'_>,
) -> BTreeMap<String, Input> {
    let public = |text: &str| Input::Public(text.to_owned());
    let path = canary.table.text("path").unwrap_or("/");
    let partition = partition(region(canary, cx.config));
    let account = account(cx.config);
    let arn = format!("arn:{partition}:iam::{account}:{resource_type}{path}{name}");
    let mut fields = BTreeMap::from([
        ("arn".to_owned(), public(&arn)),
        ("path".to_owned(), public(path)),
    ]);
    if let Some(boundary) = canary.table.text("boundary") {
        fields.insert("boundary".into(), public(boundary));
    }
    for (key, value) in canary.table.text_map("tags").into_iter().flatten() {
        fields.insert(format!("tags.{key}"), public(&value.value));
    }
    fields
}

impl Catalog for AwsCatalog {
    fn provider(&self) -> ProviderId {
        ProviderId::new(PROVIDER)
    }

    fn section(&self) -> TableShape {
        shapes::section()
    }

    fn kinds(&self) -> Vec<KindShape> {
        shapes::kinds()
    }

    fn proofs(&self, kind: &str) -> Vec<(String, Proof)> {
        let kinds: &[&str] = match kind {
            "iam_role" => &[ROLE, ROLE_POLICY],
            _ => &[USER, USER_POLICY, ACCESS_KEY],
        };
        kinds
            .iter()
            .map(|kind| ((*kind).to_owned(), Proof::None))
            .collect()
    }

    fn scopes(&self, canary: &Canary) -> BTreeSet<Scope> {
        BTreeSet::from([Scope {
            kind: main_kind(canary.id.kind()).into(),
            scope: None,
        }])
    }

    fn handle(&self, canary: &Canary, path: &str) -> Result<Handle, String> {
        super::names::principal(path).map_err(|why| format!("`{path}` is not a name: {why}"))?;
        match canary.table.text("name") {
            Some(declared) if declared != path => {
                Err(format!("it is declared with the name {declared}"))
            }
            _ => Ok(alone(main_kind(canary.id.kind()), path)),
        }
    }

    fn lower(&self, canary: &Canary, cx: &Lowering<'_>) -> Result<Vec<Resource>, Vec<LowerError>> {
        match canary.id.kind() {
            "iam_role" => iam_role::lower(canary, cx),
            _ => iam_user::lower(canary, cx),
        }
    }

    fn incarnations(&self, _canary: &Canary, _cx: &Lowering<'_>) -> Vec<Resource> {
        // Nothing in them proves whose they are: only an import adopts them.
        Vec::new()
    }

    fn proves(&self, _resource: &Resource, _object: &Object, _cx: &Lowering<'_>) -> bool {
        false
    }

    fn observable(&self, _kind: &str) -> bool {
        true
    }

    fn place(&self, handle: &Handle) -> Option<Handle> {
        place(handle)
    }

    fn room(&self, kind: &str) -> Option<usize> {
        (kind == ACCESS_KEY).then_some(access_key::MOST)
    }

    fn is_ours_alone(&self, kind: &str) -> bool {
        matches!(kind, ACCESS_KEY | USER_POLICY | ROLE_POLICY)
    }

    fn gives_once(&self, kind: &str) -> bool {
        kind == ACCESS_KEY
    }

    fn access_key(&self, canary: &Canary, number: u32, config: &Config) -> Option<AccessKey> {
        access_key::given(canary, number, config)
    }

    fn field_rule(&self, kind: &str, field: &str, _declared: bool) -> FieldRule {
        match (kind, field) {
            (_, "arn") => FieldRule::Ignored,
            // UpdateRole cannot.
            (ROLE, "path") => FieldRule::Immutable,
            _ => FieldRule::InPlace,
        }
    }

    fn tripwires(&self, planted: &Planted) -> Vec<Tripwire> {
        tripwires::of(planted)
    }

    fn notes(&self, desired: &Desired, observed: &Observed) -> Vec<Note> {
        notes::notes(desired, observed)
    }

    fn is_identity(&self, _kind: &str) -> bool {
        false
    }
}
