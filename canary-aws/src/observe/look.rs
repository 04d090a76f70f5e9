//! What is wanted of a look, by principal, and what it came to.

use std::collections::BTreeSet;

use canary_core::graph::Handle;
use canary_core::observe::{Gap, Look, Object, Observed, Place, Reason, Scope};
use jiff::Timestamp;

use crate::client::CallError;
use crate::provider;

/// A look under way.
pub(super) struct Looking<'a> {
    pub(super) look: &'a Look,
    observed: Observed,
}

impl<'a> Looking<'a> {
    pub(super) fn new(look: &'a Look) -> Self {
        let mut observed = Observed {
            at: look.at,
            ..Observed::default()
        };
        observed.objects.entry(provider()).or_default();
        Self { look, observed }
    }

    pub(super) fn into_observed(self) -> Observed {
        self.observed
    }

    /// Whether all things of a kind that are in no other are to be listed.
    pub(super) fn lists(&self, kind: &str) -> bool {
        self.look.scopes.contains(&Scope {
            kind: kind.into(),
            scope: None,
        })
    }

    /// The names of things of a kind of which something is wanted: themselves, or what is in them.
    pub(super) fn wanted(&self, kind: &str, inside: &[&str]) -> BTreeSet<String> {
        let named = self.look.handles().into_iter().filter_map(|handle| {
            let is_in = inside.contains(&handle.kind.as_str());
            match (&handle.scope, is_in) {
                (Some(scope), true) => Some(scope.clone()),
                _ => (handle.kind == kind).then(|| handle.name.clone()),
            }
        });
        let listed = self.look.scopes.iter().filter_map(|scope| {
            inside
                .contains(&scope.kind.as_str())
                .then(|| scope.scope.clone())
                .flatten()
        });
        named.chain(listed).collect()
    }

    pub(super) fn saw(&mut self, handle: Handle, object: Object) {
        self.observed
            .objects
            .entry(provider())
            .or_default()
            .insert(handle, object);
    }

    pub(super) fn has_seen(&self, handle: &Handle) -> bool {
        self.observed.object(&provider(), handle).is_some()
    }

    /// Whether it is told already why it could not be seen.
    pub(super) fn has_gap(&self, handle: &Handle) -> bool {
        let is_of = |gap: &Gap| matches!(&gap.place, Place::Object(place) if place == handle);
        self.observed.gaps.iter().any(is_of)
    }

    /// Everything of a kind in a scope was seen.
    pub(super) fn saw_all(&mut self, kind: &str, scope: Option<&str>) {
        let scope = Scope {
            kind: kind.into(),
            scope: scope.map(str::to_owned),
        };
        self.observed
            .listed
            .entry(provider())
            .or_default()
            .insert(scope);
    }

    /// What was seen of a kind in a scope was told by something that may be hours old.
    pub(super) fn was_told_earlier(&mut self, kind: &str, scope: &str, at: Timestamp) {
        let scope = Scope {
            kind: kind.into(),
            scope: Some(scope.to_owned()),
        };
        self.observed
            .told_earlier
            .entry(provider())
            .or_default()
            .insert(scope, at);
    }

    /// What we wrote so recently in a place that it may not be shown yet as we left it.
    pub(super) fn recent_in(&self, kind: &str, scope: &str) -> BTreeSet<&'a Handle> {
        let recent = self.look.recent.iter();
        recent
            .filter(|handle| handle.kind == kind && handle.scope.as_deref() == Some(scope))
            .collect()
    }

    /// What we made there moments ago and was not seen may be there all the same.
    pub(super) fn not_yet(&mut self, kind: &str, scope: &str) {
        for handle in self.recent_in(kind, scope) {
            if self.look.made.contains(handle) && !self.has_seen(handle) {
                self.gap(Gap {
                    provider: provider(),
                    place: Place::Object(handle.clone()),
                    reason: Reason::NotYet,
                    detail: String::new(),
                });
            }
        }
    }

    /// We made it moments ago and it is not shown: it and what is known of it, of these kinds, may be there all the same.
    pub(super) fn not_shown(&mut self, handle: &Handle, inside: &[&str]) {
        self.untold(handle, inside, Reason::NotYet, "");
    }

    /// Of a thing, and of what is known of it of these kinds, it is not told whether it is there.
    pub(super) fn untold(
        &mut self,
        handle: &Handle,
        inside: &[&str],
        reason: Reason,
        detail: &str,
    ) {
        let is_inside = |known: &&Handle| {
            known.scope.as_deref() == Some(&handle.name) && inside.contains(&known.kind.as_str())
        };
        let known = self.look.known.keys().filter(is_inside);
        for handle in std::iter::once(handle).chain(known) {
            self.gap(Gap {
                provider: provider(),
                place: Place::Object(handle.clone()),
                reason,
                detail: detail.to_owned(),
            });
        }
    }

    /// How it is, and what is known of it of these kinds, could not be told. Of one of ours that is listed, why counts more
    /// than that it is.
    pub(super) fn could_not_tell(&mut self, handle: &Handle, inside: &[&str], error: &CallError) {
        let known = self.look.known.get(handle).and_then(Option::as_ref);
        let seen = self.observed.object(&provider(), handle);
        if known
            .zip(seen)
            .is_some_and(|(known, seen)| known.uid == seen.version.uid)
            && let Some(objects) = self.observed.objects.get_mut(&provider())
        {
            objects.remove(handle);
        }
        self.untold(handle, inside, error.gap_reason(), &error.detail());
    }

    /// It was asked for by name and is not there.
    pub(super) fn is_absent(&mut self, handle: Handle) {
        self.observed
            .absent
            .entry(provider())
            .or_default()
            .insert(handle);
    }

    pub(super) fn could_not(&mut self, place: Place, error: &CallError) {
        self.gap(Gap {
            provider: provider(),
            place,
            reason: error.gap_reason(),
            detail: error.detail(),
        });
    }

    pub(super) fn gap(&mut self, gap: Gap) {
        if !self.observed.gaps.contains(&gap) {
            self.observed.gaps.push(gap);
        }
    }
}
