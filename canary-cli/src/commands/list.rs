//! `canary list`: what is planted, as the ledger has it.

use std::fmt::Write as _;

use canary_core::graph::Lifetime;
use serde_json::json;

use super::Context;
use crate::cli::Json;
use crate::error::{CommandError, Exit};
use crate::render::json as lines;

/// One line for each resource; the cluster is not asked.
pub(crate) async fn run(context: &Context, args: &Json) -> Result<Exit, CommandError> {
    let project = context.project()?;
    let engine = project.offline(&context.connects)?;
    let ledger = context.load(&engine).await?.ledger;
    if args.json {
        let resources = ledger.records.values().map(|record| {
            json!({
                "type": "resource",
                "address": record.address,
                "handle": record.handle,
                "generation": record.generation,
                "planted": record.planted,
                "expires": record.expires,
                "lifetime": record.lifetime,
                "active": record.active,
                "origin": record.origin,
            })
        });
        context.ui.data(&lines::stream(resources));
        return Ok(Exit::Done);
    }
    let mut out = String::new();
    for record in ledger.records.values() {
        let mut remarks = vec![format!("planted {}", day(record.planted))];
        if let Lifetime::Retired { until } = record.lifetime {
            remarks.push(format!("retired, kept until {}", day(until)));
        }
        if let Some(expires) = record.expires {
            remarks.push(format!("dead from {}", day(expires)));
        }
        let address = record.address.to_string();
        let handle = record.handle.to_string();
        writeln!(out, "{address:<34} {handle:<46} {}", remarks.join(", ")).unwrap_or_default();
    }
    context.ui.data(&out);
    let declared = project.config.canaries.keys();
    let missing = declared
        .filter(|id| !ledger.records.keys().any(|address| address.canary() == *id))
        .count();
    if missing > 0 {
        context
            .ui
            .say(&format!("{missing} declared and not planted: canary plan"));
    }
    Ok(Exit::Done)
}

fn day(moment: jiff::Timestamp) -> String {
    crate::render::plan::day(moment)
}
