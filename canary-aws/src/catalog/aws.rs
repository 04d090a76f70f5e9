//! The catalog: one kind to one file, and what they share.

use std::collections::{BTreeMap, BTreeSet};

use canary_core::bait::POD_CREDENTIALS;
use canary_core::catalog::{AccessKey, Catalog, Checking, FieldRule, LowerError, Lowering, Proof};
use canary_core::check::Note;
use canary_core::config::{Canary, Config, KindShape, Table, TableShape};
use canary_core::detect::{Planted, Tripwire};
use canary_core::disguise::{Namer, Neighbours, Style};
use canary_core::graph::{Address, CanaryId, Handle, Input, Lifetime, ProviderId, Resource};
use canary_core::observe::{Object, Scope};

use super::handles::{
    ACCESS_KEY, BUCKET, LOG_BUCKET, LOG_BUCKET_POLICY, LOGGING, LOGIN_PROFILE, OBJECT, PARAMETER,
    QUEUE, ROLE, ROLE_POLICY, RULE, SECRET, SELECTORS, TARGET, TRAIL, USER, USER_POLICY, alone,
    neighbours, place,
};
use super::naming::{self, Naming};
use super::partition::partition;
use super::{
    access_key, contents, iam_role, iam_user, listener, notes, pod_role, s3_object,
    secretsmanager_secret, shapes, ssm_parameter, tags, tripwires,
};
use crate::{PROVIDER, provider};

/// What is known of AWS without looking.
#[derive(Clone, Copy, Debug, Default)]
pub struct AwsCatalog;

impl AwsCatalog {
    /// The kinds of canaries that give an access key: what other providers' canaries can hold.
    pub const WITH_KEYS: &[&str] = &["iam_user"];
    /// The kinds of canaries that are roles: whose sessions pods can be given.
    pub const ROLES: &[&str] = &["iam_role"];
}

/// Whether it is what we listen by (`aws.listener`) and no canary.
pub(super) fn is_listener(canary: &CanaryId) -> bool {
    canary.kind() == PROVIDER
}

/// The provider's kind of a canary's main resource.
fn main_kind(kind: &str) -> &'static str {
    match kind {
        PROVIDER => QUEUE,
        "iam_role" | POD_CREDENTIALS => ROLE,
        "ssm_parameter" => PARAMETER,
        "secretsmanager_secret" => SECRET,
        "s3_object" => OBJECT,
        _ => USER,
    }
}

/// How the main resource of a canary is called, where that is by a path in a region or a bucket.
fn naming(kind: &str) -> Option<&'static Naming> {
    match kind {
        "ssm_parameter" => Some(&ssm_parameter::NAMING),
        "secretsmanager_secret" => Some(&secretsmanager_secret::NAMING),
        "s3_object" => Some(&s3_object::NAMING),
        _ => None,
    }
}

/// The scope of such a resource as far as the canary itself says it.
fn declared_scope(canary: &Canary) -> Option<&str> {
    let field = match canary.id.kind() {
        "s3_object" => "bucket",
        _ => "region",
    };
    canary.table.text(field)
}

