//! `canary rotate`: a new generation.

use canary_core::config::with_generation;
use canary_core::plan::Purpose;

use super::Context;
use super::apply::{How, carry_out};
use super::context::canary;
use crate::cli::Rotate;
use crate::error::{CommandError, Exit};
use crate::store::put_public;

/// Raises the generation in the configuration and applies that canary. The file is written first: what it says is what
/// is being made, whatever happens on the way.
pub(crate) async fn run(context: &Context, args: &Rotate) -> Result<Exit, CommandError> {
    let id = canary(&args.canary)?;
    let project = context.project()?;
    let engine = project.offline(&context.connects)?;
    let generation = engine.declared(&id)?.generation + 1;
    let text = with_generation(&project.source, &id, generation)
        .map_err(|error| CommandError::from_error(Exit::Config, &error))?;
    if !args.auto_approve && !context.ui.interactive {
        return Err(CommandError::new(Exit::Usage, "nobody can be asked here")
            .hint("--auto-approve goes on unasked"));
    }
    let path = project.path.clone();
    let write = |text: &str| {
        put_public(&path, text.as_bytes()).map_err(|error| {
            CommandError::new(Exit::Failed, format!("writing {}: {error}", path.display()))
        })
    };
    write(&text)?;
    let raised = context.project()?;
    let engine = raised.engine(&context.connects).await?;
    let how = How {
        approved: args.auto_approve,
        json: args.json,
        operation: "rotate",
    };
    // Whoever holds what it gives is rewritten too, so the whole plan is carried out.
    let ended = carry_out(context, &raised, &engine, Purpose::default(), None, &how).await;
    let nothing_done = matches!(
        &ended,
        Ok(Exit::Failed)
            | Err(CommandError {
                exit: Exit::Locked | Exit::Conflict,
                ..
            })
    );
    if nothing_done {
        write(&project.source)?;
        context
            .ui
            .say(&format!("{} is as it was before.", path.display()));
    }
    ended
}
