//! Plans for people, in Terraform's habits.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use canary_core::apply::{Ended, Report};
use canary_core::check::{Note, Severity, Topic};
use canary_core::engine::View;
use canary_core::graph::{Lifetime, ProviderId};
use canary_core::ledger::Record;
use canary_core::observe::{Observed, Seen};
use canary_core::plan::{
    Action, CreateCause, DeleteCause, FieldChange, Moved, Obstacle, Outside, Plan, ReplaceCause,
    Step, ToldEarlier, Wanted,
};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::excerpt;

/// `2026-11-01`.
pub(crate) fn day(moment: Timestamp) -> String {
    moment.to_zoned(TimeZone::UTC).date().to_string()
}

/// Where we looked, and what it took.
pub(crate) fn looked(observed: &Observed, took: Duration) -> String {
    let sites: Vec<String> = observed
        .sites
        .iter()
        .map(|(provider, site)| match provider.0.as_str() {
            "kubernetes" => format!("cluster {}", site.name),
            "aws" => format!("account {}", site.name),
            other => format!("{other} {}", site.name),
        })
        .collect();
    let scopes: Vec<_> = observed.listed.values().flatten().collect();
    let kinds: BTreeSet<&str> = scopes.iter().map(|scope| scope.kind.as_str()).collect();
    let in_cluster = |(provider, _): &(&ProviderId, _)| provider.0 == "kubernetes";
    let namespaces = observed.listed.iter().filter(in_cluster);
    let namespaces: BTreeSet<_> = namespaces
        .flat_map(|(_, scopes)| scopes.iter().map(|scope| &scope.scope))
        .collect();
    let within = match namespaces.len() {
        0 => String::new(),
        n => format!(" in {}", count(n as u64, "namespace")),
    };
    // The first request asked where we are.
    let requests = observed.requests + sites.len() as u64;
    let mut sites = sites.join(", ");
    if let Some(first) = sites.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    format!(
        "{sites}: {}{within}, {}, {:.1} s\n",
        count(kinds.len() as u64, "kind"),
        count(requests, "request"),
        took.as_secs_f64()
    )
}

