//! `canary show`: one canary, an alert, or a saved plan.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use canary_core::alert::{Alert, Change, Folded, full_text, ocsf};
use canary_core::graph::Address;
use canary_core::ledger::Record;
use canary_core::plan::open_saved;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Context;
use super::detect::Kept;
use crate::cli::Show;
use crate::error::{CommandError, Exit};
use crate::project::Project;
use crate::render::{json as lines, plan as render};

/// Shows what the ledger has of a canary, or what a saved plan would do. No secret value, ever.
pub(crate) async fn run(context: &Context, args: &Show) -> Result<Exit, CommandError> {
    let project = context.project()?;
    if Path::new(&args.what).is_file() {
        let bytes = fs::read(&args.what).map_err(|error| {
            CommandError::new(Exit::Failed, format!("reading {}: {error}", args.what))
        })?;
        let plan = open_saved(&project.key()?, None, &bytes)?;
        let text = if args.json {
            lines::plan(&plan, &[])
        } else {
            render::saved(&plan, context.ui.colour)
        };
        context.ui.data(&text);
        return Ok(Exit::Done);
    }
    if is_uid(&args.what) {
        return alert(context, &project, args);
    }
    let address: Address = args
        .what
        .parse()
        .map_err(|error| CommandError::from_error(Exit::Usage, &error))?;
    let id = address.canary().clone();
    let is_whole = address.part().is_none() && address.retired().is_none();
    let engine = project.offline(&context.connects)?;
    let ledger = context.load(&engine).await?.ledger;
    let records: Vec<_> = ledger
        .records
        .values()
        .filter(|record| *record.address.canary() == id)
        .filter(|record| is_whole || record.address == address)
        .collect();
    engine.known(&id, &ledger)?;
    if records.is_empty() && !is_whole {
        let message = format!("{address} is not planted");
        return Err(CommandError::new(Exit::Failed, message).hint("canary list"));
    }
    if records.is_empty() {
        let message = format!("{id} is declared and not planted");
        return Err(CommandError::new(Exit::Failed, message).hint("canary plan"));
    }
    if args.json {
        context
            .ui
            .data(&lines::stream(records.into_iter().map(resource)));
    } else {
        let text: String = records.into_iter().map(render::record).collect();
        context.ui.data(&text);
    }
    Ok(Exit::Done)
}

fn resource(record: &Record) -> Value {
    let public: BTreeMap<_, _> = record
        .outputs
        .iter()
        .filter_map(|(name, value)| Some((name, value.public()?)))
        .collect();
    json!({
        "type": "resource", "address": record.address, "handle": record.handle,
        "version": record.version, "generation": record.generation, "written": record.written,
        "planted": record.planted, "expires": record.expires, "applied_by": record.applied_by,
        "lifetime": record.lifetime, "active": record.active, "origin": record.origin,
        "outputs": public,
        "fields": record.fields.keys().collect::<Vec<_>>(),
    })
}

/// The uid of an alert, or its beginning. The address of a canary has a dot in it.
fn is_uid(what: &str) -> bool {
    const SHORTEST: usize = 6;
    what.len() >= SHORTEST && what.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// An alert that `detect` told here, with every event that is kept of it.
fn alert(context: &Context, project: &Project, args: &Show) -> Result<Exit, CommandError> {
    let key = project.key()?;
    let mut alerts = Folded::default();
    for place in Kept::places(project) {
        let kept = Kept::read(&place, &key, context.ui);
        alerts.merge(kept.alerts.find(&args.what));
    }
    let known: Vec<&Alert> = alerts.alerts().collect();
    let failed = |words: String| {
        CommandError::new(Exit::Failed, words)
            .hint("canary detect keeps what it tells; give as much of a uid as it takes")
    };
    match known.as_slice() {
        [alert] if args.json => {
            let now = Timestamp::now();
            let finding = ocsf(alert, Change::Created, env!("CARGO_PKG_VERSION"), now);
            context.ui.data(&format!("{finding}\n"));
        }
        [alert] => context.ui.data(&full_text(alert)),
        [] => return Err(failed(format!("no alert is known as {}", args.what))),
        several => {
            let words = format!("{} alerts begin with {}", several.len(), args.what);
            return Err(failed(words));
        }
    }
    Ok(Exit::Done)
}
