//! An alert for people.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::{Alert, Evidence, Severity, pods};
use crate::detect::{Credential, Grade, OutcomeClass};
use crate::graph::{Address, CanaryId};

/// Longer words of others are cut: nobody reads on.
const LONGEST: usize = 120;
/// As many moments of an incident as are shown.
const TIMELINE: usize = 12;
/// A sentence of ours with some of their words in it.
const SENTENCE: usize = 400;

/// An alert in a few lines. Whatever others wrote is escaped: no control character reaches a terminal.
#[must_use]
pub fn text(alert: &Alert) -> String {
    let mut out = lines(alert);
    let next = format!("canary show {}", alert.short());
    writeln!(out, "{:<10} {next}", "  next").unwrap_or_default();
    out
}

/// The same with every event that is kept of it.
#[must_use]
pub fn full_text(alert: &Alert) -> String {
    let mut out = lines(alert);
    let mut line = |topic: &str, words: String| {
        writeln!(out, "{topic:<10} {words}").unwrap_or_default();
    };
    line("  uid", alert.uid.clone());
    for address in &alert.actor.claimed_addresses {
        line("  claims", format!("to come from {}", escaped(address)));
    }
    for (address, grade) in &alert.touched {
        let grade = match grade {
            Grade::Damaged | Grade::Stolen => "perhaps",
            Grade::Covering => "among others",
            Grade::Named => "by name",
            Grade::Use => "its identity",
        };
        line("  touched", format!("{address}, {grade}"));
    }
    for evidence in &alert.evidence {
        let at = evidence.at.map(|at| at.to_string()).unwrap_or_default();
        let id = escaped(&evidence.id);
        let from = evidence.address.map(|address| format!(" from {address}"));
        let from = from.unwrap_or_default();
        line(
            "  event",
            format!("{at} {}{from} · audit id {id}", what(evidence)),
        );
    }
    let more = alert.count.saturating_sub(alert.evidence.len() as u64);
    if more > 0 {
        line("  event", format!("and {more} more that are not kept"));
    }
    out
}

fn lines(alert: &Alert) -> String {
    let mut out = String::new();
    let severity = match alert.severity {
        Severity::Low => "LOW",
        Severity::Medium => "MEDIUM",
        Severity::High => "HIGH",
        Severity::Critical => "CRITICAL",
    };
    let when = alert.first.map_or_else(
        || "at a time that is not known".to_owned(),
        |at| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
    );
    let mut line = |topic: &str, words: String| {
        writeln!(out, "{topic:<10} {words}").unwrap_or_default();
    };
    line(severity, format!("{:<56} {when}", title(alert)));
    let who = pods::who(alert).into_iter().chain([who(alert)]);
    for (n, words) in who.enumerate() {
        line(if n == 0 { "  who" } else { "" }, words);
    }
    line("  from", from(alert));
    line("  did", did(alert));
    for words in &alert.aggravated {
        line("  worse", cut(words, SENTENCE));
    }
    for words in &alert.context {
        line("  also", cut(words, SENTENCE));
    }
    for words in pods::what(alert) {
        line("  pod", words);
    }
    if !alert.touched.is_empty() {
        line("  canary", touched(alert));
    }
    for (n, moment) in alert.timeline.iter().take(TIMELINE).enumerate() {
        let topic = if n == 0 { "  incident" } else { "" };
        let at = moment
            .at
            .map(|at| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string());
        let words = cut(&moment.words, SENTENCE);
        let words = at.map_or_else(|| words.clone(), |at| format!("{at} {words}"));
        line(topic, words);
    }
    if let Some(incident) = alert
        .incident
        .as_ref()
        .filter(|_| alert.timeline.is_empty())
        && *incident != alert.uid
    {
        let short: String = incident.chars().take(8).collect();
        line("  incident", format!("the same as of {short}"));
    }
    let more = alert.timeline.len().saturating_sub(TIMELINE);
    if more > 0 {
        line("", format!("and {more} more"));
    }
    out
}

/// One sentence.
#[must_use]
pub(super) fn title(alert: &Alert) -> String {
    // An account and its token are one canary.
    let canaries: BTreeSet<&CanaryId> = alert.touched.keys().map(Address::canary).collect();
    let n = canaries.len();
    if alert.grade == Grade::Stolen {
        return pods::stolen(alert);
    }
    if n == 0 {
        return "a record of a log is damaged, and may hide a touch".to_owned();
    }
    let what = match canaries.first() {
        Some(canary) if n == 1 => canary.to_string(),
        _ => format!("{n} canaries"),
    };
    let verb = match (alert.grade, alert.outcome) {
        (Grade::Damaged | Grade::Stolen, _) => "may have been touched",
        (Grade::Use, OutcomeClass::Allowed) => "was used",
        (Grade::Use, OutcomeClass::Denied) => "was used, and refused",
        (Grade::Named, OutcomeClass::Allowed) => named(alert),
        (Grade::Named, OutcomeClass::Denied) => "was asked for, and refused",
        (Grade::Covering, OutcomeClass::Allowed) if alert.evidence.iter().any(deletes) => {
            "was deleted among others"
        }
        (Grade::Covering, OutcomeClass::Allowed) => "was read among others",
        (Grade::Covering, OutcomeClass::Denied) => "was asked for among others, and refused",
    };
    let verb = if n == 1 {
        verb.to_owned()
    } else {
        verb.replace("was", "were")
    };
    format!("{what} {verb}")
}

