//! `canary plan`.

use std::fs;
use std::time::Instant;

use canary_core::engine::{Engine, View};
use canary_core::ledger::Ledger;
use canary_core::observe::{Observed, read_recorded};
use canary_core::plan::{Plan, Purpose, seal_saved};
use canary_k8s::Dump;

use super::Context;
use super::context::targets;
use crate::cli;
use crate::error::{CommandError, Exit};
use crate::project::Project;
use crate::render::{json, plan as render};
use crate::store::put;

/// Shows what would change; changes nothing.
pub(crate) async fn run(context: &Context, args: &cli::Plan) -> Result<Exit, CommandError> {
    let purpose = Purpose {
        destroy: args.destroy,
        retired_too: false,
        targets: targets(&args.target)?,
    };
    let project = context.project()?;
    context.refuse_unknown(&project, &purpose.targets).await?;
    let began = Instant::now();
    let (engine, view) = view(context, &project, args).await?;
    let plan = engine.plan(&view, &purpose)?;
    let took = began.elapsed();
    if args.json {
        context.ui.data(&json::plan(&plan, &view.notes));
    } else {
        context.ui.say(&render::looked(&view.observed, took));
        context
            .ui
            .data(&render::plan(&plan, &view, context.ui.colour));
    }
    if let Some(out) = &args.out {
        let sealed = seal_saved(&project.key()?, &project.source, &plan)?;
        put(out, &sealed).map_err(|error| {
            CommandError::new(Exit::Failed, format!("writing {}: {error}", out.display()))
        })?;
        let out = out.display();
        context.ui.say(&format!(
            "\nSaved the plan to: {out}\nTo do exactly this: canary apply {out}"
        ));
    }
    Ok(exit(&plan, args.detailed_exitcode))
}

fn exit(plan: &Plan, detailed: bool) -> Exit {
    if detailed && !plan.is_settled() {
        Exit::Pending
    } else {
        Exit::Done
    }
}

async fn view(
    context: &Context,
    project: &Project,
    args: &cli::Plan,
) -> Result<(Engine, View), CommandError> {
    let Some(from) = &args.from else {
        let engine = project.engine(&context.connects).await?;
        let view = context.look(project, &engine).await?;
        return Ok((engine, view));
    };
    let bytes = fs::read(from).map_err(|error| {
        CommandError::new(Exit::Failed, format!("reading {}: {error}", from.display()))
    })?;
    let engine = project.offline(&context.connects)?;
    let ledger = context.load(&engine).await?.ledger;
    let observed = recorded(&engine, &ledger, &bytes, from)?;
    let view = engine
        .look_at(observed, ledger)
        .map_err(|error| context.explain(project, error))?;
    Ok((engine, view))
}

/// Our own recording, or a dump of a cluster. A dump is of the ledger's cluster when nothing says otherwise.
fn recorded(
    engine: &Engine,
    ledger: &Ledger,
    bytes: &[u8],
    from: &std::path::Path,
) -> Result<Observed, CommandError> {
    let unreadable = |error: &(dyn std::error::Error + 'static)| {
        let mut command = CommandError::from_error(Exit::Failed, error);
        command.message = format!("{}: {}", from.display(), command.message);
        command
    };
    if let Ok(observed) = read_recorded(bytes) {
        return Ok(observed);
    }
    let dump = Dump::read(bytes).map_err(|error| unreadable(&error))?;
    let provider = canary_k8s::provider();
    let mut site = dump.site();
    if let Some(known) = ledger.sites.get(&provider)
        && site.id == "dump"
    {
        site.id.clone_from(&known.id);
    }
    // A dump does not tell the server's address and authority, which a kubeconfig holds.
    if let Some(known) = ledger.sites.get(&provider)
        && site.id == known.id
    {
        for (name, fact) in &known.facts {
            site.facts
                .entry(name.clone())
                .or_insert_with(|| fact.clone());
        }
    }
    let mut observed = dump.observed(&engine.keys(&provider, &site).digester());
    observed.sites.insert(provider.clone(), site);
    let namespaces = engine
        .config()
        .canaries
        .values()
        .filter_map(|canary| canary.table.text("namespace").map(str::to_owned))
        .collect();
    observed.absent.insert(provider, dump.missing(&namespaces));
    Ok(observed)
}
