//! Whether an approved plan is still the plan.

use std::collections::BTreeMap;

use super::{Action, Plan, Step};
use crate::graph::Address;

/// A step that is not what was approved.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Moved {
    /// Whose step.
    pub address: Address,
    /// As approved; `None`: there was none.
    pub approved: Option<Box<Step>>,
    /// As it would be now; `None`: there is none any more.
    pub now: Option<Box<Step>>,
}

/// Compares an approved plan with one made now from the same configuration. Empty: the approved changes are still
/// exactly what would be done.
///
/// A step that does nothing may come or go, and one that is done already may have turned into nothing; remarks and
/// what others did are told, not approved.
#[must_use]
pub fn moved(approved: &Plan, now: &Plan) -> Vec<Moved> {
    let mut moved = Vec::new();
    let steps_now = by_address(now);
    let steps_approved = by_address(approved);
    for step in approved.steps.iter().filter(|step| step.does_something()) {
        let fresh = steps_now.get(&step.address).copied();
        let gone_already = fresh.is_none() && is_removal(step);
        if !gone_already && !fresh.is_some_and(|fresh| same(step, fresh)) {
            moved.push(Moved {
                address: step.address.clone(),
                approved: Some(Box::new(step.clone())),
                now: fresh.cloned().map(Box::new),
            });
        }
    }
    for step in now.steps.iter().filter(|step| step.does_something()) {
        let before = steps_approved.get(&step.address).copied();
        if !before.is_some_and(Step::does_something) {
            moved.push(Moved {
                address: step.address.clone(),
                approved: before.cloned().map(Box::new),
                now: Some(Box::new(step.clone())),
            });
        }
    }
    moved
}

fn by_address(plan: &Plan) -> BTreeMap<&Address, &Step> {
    let mut steps = BTreeMap::new();
    for step in &plan.steps {
        // As `Plan::step` has it: the first.
        steps.entry(&step.address).or_insert(step);
    }
    steps
}

fn same(approved: &Step, fresh: &Step) -> bool {
    let same_action = match (&approved.action, &fresh.action) {
        // Done already, by a run that was cut off.
        (Action::Create { .. } | Action::Update { .. } | Action::Replace { .. }, Action::Keep) => {
            true
        }
        // The end of keeping is counted from the look, and is not what was approved.
        (Action::Retire { from, .. }, Action::Retire { from: now, .. }) => from == now,
        (approved, fresh) => approved == fresh,
    };
    // What is kept is as it is declared, which is what was approved.
    let same_content = matches!(fresh.action, Action::Keep) || approved.content == fresh.content;
    same_action
        && approved.handle == fresh.handle
        && same_content
        && written(approved) == written(fresh)
}

fn is_removal(step: &Step) -> bool {
    matches!(step.action, Action::Delete { .. } | Action::Forget)
}

fn written(step: &Step) -> Option<(&str, &str)> {
    let written = step.choice.as_ref()?.written.as_ref()?;
    Some((&written.manager, &written.operation))
}
