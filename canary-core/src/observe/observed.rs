//! What was seen.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Gap, Grant, Place};
use crate::disguise::Digester;
use crate::graph::{Handle, ProviderId, Written};
use crate::value::Digest;

/// Which incarnation of an object, and which state of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Debug)]
pub struct Version {
    /// Unlike for any other object, ever.
    pub uid: String,
    /// Changes with every write. Compared for equality only.
    pub revision: String,
}

/// A field's value as far as it may be kept: public text, or the digest of a secret.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Debug)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// May be shown.
    Public(String),
    /// Stands for a secret value.
    Digest(Digest),
}

/// A kind in a scope: the unit of listing.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Debug)]
pub struct Scope {
    /// The provider's word for the kind, as in [`Handle::kind`].
    pub kind: String,
    /// The scope, as in a namespace; `None` for things that live in none.
    pub scope: Option<String>,
}

impl Scope {
    /// The scope that a handle lives in.
    #[must_use]
    pub fn of(handle: &Handle) -> Self {
        Self {
            kind: handle.kind.clone(),
            scope: handle.scope.clone(),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.scope {
            Some(scope) => write!(f, "{} in {scope}", self.kind),
            None => f.write_str(&self.kind),
        }
    }
}

/// An object that was seen, ours or not.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug)]
pub struct Object {
    /// Which incarnation and state.
    pub version: Version,
    /// When the provider says it was created.
    pub created: Option<Timestamp>,
    /// It is on its way out (a finalizer holds it).
    #[serde(default)]
    pub deleting: bool,
    /// How it was written, oldest first.
    #[serde(default)]
    pub written: Vec<Written>,
    /// Metadata by dotted path, as in `metadata.labels.app`. Public by nature.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// Names of its fields as far as metadata tells them, as in `data.password`: no values.
    #[serde(default)]
    pub field_names: BTreeSet<String>,
    /// Every field, when it was read in full: metadata too.
    #[serde(default)]
    pub fields: Option<BTreeMap<String, Seen>>,
    /// Identities found inside it: another thing's handle and uid, as told by a token in a kubeconfig.
    #[serde(default)]
    pub reaches: Vec<(Handle, String)>,
}

impl Object {
    /// Of this version, and nothing else is known of it.
    #[must_use]
    pub fn of(version: Version) -> Self {
        Self {
            version,
            created: None,
            deleting: false,
            written: Vec::new(),
            metadata: BTreeMap::new(),
            field_names: BTreeSet::new(),
            fields: None,
            reaches: Vec::new(),
        }
    }
}

/// The site: one cluster or one account, and what is known of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug, Default)]
pub struct Site {
    /// Its identity: the uid of `kube-system`, the account id.
    pub id: String,
    /// Weaker identities, for callers who may not read the first: `ca:SHA256` of the API server's authority.
    #[serde(default)]
    pub aliases: BTreeSet<String>,
    /// What a person calls it, as in the kubeconfig's context.
    pub name: String,
    /// Who we are there, when it was asked.
    #[serde(default)]
    pub principal: Option<String>,
    /// Facts that lowering uses, as in `server` and `ca` for a kubeconfig.
    #[serde(default)]
    pub facts: BTreeMap<String, String>,
    /// The site's clock minus ours, in milliseconds, as of its last answer.
    #[serde(default)]
    pub clock_offset_ms: i64,
}

impl Site {
    /// Whether both are the same place: by identity, or by a shared weaker one when one side has no other.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.id == other.id || self.aliases.contains(&other.id) || other.aliases.contains(&self.id)
    }
}

impl Site {
    /// A moment of our clock, by the site's.
    #[must_use]
    pub fn time(&self, at: Timestamp) -> Timestamp {
        shifted(at, self.clock_offset_ms)
    }
}

/// A moment, so much later.
pub(crate) fn shifted(at: Timestamp, by_ms: i64) -> Timestamp {
    at.saturating_add(SignedDuration::from_millis(by_ms))
        .unwrap_or(at)
}

/// What we made or removed is seen so by everybody after seconds, even where the world is said to be consistent eventually;
/// sites whose own documents speak of minutes mean few.
pub(crate) const SHOWN_LATE: SignedDuration = SignedDuration::from_mins(2);

