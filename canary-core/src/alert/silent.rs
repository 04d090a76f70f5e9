//! Uses of keys that no event told, only whoever issued the key, and the events of them that come after all.

use std::net::IpAddr;

use jiff::Timestamp;

use super::{Alert, context};
use crate::detect::{Event, ROUGHLY, SILENT};

/// What is said of an alert with a use in it that no event tells.
pub(super) const UNTOLD: &str = "no event of it has come: only that it happened is known";

/// Whether that is all that is known of a use.
pub(super) fn is_silent(event: &Event) -> bool {
    event.annotations.contains_key(SILENT)
}

/// Whether there is a use in an alert that no event in it tells.
pub(super) fn is_untold(alert: &Alert) -> bool {
    let told = |at: Option<Timestamp>| {
        let mut events = alert.evidence.iter().filter(|evidence| !evidence.silent);
        events.any(|event| are_near(event.at, at))
    };
    let mut silent = alert.evidence.iter().filter(|evidence| evidence.silent);
    silent.any(|evidence| !told(evidence.at))
}

/// Whether an event from there tells an alert of silent uses further: the event of one of them, or, once that is known,
/// another from the same network in the same hour.
pub(super) fn is_told_by(alert: &Alert, at: Option<Timestamp>, from: IpAddr) -> bool {
    let mut silent = alert.evidence.iter().filter(|evidence| evidence.silent);
    let Some(first) = silent.next() else {
        return false;
    };
    let is_near = are_near(first.at, at) || silent.any(|evidence| are_near(evidence.at, at));
    match alert.actor.address {
        None => is_near,
        Some(known) => {
            let is_of_its_hour = context::hour(first.at) == context::hour(at);
            context::network(known) == context::network(from) && (is_near || is_of_its_hour)
        }
    }
}

/// Whether they may be the same use, as roughly as it is dated.
fn are_near(one: Option<Timestamp>, other: Option<Timestamp>) -> bool {
    let (Some(one), Some(other)) = (one, other) else {
        return false;
    };
    one.duration_since(other).abs() <= ROUGHLY
}
