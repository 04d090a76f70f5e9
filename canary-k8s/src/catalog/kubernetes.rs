//! The catalog: one kind to one file, and what they share.

use std::collections::{BTreeMap, BTreeSet};

use canary_core::bait::{BaitKind, POD_CREDENTIALS};
use canary_core::catalog::{Catalog, Checking, FieldRule, LowerError, Lowering, Proof};
use canary_core::check::Note;
use canary_core::config::{Canary, KindShape, TableShape};
use canary_core::detect::{Machinery, Meaning, Mention, Planted, Tripwire};
use canary_core::disguise::{Namer, Neighbours, Style};
use canary_core::graph::{Address, Handle, Input, Lifetime, ProviderId, Resource};
use canary_core::observe::{Grant, Object, Scope, Seen};

use super::service_account::TOKEN;
use super::templates::{self, Ground};
use super::{
    config_map, names, notes, placeholders, pod_credentials, rights, secret, service_account,
    shapes,
};
use crate::machinery::KubernetesMachinery;
use crate::observe::provider;
use crate::persona;

/// What is known of Kubernetes without looking.
#[derive(Clone, Copy, Debug, Default)]
pub struct KubernetesCatalog {
    keys_of: &'static [&'static str],
    roles: &'static [&'static str],
}

impl KubernetesCatalog {
    /// Knows Kubernetes alone.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            keys_of: &[],
            roles: &[],
        }
    }

    /// Knows also that canaries of these kinds, of whichever provider, give access keys that a Secret can hold.
    #[must_use]
    pub const fn with_keys_of(kinds: &'static [&'static str]) -> Self {
        Self {
            keys_of: kinds,
            roles: &[],
        }
    }

    /// Knows also that canaries of these kinds, of whichever provider, are roles whose sessions pods can be given.
    #[must_use]
    pub const fn and_sessions_of(self, kinds: &'static [&'static str]) -> Self {
        Self {
            roles: kinds,
            ..self
        }
    }
}

/// The provider's kind of a canary's main resource.
fn main_kind(kind: &str) -> &'static str {
    match kind {
        "config_map" => "ConfigMap",
        "service_account" | POD_CREDENTIALS => "ServiceAccount",
        _ => "Secret",
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

/// The name of a canary's main resource: configured, pinned earlier, or chosen to fit.
pub(super) fn named(
    canary: &Canary,
    kind: &str,
    part: Option<&str>,
    style: &Style,
    cx: &Lowering<'_>,
) -> Result<Handle, Vec<LowerError>> {
    let address = part.map_or_else(
        || Address::of(canary.id.clone()),
        |part| Address::part_of(canary.id.clone(), part),
    );
    let naming = Naming {
        address: &address,
        kind,
        namespace: canary.table.text("namespace").unwrap_or_default(),
        name: canary.table.text("name"),
    };
    named_in(canary, &naming, style, cx)
}

/// What a name is chosen for.
pub(super) struct Naming<'a> {
    pub(super) address: &'a Address,
    pub(super) kind: &'a str,
    pub(super) namespace: &'a str,
    /// As configured.
    pub(super) name: Option<&'a str>,
}

/// The name of a resource: configured, pinned earlier, or chosen to fit.
pub(super) fn named_in(
    canary: &Canary,
    naming: &Naming<'_>,
    style: &Style,
    cx: &Lowering<'_>,
) -> Result<Handle, Vec<LowerError>> {
    let Naming {
        address,
        kind,
        namespace,
        name,
    } = *naming;
    if let Some(name) = name {
        return Ok(Handle::scoped(kind, namespace, name));
    }
    if let Some(pinned) = cx.pinned(address, canary.generation)
        && pinned.handle.scope.as_deref() == Some(namespace)
    {
        return Ok(pinned.handle.clone());
    }
    if let Some(handle) = cx.lowered.get(address) {
        return Ok(handle.clone());
    }
    let scope = Scope {
        kind: kind.to_owned(),
        scope: Some(namespace.to_owned()),
    };
    let provider = provider();
    let there = cx.observed.in_scope(&provider, &scope);
    let there = there.map(|(handle, _)| handle);
    // A name that the configuration gives to another canary is taken before that one is planted.
    let given = cx.config.canaries.values().filter_map(|other| {
        let fits =
            main_kind(other.id.kind()) == kind && other.table.text("namespace") == Some(namespace);
        let name = other.table.text("name").filter(|_| fits);
        name.or_else(|| other.table.text("account"))
    });
    let here = |handle: &&Handle| handle.kind == kind && handle.scope.as_deref() == Some(namespace);
    let ours = cx.ours.iter().chain(cx.lowered.values()).filter(here);
    let neighbours = Neighbours {
        others: there
            .filter(|handle| !cx.ours.contains(handle))
            .map(|handle| handle.name.as_str())
            .collect(),
        taken: ours
            .map(|handle| handle.name.as_str())
            .chain(given)
            .collect(),
    };
    let name = Namer::new(cx.keys).pick(
        &canary.id,
        names::speaking(namespace),
        canary.generation,
        style,
        &neighbours,
    );
    let name = name.ok_or_else(|| {
        vec![wrong(
            canary,
            "name",
            "every fitting name is taken",
            Some("give it a name"),
        )]
    })?;
    Ok(Handle::scoped(kind, namespace, &name))
}