/// What was done to what was named, and let through.
fn named(alert: &Alert) -> &'static str {
    let all = |is: fn(&Evidence) -> bool| alert.evidence.iter().all(is);
    let reads = |e: &Evidence| matches!(e.verb.as_str(), "get" | "list" | "watch");
    let in_vain = |e: &Evidence| e.code.is_some_and(|code| code >= 400);
    match () {
        // The records were cut before they said it.
        () if all(|e| e.verb.is_empty()) => "was touched",
        () if all(in_vain) => "was asked for in vain",
        () if all(reads) => "was read",
        () if all(|e| e.dry_run) => "was touched by a dry run",
        () if all(|e| !e.is_of_it) => "was named by another object",
        () if all(is_removal) => "was deleted",
        () if all(|e| e.object.contains("/token ")) => "had a token issued",
        () if all(|e| e.object.contains("/session ")) => "was assumed",
        () if all(|e| e.object.contains("/access_key ")) => "was given a key",
        () => "was changed",
    }
}

/// The thing itself, and not a part of it.
fn is_removal(evidence: &Evidence) -> bool {
    let resource = evidence.object.split(' ').next().unwrap_or_default();
    deletes(evidence) && !resource.contains('/')
}

fn deletes(evidence: &Evidence) -> bool {
    matches!(evidence.verb.as_str(), "delete" | "deletecollection")
}

/// What the principal is called.
pub(super) fn name(alert: &Alert) -> String {
    match alert.actor.identity.name.as_str() {
        "" => "somebody who was not known".to_owned(),
        name => escaped(name),
    }
}

fn who(alert: &Alert) -> String {
    let mut words = name(alert);
    if let Some(other) = &alert.acting_as {
        write!(words, ", acting as {}", escaped(&other.name)).unwrap_or_default();
    }
    match (&alert.actor.credential, &alert.actor.pod) {
        (Credential::Token(_), Some(pod)) => {
            write!(
                words,
                ", token issued to pod {}/{}",
                escaped(&pod.namespace),
                escaped(&pod.name)
            )
            .unwrap_or_default();
            if let Some(node) = &alert.actor.node {
                write!(words, " on {}", escaped(&node.name)).unwrap_or_default();
            }
        }
        (Credential::Token(id), None) => {
            write!(words, ", token {}", escaped(id)).unwrap_or_default();
        }
        (Credential::Certificate(sha), _) => {
            let short: String = sha.chars().take(12).collect();
            write!(words, ", certificate {}", escaped(&short)).unwrap_or_default();
        }
        (Credential::AccessKey(id), _) => {
            write!(words, ", key {}", escaped(id)).unwrap_or_default();
        }
        (Credential::Unknown, _) => {}
    }
    words
}

fn from(alert: &Alert) -> String {
    let addresses: BTreeSet<_> = alert.evidence.iter().filter_map(|e| e.address).collect();
    let address = match addresses.first() {
        None => unknown_address(alert),
        Some(first) if addresses.len() == 1 => first.to_string(),
        Some(first) => format!("{first} and {} more of that network", addresses.len() - 1),
    };
    match alert.actor.user_agent.as_str() {
        "" => address,
        agent => format!("{address}, says it is {}", escaped(agent)),
    }
}

/// A service that calls for somebody writes its name there.
fn unknown_address(alert: &Alert) -> String {
    let claimed = alert.actor.claimed_addresses.first();
    let said = claimed.map(|claimed| format!(", said to be {}", escaped(claimed)));
    format!("an unknown address{}", said.unwrap_or_default())
}

fn did(alert: &Alert) -> String {
    const SHOWN: usize = 3;
    let mut parts: Vec<String> = alert.evidence.iter().take(SHOWN).map(what).collect();
    let more = alert.count.saturating_sub(parts.len() as u64);
    if more > 0 {
        parts.push(format!("and {more} more"));
    }
    parts.join("; ")
}

/// What was asked for and what came of it.
pub(super) fn what(evidence: &Evidence) -> String {
    let selector = evidence
        .selector
        .as_ref()
        .map(|s| format!(" [{}]", escaped(s)))
        .unwrap_or_default();
    let code = evidence
        .code
        .map(|code| format!(" ({code})"))
        .unwrap_or_default();
    let dry_run = if evidence.dry_run { ", dry run" } else { "" };
    let done = match evidence.operation.as_str() {
        "" => escaped(&evidence.verb),
        operation => escaped(operation),
    };
    let done = format!("{done} {}", escaped(&evidence.object));
    format!("{}{selector}{dry_run}{code}", done.trim())
}

fn touched(alert: &Alert) -> String {
    const SHOWN: usize = 5;
    let mut names: Vec<String> = alert
        .touched
        .keys()
        .take(SHOWN)
        .map(ToString::to_string)
        .collect();
    if alert.touched.len() > SHOWN {
        names.push(format!("and {} more", alert.touched.len() - SHOWN));
    }
    names.join(", ")
}

pub(super) fn escaped(text: &str) -> String {
    cut(text, LONGEST)
}

/// A sentence of ours with some words of others in it.
pub(super) fn sentence(text: &str) -> String {
    cut(text, SENTENCE)
}

/// Without anything that a terminal would obey, and no longer than that.
fn cut(text: &str, longest: usize) -> String {
    let mut out = String::new();
    for c in text.chars().take(longest) {
        let turns =
            ('\u{202a}'..='\u{202e}').contains(&c) || ('\u{2066}'..='\u{2069}').contains(&c);
        if c.is_control() || turns {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    if text.chars().nth(longest).is_some() {
        out.push('…');
    }
    out
}