pub(super) fn count(n: u64, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

/// The whole plan.
pub(crate) fn plan(plan: &Plan, view: &View, colour: bool) -> String {
    let mut out = steps(plan, &view.notes, colour);
    out.push_str(&kept(plan));
    out.push_str(&gaps(plan));
    out.push_str(&notes(plan, &view.notes));
    if plan.is_settled() {
        out.push_str(&no_changes(plan));
    } else {
        if !out.is_empty() && !out.ends_with("\n\n") {
            out.push('\n');
        }
        out.push_str(&last_line(plan));
    }
    out
}

/// A saved plan, of which the world is not looked at again.
pub(crate) fn saved(plan: &Plan, colour: bool) -> String {
    format!(
        "{}{}{}\n{}",
        steps(plan, &[], colour),
        kept(plan),
        gaps(plan),
        last_line(plan)
    )
}

/// After an apply that had nothing to do: what is in the way, and what the checks warn of.
pub(crate) fn nothing(plan: &Plan, told: &[Note], colour: bool) -> String {
    if plan.is_settled() {
        let kept = if plan.purpose.destroy {
            still_there(plan)
        } else {
            String::new()
        };
        return format!("{kept}{}{}", notes(plan, told), no_changes(plan));
    }
    format!(
        "{}{}{}\nNothing could be done: everything that is to be done is blocked.\n",
        steps(plan, told, colour),
        gaps(plan),
        notes(plan, told)
    )
}

/// What the checks warn of and no blocked step tells.
fn notes(plan: &Plan, notes: &[Note]) -> String {
    let is_told = |note: &Note| {
        let step = note.address.as_ref().and_then(|address| plan.step(address));
        step.is_some_and(|step| matches!(&step.action, Action::Blocked(Obstacle::Unsafe(why)) if *why == note.message))
    };
    let mut out = String::new();
    let changes = |note: &Note| {
        let mut steps = plan.steps.iter();
        steps.any(|step| {
            step.address.canary() == &note.canary && !matches!(step.action, Action::Keep)
        })
    };
    for note in notes.iter().filter(|note| !is_told(note)) {
        let topic = match note.severity {
            Severity::Info if note.topic == Topic::Chosen && changes(note) => "Chosen",
            Severity::Info => continue,
            Severity::Warning => "Note",
            Severity::Error => "Unsafe",
        };
        writeln!(out, "{topic:<12} {note}").unwrap_or_default();
        if let Some(help) = &note.help {
            writeln!(out, "{:<12} {help}", "").unwrap_or_default();
        }
    }
    out
}

fn no_changes(plan: &Plan) -> String {
    let what = if plan.purpose.destroy && retired(plan).next().is_some() {
        "No changes. What is still out there stays until its day; canary destroy --retired-too removes it now.\n"
    } else if plan.purpose.destroy {
        "No changes. There is nothing to remove.\n"
    } else {
        "No changes. What is planted is as it is declared.\n"
    };
    what.to_owned()
}

fn last_line(plan: &Plan) -> String {
    let summary = plan.summary();
    let mut line = format!("Plan: {} to add, {} to change", summary.add, summary.change);
    if summary.replace > 0 {
        write!(line, ", {} to replace", summary.replace).unwrap_or_default();
    }
    write!(line, ", {} to destroy.", summary.destroy).unwrap_or_default();
    if summary.blocked > 0 {
        write!(line, " {} blocked.", summary.blocked).unwrap_or_default();
    }
    line.push('\n');
    line
}

fn steps(plan: &Plan, notes: &[Note], colour: bool) -> String {
    let mut out = String::new();
    let shown: Vec<&Step> = plan
        .steps
        .iter()
        .filter(|step| !matches!(step.action, Action::Keep) || step.outside.is_some())
        .collect();
    // What ends something is seen first.
    let rank = |step: &&Step| match &step.action {
        Action::Delete { .. } => 0,
        Action::Replace { .. }
        | Action::Create {
            cause: CreateCause::DeletedOutside,
        } => 1,
        _ => 2,
    };
    let mut sorted = shown;
    sorted.sort_by_key(rank);
    for step in sorted {
        out.push_str(&one(step, notes, colour));
    }
    if !out.is_empty() {
        out.push('\n');
    }
    out
}

fn one(step: &Step, notes: &[Note], colour: bool) -> String {
    let (symbol, tint) = symbol(&step.action);
    let (tint, plain) = if colour { (tint, "\x1b[0m") } else { ("", "") };
    let address = step.address.to_string();
    let handle = step.handle.to_string();
    let mut out = format!("{tint}{symbol:>3}{plain} {address:<30} {handle:<46}");
    if let Some(why) = why(step) {
        write!(out, " {why}").unwrap_or_default();
    }
    out = out.trim_end().to_owned();
    out.push('\n');
    match &step.action {
        Action::Create { .. } => out.push_str(&content(step)),
        Action::Update { changes, .. } => out.push_str(&fields(changes)),
        Action::Replace {
            cause: ReplaceCause::Immutable(changes),
            ..
        } => out.push_str(&fields(changes)),
        Action::Blocked(obstacle) => out.push_str(&remedy(step, obstacle, notes)),
        _ => {}
    }
    out
}

fn symbol(action: &Action) -> (&'static str, &'static str) {
    const GREEN: &str = "\x1b[32m";
    const RED: &str = "\x1b[31m";
    const YELLOW: &str = "\x1b[33m";
    match action {
        Action::Create {
            cause: CreateCause::New,
        } => ("+", GREEN),
        Action::Create {
            cause: CreateCause::DeletedOutside,
        }
        | Action::Replace { .. } => ("-/+", RED),
        Action::Update { .. } | Action::Keep => ("~", YELLOW),
        Action::Delete { .. } => ("-", RED),
        Action::Retire { .. } | Action::Reinstate { .. } | Action::Forget => (".", ""),
        Action::Blocked(_) => ("!", YELLOW),
    }
}

fn why(step: &Step) -> Option<String> {
    let outside = step.outside.as_ref().map(|outside| match outside {
        Outside::Changed(_) => "changed outside",
        Outside::Deleted => "deleted outside",
        Outside::Deleting => "being deleted outside",
        Outside::Recreated { .. } => "deleted outside, and another of that name is there",
        Outside::Intruder { .. } => "put there by others",
    });
    let own = match &step.action {
        Action::Replace {
            cause: ReplaceCause::Expiring,
            ..
        } => Some("it is about to stop working".to_owned()),
        Action::Replace {
            cause: ReplaceCause::Rotated,
            ..
        } => Some("rotated".to_owned()),
        Action::Replace {
            cause: ReplaceCause::NoRoom,
            ..
        } => Some("rotated, and there is no room to keep it: stops firing".to_owned()),
        Action::Replace {
            cause: ReplaceCause::Place,
            ..
        } => Some("what it is in is made anew".to_owned()),
        Action::Replace {
            cause: ReplaceCause::Immutable(changes),
            ..
        } => Some(format!("{} cannot be changed in place", forcing(changes))),
        Action::Delete { cause, .. } => Some(match cause {
            DeleteCause::NotDeclared => "not declared any more: stops firing".to_owned(),
            DeleteCause::KeptLongEnough => "kept long enough: stops firing".to_owned(),
            DeleteCause::Destroy => "stops firing".to_owned(),
            DeleteCause::NoRoom => "no room for one more beside it: stops firing".to_owned(),
            DeleteCause::Stray => {
                "made by a run that was cut off, with a secret that nobody knows".to_owned()
            }
        }),
        Action::Retire { until, .. } => Some(format!("retired, kept alive until {}", day(*until))),
        Action::Reinstate { to } => Some(format!("wanted as {to}")),
        Action::Forget => Some("gone already".to_owned()),
        Action::Blocked(obstacle) => Some(format!("blocked: {obstacle}")),
        _ => None,
    };
    match (outside, own) {
        (Some(outside), Some(own)) if !matches!(step.action, Action::Forget) => {
            Some(format!("{outside}; {own}"))
        }
        (Some(outside), _) => Some(outside.to_owned()),
        (None, own) => own,
    }
}

/// The fields because of which something is made anew: where none is by itself, it is all together.
fn forcing(changes: &[FieldChange]) -> String {
    let names = |of: fn(&&FieldChange) -> bool| -> Vec<&str> {
        let changes = changes.iter().filter(of);
        changes.map(|change| change.field.as_str()).collect()
    };
    let forcing = names(|change| change.anew);
    match forcing.as_slice() {
        [] => names(|_| true).join(", "),
        forcing => forcing.join(", "),
    }
}

fn content(step: &Step) -> String {
    let keys: Vec<&str> = step
        .content
        .keys()
        .filter_map(|field| field.strip_prefix("data."))
        .collect();
    let mut out = String::new();
    if !keys.is_empty() {
        writeln!(out, "      keys       {}", keys.join(", ")).unwrap_or_default();
    }
    if let Some(written) = step
        .choice
        .as_ref()
        .and_then(|choice| choice.written.as_ref())
    {
        let how = match written.operation.as_str() {
            "Apply" => "by server-side apply",
            _ => "by create",
        };
        write!(out, "      written    as {}, {how}", written.manager).unwrap_or_default();
        if let Some((n, of)) = written.like {
            write!(out, "          like {n} of {of}").unwrap_or_default();
        }
        out.push('\n');
    }
    for (topic, remark) in &step.remarks {
        writeln!(out, "      {topic:<10} {remark}").unwrap_or_default();
    }
    out
}

pub(super) fn fields(changes: &[FieldChange]) -> String {
    let mut out = String::new();
    for change in changes {
        let (symbol, value) = match (&change.before, &change.after) {
            (before, None) => ("-", shown(before.as_ref())),
            (None, Some(Wanted::AfterApply)) => ("+", "(known after apply)".to_owned()),
            (Some(_), Some(Wanted::AfterApply)) => ("~", "(known after apply)".to_owned()),
            (None, Some(Wanted::Now(seen))) => ("+", shown(Some(seen))),
            (Some(Seen::Public(before)), Some(Wanted::Now(Seen::Public(after)))) => {
                let (before, after) = excerpt::differing(before, after);
                ("~", format!("{} -> {}", quoted(&before), quoted(&after)))
            }
            (Some(_), Some(Wanted::Now(_))) => ("~", "(secret value)".to_owned()),
        };
        writeln!(out, "      {symbol} {:<18} {value}", escaped(&change.field)).unwrap_or_default();
    }
    out
}

fn shown(seen: Option<&Seen>) -> String {
    match seen {
        Some(Seen::Public(text)) => quoted(&excerpt::beginning(text)),
        Some(Seen::Digest(_)) => "(secret value)".to_owned(),
        None => String::new(),
    }
}

/// Others' text is data: no control character reaches the terminal.
fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text))
}

