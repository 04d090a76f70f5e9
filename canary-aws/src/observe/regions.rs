//! What is wanted of a kind, region by region or bucket by bucket, and what was seen there.

use std::collections::{BTreeMap, BTreeSet};

use canary_core::graph::Handle;
use canary_core::observe::{Gap, Look, Object, Place, Reason, Scope, Version};

use super::look::Looking;
use crate::catalog::neighbours;
use crate::client::CallError;
use crate::provider;

/// What is wanted of a kind in one scope.
#[derive(Clone, Debug)]
pub(super) struct Wanted<'a> {
    pub(super) kind: &'static str,
    /// The region or the bucket.
    pub(super) scope: String,
    /// Single things, by name.
    pub(super) names: BTreeMap<&'a str, Want<'a>>,
    /// Whether everything else is to be listed too.
    pub(super) lists: bool,
}

/// What is wanted of one thing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Want<'a> {
    /// Whether it is there.
    Name,
    /// Whether it is as it was; all but its content where it is not.
    Known(Option<&'a Version>),
    /// Everything, its content too.
    Full(Option<&'a Version>),
}

impl<'a> Want<'a> {
    pub(super) fn known(self) -> Option<&'a Version> {
        match self {
            Self::Name => None,
            Self::Known(known) | Self::Full(known) => known,
        }
    }
}

/// What is wanted of a kind; a scope that nobody names is the home region.
pub(super) fn wanted<'a>(look: &'a Look, kind: &'static str, home: &str) -> Vec<Wanted<'a>> {
    let mut scopes: BTreeMap<String, Wanted<'a>> = BTreeMap::new();
    for scope in &look.scopes {
        if scope.kind == neighbours(kind) {
            let scope = scope.scope.as_deref().unwrap_or(home);
            Wanted::of(&mut scopes, kind, scope).lists = true;
        }
    }
    for handle in look.handles() {
        if handle.kind != kind {
            continue;
        }
        let known = look.known.get(handle).map(Option::as_ref);
        let want = if look.full.contains(handle) {
            Want::Full(known.flatten())
        } else {
            known.map_or(Want::Name, Want::Known)
        };
        let scope = handle.scope.as_deref().unwrap_or_default();
        let wanted = Wanted::of(&mut scopes, kind, scope);
        wanted.names.insert(&handle.name, want);
    }
    scopes.into_values().collect()
}

/// What was seen in one scope.
#[derive(Debug, Default)]
pub(super) struct Sightings {
    pub(super) objects: BTreeMap<Handle, Object>,
    pub(super) absent: BTreeSet<Handle>,
    pub(super) listed: Option<Scope>,
    pub(super) gaps: Vec<Gap>,
}

impl Sightings {
    /// A call about some things failed.
    pub(super) fn could_not(
        &mut self,
        wanted: &Wanted<'_>,
        names: impl IntoIterator<Item = impl AsRef<str>>,
        error: &CallError,
    ) {
        for name in names {
            let handle = wanted.handle(name.as_ref());
            self.gaps.push(wanted.gap(Place::Object(handle), error));
        }
    }

    pub(super) fn could_not_list(&mut self, wanted: &Wanted<'_>, error: &CallError) {
        let place = Place::Neighbours(wanted.scope());
        self.gaps.push(wanted.gap(place, error));
    }

    /// What a look for one thing came to. What its service shows late, and we made moments ago, is not known to be gone.
    pub(super) fn take(
        &mut self,
        wanted: &Wanted<'_>,
        name: &str,
        found: Result<Option<Object>, CallError>,
        may_come: bool,
    ) {
        let handle = wanted.handle(name);
        match found {
            Ok(Some(object)) => {
                self.objects.insert(handle, object);
            }
            Ok(None) if may_come => self.gaps.push(Gap {
                provider: provider(),
                place: Place::Object(handle),
                reason: Reason::NotYet,
                detail: String::new(),
            }),
            Ok(None) => {
                self.absent.insert(handle);
            }
            Err(error) => self.could_not(wanted, [name], &error),
        }
    }

    /// Tells the look.
    pub(super) fn into(self, looking: &mut Looking<'_>) {
        for (handle, object) in self.objects {
            looking.saw(handle, object);
        }
        for handle in self.absent {
            looking.is_absent(handle);
        }
        if let Some(scope) = self.listed {
            looking.saw_all(&scope.kind, scope.scope.as_deref());
        }
        for gap in self.gaps {
            looking.gap(gap);
        }
    }
}

impl Wanted<'_> {
    fn of<'b>(
        scopes: &'b mut BTreeMap<String, Self>,
        kind: &'static str,
        scope: &str,
    ) -> &'b mut Self {
        let wanted = scopes.entry(scope.to_owned());
        wanted.or_insert_with(|| Self {
            kind,
            scope: scope.to_owned(),
            names: BTreeMap::new(),
            lists: false,
        })
    }

    pub(super) fn handle(&self, name: &str) -> Handle {
        Handle::scoped(self.kind, &self.scope, name)
    }

    pub(super) fn scope(&self) -> Scope {
        Scope {
            kind: self.kind.into(),
            scope: Some(self.scope.clone()),
        }
    }

    fn gap(&self, place: Place, error: &CallError) -> Gap {
        let (reason, detail) = error.in_region(&self.scope);
        Gap {
            provider: provider(),
            place,
            reason,
            detail,
        }
    }
}
