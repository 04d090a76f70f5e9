//! `canary graph`: what depends on what.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use canary_core::graph::{Address, CanaryId, Desired, Resource};

use super::Context;
use super::check::nowhere;
use crate::cli::{Graph, GraphFormat};
use crate::error::{CommandError, Exit};

/// Draws the desired graph, from the configuration and the ledger alone; an arrow points from what is made first to what needs it.
pub(crate) async fn run(context: &Context, args: &Graph) -> Result<Exit, CommandError> {
    let project = context.project()?;
    let engine = project.offline(&context.connects)?;
    let ledger = context.load(&engine).await?.ledger;
    let planted: BTreeSet<Address> = ledger.records.keys().cloned().collect();
    let view = engine
        .look_at(nowhere(&ledger, &project.config), ledger)
        .map_err(|error| context.explain(&project, error))?;
    let named = |canary: &CanaryId| {
        let declared = project.config.canaries.get(canary);
        declared.is_some_and(|declared| declared.table.text("name").is_some())
    };
    // Where a name is chosen to fit the neighbours, only what is planted has one.
    let label = |resource: &Resource| {
        let handle = &resource.handle;
        if planted.contains(&resource.address) || named(resource.address.canary()) {
            return handle.to_string();
        }
        match &handle.scope {
            Some(scope) => format!("{} in {scope}", handle.kind),
            None => handle.kind.clone(),
        }
    };
    let text = match args.format {
        GraphFormat::Dot => dot(&view.desired, label),
        GraphFormat::Mermaid => mermaid(&view.desired, label),
    };
    context.ui.data(&text);
    Ok(Exit::Done)
}

fn edges(desired: &Desired) -> impl Iterator<Item = (Address, Address)> {
    desired.in_order().flat_map(|resource| {
        let to = resource.address.clone();
        resource
            .needs()
            .into_iter()
            .map(move |from| (from, to.clone()))
    })
}

fn dot(desired: &Desired, label: impl Fn(&Resource) -> String) -> String {
    let mut out = String::from("digraph canaries {\n  rankdir = LR\n  node [shape = box]\n");
    for resource in desired.in_order() {
        writeln!(
            out,
            "  \"{}\" [label = \"{}\\n{}\"]",
            resource.address,
            resource.address,
            label(resource)
        )
        .unwrap_or_default();
    }
    for (from, to) in edges(desired) {
        writeln!(out, "  \"{from}\" -> \"{to}\"").unwrap_or_default();
    }
    out.push_str("}\n");
    out
}

fn mermaid(desired: &Desired, label: impl Fn(&Resource) -> String) -> String {
    let addresses: Vec<&Address> = desired
        .in_order()
        .map(|resource| &resource.address)
        .collect();
    let id = |address: &Address| {
        let at = addresses
            .iter()
            .position(|known| *known == address)
            .unwrap_or_default();
        format!("n{at}")
    };
    let mut out = String::from("flowchart LR\n");
    for resource in desired.in_order() {
        writeln!(
            out,
            "  {}[\"{}<br/>{}\"]",
            id(&resource.address),
            resource.address,
            label(resource)
        )
        .unwrap_or_default();
    }
    for (from, to) in edges(desired) {
        writeln!(out, "  {} --> {}", id(&from), id(&to)).unwrap_or_default();
    }
    out
}
