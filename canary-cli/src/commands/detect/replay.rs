//! A log from beginning to end.

use std::collections::BTreeMap;
use std::time::Duration;

use canary_core::alert::{Alert, Change, Folder, Outbox};
use canary_core::detect::{Event, Judge};
use jiff::Timestamp;

use super::kept::Kept;
use super::place::{Place, Reading};
use super::sources::{Sources, names};
use super::tell::{self, Totals};
use crate::cli::Detect;
use crate::commands::Context;
use crate::commands::in_order::InOrder;
use crate::commands::watch::Watch;
use crate::error::{CommandError, Exit};
use crate::project::Project;

/// So many identities in a row, each had with the one before, are followed: a reading finds what was done with those that it
/// knew when it began. AWS gives each of a chain an hour, so this is two days and a half of one.
const CHAIN: usize = 64;

/// How often a log that waits for an answer is asked why.
const LOOK: Duration = Duration::from_millis(250);

/// Tells each alert once, in its final state.
pub(super) async fn run(context: &Context, args: &Detect) -> Result<Exit, CommandError> {
    let project = context.project()?;
    let mut watch = Watch::new(context, &project, &args.planned).await?;
    let places = Place::all(args);
    let mut pass = Pass::read(context, &project, &watch, &places, args).await?;
    // What was done with an identity may stand before the event that tells that it was had with a canary's.
    let is_read_once = places.iter().any(Place::is_gone_when_read);
    for reading in 1.. {
        let derived = pass.judge.derived();
        if derived == watch.derived || pass.failed.is_some() {
            break;
        }
        if reading > CHAIN {
            context.ui.say(&format!(
                "Note: more than {CHAIN} identities were had in a row, each with the one before; what was done with the last is not looked for",
            ));
            break;
        }
        if is_read_once {
            context.ui.say(
                "Note: identities were had with a canary's; what was done with them before that is told is not looked for where a log can be read only once",
            );
            break;
        }
        watch.derived = derived;
        pass = Pass::read(context, &project, &watch, &places, args).await?;
    }
    let Pass {
        judge,
        mut folder,
        totals,
        failed,
    } = pass;
    let mut alerts = folder.alerts();
    if !args.json {
        told_once(&mut alerts);
    }
    for alert in &alerts {
        tell::alert(context, args.json, alert, Change::Created)?;
    }
    if let Ok(key) = project.key()
        && !alerts.is_empty()
    {
        // For `canary show`. What is told is told, whether or not it can be kept.
        let place = Kept::of_replays(&project);
        let mut kept = Kept::read(&place, &key, context.ui);
        kept.alerts.merge(folder.save(&Outbox::default()));
        if let Err(error) = kept.write(&place, &key) {
            context.ui.say(&format!("Note: {}", error.message));
        }
    }
    let failed = failed.or_else(|| totals.is_a_log(&names(&places)).err());
    // Of a log that was not read, that nothing was touched is not what it tells.
    if args.json || (failed.is_some() && alerts.is_empty()) {
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

/// A reading of all logs from beginning to end.
struct Pass {
    judge: Judge,
    folder: Folder,
    totals: Totals,
    /// What was read before the log failed is told all the same.
    failed: Option<CommandError>,
}

impl Pass {
    async fn read(
        context: &Context,
        project: &Project,
        watch: &Watch,
        places: &[Place],
        args: &Detect,
    ) -> Result<Self, CommandError> {
        let mut judge = watch.judge(project.config.known_readers.clone());
        judge.learn_derived(&watch.derived);
        foresee(watch, &mut judge, args).await?;
        let mut pass = Self {
            judge,
            folder: watch.folder(),
            totals: Totals::default(),
            failed: None,
        };
        let reading = Reading {
            watch,
            follow: false,
            touches_only: false,
        };
        let mut log = Sources::open(places, reading).await?;
        let mut in_order = InOrder::default();
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let listened = tokio::select! {
                listened = log.next() => listened,
                _ = look.tick() => {
                    for news in log.troubles(Timestamp::now()) {
                        context.ui.say(&news);
                    }
                    continue;
                }
                _ = tokio::signal::ctrl_c() => Err(interrupted()),
            };
            let mut listened = match listened {
                Ok(Some(listened)) => listened,
                Ok(None) => break,
                Err(error) => {
                    pass.failed = Some(error);
                    break;
                }
            };
            pass.totals.add(&listened);
            listened
                .events
                .iter_mut()
                .for_each(|event| watch.ours(event));
            pass.judge(in_order.take(listened.events));
        }
        pass.judge(in_order.rest());
        for sighting in pass.judge.finish() {
            pass.folder.take(&sighting);
        }
        drop(pass.folder.learn(&pass.judge.take_readings()));
        Ok(pass)
    }

    fn judge(&mut self, events: Vec<Event>) {
        for event in events {
            for sighting in self.judge.judge(&event) {
                self.folder.take(&sighting);
            }
            drop(self.folder.learn(&self.judge.take_readings()));
        }
    }
}

/// Reads a log beforehand for when the canaries of `--planned` came to be, so that what was before does not count. A
/// stream can be read only once.
async fn foresee(watch: &Watch, judge: &mut Judge, args: &Detect) -> Result<(), CommandError> {
    if !args.planned.planned {
        return Ok(());
    }
    let mut places = Place::all(args);
    places.retain(|place| !place.is_stream());
    let reading = Reading {
        watch,
        follow: false,
        touches_only: true,
    };
    let mut log = Sources::open(&places, reading).await?;
    loop {
        let listened = tokio::select! {
            listened = log.next() => listened,
            _ = tokio::signal::ctrl_c() => return Err(interrupted()),
        };
        // What is wrong with the log is told when it is judged.
        let Ok(Some(mut listened)) = listened else {
            return Ok(());
        };
        for event in &mut listened.events {
            watch.ours(event);
            judge.foresee(event);
        }
    }
}

/// People are told the timeline of an incident with the first of its alerts.
fn told_once(alerts: &mut [Alert]) {
    let mut told: BTreeMap<String, String> = BTreeMap::new();
    for alert in alerts.iter_mut().filter(|alert| !alert.timeline.is_empty()) {
        let Some(incident) = alert.incident.clone() else {
            continue;
        };
        match told.get(&incident) {
            Some(first) => {
                alert.timeline.clear();
                alert.incident = Some(first.clone());
            }
            None => drop(told.insert(incident, alert.uid.clone())),
        }
    }
}

fn interrupted() -> CommandError {
    CommandError::new(
        Exit::Failed,
        "interrupted: the rest of the log was not read",
    )
}
