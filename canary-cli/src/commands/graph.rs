//! `canary graph`: what depends on what.

use canary_core::graph::{Address, Desired};

use super::Context;
use crate::cli::{Graph, GraphFormat};
use crate::error::{CommandError, Exit};

/// Draws the desired graph; an arrow points from what is made first to what needs it.
pub(crate) async fn run(context: &Context, args: &Graph) -> Result<Exit, CommandError> {
    let project = context.project()?;
    let engine = project.engine(&context.connects).await?;
    let view = context.look(&project, &engine).await?;
    let text = match args.format {
        GraphFormat::Dot => dot(&view.desired),
        GraphFormat::Mermaid => mermaid(&view.desired),
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

fn dot(desired: &Desired) -> String {
    let mut out = String::from("digraph canaries {\n  rankdir = LR\n  node [shape = box]\n");
    for resource in desired.in_order() {
        out.push_str(&format!(
            "  \"{}\" [label = \"{}\\n{}\"]\n",
            resource.address, resource.address, resource.handle
        ));
    }
    for (from, to) in edges(desired) {
        out.push_str(&format!("  \"{from}\" -> \"{to}\"\n"));
    }
    out.push_str("}\n");
    out
}

fn mermaid(desired: &Desired) -> String {
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
        out.push_str(&format!(
            "  {}[\"{}<br/>{}\"]\n",
            id(&resource.address),
            resource.address,
            resource.handle
        ));
    }
    for (from, to) in edges(desired) {
        out.push_str(&format!("  {} --> {}\n", id(&from), id(&to)));
    }
    out
}
