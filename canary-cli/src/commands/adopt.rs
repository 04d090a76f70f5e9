//! `canary import` and `canary recover`.

use super::Context;
use super::context::canary;
use crate::cli::Import;
use crate::error::{CommandError, Exit};
use crate::project::holder;

/// Adopts an object that is there. Nothing in the cluster is changed.
pub(crate) async fn import(context: &Context, args: &Import) -> Result<Exit, CommandError> {
    let id = canary(&args.canary)?;
    let project = context.project()?;
    let engine = project.engine(&context.connects).await?;
    drop(context.load(&engine).await?);
    let adopted = context
        .locked(|| async { engine.import(&id, &args.handle, &holder("import")).await })
        .await
        .map_err(|error| context.explain(&project, error))?;
    context.ui.say(&format!(
        "{} is {} from now on. canary plan shows what would be changed to make it as declared.",
        adopted.address, adopted.handle
    ));
    Ok(Exit::Done)
}

/// Rebuilds the ledger from what can be proven. Nothing in the cluster is changed.
pub(crate) async fn recover(context: &Context) -> Result<Exit, CommandError> {
    let project = context.project()?;
    let engine = project.engine(&context.connects).await?;
    drop(context.load(&engine).await?);
    let recovered = context
        .locked(|| async { engine.recover(&holder("recover")).await })
        .await
        .map_err(|error| context.explain(&project, error))?;
    for adopted in &recovered.found {
        context.ui.data(&format!(
            "{:<34} {}\n",
            adopted.address.to_string(),
            adopted.handle
        ));
    }
    for gap in &recovered.gaps {
        context.ui.say(&format!("Not seen     {gap}"));
    }
    for id in &recovered.unproven {
        context.ui.say(&format!(
            "{id}: nothing proven to be ours was found; what you know to be it is adopted with: canary import {id} {}",
            engine.path_form(id)
        ));
    }
    for (id, handle) in &recovered.doubtful {
        context.ui.say(&format!(
            "{id}: {handle} is there and may be one of an earlier generation; nothing can prove it, so it is left alone"
        ));
    }
    context
        .ui
        .say(&format!("Recovered {}.", recovered.found.len()));
    Ok(Exit::Done)
}
