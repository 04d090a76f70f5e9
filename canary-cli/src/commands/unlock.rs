//! `canary unlock`.

use super::Context;
use crate::error::{CommandError, Exit};

/// Removes the lock. Whoever holds it can write no more.
pub(crate) async fn run(context: &Context) -> Result<Exit, CommandError> {
    let project = context.project()?;
    let engine = project.offline(&context.connects)?;
    let failed =
        |error: canary_core::ledger::StoreError| CommandError::from_error(Exit::Failed, &error);
    let Some(holder) = engine.store().holder().await.map_err(failed)? else {
        context.ui.say("Nobody holds the lock.");
        return Ok(Exit::Done);
    };
    engine.store().unlock().await.map_err(failed)?;
    context.ui.say(&format!(
        "Removed the lock of {} (process {}, {}). If it still runs, it can write no more.",
        holder.who, holder.pid, holder.operation
    ));
    Ok(Exit::Done)
}