fn lower_at(
    canary: &Canary,
    handle: Handle,
    cx: &Lowering<'_>,
) -> Result<Vec<Resource>, Vec<LowerError>> {
    match canary.id.kind() {
        "ssm_parameter" => ssm_parameter::at(canary, handle, cx),
        "secretsmanager_secret" => secretsmanager_secret::at(canary, handle, cx),
        _ => s3_object::at(canary, handle, cx),
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
pub(super) fn account(config: &Config) -> &str {
    let section = config.providers.get(&provider());
    section
        .and_then(|section| section.text("account"))
        .unwrap_or_default()
}

/// A region: the canary's own, or the home region.
pub(super) fn region<'a>(canary: &'a Canary, config: &'a Config) -> &'a str {
    let home = || {
        let section = config.providers.get(&provider())?;
        section.text("region")
    };
    canary
        .table
        .text("region")
        .or_else(home)
        .unwrap_or_default()
}

/// The name of a thing that is named once in an account, whatever its generation: configured, pinned earlier, or chosen to
/// fit.
pub(super) fn named(
    canary: &Canary,
    kind: &str,
    style: &Style,
    cx: &Lowering<'_>,
) -> Result<Handle, Vec<LowerError>> {
    named_at(canary, &Address::of(canary.id.clone()), kind, style, cx)
}

/// The same of any part of a canary.
pub(super) fn named_at(
    canary: &Canary,
    address: &Address,
    kind: &str,
    style: &Style,
    cx: &Lowering<'_>,
) -> Result<Handle, Vec<LowerError>> {
    let alike = |name: &str| {
        let mut others = cx.lowered.iter();
        others.any(|(other, handle)| {
            *other != *address && handle.kind == kind && handle.name.eq_ignore_ascii_case(name)
        })
    };
    if let Some(name) = canary.table.text("name") {
        if alike(name) {
            let message = "another canary has that name, and IAM does not tell capital letters from small ones";
            return Err(vec![wrong(canary, "name", message, Some("choose another"))]);
        }
        return Ok(alone(kind, name));
    }
    if let Some(pinned) = cx.pinned.get(address) {
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

/// A user or a role, with the fields that both have.
pub(super) fn principal(
    canary: &Canary,
    resource_type: &str,
    handle: Handle,
    cx: &Lowering<'_>,
) -> Result<Resource, Vec<LowerError>> {
    let address = Address::of(canary.id.clone());
    principal_at(canary, address, resource_type, handle, cx)
}

/// The same as any part of a canary.
pub(super) fn principal_at(
    canary: &Canary,
    address: Address,
    resource_type: &str,
    handle: Handle,
    cx: &Lowering<'_>,
) -> Result<Resource, Vec<LowerError>> {
    let public = |text: &str| Input::Public(text.to_owned());
    let path = canary.table.text("path").unwrap_or("/");
    let partition = partition(region(canary, cx.config));
    let account = account(cx.config);
    if resource_type == "role" && path.starts_with("/aws-service-role/") {
        let message = "only AWS makes roles of that path";
        return Err(vec![wrong(canary, "path", message, Some("choose another"))]);
    }
    let arn = format!(
        "arn:{partition}:iam::{account}:{resource_type}{path}{}",
        handle.name
    );
    let mut resource = placed(address, handle, 1);
    resource.fields.extend([
        ("arn".to_owned(), public(&arn)),
        ("path".to_owned(), public(path)),
    ]);
    if path != "/" {
        resource.remarks.insert("path".into(), path.to_owned());
    }
    if let Some(boundary) = canary.table.text("boundary") {
        let ours = format!("arn:{partition}:iam::{account}:");
        let of_aws = format!("arn:{partition}:iam::aws:");
        if !boundary.starts_with(&ours) && !boundary.starts_with(&of_aws) {
            let message = format!("it is no policy of account {account} in partition {partition}");
            let help = Some("a boundary is a policy of the same account, or one of AWS' own");
            return Err(vec![wrong(canary, "boundary", &message, help)]);
        }
        resource.fields.insert("boundary".into(), public(boundary));
        resource
            .remarks
            .insert("boundary".into(), boundary.to_owned());
    }
    resource
        .fields
        .extend(tags::fields(canary, tags::OF_PRINCIPALS)?);
    Ok(resource)
}

/// Credentials are of one partition.
fn check_region(canary: &Canary, config: &Config) -> Result<(), Vec<LowerError>> {
    let section = config.providers.get(&provider());
    let home = section.and_then(|section| section.text("region"));
    match (canary.table.text("region"), home) {
        (Some(own), Some(home)) if partition(own) != partition(home) => {
            let message = format!("{own} is of another partition than {home}, the home region");
            let help = Some("an account is of one partition");
            Err(vec![wrong(canary, "region", &message, help)])
        }
        _ => Ok(()),
    }
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

    fn joins(&self, canary: &Canary) -> bool {
        pod_role::is_needed(canary)
    }

    fn operators(&self, section: &Table) -> Vec<String> {
        pod_role::operators(section)
    }

    fn proofs(&self, kind: &str) -> Vec<(String, Proof)> {
        let kinds: &[(&str, Proof)] = match kind {
            PROVIDER => &[
                (QUEUE, Proof::None),
                (RULE, Proof::None),
                (TARGET, Proof::None),
                (ROLE, Proof::None),
                (ROLE_POLICY, Proof::None),
                (TRAIL, Proof::None),
                (LOGGING, Proof::None),
                (SELECTORS, Proof::None),
                (LOG_BUCKET, Proof::None),
                (LOG_BUCKET_POLICY, Proof::None),
            ],
            "iam_role" => &[(ROLE, Proof::None), (ROLE_POLICY, Proof::None)],
            POD_CREDENTIALS => &[(ROLE, Proof::None)],
            "ssm_parameter" => &[(PARAMETER, Proof::Derived)],
            "secretsmanager_secret" => &[(SECRET, Proof::Derived)],
            "s3_object" => &[(OBJECT, Proof::Derived), (BUCKET, Proof::None)],
            _ => &[
                (USER, Proof::None),
                (USER_POLICY, Proof::None),
                (ACCESS_KEY, Proof::None),
            ],
        };
        kinds
            .iter()
            .map(|(kind, proof)| ((*kind).to_owned(), *proof))
            .collect()
    }

    fn scopes(&self, canary: &Canary) -> BTreeSet<Scope> {
        if is_listener(&canary.id) {
            return listener::scopes(canary);
        }
        if naming(canary.id.kind()).is_some() {
            // Where it has a name, that is asked for by itself. No scope stands for the home region.
            let listed = Scope {
                kind: neighbours(main_kind(canary.id.kind())).into(),
                scope: declared_scope(canary).map(str::to_owned),
            };
            let is_named = canary.table.text("name").is_some();
            return Some(listed).filter(|_| !is_named).into_iter().collect();
        }
        BTreeSet::from([Scope {
            kind: main_kind(canary.id.kind()).into(),
            scope: None,
        }])
    }

    fn path_form(&self, kind: &str) -> &'static str {
        match kind {
            "s3_object" => "BUCKET/KEY",
            PROVIDER | "ssm_parameter" | "secretsmanager_secret" => "REGION/NAME",
            _ => "NAME",
        }
    }

    fn refuses_rotation(&self, canary: &Canary) -> Option<&'static str> {
        match canary.id.kind() {
            PROVIDER => Some("it is no canary, and holds no secret"),
            "iam_role" => Some("a role has no secret: it is assumed by its name"),
            "iam_user" if access_key::count(canary) == 0 => {
                Some("it has no access keys (keys = 0), and nothing else of a user is secret")
            }
            _ => None,
        }
    }

    fn handle(&self, canary: &Canary, path: &str) -> Result<Handle, String> {
        if is_listener(&canary.id) {
            let (region, name) = path
                .split_once('/')
                .ok_or_else(|| format!("`{path}` is not REGION/NAME of a queue"))?;
            return Ok(Handle::scoped(QUEUE, region, name));
        }
        if let Some(naming) = naming(canary.id.kind()) {
            let scope = declared_scope(canary);
            return naming::read(canary, scope, naming, path);
        }
        super::names::principal(path).map_err(|why| format!("`{path}` is not a name: {why}"))?;
        match canary.table.text("name") {
            Some(declared) if declared != path => {
                Err(format!("it is declared with the name {declared}"))
            }
            _ => Ok(alone(main_kind(canary.id.kind()), path)),
        }
    }

    fn lower(&self, canary: &Canary, cx: &Lowering<'_>) -> Result<Vec<Resource>, Vec<LowerError>> {
        check_region(canary, cx.config)?;
        match canary.id.kind() {
            PROVIDER => listener::lower(canary, cx),
            "iam_role" => iam_role::lower(canary, cx),
            POD_CREDENTIALS => pod_role::lower(canary, cx),
            "ssm_parameter" => ssm_parameter::lower(canary, cx),
            "secretsmanager_secret" => secretsmanager_secret::lower(canary, cx),
            "s3_object" => s3_object::lower(canary, cx),
            _ => iam_user::lower(canary, cx),
        }
    }

    fn incarnations(&self, canary: &Canary, cx: &Lowering<'_>) -> Vec<Resource> {
        // Nothing in users, roles and keys proves whose they are: only an import adopts them.
        let Some(naming) = naming(canary.id.kind()) else {
            return Vec::new();
        };
        let scope = match canary.id.kind() {
            "s3_object" => declared_scope(canary).unwrap_or_default(),
            _ => region(canary, cx.config),
        };
        let mut found = Vec::new();
        for generation in (1..=canary.generation).rev() {
            let earlier = Canary {
                generation,
                ..canary.clone()
            };
            for handle in naming::candidates(&earlier, scope, naming, cx) {
                let resources = lower_at(&earlier, handle, cx).unwrap_or_default();
                found.extend(resources.into_iter().take(1));
            }
        }
        found
    }

    fn proves(&self, resource: &Resource, object: &Object, cx: &Lowering<'_>) -> bool {
        let canary = cx.config.canaries.get(resource.address.canary());
        let content = resource.fields.get(contents::VALUE);
        canary.is_some_and(|canary| contents::proves(canary, content, object, cx))
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
        matches!(
            kind,
            ACCESS_KEY | USER_POLICY | LOGIN_PROFILE | ROLE_POLICY | TARGET
        )
    }

    fn keeps(&self, canary: &CanaryId) -> bool {
        // It is no canary: nobody can have stolen it.
        !is_listener(canary)
    }

    fn gives_once(&self, kind: &str) -> bool {
        kind == ACCESS_KEY
    }

    fn has_own_identifier(&self, kind: &str) -> bool {
        // Others are known by what they are called.
        kind == ACCESS_KEY
    }

    fn when_taken(&self, kind: &str) -> Option<&'static str> {
        match kind {
            BUCKET => {
                Some("leave out `make_bucket` to use that bucket, or choose another `bucket`")
            }
            USER_POLICY | ROLE_POLICY => {
                Some("choose another `policy_name`, or find out whose it is and remove it by hand")
            }
            _ => None,
        }
    }

    fn access_key(&self, canary: &Canary, number: u32, config: &Config) -> Option<AccessKey> {
        access_key::given(canary, number, config)
    }

    fn field_rule(&self, kind: &str, field: &str, _declared: bool) -> FieldRule {
        match (kind, field) {
            (_, "arn") => FieldRule::Ignored,
            // UpdateRole cannot.
            (ROLE, "path") => FieldRule::Immutable,
            // A put of another type is refused, and a bucket stays where it is.
            (PARAMETER, "type") | (BUCKET | LOG_BUCKET, "region") => FieldRule::Immutable,
            _ => FieldRule::InPlace,
        }
    }

    fn tripwires(&self, planted: &Planted) -> Vec<Tripwire> {
        tripwires::of(planted)
    }

    fn notes(&self, cx: &Checking<'_>) -> Vec<Note> {
        notes::notes(cx)
    }

    fn is_identity(&self, _kind: &str) -> bool {
        false
    }
}