/// What to look at.
#[derive(Clone, Debug)]
pub struct Look {
    /// Kinds and scopes to list by metadata, neighbours included.
    pub scopes: BTreeSet<Scope>,
    /// Objects known to be ours, with the version in the ledger (`None`: never clean). Read in full when it differs.
    pub known: BTreeMap<Handle, Option<Version>>,
    /// Of the known ones and of what names are in, what we wrote so recently that the site may not show it yet as we left it.
    pub recent: BTreeSet<Handle>,
    /// Of these, those that we made: one that is not seen is no gone one.
    pub made: BTreeSet<Handle>,
    /// Names that matter although nothing is known of them. Only their metadata is wanted.
    pub names: BTreeSet<Handle>,
    /// Objects to read in full whatever their version.
    pub full: BTreeSet<Handle>,
    /// Identities whose rights are wanted, there or not yet there: what gives any of them rights is put into
    /// [`Observed::grants`].
    pub rights_of: BTreeSet<Handle>,
    /// Makes the digests.
    pub digester: Digester,
    /// The time that stands in [`Observed::at`].
    pub at: Timestamp,
}

impl Look {
    /// Looks at nothing yet.
    #[must_use]
    pub fn new(digester: Digester, at: Timestamp) -> Self {
        Self {
            scopes: BTreeSet::new(),
            known: BTreeMap::new(),
            recent: BTreeSet::new(),
            made: BTreeSet::new(),
            names: BTreeSet::new(),
            full: BTreeSet::new(),
            rights_of: BTreeSet::new(),
            digester,
            at,
        }
    }

    /// All single names in it, whatever is wanted of them.
    #[must_use]
    pub fn handles(&self) -> BTreeSet<&Handle> {
        self.known
            .keys()
            .chain(&self.names)
            .chain(&self.full)
            .collect()
    }
}

/// All that was seen, and all that could not be.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Observed {
    /// When: the only clock of planning.
    pub at: Timestamp,
    /// Where, by provider.
    pub sites: BTreeMap<ProviderId, Site>,
    /// Every object that was seen, ours or not.
    pub objects: BTreeMap<ProviderId, BTreeMap<Handle, Object>>,
    /// What was listed to its end: a name that is not in `objects` is absent there.
    pub listed: BTreeMap<ProviderId, BTreeSet<Scope>>,
    /// Of what was listed, what was told by something that may be hours old, as a report: enough to find that nothing has
    /// changed, too little to change anything by it. Each with when that was made.
    pub told_earlier: BTreeMap<ProviderId, BTreeMap<Scope, Timestamp>>,
    /// Single names that were asked for and are not there.
    pub absent: BTreeMap<ProviderId, BTreeSet<Handle>>,
    /// What gives rights to somebody, as far as it was asked for. A provider without an entry was not asked.
    pub grants: BTreeMap<ProviderId, BTreeSet<Grant>>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
    /// How many requests it took.
    pub requests: u64,
}

