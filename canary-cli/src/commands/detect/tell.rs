//! How alerts and totals are told.

use canary_core::alert::{Alert, Change, ocsf, text};
use canary_core::detect::{Excuse, Judge, Listened};
use jiff::Timestamp;

use crate::commands::Context;
use crate::error::{CommandError, Exit};

/// What was looked at.
#[derive(Default)]
pub(super) struct Totals {
    bytes: u64,
    lines: u64,
    looked_at: u64,
    unreadable: u64,
}

impl Totals {
    pub(super) fn add(&mut self, listened: &Listened) {
        self.bytes += listened.bytes;
        self.lines += listened.lines;
        self.unreadable += listened.unreadable;
        self.looked_at += listened.events.len() as u64;
    }

    /// Refuses a text of which nothing is a record: that no canary was touched is not what it tells.
    pub(super) fn is_a_log(&self, names: &str) -> Result<(), CommandError> {
        if self.unreadable == 0 || self.looked_at > 0 || self.lines > self.unreadable {
            return Ok(());
        }
        let words = format!("nothing in {names} is a record of an audit log");
        Err(CommandError::new(Exit::Failed, words).hint(
            "what is read is kube-apiserver's own log (JSON of audit.k8s.io, without what a collector wraps around it), and CloudTrail's",
        ))
    }
}

/// Tells one alert on standard output. Nobody there to read it is a failure: an alert must not be lost.
pub(super) fn alert(
    context: &Context,
    json: bool,
    alert: &Alert,
    change: Change,
) -> Result<(), CommandError> {
    let told = if json {
        let now = Timestamp::now();
        format!("{}\n", ocsf(alert, change, env!("CARGO_PKG_VERSION"), now))
    } else {
        let update = match change {
            Change::Updated => "(update)\n",
            Change::Created | Change::Counted => "",
        };
        format!("{update}{}\n", text(alert))
    };
    context.ui.deliver(&told).map_err(|error| {
        CommandError::new(Exit::Failed, format!("an alert could not be told: {error}"))
    })
}

/// What was not seen is said, also where only machines listen.
pub(super) fn unread(context: &Context, totals: &Totals) {
    if totals.unreadable > 0 {
        let count = totals.unreadable;
        context
            .ui
            .say(&format!("Note: {count} records could not be read"));
    }
}

pub(super) fn summary(context: &Context, totals: &Totals, judge: &Judge, alerts: usize) {
    let excused = |why| judge.excused().get(&why).copied().unwrap_or_default();
    let mut words = vec![format!(
        "{} bytes, {} events that can matter: {}",
        totals.bytes,
        totals.looked_at,
        match alerts {
            0 => "no canary was touched".to_owned(),
            1 => "1 alert".to_owned(),
            n => format!("{n} alerts"),
        }
    )];
    for (why, name) in [
        (Excuse::OurOwn, "our own"),
        (Excuse::KnownReader, "by known readers"),
        (Excuse::Machinery, "by the control plane"),
        (Excuse::ToldByItsEvent, "told by their own events"),
        (
            Excuse::NotWhileItWasThere,
            "before or after a canary was there",
        ),
    ] {
        if excused(why) > 0 {
            words.push(format!("{} {name}", excused(why)));
        }
    }
    if judge.unproven() > 0 {
        words.push(format!(
            "{} of known readers with tokens issued before the log began",
            judge.unproven()
        ));
    }
    if totals.unreadable > 0 {
        words.push(format!("{} records could not be read", totals.unreadable));
    }
    context.ui.say(&words.join(", "));
}