/// A resource with nothing in it yet, written as its neighbours are.
pub(super) fn placed(
    canary: &Canary,
    address: Address,
    handle: Handle,
    cx: &Lowering<'_>,
) -> Resource {
    let section = cx.config.providers.get(&canary.provider);
    let persona = section
        .and_then(|section| section.text("persona"))
        .unwrap_or("auto");
    let written = match cx.pinned(&address, canary.generation) {
        Some(pinned) if pinned.written.is_some() => pinned.written.clone(),
        _ => Some(persona::choose(persona, &Scope::of(&handle), cx)),
    };
    Resource {
        address,
        provider: provider(),
        handle,
        generation: canary.generation,
        fields: BTreeMap::new(),
        after: BTreeSet::new(),
        written,
        lifetime: Lifetime::Current,
        active: false,
        remarks: BTreeMap::new(),
    }
}

/// Free content with its placeholders filled.
pub(super) fn filled(
    canary: &Canary,
    ground: &Ground<'_>,
) -> Result<BTreeMap<String, Input>, Vec<LowerError>> {
    let mut data = BTreeMap::new();
    let mut errors = Vec::new();
    for (key, text) in canary.table.text_map("data").into_iter().flatten() {
        match placeholders::fill(&text.value, key, ground.namespace, &ground.filler) {
            Ok(value) => {
                data.insert(format!("data.{key}"), Input::Secret(value));
            }
            Err(unknown) => errors.push(LowerError {
                canary: canary.id.clone(),
                message: unknown.message,
                help: unknown.help,
                span: text.span.clone(),
            }),
        }
    }
    if errors.is_empty() {
        Ok(data)
    } else {
        Err(errors)
    }
}

/// Fields whose values are ours alone: too long to be guessed, and of that very place.
fn marks(canary: &Canary) -> Vec<String> {
    let keys: Vec<&str> = match canary.table.text("template") {
        Some("basic-auth" | "postgres" | "kubeconfig") => vec!["password"],
        Some("docker-registry") => vec![".dockerconfigjson"],
        Some("tls") => vec!["tls.key"],
        Some("aws-credentials") => vec!["encryption-key"],
        Some("env-file") if canary.table.canary("of").is_some() => vec![".env.local"],
        Some("ssh-key") => vec!["ssh-privatekey"],
        Some(_) => vec![".env"],
        None => canary
            .table
            .text_map("data")
            .into_iter()
            .flatten()
            .filter(|(_, text)| placeholders::is_derived(&text.value))
            .map(|(key, _)| key)
            .collect(),
    };
    keys.into_iter().map(|key| format!("data.{key}")).collect()
}

/// The identifier of a token as a log has it, from the token's own `jti`.
pub(super) fn token(jti: &str) -> String {
    format!("JTI={jti}")
}

fn style_of(canary: &Canary) -> Style {
    match canary.id.kind() {
        "config_map" => config_map::style(canary),
        "service_account" => templates::style("service_account"),
        _ => templates::style(canary.table.text("template").unwrap_or("data")),
    }
}

fn lower_at(
    canary: &Canary,
    handle: Handle,
    cx: &Lowering<'_>,
) -> Result<Vec<Resource>, Vec<LowerError>> {
    match canary.id.kind() {
        "config_map" => config_map::at(canary, handle, cx).map(|resource| vec![resource]),
        "service_account" => service_account::at(canary, handle, cx),
        _ => secret::at(canary, handle, cx).map(|resource| vec![resource]),
    }
}

