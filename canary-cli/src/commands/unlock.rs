//! `canary unlock`.

use canary_core::ledger::StoreError;

use super::Context;
use crate::error::{CommandError, Exit};

/// Removes the lock. Whoever holds it can write no more.
pub(crate) async fn run(context: &Context) -> Result<Exit, CommandError> {
    let project = context.project()?;
    let engine = project.offline(&context.connects)?;
    let holder = match engine.store().holder().await {
        Err(StoreError::LockDamaged { .. }) => {
            engine.store().unlock().await?;
            context
                .ui
                .say("The lock was damaged. Whoever held it can write no more.");
            return Ok(Exit::Done);
        }
        holder => holder?,
    };
    let Some(holder) = holder else {
        context.ui.say("Nobody holds the lock.");
        return Ok(Exit::Done);
    };
    engine.store().unlock().await?;
    context.ui.say(&format!(
        "Removed the lock of {} (process {}, {}). If it still runs, it can write no more.",
        holder.who, holder.pid, holder.operation
    ));
    Ok(Exit::Done)
}
