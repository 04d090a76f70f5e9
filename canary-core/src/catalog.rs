//! What a provider knows without looking.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::check::Note;
use crate::config::{Canary, Config, KindShape, Span, Table, TableShape};
use crate::detect::{Machinery, Planted, Tripwire};
use crate::disguise::SiteKeys;
use crate::graph::{Address, CanaryId, Desired, Handle, ProviderId, Resource, Written};
use crate::observe::{Grant, Object, Observed, Scope, Site};
use crate::plan::Catalogs;

/// A choice made earlier, which a moving neighbourhood does not move.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Pinned {
    /// Which generation it belongs to.
    pub generation: u32,
    /// The chosen name.
    pub handle: Handle,
    /// The chosen way of writing.
    pub written: Option<Written>,
    /// The moment that dates inside values are counted from.
    pub born: Timestamp,
}

/// What lowering may use.
pub struct Lowering<'a> {
    /// The whole configuration, for references between canaries.
    pub config: &'a Config,
    /// The site's identity and facts.
    pub site: &'a Site,
    /// The keys of that site.
    pub keys: &'a SiteKeys,
    /// The neighbours, and the time.
    pub observed: &'a Observed,
    /// Choices made earlier, from the ledger or from a saved plan.
    pub pinned: &'a BTreeMap<Address, Pinned>,
    /// What is ours in the world, today's and retired: no example of what neighbours look like.
    pub ours: &'a BTreeSet<Handle>,
    /// What was lowered before: every canary after those that it refers to. Their names are taken.
    pub lowered: &'a BTreeMap<Address, Handle>,
    /// All providers: a canary of one can hold what a canary of another gives.
    pub catalogs: &'a Catalogs,
}

/// An access key that a canary gives: a public identifier and a secret, each an output of one resource.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccessKey {
    /// The resource that gives it.
    pub of: Address,
    /// The output that is its identifier.
    pub id: &'static str,
    /// The output that is its secret.
    pub secret: &'static str,
    /// Where it is used.
    pub region: String,
}

impl Lowering<'_> {
    /// The access key that a canary gives, whoever knows its kind. `number` counts from 1.
    #[must_use]
    pub fn access_key(&self, of: &CanaryId, number: u32) -> Option<AccessKey> {
        let canary = self.config.canaries.get(of)?;
        let catalog = self.catalogs.get(&canary.provider)?;
        catalog.access_key(canary, number, self.config)
    }

    /// The pinned choice for an address, when it is of that generation.
    #[must_use]
    pub fn pinned(&self, address: &Address, generation: u32) -> Option<&Pinned> {
        self.pinned
            .get(address)
            .filter(|pinned| pinned.generation == generation)
    }

    /// The moment that dates inside values are counted from: pinned, or now.
    #[must_use]
    pub fn born(&self, address: &Address, generation: u32) -> Timestamp {
        self.pinned(address, generation)
            .map_or(self.observed.at, |pinned| pinned.born)
    }
}

/// What notes are made from.
pub struct Checking<'a> {
    /// The whole configuration.
    pub config: &'a Config,
    /// The keys of the provider's site.
    pub keys: &'a SiteKeys,
    /// What should be there.
    pub desired: &'a Desired,
    /// What was seen.
    pub observed: &'a Observed,
}

/// Why a canary cannot be lowered. Points into the configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{canary}: {message}")]
pub struct LowerError {
    /// Which canary.
    pub canary: CanaryId,
    /// What is wrong, without a full stop.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Where it stands in the configuration.
    pub span: Span,
}

/// What happens when a field differs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FieldRule {
    /// It is changed in place.
    InPlace,
    /// The object must be made anew.
    Immutable,
    /// It belongs to the site and is not compared.
    Ignored,
}

/// How a thing can be known to be ours when the ledger is lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Proof {
    /// A value in it is one that our key gives for that very place.
    Derived,
    /// Something proven names it.
    Reached,
    /// Not at all: only `import` adopts it.
    None,
}

/// What a provider knows without looking. Everything here is pure.
pub trait Catalog: Send + Sync {
    /// The provider's name, which is also the name of its table in the configuration.
    fn provider(&self) -> ProviderId;

    /// The provider's own table.
    fn section(&self) -> TableShape;

    /// The kinds of canaries it knows.
    fn kinds(&self) -> Vec<KindShape>;

    /// Whether it has a part in a canary whose kind is another provider's: it is asked for that part as for canaries of
    /// its own.
    fn joins(&self, _canary: &Canary) -> bool {
        false
    }

    /// The provider's words for the kinds that a canary of this kind consists of, each with its proof.
    fn proofs(&self, kind: &str) -> Vec<(String, Proof)>;

