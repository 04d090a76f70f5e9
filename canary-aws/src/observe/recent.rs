//! What we wrote moments ago of a user or a role, and whether it is shown as we left it.

use std::collections::BTreeMap;

use canary_core::graph::Handle;
use canary_core::observe::{Object, Version};

use super::look::Looking;
use super::principal::Principal;

/// A user or a role, and those of its inline policies, that the site may not show yet as we left them.
pub(super) struct Recent {
    itself: Option<(Handle, Option<Version>)>,
    is_new: bool,
    policies: Vec<(Handle, Option<Version>)>,
    kind: &'static str,
}

impl Recent {
    /// Of a user or a role, whose policies are of this kind.
    pub(super) fn of(looking: &Looking<'_>, principal: &Handle, kind: &'static str) -> Self {
        let known = |handle: &Handle| {
            let version = looking.look.known.get(handle).cloned().flatten();
            (handle.clone(), version)
        };
        let policies = looking.recent_in(kind, &principal.name);
        Self {
            itself: looking.look.recent.get(principal).map(known),
            is_new: looking.look.made.contains(principal),
            policies: policies.into_iter().map(known).collect(),
            kind,
        }
    }

    /// Whether the user or the role was itself made moments ago.
    pub(super) fn is_new(&self) -> bool {
        self.is_new
    }

    /// Whether all of it is shown as we left it.
    pub(super) fn is_shown(&self, found: Option<&Principal>) -> bool {
        let Some(found) = found else {
            return !self.is_new();
        };
        let is_as_left = |(_, known): &(Handle, Option<Version>), seen: Option<&Object>| {
            seen.is_some_and(|seen| known.as_ref().is_none_or(|known| *known == seen.version))
        };
        let object = found.object();
        let policies: BTreeMap<Handle, Object> = found.policies(self.kind).into_iter().collect();
        self.itself
            .iter()
            .all(|itself| is_as_left(itself, Some(&object)))
            && self
                .policies
                .iter()
                .all(|policy| is_as_left(policy, policies.get(&policy.0)))
    }
}
