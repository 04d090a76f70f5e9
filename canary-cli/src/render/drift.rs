//! Drift for people: what others did, and what is to be done about it.

use std::fmt::Write as _;

use canary_core::plan::{Action, Obstacle, Outside, Plan, Step};

use super::plan::{count, fields, gaps};

/// What others did, and nothing else.
pub(crate) fn drift(plan: &Plan, colour: bool) -> String {
    let mut out = String::new();
    for step in plan.steps.iter().filter(|step| step.outside.is_some()) {
        let (tint, plain) = if colour {
            ("\x1b[33m", "\x1b[0m")
        } else {
            ("", "")
        };
        let address = step.address.to_string();
        let handle = step.handle.to_string();
        let (symbol, what) = match &step.outside {
            Some(Outside::Changed(_)) => ("~", "was changed"),
            Some(Outside::Deleted) => ("-", "was deleted"),
            Some(Outside::Deleting) => ("-", "is being deleted"),
            Some(Outside::Recreated { .. }) => {
                ("-", "was deleted, and another of that name was made")
            }
            Some(Outside::Intruder { .. }) => ("!", "was put there, and is not ours"),
            None => continue,
        };
        writeln!(
            out,
            "{tint}{symbol:>3}{plain} {address:<30} {handle:<46} {what}"
        )
        .unwrap_or_default();
        if let Some(Outside::Changed(changes)) = &step.outside {
            out.push_str(&fields(changes));
        }
    }
    let drifted = plan
        .steps
        .iter()
        .filter(|step| step.outside.is_some())
        .count();
    let unseen = unseen(plan);
    let planted = || count(unseen as u64, "planted resource");
    if drifted == 0 && unseen == 0 {
        out.push_str("No drift. Nobody changed what is planted.\n");
    } else if drifted == 0 {
        writeln!(
            out,
            "No drift in what could be seen; {} could not be.",
            planted()
        )
        .unwrap_or_default();
    } else {
        let remedy = remedy_of_drift(plan);
        let resources = count(drifted as u64, "resource");
        writeln!(out, "\n{resources} touched by others. {remedy}").unwrap_or_default();
    }
    out.push_str(&gaps(plan));
    out
}

/// What an apply does about what others did, and what is left to a person.
fn remedy_of_drift(plan: &Plan) -> String {
    let touched: Vec<&Step> = plan
        .steps
        .iter()
        .filter(|step| step.outside.is_some())
        .collect();
    let of = |is: fn(&Step) -> bool| touched.iter().filter(|step| is(step)).count();
    let is_stranger = |step: &Step| matches!(step.action, Action::Blocked(Obstacle::Stranger));
    let is_anothers = |step: &Step| {
        matches!(step.outside, Some(Outside::Recreated { .. }))
            && matches!(step.action, Action::Blocked(_))
    };
    let put_right = of(Step::does_something);
    let strangers = of(is_stranger);
    let anothers = of(is_anothers);
    let as_declared = of(|step| matches!(step.action, Action::Keep));
    let mut told = Vec::new();
    if put_right == touched.len() {
        told.push("canary apply puts it right.".to_owned());
    } else if put_right > 0 {
        told.push(format!("canary apply puts {put_right} of them right."));
    }
    if strangers > 0 {
        told.push("What others put into places of ours is left alone: find out who did, and remove it by hand.".to_owned());
    }
    if anothers > 0 {
        told.push(
            "What others made of our names is left alone; canary plan shows the ways out."
                .to_owned(),
        );
    }
    if touched.len() > put_right + strangers + anothers + as_declared {
        told.push("canary plan shows what is in the way of the rest.".to_owned());
    }
    if told.is_empty() {
        told.push("It is as it is declared: nothing is to be put right.".to_owned());
    }
    told.join(" ")
}

/// How much of what is planted could not be looked at.
pub(crate) fn unseen(plan: &Plan) -> usize {
    let is_unseen = |step: &&Step| matches!(step.action, Action::Blocked(Obstacle::Unseen(_)));
    plan.steps.iter().filter(is_unseen).count()
}
