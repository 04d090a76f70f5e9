//! Entries for those who read everything by nature, proposed from a log. A person reviews them; nothing is learned
//! silently.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::civil::Date;

use super::reader::SERVICE_ACCOUNT;
use super::{Credential, Event, OutcomeClass, Sighting};
use crate::config::EXCUSABLE;

/// What makes two readings the same habit.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Habit {
    principal: String,
    uid: String,
    acting_as: Option<String>,
    resource: String,
    namespace: String,
    label_selector: Option<String>,
    field_selector: Option<String>,
    credential: Option<String>,
}

/// A proposed entry. Its text form is a `[[known_reader]]` to paste.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proposal {
    habit: Habit,
    verbs: BTreeSet<String>,
    seen: u64,
    until: Date,
}

/// Proposes one entry for each habit of covering reading. Named touches are never proposed.
#[must_use]
pub fn propose<'a>(
    sightings: impl IntoIterator<Item = &'a Sighting>,
    until: Date,
) -> Vec<Proposal> {
    let mut habits: BTreeMap<Habit, (BTreeSet<String>, u64)> = BTreeMap::new();
    for sighting in sightings {
        if !is_excusable(sighting) {
            continue;
        }
        let entry = habits.entry(habit(&sighting.event)).or_default();
        entry.0.insert(sighting.event.action.verb.clone());
        entry.1 += 1;
    }
    habits
        .into_iter()
        .map(|(habit, (verbs, seen))| Proposal {
            habit,
            verbs,
            seen,
            until,
        })
        .collect()
}

/// Whether an entry can excuse it at all.
fn is_excusable(sighting: &Sighting) -> bool {
    let Sighting { event, touches, .. } = sighting;
    touches.is_covering()
        && !event.is_cut()
        && event.outcome.class() == OutcomeClass::Allowed
        && !event.actor.identity.name.is_empty()
        // A namespace of that name cannot be told from the whole cluster in an entry.
        && event.action.namespace != "cluster"
        && EXCUSABLE.contains(&event.action.verb.as_str())
}

fn habit(event: &Event) -> Habit {
    let is_account = event.actor.identity.name.starts_with(SERVICE_ACCOUNT);
    let credential = match (&event.actor.credential, &event.actor.pod) {
        (Credential::Token(_), Some(_)) => Some("pod-token".to_owned()),
        (Credential::Token(_), None) => Some("token".to_owned()),
        (Credential::Certificate(sha), _) => Some(format!("certificate:{}", sha.to_lowercase())),
        // Before Kubernetes 1.29 tokens have no identifier; those of pods name the pod all the same.
        (Credential::Unknown, Some(_)) => Some("pod-token".to_owned()),
        (Credential::Unknown, None) => is_account.then(|| "unknown".to_owned()),
        (Credential::AccessKey(_), _) => None,
    };
    Habit {
        principal: event.actor.identity.name.clone(),
        uid: event.actor.identity.uid.clone(),
        acting_as: event
            .acting_as
            .as_ref()
            .map(|identity| identity.name.clone()),
        resource: event.action.resource.clone(),
        namespace: event.action.namespace.clone(),
        label_selector: event.action.selectors.label.clone(),
        field_selector: event.action.selectors.field.clone(),
        credential,
    }
}

/// A TOML string. Others chose these words, so everything that is not plain is escaped.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            // These turn the text around for whoever reviews it.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                out.push_str(&format_escape(c));
            }
            c if c.is_control() => out.push_str(&format_escape(c)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn format_escape(c: char) -> String {
    format!("\\u{:04X}", u32::from(c))
}

impl fmt::Display for Proposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let habit = &self.habit;
        let verbs: Vec<String> = self.verbs.iter().map(|verb| quoted(verb)).collect();
        writeln!(f, "[[known_reader]]")?;
        writeln!(f, "principal = {}", quoted(&habit.principal))?;
        if !habit.uid.is_empty() {
            writeln!(f, "uid = {}", quoted(&habit.uid))?;
        }
        if let Some(other) = &habit.acting_as {
            writeln!(f, "acting_as = {}", quoted(other))?;
        }
        writeln!(f, "verbs = [{}]", verbs.join(", "))?;
        writeln!(f, "resource = {}", quoted(&habit.resource))?;
        let scope = match habit.namespace.as_str() {
            "" => "cluster",
            namespace => namespace,
        };
        writeln!(f, "scope = {}", quoted(scope))?;
        for (name, selector) in [
            ("label_selector", &habit.label_selector),
            ("field_selector", &habit.field_selector),
        ] {
            if let Some(selector) = selector {
                writeln!(f, "{name} = {}", quoted(selector))?;
            }
        }
        if let Some(credential) = &habit.credential {
            writeln!(f, "credential = {}", quoted(credential))?;
        }
        writeln!(
            f,
            "reason = \"seen {} times; say here why this is right\"",
            self.seen
        )?;
        writeln!(f, "until = {}", self.until)
    }
}
