//! Plans for machines: one JSON object a line, a version first. Unknown properties are to be ignored, an unknown major
//! version refused.

use canary_core::apply::Ended;
use canary_core::check::{Note, Severity};
use canary_core::engine::Applied;
use canary_core::observe::{Gap, Seen};
use canary_core::plan::{Action, FieldChange, Outside, Plan, Step, Wanted};
use serde_json::{Value, json};

/// Of the stream. Raised with a `1.x` for additions.
const VERSION: &str = "1.2";

fn lines(values: impl IntoIterator<Item = Value>) -> String {
    values
        .into_iter()
        .map(|value| format!("{value}\n"))
        .collect()
}

fn head() -> Value {
    json!({ "type": "version", "format_version": VERSION, "canary": env!("CARGO_PKG_VERSION") })
}

/// A stream of these after its version.
pub(crate) fn stream(values: impl IntoIterator<Item = Value>) -> String {
    lines([head()].into_iter().chain(values))
}

/// A plan, with what the checks warn of.
pub(crate) fn plan(plan: &Plan, notes: &[Note]) -> String {
    let changes = plan
        .steps
        .iter()
        .filter(|step| !matches!(step.action, Action::Keep))
        .map(change);
    let drifts = plan.steps.iter().filter_map(drifted);
    let warnings = notes
        .iter()
        .filter(|note| note.severity >= Severity::Warning)
        .map(note);
    lines(
        [head()]
            .into_iter()
            .chain(drifts)
            .chain(changes)
            .chain(unseen(plan))
            .chain(warnings)
            .chain([summary(plan)]),
    )
}

/// What others did.
pub(crate) fn drift(plan: &Plan) -> String {
    lines(
        [head()]
            .into_iter()
            .chain(plan.steps.iter().filter_map(drifted))
            .chain(unseen(plan)),
    )
}

/// What could not be seen, and what was seen by something old only.
fn unseen(plan: &Plan) -> impl Iterator<Item = Value> + '_ {
    let earlier = plan
        .told_earlier
        .iter()
        .map(|told| json!({ "type": "told_earlier", "kinds": told.kinds, "places": told.places, "at": told.at }));
    plan.gaps.iter().map(gap).chain(earlier)
}

/// A place that could not be seen.
pub(crate) fn gap(gap: &Gap) -> Value {
    json!({ "type": "gap", "gap": gap, "message": gap.to_string() })
}

/// What a check says.
pub(crate) fn note(note: &Note) -> Value {
    json!({ "type": "note", "note": note })
}

/// What came of an apply.
pub(crate) fn applied(applied: &Applied) -> String {
    let ended = applied.report.iter().flat_map(|report| &report.ended).map(|(address, handle, ended)| {
        let (outcome, message) = match ended {
            Ended::Done => ("done", None),
            Ended::Failed(error) => ("failed", Some(crate::error::chain(error))),
            Ended::Waits(on) => ("waits", Some(format!("waits for {on}"))),
            Ended::Blocked => ("blocked", None),
            Ended::Stopped => ("stopped", None),
        };
        json!({ "type": "apply_complete", "address": address, "handle": handle, "outcome": outcome, "message": message })
    });
    let report = applied.report.as_ref();
    let last = json!({
        "type": "apply_summary",
        "done": report.map_or(0, canary_core::apply::Report::done),
        "not_done": report.map_or(0, canary_core::apply::Report::not_done),
    });
    lines(ended.chain([last]))
}

fn summary(plan: &Plan) -> Value {
    let summary = plan.summary();
    json!({
        "type": "change_summary",
        "add": summary.add, "change": summary.change, "replace": summary.replace, "destroy": summary.destroy,
        "blocked": summary.blocked, "kept": summary.kept,
    })
}

fn change(step: &Step) -> Value {
    // A list, so that looking for "delete" finds replacements too.
    let actions: &[&str] = match &step.action {
        Action::Keep => &["no-op"],
        Action::Create { .. } => &["create"],
        Action::Update { .. } => &["update"],
        Action::Replace { .. } => &["delete", "create"],
        Action::Delete { .. } => &["delete"],
        Action::Retire { .. } => &["retire"],
        Action::Reinstate { .. } => &["reinstate"],
        Action::Forget => &["forget"],
        Action::Blocked(_) => &["blocked"],
    };
    let mut value = json!({
        "type": "planned_change",
        "address": step.address, "provider": step.provider, "handle": step.handle,
        "actions": actions,
        "needs": step.needs,
    });
    match &step.action {
        Action::Blocked(obstacle) => value["reason"] = obstacle.to_string().into(),
        Action::Update { changes, .. } => value["changes"] = fields(changes),
        Action::Create { .. } => value["fields"] = step.content.keys().cloned().collect(),
        _ => {}
    }
    value
}

fn drifted(step: &Step) -> Option<Value> {
    let (what, changes) = match step.outside.as_ref()? {
        Outside::Changed(changes) => ("changed", fields(changes)),
        Outside::Deleted => ("deleted", Value::Null),
        Outside::Deleting => ("deleting", Value::Null),
        Outside::Recreated { .. } => ("recreated", Value::Null),
        Outside::Intruder { .. } => ("intruder", Value::Null),
    };
    Some(json!({
        "type": "resource_drift",
        "address": step.address, "handle": step.handle, "what": what, "changes": changes,
    }))
}

fn fields(changes: &[FieldChange]) -> Value {
    let seen = |seen: &Seen| match seen {
        Seen::Public(text) => json!({ "value": text }),
        Seen::Digest(_) => json!({ "secret": true }),
    };
    changes
        .iter()
        .map(|change| {
            json!({
                "field": change.field,
                "before": change.before.as_ref().map(seen),
                "after": change.after.as_ref().map(|after| match after {
                    Wanted::Now(value) => seen(value),
                    Wanted::AfterApply => json!({ "known_after_apply": true }),
                }),
            })
        })
        .collect()
}
