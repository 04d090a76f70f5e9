//! What is put into a cluster or taken out of it, for people and machines.

use std::fmt::Write as _;

use canary_k8s::install::Place;
use canary_k8s::installer::{Change, Changes, Step};
use serde_json::{Value, json};

use super::json::stream;
use super::plan::count;

/// Object by object, in the order in which it is done.
pub(crate) fn changes(changes: &Changes, colour: bool) -> String {
    let mut out = String::new();
    for step in &changes.steps {
        let (symbol, tint) = match step.change {
            Change::Create => ("+", "\x1b[32m"),
            Change::Update(_) => ("~", "\x1b[33m"),
            Change::Remove => ("-", "\x1b[31m"),
            Change::Keep => continue,
        };
        let (tint, plain) = if colour { (tint, "\x1b[0m") } else { ("", "") };
        writeln!(out, "{tint}{symbol:>3}{plain} {}", step.place).unwrap_or_default();
        if let Change::Update(fields) = &step.change {
            for field in fields {
                writeln!(out, "      {field}").unwrap_or_default();
            }
        }
    }
    if changes.is_settled() {
        return "No changes. What is there is as it is to be.\n".to_owned();
    }
    let of = |is: fn(&Change) -> bool| changes.steps.iter().filter(|step| is(&step.change)).count();
    writeln!(
        out,
        "\nPlan: {} to add, {} to change, {} to remove",
        of(|change| *change == Change::Create),
        of(|change| matches!(change, Change::Update(_))),
        of(|change| *change == Change::Remove),
    )
    .unwrap_or_default();
    out
}

/// The last line.
pub(crate) fn done(n: usize, what: &str) -> String {
    format!("{what}: {}.\n", count(n as u64, "object"))
}

/// The same for machines.
pub(crate) fn changes_json(changes: &Changes) -> String {
    stream(changes.steps.iter().map(step_json))
}

fn step_json(step: &Step) -> Value {
    let (action, fields) = match &step.change {
        Change::Create => ("create", None),
        Change::Update(fields) => ("update", Some(fields)),
        Change::Remove => ("delete", None),
        Change::Keep => ("no-op", None),
    };
    let mut line = place_json(&step.place);
    line["type"] = "planned_object".into();
    line["action"] = action.into();
    if let Some(fields) = fields {
        line["fields"] = json!(fields);
    }
    line
}

/// One that was removed.
pub(crate) fn removed_json(place: &Place) -> String {
    let mut line = place_json(place);
    line["type"] = "removed_object".into();
    format!("{line}\n")
}

fn place_json(place: &Place) -> Value {
    json!({ "kind": place.kind, "namespace": place.namespace, "name": place.name })
}