    /// What to list in order to choose for this canary and to see it.
    fn scopes(&self, canary: &Canary) -> BTreeSet<Scope>;

    /// How [`Self::handle`] wants the name of such a canary's main resource to be written.
    fn path_form(&self, _kind: &str) -> &'static str {
        "NAME"
    }

    /// Why a new generation of a canary would be what it is already; `None` where it is another.
    fn refuses_rotation(&self, _canary: &Canary) -> Option<&'static str> {
        None
    }

    /// Reads `SCOPE/NAME`, as given to `import`, as the handle of a canary's main resource.
    ///
    /// # Errors
    /// A sentence that says what was expected.
    fn handle(&self, canary: &Canary, path: &str) -> Result<Handle, String>;

    /// Makes every choice: the resources that a canary consists of.
    ///
    /// # Errors
    /// Everything that is wrong with it, each pointing into the configuration.
    fn lower(&self, canary: &Canary, cx: &Lowering<'_>) -> Result<Vec<Resource>, Vec<LowerError>>;

    /// What of a canary a thing is that is to be adopted.
    fn adopted_as(&self, canary: &Canary, _handle: &Handle) -> Address {
        Address::of(canary.id.clone())
    }

    /// What this canary's main resource may have been under any name and generation up to now: where `recover` looks.
    /// Likeliest first.
    fn incarnations(&self, canary: &Canary, cx: &Lowering<'_>) -> Vec<Resource>;

    /// Whether an object that was read in full is proven to be that resource.
    fn proves(&self, resource: &Resource, object: &Object, cx: &Lowering<'_>) -> bool;

    /// Whether things of this kind can be found in the world. What cannot, as a token, is known by the ledger alone.
    fn observable(&self, kind: &str) -> bool;

    /// Whether things of this kind are what others are in, as namespaces: which of them there are decides what a canary
    /// consists of.
    fn is_ground(&self, _kind: &str) -> bool {
        false
    }

    /// What a thing is in, as a key is in its user: without it the thing cannot be, and it cannot go before the thing does.
    fn place(&self, _handle: &Handle) -> Option<Handle> {
        None
    }

    /// How many things of this kind one place holds; `None` for any number.
    fn room(&self, _kind: &str) -> Option<usize> {
        None
    }

    /// Whether in a place of ours nobody but us has a reason to put things of this kind: a stranger's is told.
    fn is_ours_alone(&self, _kind: &str) -> bool {
        false
    }

    /// Whether what a thing of this kind gives is shown once, when it is made: one whose making was not answered is of no
    /// use, and is removed.
    fn gives_once(&self, _kind: &str) -> bool {
        false
    }

    /// Whether the identifier of a thing of this kind is never had by another, whatever place of that name it is in.
    fn has_own_identifier(&self, _kind: &str) -> bool {
        false
    }

    /// What to do where something that is not ours has the name of a part of this kind, other than to choose another name
    /// for the canary.
    fn when_taken(&self, _kind: &str) -> Option<&'static str> {
        None
    }

    /// Whether what a canary was under another name is kept, so that a stolen copy still fires. What is no canary goes once
    /// what takes its place is there.
    fn keeps(&self, _canary: &CanaryId) -> bool {
        true
    }

    /// The access key that a canary gives, if it gives one of that number, from 1.
    fn access_key(&self, _canary: &Canary, _number: u32, _config: &Config) -> Option<AccessKey> {
        None
    }

    /// What happens when this field of this kind differs. `declared` tells whether the resource itself has the field;
    /// it does not for what others added.
    fn field_rule(&self, kind: &str, field: &str, declared: bool) -> FieldRule;

    /// The identifiers that mean that a planted resource was touched.
    fn tripwires(&self, planted: &Planted) -> Vec<Tripwire>;

    /// What the provider's own controllers and agents do to canaries by rule.
    fn machinery(&self) -> Option<Box<dyn Machinery>> {
        None
    }

    /// Who acts for us beside those who apply, by the names that the provider's logs give them, as its table says. Calls of
    /// theirs are ours where they are proven.
    fn operators(&self, _section: &Table) -> Vec<String> {
        Vec::new()
    }

    /// What there is to say about this provider's part of a graph: giveaways, rights, canaries that cannot fire.
    fn notes(&self, cx: &Checking<'_>) -> Vec<Note>;

    /// Whether things of this kind act under an identity of their own, which others can give rights to.
    fn is_identity(&self, _kind: &str) -> bool {
        false
    }

    /// What these identities, today's and retired ones, are given beyond what everybody may: a canary grants nothing.
    fn rights(
        &self,
        _identities: &BTreeMap<Address, Handle>,
        _grants: &BTreeSet<Grant>,
    ) -> Vec<Note> {
        Vec::new()
    }
}