/// What is known of one name.
#[derive(Clone, Copy, Debug)]
pub enum Sight<'a> {
    /// It is there.
    There(&'a Object),
    /// It is not there.
    Absent,
    /// Nobody could look, for this reason when one is known.
    Unseen(Option<&'a Gap>),
}

impl Observed {
    /// What is known of one name.
    #[must_use]
    pub fn sight(&self, provider: &ProviderId, handle: &Handle) -> Sight<'_> {
        if let Some(object) = self.object(provider, handle) {
            return Sight::There(object);
        }
        // What could not be told of the very object counts, whatever a list of its kind says.
        let of_it = |gap: &&Gap| {
            gap.provider == *provider
                && matches!(&gap.place, Place::Object(place) if place == handle)
        };
        if let Some(gap) = self.gaps.iter().find(of_it) {
            return Sight::Unseen(Some(gap));
        }
        let asked = |set: Option<&BTreeSet<Handle>>| set.is_some_and(|set| set.contains(handle));
        if asked(self.absent.get(provider))
            || self
                .listed
                .get(provider)
                .is_some_and(|scopes| scopes.contains(&Scope::of(handle)))
        {
            return Sight::Absent;
        }
        Sight::Unseen(self.gap_over(provider, handle))
    }

    /// The object of that name, if it was seen.
    #[must_use]
    pub fn object(&self, provider: &ProviderId, handle: &Handle) -> Option<&Object> {
        self.objects.get(provider)?.get(handle)
    }

    /// The objects of a kind in a scope that were seen, in the order of their names.
    pub fn in_scope(
        &self,
        provider: &ProviderId,
        scope: &Scope,
    ) -> impl Iterator<Item = (&Handle, &Object)> {
        let first = Handle {
            kind: scope.kind.clone(),
            scope: scope.scope.clone(),
            name: String::new(),
        };
        let objects = self.objects.get(provider);
        let from = objects.map(|objects| objects.range(first.clone()..));
        from.into_iter()
            .flatten()
            .take_while(move |(handle, _)| handle.kind == first.kind && handle.scope == first.scope)
    }

    fn gap_over(&self, provider: &ProviderId, handle: &Handle) -> Option<&Gap> {
        let scope = Scope::of(handle);
        let covers = |gap: &&Gap| match &gap.place {
            Place::Object(place) => place == handle,
            Place::Neighbours(place) => *place == scope,
            Place::Site => true,
            Place::Fact(_) | Place::Rights(_) => false,
        };
        let mut gaps: Vec<&Gap> = self
            .gaps
            .iter()
            .filter(|gap| gap.provider == *provider)
            .filter(covers)
            .collect();
        // The narrowest place tells the most.
        gaps.sort_by_key(|gap| match gap.place {
            Place::Object(_) => 0,
            Place::Neighbours(_) => 1,
            Place::Site | Place::Fact(_) | Place::Rights(_) => 2,
        });
        gaps.first().copied()
    }

    /// Whether a place that could not be looked at was listed.
    fn has_listed(&self, gap: &Gap) -> bool {
        let Place::Neighbours(scope) = &gap.place else {
            return false;
        };
        let listed = self.listed.get(&gap.provider);
        listed.is_some_and(|listed| listed.contains(scope))
    }

    /// What was told of a place counts no more where that was listed since.
    fn forget_what_was_told_earlier(&mut self, other: &Self) {
        for (provider, scopes) in &mut self.told_earlier {
            let Some(listed) = other.listed.get(provider) else {
                continue;
            };
            let outdated: BTreeSet<Scope> = scopes
                .extract_if(.., |scope, _| listed.contains(scope))
                .map(|(scope, _)| scope)
                .collect();
            if outdated.is_empty() {
                continue;
            }
            if let Some(objects) = self.objects.get_mut(provider) {
                objects.retain(|handle, _| !outdated.contains(&Scope::of(handle)));
            }
        }
        for (provider, scopes) in &other.told_earlier {
            let mine = self.told_earlier.entry(provider.clone()).or_default();
            mine.extend(scopes.iter().map(|(scope, at)| (scope.clone(), *at)));
        }
        self.told_earlier.retain(|_, scopes| !scopes.is_empty());
    }

    /// Adds what another look saw. Where both saw an object, the fuller and later sight stays.
    pub fn merge(&mut self, other: Self) {
        self.at = self.at.max(other.at);
        self.forget_what_was_told_earlier(&other);
        self.gaps.retain(|gap| !other.has_listed(gap));
        self.sites.extend(other.sites);
        for (provider, objects) in other.objects {
            let mine = self.objects.entry(provider).or_default();
            if mine.is_empty() {
                // As it is: a map that grows one by one is half empty.
                *mine = objects;
                continue;
            }
            for (handle, object) in objects {
                let poorer = object.fields.is_none()
                    && mine.get(&handle).is_some_and(|seen| {
                        seen.fields.is_some() && seen.version == object.version
                    });
                if !poorer {
                    mine.insert(handle, object);
                }
            }
        }
        for (provider, scopes) in other.listed {
            self.listed.entry(provider).or_default().extend(scopes);
        }
        for (provider, handles) in other.absent {
            self.absent.entry(provider).or_default().extend(handles);
        }
        for (provider, grants) in other.grants {
            self.grants.entry(provider).or_default().extend(grants);
        }
        for gap in other.gaps {
            if !self.gaps.contains(&gap) {
                self.gaps.push(gap);
            }
        }
        self.requests += other.requests;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object() -> Object {
        Object::of(Version {
            uid: "u".into(),
            revision: "1".into(),
        })
    }

    #[test]
    fn a_scope_holds_its_own_objects_and_no_others() {
        let provider = ProviderId::new("kubernetes");
        let handles = [
            Handle::scoped("ConfigMap", "a", "x"),
            Handle::scoped("Secret", "a", "x"),
            Handle::scoped("Secret", "a", "y"),
            Handle::scoped("Secret", "a-b", "x"),
            Handle::scoped("Secret", "b", "x"),
        ];
        let mut observed = Observed::default();
        let all = handles.iter().map(|handle| (handle.clone(), object()));
        observed.objects.insert(provider.clone(), all.collect());
        let names = |scope: &str| -> Vec<String> {
            let scope = Scope {
                kind: "Secret".into(),
                scope: Some(scope.into()),
            };
            let found = observed.in_scope(&provider, &scope);
            found.map(|(handle, _)| handle.path()).collect()
        };
        assert_eq!(names("a"), ["a/x", "a/y"]);
        assert_eq!(names("a-b"), ["a-b/x"]);
        assert!(names("c").is_empty());
        let elsewhere = ProviderId::new("elsewhere");
        let scope = Scope::of(&handles[1]);
        assert_eq!(observed.in_scope(&elsewhere, &scope).count(), 0);
    }
}
