//! With `--planned`: when the canaries as configured came to be, and who made them.

use super::touch::{Grade, Touches};
use super::{Event, Judge};
use crate::graph::Address;

impl Judge {
    /// Learns from a log that is read beforehand when the canaries of `--planned` came to be.
    pub fn foresee(&mut self, event: &Event) {
        let touches = self.tripwires.touches(event);
        if touches.is_empty() {
            return;
        }
        if !self.is_planting(event, &touches) {
            self.learn_that_it_is_there(event);
        }
    }

    /// Whoever is given something by name, or changes or deletes it, shows that it was there.
    pub(super) fn learn_that_it_is_there(&mut self, event: &Event) {
        let has_it = matches!(
            event.action.verb.as_str(),
            "get" | "update" | "patch" | "delete"
        ) && event.outcome.code == Some(200);
        let Some(at) = event.at.filter(|_| self.planned && has_it) else {
            return;
        };
        self.grounds.were_had(self.tripwires.named(event), at);
    }

    /// In `--planned`, whoever plants them makes them and has their tokens issued. Learns when that was.
    pub(super) fn is_planting(&mut self, event: &Event, touches: &Touches) -> bool {
        let by = self.applied_by.as_deref();
        let by_another = by.is_some_and(|by| by != event.actor.identity.name);
        let action = &event.action;
        if !self.planned || by_another || event.acting_as.is_some() || action.dry_run {
            return false;
        }
        // Whatever else it names or uses is no part of it.
        let ours: Vec<&Address> = self.tripwires.named(event).collect();
        if ours.is_empty() || touches.nearest() == Some(Grade::Use) {
            return false;
        }
        match action.subresource.as_str() {
            "" if makes(event) => {
                self.grounds.came_to_be(ours.into_iter(), event.at) || by.is_some()
            }
            part => by.is_some() && PARTS.contains(&part) && changes(event),
        }
    }
}

/// What belongs to a canary, and is made after it: whoever plants one makes them, and so does whoever steals from it.
const PARTS: [&str; 4] = ["token", "access_key", "policy", "content"];

/// Something that was not there before: a create, or an apply that found nothing.
fn makes(event: &Event) -> bool {
    let code = event.outcome.code;
    match event.action.verb.as_str() {
        "create" => code.is_none_or(|code| code < 300),
        "update" | "patch" => code == Some(201),
        _ => false,
    }
}

/// Something that was let through and is other than before.
fn changes(event: &Event) -> bool {
    let is_change = ["create", "update", "patch"].contains(&event.action.verb.as_str());
    is_change && event.outcome.code.is_none_or(|code| code < 300)
}