fn escaped(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let escape = c.is_control()
                || ('\u{202a}'..='\u{202e}').contains(&c)
                || ('\u{2066}'..='\u{2069}').contains(&c);
            let plain = (!escape).then_some(c);
            let escaped = escape.then(|| c.escape_unicode()).into_iter().flatten();
            plain.into_iter().chain(escaped)
        })
        .collect()
}

fn remedy(step: &Step, obstacle: &Obstacle, notes: &[Note]) -> String {
    let indent = " ".repeat(35);
    match obstacle {
        Obstacle::Foreign {
            way_out: Some(way_out),
            ..
        } => format!("{indent}{way_out}\n"),
        // An import takes in what is to be a canary's main resource, and nothing else.
        Obstacle::Foreign { .. } if step.address.part().is_some() => {
            format!("{indent}choose another name\n")
        }
        Obstacle::Foreign { .. } => format!(
            "{indent}choose another name, or: canary import {} {}\n",
            step.address.canary(),
            step.handle.path()
        ),
        Obstacle::HoldsOurs(address) => {
            format!("{indent}declare it again, or let {address} go first\n")
        }
        Obstacle::Ours(_) => {
            format!("{indent}choose another name, or wait until that one is gone\n")
        }
        Obstacle::NoPlace(_) => format!("{indent}make it first\n"),
        Obstacle::Unsafe(why) => notes
            .iter()
            .find(|note| note.message == *why && note.address.as_ref() == Some(&step.address))
            .and_then(|note| note.help.as_ref())
            .map(|help| format!("{indent}{help}\n"))
            .unwrap_or_default(),
        _ => String::new(),
    }
}

