//! `canary known-readers`.

use canary_core::detect::{Grade, Sighting, propose};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use super::Context;
use super::in_order::InOrder;
use super::watch::Watch;
use crate::cli::KnownReaders;
use crate::error::{CommandError, Exit};

/// As many covering readings as are kept; beyond, the habits of a cluster are long known.
const KEPT: usize = 200_000;

/// Prints entries to review and paste. Named touches are told apart and never proposed.
pub(crate) async fn run(context: &Context, args: &KnownReaders) -> Result<Exit, CommandError> {
    let project = context.project()?;
    let watch = Watch::new(context, &project, &args.planned).await?;
    let mut judge = watch.judge(project.config.known_readers.clone());
    let mut log = watch.log(&args.log, false, None)?;
    let mut covering = Vec::new();
    let mut named = 0_u64;
    let mut in_order = InOrder::default();
    let mut sort = |seen: Vec<Sighting>| {
        for sighting in seen {
            if sighting.touches.nearest() > Some(Grade::Covering) {
                named += 1;
            } else if covering.len() < KEPT {
                covering.push(sighting);
            }
        }
    };
    while let Some(listened) = log.next().await? {
        for event in in_order.take(listened.events) {
            sort(judge.judge(&event));
        }
    }
    for event in in_order.rest() {
        sort(judge.judge(&event));
    }
    sort(judge.finish());
    // Half a year: long enough not to nag, short enough to be looked at again.
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let until = today.checked_add(180.days()).unwrap_or(today);
    let proposals = propose(&covering, until);
    for proposal in &proposals {
        context.ui.data(&format!("{proposal}\n"));
    }
    context.ui.say(&format!(
        "{} proposed from {} readings. Review each before you paste it: an entry excuses.",
        proposals.len(),
        covering.len()
    ));
    if named > 0 {
        context.ui.say(&format!(
            "{named} touches by name are never excused and not proposed: canary detect shows them."
        ));
    }
    Ok(Exit::Done)
}
