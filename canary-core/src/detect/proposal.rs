//! Entries for those who read everything by nature, proposed from a log. A person reviews them; nothing is learned
//! silently.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::civil::Date;

use super::{Credential, Event, Grade, Sighting};

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
        if sighting
            .touches
            .iter()
            .any(|touch| touch.grade != Grade::Covering)
        {
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

fn habit(event: &Event) -> Habit {
    let credential = match (&event.actor.credential, &event.actor.pod) {
        (Credential::Token(_), Some(_)) => Some("pod-token".to_owned()),
        (Credential::Token(_), None) => Some("token".to_owned()),
        (Credential::Certificate(sha), _) => Some(format!("certificate:{}", sha.to_lowercase())),
        (Credential::AccessKey(_) | Credential::Unknown, _) => None,
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