/// What is kept although it is retired, with the end of that.
fn retired(plan: &Plan) -> impl Iterator<Item = (&Step, Timestamp)> {
    let kept = plan
        .steps
        .iter()
        .filter(|step| matches!(step.action, Action::Keep));
    kept.filter_map(|step| match step.lifetime {
        Lifetime::Retired { until } => Some((step, until)),
        Lifetime::Current => None,
    })
}

/// Each of those, where everything else goes.
fn still_there(plan: &Plan) -> String {
    let mut out = String::new();
    for (step, until) in retired(plan) {
        let known_as: Vec<&str> = step.remarks.values().map(String::as_str).collect();
        let known_as = match known_as.as_slice() {
            [] => String::new(),
            names => format!(" ({})", names.join(", ")),
        };
        writeln!(
            out,
            "Still there  {} {}{known_as}, until {}",
            step.address,
            step.handle,
            day(until)
        )
        .unwrap_or_default();
    }
    out
}

fn kept(plan: &Plan) -> String {
    let until: Vec<(Timestamp, bool)> = retired(plan)
        .map(|(step, until)| (until, step.active))
        .collect();
    let Some(first) = until.iter().map(|(until, _)| *until).min() else {
        return String::new();
    };
    let what = if until.iter().any(|(_, active)| *active) {
        "credential"
    } else {
        "canary"
    };
    let what = match (what, until.len()) {
        ("canary", n) if n != 1 => format!("{n} retired canaries"),
        (what, n) => format!("{} ", count(n as u64, &format!("retired {what}")))
            .trim()
            .to_owned(),
    };
    let verb = if until.len() == 1 {
        "stops"
    } else {
        "the first stops"
    };
    let each = if plan.purpose.destroy {
        still_there(plan)
    } else {
        String::new()
    };
    format!(
        "Kept alive   {what}, {verb} firing on {}\n{each}",
        day(first)
    )
}

/// What was not seen, and what was seen by something old only.
pub(super) fn gaps(plan: &Plan) -> String {
    let mut out: String = plan
        .gaps
        .iter()
        .map(|gap| format!("Not seen     {gap}\n"))
        .collect();
    if let Some(ToldEarlier { kinds, places, at }) = &plan.told_earlier {
        let kinds: Vec<&str> = kinds.iter().map(String::as_str).collect();
        writeln!(
            out,
            "Seen as of   {}: {} in {}, by a report; what was done since is not seen",
            at.strftime("%Y-%m-%d %H:%M:%SZ"),
            kinds.join(", "),
            count(*places as u64, "place"),
        )
        .unwrap_or_default();
    }
    out
}

