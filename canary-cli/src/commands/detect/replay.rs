//! A log from beginning to end.

use canary_core::alert::{Change, Folder};

use super::kept::Kept;
use super::tell::{self, Totals};
use crate::cli::Detect;
use crate::commands::Context;
use crate::commands::in_order::InOrder;
use crate::commands::watch::Watch;
use crate::error::{CommandError, Exit};

/// Tells each alert once, in its final state.
pub(super) async fn run(context: &Context, args: &Detect) -> Result<Exit, CommandError> {
    let project = context.project()?;
    let watch = Watch::new(context, &project, &args.planned).await?;
    let mut judge = watch.judge(project.config.known_readers.clone());
    let mut folder = Folder::new(watch.alerts.clone());
    let mut log = watch.log(&args.audit_log, false, None)?;
    let mut totals = Totals::default();
    let mut in_order = InOrder::default();
    // What was read before the log failed is told all the same.
    let mut failed = None;
    loop {
        let listened = tokio::select! {
            listened = log.next() => listened,
            _ = tokio::signal::ctrl_c() => Ok(None),
        };
        let listened = match listened {
            Ok(Some(listened)) => listened,
            Ok(None) => break,
            Err(error) => {
                failed = Some(error);
                break;
            }
        };
        totals.add(&listened);
        for event in in_order.take(listened.events) {
            for sighting in judge.judge(&event) {
                folder.take(&sighting);
            }
        }
    }
    for event in in_order.rest() {
        for sighting in judge.judge(&event) {
            folder.take(&sighting);
        }
    }
    for sighting in judge.finish() {
        folder.take(&sighting);
    }
    let alerts = folder.alerts();
    for alert in &alerts {
        tell::alert(context, args.json, alert, Change::Created)?;
    }
    if let Ok(key) = project.key()
        && !alerts.is_empty()
    {
        // For `canary show`. What is told is told, whether or not it can be kept.
        let mut kept = Kept::read(&project, &key, context.ui);
        kept.alerts.merge(folder.save());
        if let Err(error) = kept.write(&project, &key) {
            context.ui.say(&format!("Note: {}", error.message));
        }
    }
    if args.json {
        tell::unread(context, &totals);
    } else {
        tell::summary(context, &totals, &judge, alerts.len());
    }
    if !project.config.alerts.is_empty() && !alerts.is_empty() {
        context.ui.say(
            "Note: a replay tells alerts here only; --follow also delivers them to the [alert.…] receivers.",
        );
    }
    if let Some(error) = failed {
        return Err(error);
    }
    Ok(if args.exit_code && !alerts.is_empty() {
        Exit::Touched
    } else {
        Exit::Done
    })
}
