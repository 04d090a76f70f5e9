//! Names of things that are called by paths, in a region or a bucket: configured, pinned earlier, or chosen to fit.

use std::collections::{BTreeMap, BTreeSet};

use canary_core::catalog::{Catalog as _, LowerError, Lowering};
use canary_core::config::Canary;
use canary_core::disguise::{Namer, Neighbours, Style, giveaway};
use canary_core::graph::{Address, Handle};
use canary_core::observe::Scope;

use super::aws::{AwsCatalog, wrong};
use crate::provider;

/// How things of a kind are called.
#[derive(Clone, Copy)]
pub(super) struct Naming {
    pub(super) kind: &'static str,
    pub(super) style: Style,
    /// What stands before the last slash where there are no neighbours.
    pub(super) parent: &'static str,
    /// What stands behind the name, as in `.env`.
    pub(super) suffix: &'static str,
    /// Whether the service takes a name.
    pub(super) check: fn(&str) -> Result<(), String>,
}

impl Naming {
    fn joined(&self, parent: &str, name: &str) -> String {
        match parent {
            "" => format!("{name}{}", self.suffix),
            parent => format!("{parent}/{name}{}", self.suffix),
        }
    }

    /// The parts of a name.
    fn split<'a>(&self, name: &'a str) -> (&'a str, &'a str) {
        let (parent, last) = name.rsplit_once('/').unwrap_or(("", name));
        (parent, last.strip_suffix(self.suffix).unwrap_or(last))
    }

    /// The parent that most names have; of equals the first.
    fn usual<'a>(&self, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for name in names {
            let (parent, _) = self.split(name);
            let fits = (self.check)(&self.joined(parent, "db")).is_ok();
            if fits && giveaway(parent).is_none() {
                *counts.entry(parent).or_default() += 1;
            }
        }
        let most = counts.values().copied().max()?;
        let mut parents = counts.into_iter();
        parents.find_map(|(parent, count)| (count == most).then_some(parent))
    }
}

fn scope_of(kind: &str, scope: &str) -> Scope {
    Scope {
        kind: kind.to_owned(),
        scope: Some(scope.to_owned()),
    }
}

/// The name of a canary's main resource, of this generation where none is configured.
pub(super) fn named(
    canary: &Canary,
    scope: &str,
    naming: &Naming,
    cx: &Lowering<'_>,
) -> Result<Handle, Vec<LowerError>> {
    let address = Address::of(canary.id.clone());
    let refused = |message: &str, help: &str| vec![wrong(canary, "name", message, Some(help))];
    if let Some(name) = canary.table.text("name") {
        let handle = Handle::scoped(naming.kind, scope, name);
        let mut others = cx.lowered.iter();
        if others.any(|(other, taken)| *other != address && *taken == handle) {
            return Err(refused("another canary has that name", "choose another"));
        }
        return Ok(handle);
    }
    if let Some(pinned) = cx.pinned(&address, canary.generation)
        && pinned.handle.kind == naming.kind
        && pinned.handle.scope.as_deref() == Some(scope)
    {
        return Ok(pinned.handle.clone());
    }
    let id = provider();
    let here = scope_of(naming.kind, scope);
    let others: Vec<&str> = cx
        .observed
        .in_scope(&id, &here)
        .map(|(handle, _)| handle)
        .filter(|handle| !cx.ours.contains(*handle))
        .map(|handle| handle.name.as_str())
        .collect();
    let parent = naming.usual(others.iter().copied());
    let parent = parent.unwrap_or(naming.parent);
    // A name that the configuration gives to another canary is taken before that one is planted.
    let given = cx.config.canaries.values();
    let given = given
        .filter(|other| other.id != canary.id && other.id.kind() == canary.id.kind())
        .filter_map(|other| other.table.text("name"));
    let ours = cx.ours.iter().chain(cx.lowered.values());
    let ours = ours.filter(|handle| Scope::of(handle) == here);
    let in_parent = |name| {
        let (of, last) = naming.split(name);
        (of == parent).then_some(last)
    };
    let neighbours = Neighbours {
        others: others.iter().copied().filter_map(in_parent).collect(),
        taken: ours
            .map(|handle| handle.name.as_str())
            .chain(given)
            .filter_map(in_parent)
            .collect(),
    };
    let namer = Namer::new(cx.keys);
    let name = namer.pick(
        &canary.id,
        "",
        canary.generation,
        &naming.style,
        &neighbours,
    );
    let name = name.map(|name| naming.joined(parent, &name));
    let name = name.filter(|name| (naming.check)(name).is_ok());
    let name = name.ok_or_else(|| refused("every fitting name is taken", "give it a name"))?;
    Ok(Handle::scoped(naming.kind, scope, &name))
}