/// What came of an apply.
pub(crate) fn report(plan: &Plan, report: &Report, _took: Duration) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut out = String::new();
    for (address, handle, ended) in &report.ended {
        let step = plan.step(address);
        match ended {
            Ended::Done => {
                let what = match step.map(|step| &step.action) {
                    Some(Action::Create { .. }) => "added",
                    Some(Action::Update { .. }) => "changed",
                    Some(Action::Replace { .. }) => "replaced",
                    Some(Action::Delete { .. }) => "destroyed",
                    _ => continue,
                };
                *counts.entry(what).or_default() += 1;
            }
            Ended::Failed(error) => writeln!(out, "  x {address}: {error}").unwrap_or_default(),
            Ended::Waits(on) => {
                writeln!(out, "  . {address}: {handle} waits for {on}").unwrap_or_default();
            }
            Ended::Stopped => {
                writeln!(out, "  . {address}: {handle} was not begun").unwrap_or_default();
            }
            Ended::Blocked => {}
        }
    }
    let n = |what: &str| counts.get(what).copied().unwrap_or_default();
    let replaced = match n("replaced") {
        0 => String::new(),
        replaced => format!(", {replaced} replaced"),
    };
    let complete = if report.is_complete() {
        "Apply complete!".to_owned()
    } else {
        format!("Apply incomplete: {} not done.", report.not_done())
    };
    writeln!(
        out,
        "\n{complete} Resources: {} added, {} changed{replaced}, {} destroyed.",
        n("added"),
        n("changed"),
        n("destroyed")
    )
    .unwrap_or_default();
    out
}

/// A step that is not what was approved, in one line.
pub(crate) fn moved(moved: &Moved) -> String {
    let verb = |step: Option<&Step>| match step.map(|step| &step.action) {
        None => "nothing",
        Some(Action::Keep) => "nothing",
        Some(Action::Create { .. }) => "create",
        Some(Action::Update { .. }) => "update",
        Some(Action::Replace { .. }) => "replace",
        Some(Action::Delete { .. }) => "delete",
        Some(Action::Retire { .. }) => "retire",
        Some(Action::Reinstate { .. }) => "reinstate",
        Some(Action::Forget) => "forget",
        Some(Action::Blocked(_)) => "blocked",
    };
    let approved = verb(moved.approved.as_deref());
    let now = verb(moved.now.as_deref());
    let differently = if approved == now {
        " (differently)"
    } else {
        ""
    };
    format!(
        "{}: {approved} was approved, now {now}{differently}",
        moved.address
    )
}

/// What the ledger has of a resource.
pub(crate) fn record(record: &Record) -> String {
    let mut out = format!("{}\n", record.address);
    let mut line = |topic: &str, text: String| {
        writeln!(out, "  {topic:<12} {text}").unwrap_or_default();
    };
    line("object", record.handle.to_string());
    if let Some(version) = &record.version {
        line(
            "version",
            format!("uid {}, revision {}", version.uid, version.revision),
        );
    }
    line("generation", record.generation.to_string());
    line("planted", record.planted.to_string());
    if let Some(expires) = record.expires {
        line("dead from", expires.to_string());
    }
    if let Lifetime::Retired { until } = record.lifetime {
        line("retired", format!("kept until {until}"));
    }
    if let Some(by) = &record.applied_by {
        line("made by", by.clone());
    }
    for (name, value) in &record.outputs {
        line(
            name,
            value
                .public()
                .map_or_else(|| "(secret value)".to_owned(), str::to_owned),
        );
    }
    let fields: Vec<&str> = record.fields.keys().map(String::as_str).collect();
    line("fields", fields.join(", "));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_forces_it_is_said_to_be_unchangeable() {
        let change = |field: &str, anew| FieldChange {
            field: field.to_owned(),
            before: None,
            after: None,
            anew,
        };
        let changes = [change("path", true), change("session", false)];
        assert_eq!(forcing(&changes), "path");
        let changes = [change("a", false), change("b", false)];
        assert_eq!(forcing(&changes), "a, b");
    }
}
