//! `canary check`: what can be said without touching anything.

use std::collections::BTreeMap;
use std::time::Duration;

use canary_core::check::{Note, Severity, Topic};
use canary_core::engine::{Engine, EngineError, View};
use canary_core::ledger::Ledger;
use canary_core::observe::{Gap, Observed, Reason, Site};
use jiff::Timestamp;

use super::Context;
use crate::cli::Check;
use crate::error::{CommandError, Exit};
use crate::project::Project;
use crate::render::json;

/// A cluster that can be reached answers the few requests within a second; whoever only wants the file read is not
/// held up for longer than this by one that cannot.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reads, lowers as for a cluster of which nothing is known, and tells the notes. Where there are service accounts, the
/// cluster is asked what they would be given, if there is one to ask.
pub(crate) async fn run(context: &Context, args: &Check) -> Result<Exit, CommandError> {
    let project = context.project()?;
    let engine = project.offline(&context.connects)?;
    let loaded = context.load(&engine).await.map(|loaded| loaded.ledger);
    let ledger = loaded.as_ref().ok().cloned().unwrap_or_default();
    let offline = engine
        .look_at(nowhere(&ledger, &project.config), ledger)
        .map_err(|error| context.explain(&project, error))?;
    let rights = match loaded {
        _ if args.offline => Rights::Unseen(Reason::NotAsked, "--offline".to_owned()),
        Ok(ledger) if has_identities(&engine, &offline) => {
            rights(context, &project, ledger).await?
        }
        Ok(_) => Rights::Unseen(Reason::NotAsked, String::new()),
        // Whose cluster it would have to be cannot be told then, so none is asked.
        Err(error) => Rights::Unseen(Reason::NotAsked, error.message),
    };
    let (notes, gaps) = match rights {
        Rights::Seen(view) => (view.notes, view.observed.gaps),
        Rights::Unseen(reason, detail) => {
            let gaps = engine.rights_unseen(&offline, reason, &detail);
            (told_anywhere(&project, &offline), gaps)
        }
    };
    tell(context, args, &notes, &gaps);
    let errors = notes
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

/// What the cluster was asked.
enum Rights {
    /// It answered.
    Seen(Box<View>),
    /// It was not, or did not, for this reason.
    Unseen(Reason, String),
}

/// Without what is chosen by the site where nobody knows which that is: it would be another one there.
fn told_anywhere(project: &Project, view: &View) -> Vec<Note> {
    let is_known = |note: &Note| {
        let canary = project.config.canaries.get(&note.canary);
        canary.is_some_and(|canary| view.ledger.sites.contains_key(&canary.provider))
    };
    let notes = view.notes.iter();
    notes
        .filter(|note| note.topic != Topic::Chosen || is_known(note))
        .cloned()
        .collect()
}

fn has_identities(engine: &Engine, view: &View) -> bool {
    if engine.declares_identities() {
        return true;
    }
    let gaps = engine.rights_unseen(view, Reason::NotAsked, "");
    !gaps.is_empty()
}

/// One short look. Another cluster than the ledger's is refused here as everywhere.
async fn rights(
    context: &Context,
    project: &Project,
    ledger: Ledger,
) -> Result<Rights, CommandError> {
    let engine = match project.engine(&context.connects).await {
        Ok(engine) => engine,
        Err(error) => return Ok(Rights::Unseen(Reason::Unreachable, error.message)),
    };
    let Ok(looked) = tokio::time::timeout(PATIENCE, engine.look_at_rights(ledger)).await else {
        return Ok(Rights::Unseen(Reason::TimedOut, String::new()));
    };
    match looked {
        Ok(view) => Ok(Rights::Seen(Box::new(view))),
        Err(EngineError::Site { gap, .. }) => Ok(Rights::Unseen(gap.reason, gap.detail)),
        Err(error) => Err(context.explain(project, error)),
    }
}

fn tell(context: &Context, args: &Check, notes: &[Note], gaps: &[Gap]) {
    let text = if args.json {
        let notes = notes.iter().map(json::note);
        json::stream(notes.chain(gaps.iter().map(json::gap)))
    } else {
        let notes = notes.iter().map(text);
        let gaps = gaps.iter().map(|gap| format!("{:<8} {gap}", "not seen"));
        notes.chain(gaps).map(|line| format!("{line}\n")).collect()
    };
    context.ui.data(&text);
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