/// Every name that the canary may have had at a generation, where something may be under it: likeliest first.
pub(super) fn candidates(
    canary: &Canary,
    scope: &str,
    naming: &Naming,
    cx: &Lowering<'_>,
) -> Vec<Handle> {
    if let Some(name) = canary.table.text("name") {
        return vec![Handle::scoped(naming.kind, scope, name)];
    }
    let id = provider();
    let here = scope_of(naming.kind, scope);
    let listed = cx.observed.listed.get(&id);
    let is_listed = listed.is_some_and(|listed| listed.contains(&here));
    let mut there: BTreeMap<&str, BTreeSet<&Handle>> = BTreeMap::new();
    for (handle, _) in cx.observed.in_scope(&id, &here) {
        there
            .entry(naming.split(&handle.name).1)
            .or_default()
            .insert(handle);
    }
    let names = Namer::new(cx.keys).candidates(&canary.id, "", canary.generation, &naming.style);
    let mut found = Vec::new();
    for name in names {
        let seen = there.get(name.as_str());
        found.extend(seen.into_iter().flatten().map(|handle| (*handle).clone()));
        let unseen = Handle::scoped(naming.kind, scope, &naming.joined(naming.parent, &name));
        if !is_listed && !found.contains(&unseen) {
            found.push(unseen);
        }
    }
    found
}

/// Reads `SCOPE/NAME`, as given to `import`.
pub(super) fn read(
    canary: &Canary,
    declared: Option<&str>,
    naming: &Naming,
    path: &str,
) -> Result<Handle, String> {
    let words = AwsCatalog.path_form(canary.id.kind());
    let (scope, name) = path
        .split_once('/')
        .filter(|(scope, _)| !scope.is_empty())
        .ok_or_else(|| format!("expected {words}"))?;
    (naming.check)(name).map_err(|why| format!("`{name}` is not a name: {why}"))?;
    if let Some(declared) = declared.filter(|declared| *declared != scope) {
        return Err(format!("it is declared in {declared}"));
    }
    match canary.table.text("name") {
        Some(declared) if declared != name => {
            Err(format!("it is declared with the name {declared}"))
        }
        _ => Ok(Handle::scoped(naming.kind, scope, name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMING: Naming = Naming {
        kind: "Parameter",
        style: Style {
            stems: &["orders"],
            endings: &["-password"],
            topic: &[],
        },
        parent: "/prod",
        suffix: "",
        check: super::super::ssm_parameter::name,
    };

    #[test]
    fn the_usual_parent_is_one_that_the_service_takes_and_that_tells_nothing() {
        let names = [
            "/live/a",
            "/live/b",
            "/aws/a",
            "/aws/b",
            "/aws/c",
            "/honeypot/a",
            "/honeypot/b",
            "/honeypot/c",
        ];
        assert_eq!(NAMING.usual(names.into_iter()), Some("/live"));
        assert_eq!(NAMING.usual(["a", "/x/b"].into_iter()), Some(""));
        assert_eq!(NAMING.usual([].into_iter()), None);
    }
}
