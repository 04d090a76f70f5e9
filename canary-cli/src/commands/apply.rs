//! `canary apply` and `canary destroy`.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use async_trait::async_trait;
use canary_core::apply::{Ended, Progress, RealizeError, Report};
use canary_core::engine::{Applied, ApplyRequest, Approve, Engine, View};
use canary_core::plan::{Action, Plan, Purpose, open_saved};

use super::Context;
use super::context::targets;
use crate::cli;
use crate::error::{CommandError, Exit};
use crate::project::{Project, holder};
use crate::render::{json, plan as render, progress};
use crate::ui::Ui;

/// Carries a plan out: the one made now, or exactly a saved one.
pub(crate) async fn apply(context: &Context, args: &cli::Apply) -> Result<Exit, CommandError> {
    let project = context.project()?;
    let saved = match &args.plan {
        Some(path) => {
            let bytes = fs::read(path).map_err(|error| {
                CommandError::new(Exit::Failed, format!("reading {}: {error}", path.display()))
            })?;
            Some(open_saved(&project.key()?, Some(&project.source), &bytes)?)
        }
        None => None,
    };
    let purpose = Purpose {
        targets: targets(&args.target)?,
        ..Purpose::default()
    };
    context.refuse_unknown(&project, &purpose.targets).await?;
    let how = How {
        // A saved plan was approved when it was made.
        approved: args.auto_approve || saved.is_some(),
        json: args.json,
        operation: "apply",
    };
    can_ask(context, &how)?;
    let engine = project.engine(&context.connects).await?;
    carry_out(context, &project, &engine, purpose, saved.as_ref(), &how).await
}

/// Removes every canary; retired ones only when asked for.
pub(crate) async fn destroy(context: &Context, args: &cli::Destroy) -> Result<Exit, CommandError> {
    let project = context.project()?;
    let purpose = Purpose {
        destroy: true,
        retired_too: args.retired_too,
        ..Purpose::default()
    };
    let how = How {
        approved: args.auto_approve,
        json: args.json,
        operation: "destroy",
    };
    can_ask(context, &how)?;
    let engine = project.engine(&context.connects).await?;
    carry_out(context, &project, &engine, purpose, None, &how).await
}

/// How an apply is to go.
pub(crate) struct How {
    pub(crate) approved: bool,
    pub(crate) json: bool,
    pub(crate) operation: &'static str,
}

/// Refuses early what would have to ask where nobody answers.
pub(crate) fn can_ask(context: &Context, how: &How) -> Result<(), CommandError> {
    if how.approved || (context.ui.interactive && !how.json) {
        return Ok(());
    }
    Err(CommandError::new(Exit::Usage, "nobody can be asked here")
        .hint("--auto-approve goes on unasked"))
}

/// Plans and carries out under the lock.
pub(crate) async fn carry_out(
    context: &Context,
    project: &Project,
    engine: &Engine,
    purpose: Purpose,
    saved: Option<&Plan>,
    how: &How,
) -> Result<Exit, CommandError> {
    // A torn tail is told before anything is asked.
    drop(context.load(engine).await?);
    let stop = Arc::new(AtomicBool::new(false));
    let watcher = tokio::spawn(stop_on_signal(stop.clone(), context.ui));
    let asker = Asker {
        ui: context.ui,
        how,
        stop: stop.clone(),
    };
    let began = Instant::now();
    let shown = progress::Shown::new(context.ui, how.json);
    let tell_step = |step: Progress<'_>| shown.tell(step);
    let applied = context
        .locked(|| {
            engine.apply(ApplyRequest {
                purpose: purpose.clone(),
                saved,
                approve: &asker,
                holder: holder(how.operation),
                stop: &stop,
                progress: &tell_step,
            })
        })
        .await;
    shown.finish();
    watcher.abort();
    let applied = applied.map_err(|error| context.explain(project, error))?;
    tell(context, &applied, how, began.elapsed());
    Ok(exit(&applied))
}

fn tell(context: &Context, applied: &Applied, how: &How, took: std::time::Duration) {
    let ui = context.ui;
    if applied.declined {
        ui.say("Apply cancelled.");
        return;
    }
    if how.json {
        if applied.report.is_none() {
            ui.data(&json::plan(&applied.plan, &applied.notes));
        }
        ui.data(&json::applied(applied));
        return;
    }
    match &applied.report {
        None => ui.data(&render::nothing(&applied.plan, &applied.notes, ui.colour)),
        Some(report) => ui.data(&render::report(&applied.plan, report, took)),
    }
}

fn exit(applied: &Applied) -> Exit {
    if applied.declined {
        return Exit::Failed;
    }
    let blocked = applied
        .plan
        .steps
        .iter()
        .any(|step| matches!(step.action, Action::Blocked(_)));
    let Some(report) = &applied.report else {
        return if blocked { Exit::Partly } else { Exit::Done };
    };
    if report.is_complete() {
        return Exit::Done;
    }
    worst(report)
}

/// When several hold: conflict before not permitted before partly applied, which is also how an apply ends
/// that could do nothing of what was planned.
fn worst(report: &Report) -> Exit {
    let failed = |test: fn(&RealizeError) -> bool| {
        report.count(|ended| matches!(ended, Ended::Failed(error) if test(error))) > 0
    };
    if failed(|error| {
        matches!(
            error,
            RealizeError::Exists { .. } | RealizeError::Changed { .. }
        )
    }) {
        return Exit::Conflict;
    }
    if failed(|error| matches!(error, RealizeError::Denied { .. })) {
        return Exit::Denied;
    }
    Exit::Partly
}

/// Asks on the terminal, as Terraform does.
struct Asker<'a> {
    ui: Ui,
    how: &'a How,
    stop: Arc<AtomicBool>,
}

#[async_trait]
impl Approve for Asker<'_> {
    async fn approve(&self, plan: &Plan, view: &View) -> bool {
        if self.how.json {
            self.ui.data(&json::plan(plan, &view.notes));
        } else {
            self.ui.data(&render::plan(plan, view, self.ui.colour));
        }
        if self.how.approved || !plan.has_changes() {
            return true;
        }
        let what = if plan.purpose.destroy {
            "Do you really want to remove all these canaries? What is removed stops firing."
        } else {
            "Do you want to perform these actions?"
        };
        let ui = self.ui;
        let answer = tokio::task::spawn_blocking(move || ui.ask_yes(what));
        let stopped = async {
            while !self.stop.load(Ordering::Relaxed) {
                // As quick as a person notices.
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        };
        tokio::select! {
            answer = answer => matches!(answer, Ok(true)),
            () = stopped => false,
        }
    }
}

/// The first Ctrl-C (or a request to end) lets what is under way come to its end; the second ends at once. What was
/// under way then stands in the ledger, and the next run looks at it.
async fn stop_on_signal(stop: Arc<AtomicBool>, ui: Ui) {
    let Ok(mut terminate) =
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
    else {
        return;
    };
    let Ok(mut hangup) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())
    else {
        return;
    };
    loop {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
        if stop.swap(true, Ordering::Relaxed) {
            // 128 and the number of the signal, as a shell tells it.
            end_now(130);
        }
        ui.say("\nStopping: what is under way comes to its end. Once more ends at once.");
    }
}

#[expect(
    clippy::exit,
    reason = "the second Ctrl-C is a request to end at once; the ledger is made for that"
)]
fn end_now(code: i32) -> ! {
    std::process::exit(code)
}
