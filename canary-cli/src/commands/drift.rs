//! `canary drift`: what others did.

use canary_core::observe::{Gap, Reason};
use canary_core::plan::Purpose;

use super::Context;
use crate::cli::Json;
use crate::error::{CommandError, Exit};
use crate::render::{drift as render, json};

/// Shows what others changed since we last wrote; 4 when there is something.
pub(crate) async fn run(context: &Context, args: &Json) -> Result<Exit, CommandError> {
    let project = context.project()?;
    let engine = project.engine(&context.connects).await?;
    let view = context.look(&project, &engine).await?;
    let plan = engine.plan(&view, &Purpose::default())?;
    if args.json {
        context.ui.data(&json::drift(&plan));
    } else {
        context.ui.data(&render::drift(&plan, context.ui.colour));
    }
    // That nobody changed what could not be seen is nobody's knowledge.
    let is_refusal = |gap: &Gap| matches!(gap.reason, Reason::Forbidden | Reason::Unauthenticated);
    Ok(if plan.has_drift() {
        Exit::Drift
    } else if render::unseen(&plan) == 0 {
        Exit::Done
    } else if plan.gaps.iter().any(is_refusal) {
        Exit::Denied
    } else {
        Exit::Failed
    })
}