impl Catalog for KubernetesCatalog {
    fn provider(&self) -> ProviderId {
        provider()
    }

    fn section(&self) -> TableShape {
        shapes::section()
    }

    fn kinds(&self) -> Vec<KindShape> {
        shapes::kinds(self.keys_of, self.roles)
    }

    fn proofs(&self, kind: &str) -> Vec<(String, Proof)> {
        match kind {
            "service_account" => vec![
                ("ServiceAccount".into(), Proof::Reached),
                (TOKEN.into(), Proof::None),
            ],
            // Their tokens are in pods, not in anything of ours.
            POD_CREDENTIALS => vec![(main_kind(kind).into(), Proof::None)],
            kind => vec![(main_kind(kind).into(), Proof::Derived)],
        }
    }

    fn scopes(&self, canary: &Canary) -> BTreeSet<Scope> {
        if canary.id.kind() == POD_CREDENTIALS {
            return pod_credentials::scopes(canary);
        }
        let scope = canary.table.text("namespace").map(str::to_owned);
        let mut kinds = vec![main_kind(canary.id.kind())];
        if canary.id.kind() == "service_account" && service_account::form(canary) == "legacy" {
            kinds.push("Secret");
        }
        let scope_of = |kind: &str| Scope {
            kind: kind.into(),
            scope: scope.clone(),
        };
        kinds.into_iter().map(scope_of).collect()
    }

