//! `canary rotate`: a new generation.

use std::collections::BTreeSet;

use canary_core::config::with_generation;
use canary_core::engine::Engine;
use canary_core::graph::CanaryId;
use canary_core::ledger::Ledger;
use canary_core::plan::Purpose;

use super::Context;
use super::apply::{How, carry_out};
use super::context::canary;
use crate::cli::Rotate;
use crate::error::{CommandError, Exit};
use crate::project::Project;
use crate::store::put_public;

/// Raises the generation in the configuration and applies that canary. The file is written first: what it says is what
/// is being made, whatever happens on the way.
pub(crate) async fn run(context: &Context, args: &Rotate) -> Result<Exit, CommandError> {
    let id = canary(&args.canary)?;
    let project = context.project()?;
    let engine = project.offline(&context.connects)?;
    if let Some(why) = engine.refuses_rotation(&id)? {
        let message = format!("{id} cannot be rotated: {why}");
        return Err(CommandError::new(Exit::Usage, message));
    }
    let generation = engine.declared(&id)?.generation + 1;
    let text = with_generation(&project.source, &id, generation)
        .map_err(|error| CommandError::from_error(Exit::Config, &error))?;
    if !args.auto_approve && !context.ui.interactive {
        return Err(CommandError::new(Exit::Usage, "nobody can be asked here")
            .hint("--auto-approve goes on unasked"));
    }
    let before = engine.load().await?.ledger;
    let holders = holders(&project, &before, &id);
    write(&project, &text)?;
    let ended = apply(context, args, holders).await;
    if !matches!(ended, Ok(Exit::Done)) && !is_begun(&engine, &id, &before).await {
        take_back(&project, &text, &id, generation - 1)?;
        let path = project.path.display();
        context
            .ui
            .say(&format!("{id} is in {path} as it was before."));
    }
    ended
}

/// The canary, and whoever holds what it gives: by what is declared and by what was planted.
fn holders(project: &Project, ledger: &Ledger, id: &CanaryId) -> BTreeSet<CanaryId> {
    let declared = project.config.canaries.values();
    let holding = declared.filter(|canary| canary.table.canary("of") == Some(id));
    let all = holding.map(|canary| canary.id.clone()).chain([id.clone()]);
    ledger.with_dependents(all.collect())
}

async fn apply(
    context: &Context,
    args: &Rotate,
    targets: BTreeSet<CanaryId>,
) -> Result<Exit, CommandError> {
    let raised = context.project()?;
    let engine = raised.engine(&context.connects).await?;
    let how = How {
        approved: args.auto_approve,
        json: args.json,
        operation: "rotate",
    };
    let purpose = Purpose {
        targets,
        ..Purpose::default()
    };
    carry_out(context, &raised, &engine, purpose, None, &how).await
}

/// Whether the ledger says anything else of the canary than before: something was made, may have been, or was retired.
async fn is_begun(engine: &Engine, id: &CanaryId, before: &Ledger) -> bool {
    let of_canary = |ledger: &Ledger| {
        let records = ledger.records.values().cloned();
        let open = ledger.open.values().map(|intent| intent.record.clone());
        let mut all: Vec<_> = records
            .chain(open)
            .filter(|record| record.address.canary() == id)
            .map(|record| (record.address, record.handle, record.generation))
            .collect();
        all.sort();
        all
    };
    match engine.load().await {
        Ok(loaded) => of_canary(&loaded.ledger) != of_canary(before),
        Err(_) => true,
    }
}

fn write(project: &Project, text: &str) -> Result<(), CommandError> {
    put_public(&project.path, text.as_bytes()).map_err(|error| {
        let path = project.path.display();
        CommandError::new(Exit::Failed, format!("writing {path}: {error}"))
    })
}

/// Takes back what was written. What somebody wrote into the file meanwhile stays.
fn take_back(
    project: &Project,
    written: &str,
    id: &CanaryId,
    generation: u32,
) -> Result<(), CommandError> {
    let now = std::fs::read_to_string(&project.path).unwrap_or_default();
    if now == written {
        return write(project, &project.source);
    }
    match with_generation(&now, id, generation) {
        Ok(text) => write(project, &text),
        // It is in the middle of being edited.
        Err(_) => Ok(()),
    }
}
