//! References between canaries: they name something, of the right kind, and never run in a cycle.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use petgraph::algo::kosaraju_scc;
use petgraph::graphmap::DiGraphMap;

use super::reading::Reading;
use super::value::did_you_mean;
use crate::config::error::{any_of, quoted, shortened};
use crate::config::{ConfigError, Span, nearest};
use crate::graph::CanaryId;

/// A field that names a canary.
pub(super) struct Reference {
    /// The field, as in `of`.
    pub(super) field: String,
    /// The canary whose field it is; `None` for another table.
    pub(super) from: Option<CanaryId>,
    /// The canary that it names.
    pub(super) to: CanaryId,
    /// The kinds that it may name.
    pub(super) kinds: Cow<'static, [&'static str]>,
    /// The token.
    pub(super) span: Span,
}

impl Reference {
    /// Whether it names a canary of a kind that it may name.
    fn fits(&self) -> bool {
        self.kinds.contains(&self.to.kind())
    }
}

/// For how many wrong references a near address is looked for: each look compares all addresses, 20,000 in the
/// largest file.
const MOST_LOOKS: usize = 64;

/// How many canaries of a cycle are named, and pointed at.
const MOST_NAMED: usize = 8;

impl Reading<'_> {
    /// Reports every reference that cannot be followed, then every cycle.
    pub(super) fn check_references(&mut self) {
        let references = std::mem::take(&mut self.references);
        let mut looks = MOST_LOOKS;
        for reference in &references {
            if !reference.fits() {
                let error = self.wrong_kind(reference);
                self.errors.push(error);
            } else if !self.declared.contains_key(&reference.to) {
                let error = self.dangling(reference, looks > 0);
                looks = looks.saturating_sub(1);
                self.errors.push_missing(error);
            }
        }
        let kept: Vec<&Reference> = references.iter().filter(|one| one.fits()).collect();
        for cycle in cycles(&kept) {
            if let Some(error) = describe(&cycle) {
                self.errors.push(error);
            }
        }
    }

    fn wrong_kind(&self, reference: &Reference) -> ConfigError {
        let kind = quoted(reference.to.kind());
        let title = format!("{} cannot name a {kind}", quoted(&reference.field));
        let kinds = any_of(reference.kinds.iter().copied());
        let label = format!("expected a canary of kind {kinds}");
        let same_label = reference
            .kinds
            .iter()
            .map(|kind| CanaryId::new(kind, reference.to.label()))
            .find(|id| self.declared.contains_key(id));
        let error = ConfigError::new(reference.span.clone(), title, label)
            .with_help(same_label.map(|id| did_you_mean(&id.to_string())));
        match self.declared.get(&reference.to) {
            Some(declared) => error.and_at(declared.clone(), "declared here"),
            None => error,
        }
    }

    fn dangling(&self, reference: &Reference, look: bool) -> ConfigError {
        let to = reference.to.to_string();
        let title = format!("there is no canary {}", quoted(&to));
        let near = look.then(|| self.near(reference)).flatten();
        let help = near.map_or_else(
            || format!("declare it, with a table [{}]", shortened(&to)),
            |near| did_you_mean(&near),
        );
        ConfigError::new(
            reference.span.clone(),
            title,
            "names no canary of this file",
        )
        .with_help(help)
    }

    /// The nearest address of a kind that may be named.
    fn near(&self, reference: &Reference) -> Option<String> {
        let names: Vec<String> = self
            .declared
            .keys()
            .filter(|id| reference.kinds.contains(&id.kind()))
            .map(ToString::to_string)
            .collect();
        nearest(&reference.to.to_string(), names.iter().map(String::as_str)).map(str::to_owned)
    }
}

/// The cycles among references, each as the references that make it, beginning with the first of the file. Canaries
/// that are joined by several cycles give one of them: when that is broken, the next is shown.
fn cycles<'r>(references: &[&'r Reference]) -> Vec<Vec<&'r Reference>> {
    let mut graph: DiGraphMap<&CanaryId, usize> = DiGraphMap::new();
    for (index, reference) in references.iter().enumerate() {
        if let Some(from) = &reference.from {
            graph.add_edge(from, &reference.to, index);
        }
    }
    // Kosaraju's algorithm works without recursion, so that no chain is too long for the stack.
    kosaraju_scc(&graph)
        .into_iter()
        .filter_map(|knot| cycle_in(&graph, &knot, references))
        .collect()
}

/// A cycle within canaries that all reach each other; `None` when that is one alone that does not name itself.
fn cycle_in<'r>(
    graph: &DiGraphMap<&CanaryId, usize>,
    knot: &[&CanaryId],
    references: &[&'r Reference],
) -> Option<Vec<&'r Reference>> {
    let members: BTreeSet<&CanaryId> = knot.iter().copied().collect();
    let mut walked: Vec<&Reference> = Vec::new();
    let mut passed: BTreeMap<&CanaryId, usize> = BTreeMap::new();
    let mut here = *members.first()?;
    // Within the knot every canary has a way on, so the walk comes back to where it was.
    while !passed.contains_key(here) {
        passed.insert(here, walked.len());
        let (_, next, index) = graph.edges(here).find(|(_, to, _)| members.contains(to))?;
        walked.push(references.get(*index)?);
        here = next;
    }
    let mut cycle = walked.split_off(*passed.get(here)?);
    let first = (0..cycle.len()).min_by_key(|at| cycle[*at].span.start)?;
    cycle.rotate_left(first);
    Some(cycle)
}

fn describe(cycle: &[&Reference]) -> Option<ConfigError> {
    let (first, rest) = cycle.split_first()?;
    let title = if rest.is_empty() {
        format!("{} depends on itself", quoted(&first.to.to_string()))
    } else {
        format!("canaries depend on each other in a cycle: {}", path(cycle))
    };
    let error = ConfigError::new(first.span.clone(), title, "closes the cycle").with_help(
        String::from("each canary is made after the one it names: break the cycle here"),
    );
    let rest = rest.iter().take(MOST_NAMED);
    Some(rest.fold(error, |error, reference| {
        error.and_at(reference.span.clone(), "and here")
    }))
}

/// The canaries of a cycle, from the first back to it.
fn path(cycle: &[&Reference]) -> String {
    let names = || {
        let owners = cycle.iter().filter_map(|reference| reference.from.as_ref());
        owners.map(|id| shortened(&id.to_string()))
    };
    let mut path: Vec<String> = names().take(MOST_NAMED).collect();
    if cycle.len() > MOST_NAMED {
        path.push(format!("… {} more", cycle.len() - MOST_NAMED));
    }
    path.extend(names().next());
    path.join(" → ")
}