    fn path_form(&self, _kind: &str) -> &'static str {
        "NAMESPACE/NAME"
    }

    fn refuses_rotation(&self, canary: &Canary) -> Option<&'static str> {
        if canary.id.kind() != POD_CREDENTIALS {
            return None;
        }
        let has_accounts = BaitKind::declared(canary).contains(&BaitKind::Kubeconfig);
        match canary.table.text("account") {
            _ if !has_accounts => {
                Some("its sessions are made anew by themselves, and a role has no secret")
            }
            Some(_) => Some(
                "its tokens are made anew by themselves, and its account has the name that is given to it",
            ),
            None => None,
        }
    }

    fn handle(&self, canary: &Canary, path: &str) -> Result<Handle, String> {
        let (namespace, name) = path
            .split_once('/')
            .ok_or_else(|| format!("expected {}", self.path_form(canary.id.kind())))?;
        names::namespace(namespace)
            .map_err(|why| format!("`{namespace}` is not a namespace: {why}"))?;
        names::object(name).map_err(|why| format!("`{name}` is not a name: {why}"))?;
        if canary.id.kind() == POD_CREDENTIALS {
            return pod_credentials::handle(canary, namespace, name);
        }
        let declared = canary.table.text("namespace").unwrap_or_default();
        if declared != namespace {
            return Err(format!("it is declared in namespace {declared}"));
        }
        match canary.table.text("name") {
            Some(declared) if declared != name => {
                Err(format!("it is declared with the name {declared}"))
            }
            _ => Ok(Handle::scoped(main_kind(canary.id.kind()), namespace, name)),
        }
    }

    fn lower(&self, canary: &Canary, cx: &Lowering<'_>) -> Result<Vec<Resource>, Vec<LowerError>> {
        match canary.id.kind() {
            "config_map" => config_map::lower(canary, cx),
            "service_account" => service_account::lower(canary, cx),
            POD_CREDENTIALS => pod_credentials::lower(canary, cx),
            _ => secret::lower(canary, cx),
        }
    }

    fn adopted_as(&self, canary: &Canary, handle: &Handle) -> Address {
        match (canary.id.kind(), &handle.scope) {
            (POD_CREDENTIALS, Some(namespace)) => pod_credentials::address(&canary.id, namespace),
            _ => Address::of(canary.id.clone()),
        }
    }

    fn incarnations(&self, canary: &Canary, cx: &Lowering<'_>) -> Vec<Resource> {
        if canary.id.kind() == POD_CREDENTIALS {
            // Nothing in an account proves whose it is.
            return Vec::new();
        }
        let kind = main_kind(canary.id.kind());
        let namespace = canary.table.text("namespace").unwrap_or_default();
        let mut found = Vec::new();
        for generation in (1..=canary.generation).rev() {
            let earlier = Canary {
                generation,
                ..canary.clone()
            };
            let names = match canary.table.text("name") {
                Some(name) => vec![name.to_owned()],
                None => Namer::new(cx.keys).candidates(
                    &canary.id,
                    names::speaking(namespace),
                    generation,
                    &style_of(canary),
                ),
            };
            for name in names {
                let handle = Handle::scoped(kind, namespace, &name);
                let there = cx
                    .observed
                    .objects
                    .get(&provider())
                    .is_some_and(|all| all.contains_key(&handle));
                let listed = cx
                    .observed
                    .listed
                    .get(&provider())
                    .is_some_and(|all| all.contains(&Scope::of(&handle)));
                // Values cost a little each: they are made only for names that may be there.
                if there || !listed {
                    found.extend(lower_at(&earlier, handle, cx).unwrap_or_default());
                }
            }
        }
        found
    }

    fn proves(&self, resource: &Resource, object: &Object, cx: &Lowering<'_>) -> bool {
        let Some(canary) = cx.config.canaries.get(resource.address.canary()) else {
            return false;
        };
        let Some(fields) = &object.fields else {
            return false;
        };
        // Only the key gives the end of a token Secret's name.
        if resource.address.part().is_some() {
            return service_account::is_token_secret(resource, fields);
        }
        let digester = cx.keys.digester();
        marks(canary)
            .iter()
            .any(|field| match resource.fields.get(field) {
                Some(Input::Secret(value)) => {
                    fields.get(field) == Some(&Seen::Digest(digester.digest(value.expose())))
                }
                _ => false,
            })
    }

    fn observable(&self, kind: &str) -> bool {
        kind != TOKEN
    }

    fn is_ground(&self, kind: &str) -> bool {
        kind == "Namespace"
    }

    fn field_rule(&self, kind: &str, field: &str, declared: bool) -> FieldRule {
        if kind == TOKEN {
            return FieldRule::Immutable;
        }
        match field {
            // What the cluster fills into a token Secret, and when it was last used: the detector sees the use.
            "data.ca.crt (filled in)"
            | "data.namespace (filled in)"
            | "metadata.annotations.kubernetes.io/service-account.uid"
            | "metadata.labels.kubernetes.io/legacy-token-last-used" => FieldRule::Ignored,
            "data.token (filled in)" if !declared => FieldRule::Ignored,
            "data.token (filled in)" | "type" | "immutable" => FieldRule::Immutable,
            _ => FieldRule::InPlace,
        }
    }

    fn tripwires(&self, planted: &Planted) -> Vec<Tripwire> {
        let namespace = planted.handle.scope.clone().unwrap_or_default();
        let name = planted.handle.name.clone();
        let labels: BTreeMap<String, String> = planted
            .fields
            .iter()
            .filter_map(|(field, value)| {
                Some((
                    field.strip_prefix("metadata.labels.")?.to_owned(),
                    value.clone(),
                ))
            })
            .collect();
        let fields = planted
            .fields
            .get("type")
            .map(|kind| ("type".to_owned(), kind.clone()));
        let tripwire = |mention, meaning| Tripwire {
            mention,
            meaning,
            address: planted.address.clone(),
            labels: Some(labels.clone()),
            fields: fields.clone().into_iter().collect(),
        };
        let object = |resource: &str| Mention::Object {
            group: String::new(),
            resource: resource.into(),
            namespace: namespace.clone(),
            name: name.clone(),
        };
        match planted.handle.kind.as_str() {
            "Secret" => vec![tripwire(object("secrets"), Meaning::Content)],
            "ConfigMap" => vec![tripwire(object("configmaps"), Meaning::Listed)],
            "ServiceAccount" => vec![
                tripwire(object("serviceaccounts"), Meaning::Identity),
                tripwire(
                    Mention::Principal(format!("system:serviceaccount:{namespace}:{name}")),
                    Meaning::Identity,
                ),
            ],
            _ => planted
                .outputs
                .get("jti")
                .map(|jti| tripwire(Mention::Credential(token(jti)), Meaning::Identity))
                .into_iter()
                .collect(),
        }
    }

    fn machinery(&self) -> Option<Box<dyn Machinery>> {
        Some(Box::new(KubernetesMachinery::default()))
    }

    fn notes(&self, cx: &Checking<'_>) -> Vec<Note> {
        notes::notes(cx)
    }

    fn is_identity(&self, kind: &str) -> bool {
        kind == "ServiceAccount"
    }

    fn rights(
        &self,
        identities: &BTreeMap<Address, Handle>,
        grants: &BTreeSet<Grant>,
    ) -> Vec<Note> {
        rights::notes(identities, grants)
    }
}
