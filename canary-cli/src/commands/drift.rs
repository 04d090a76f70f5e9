//! `canary drift`: what others did.

use canary_core::plan::Purpose;

use super::Context;
use crate::cli::Json;
use crate::error::{CommandError, Exit};
use crate::render::{json, plan as render};

/// Shows what others changed since we last wrote; 4 when there is something.
pub(crate) async fn run(context: &Context, args: &Json) -> Result<Exit, CommandError> {
    let project = context.project()?;
    let engine = project.engine(&context.connects).await?;
    let view = context.look(&project, &engine).await?;
    let plan = engine.plan(&view, &Purpose::default())?;
    if args.json {
        context.ui.data(&json::drift(&plan));
    } else {
        context
            .ui
            .data(&render::drift(&plan, &view, context.ui.colour));
    }
    Ok(if plan.has_drift() {
        Exit::Drift
    } else {
        Exit::Done
    })
}
