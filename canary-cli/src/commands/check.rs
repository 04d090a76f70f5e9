//! `canary check`: what can be said without touching anything.

use std::collections::BTreeMap;

use canary_core::check::{Note, Severity};
use canary_core::ledger::Ledger;
use canary_core::observe::{Observed, Site};
use jiff::Timestamp;

use super::Context;
use crate::cli::Check;
use crate::error::{CommandError, Exit};

/// Reads, lowers as for a cluster of which nothing is known, and tells the notes.
pub(crate) async fn run(context: &Context, args: &Check) -> Result<Exit, CommandError> {
    let project = context.project()?;
    let engine = project.offline(&context.connects)?;
    let ledger = context
        .load(&engine)
        .await
        .map(|loaded| loaded.ledger)
        .unwrap_or_default();
    let view = engine
        .look_at(nowhere(&ledger, &project.config), ledger)
        .map_err(|error| context.explain(&project, error))?;
    for note in &view.notes {
        let line = if args.json { json(note) } else { text(note) };
        context.ui.data(&format!("{line}\n"));
    }
    let errors = view
        .notes
        .iter()
        .filter(|note| note.severity == Severity::Error)
        .count();
    let canaries = project.config.canaries.len();
    if errors > 0 {
        return Err(CommandError::new(
            Exit::Config,
            format!("{errors} of the notes must be mended before an apply"),
        ));
    }
    context.ui.say(&format!(
        "{} is valid: {canaries} {}.",
        project.path.display(),
        if canaries == 1 { "canary" } else { "canaries" }
    ));
    Ok(Exit::Done)
}

/// A look that saw nothing, at the ledger's site.
pub(super) fn nowhere(ledger: &Ledger, config: &canary_core::config::Config) -> Observed {
    let sites: BTreeMap<_, _> = config
        .providers
        .keys()
        .map(|provider| {
            let site = ledger.sites.get(provider).cloned().unwrap_or_else(|| Site {
                id: "nowhere".into(),
                ..Site::default()
            });
            (provider.clone(), site)
        })
        .collect();
    Observed {
        at: Timestamp::now(),
        sites,
        ..Observed::default()
    }
}

fn text(note: &Note) -> String {
    let severity = match note.severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Error => "error",
    };
    let help = note
        .help
        .as_ref()
        .map(|help| format!(" ({help})"))
        .unwrap_or_default();
    format!(
        "{severity:<8} {:<30} {}{help}",
        note.canary.to_string(),
        note.message
    )
}

fn json(note: &Note) -> String {
    serde_json::json!({ "type": "note", "note": note }).to_string()
}
