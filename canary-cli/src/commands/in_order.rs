//! The events of a log that ends, in the order in which they happened: a log that was put together from several, or
//! comes in any other order, tells the same.

use canary_core::detect::{Event, SILENT, Stage};
use jiff::Timestamp;

/// Events are put in order within so many of those that can matter: at 3 KB each some 30 MB, and more than a cluster of
/// a thousand pods makes in an hour.
const WINDOW: usize = 10_000;

/// Events that wait for those that come before them.
#[derive(Default)]
pub(super) struct InOrder {
    waiting: Vec<(Key, Event)>,
    /// Uses that no event told: dated roughly, so any event may be theirs.
    silent: Vec<(Key, Event)>,
    last: Timestamp,
}

/// When it was written; then its request's stages in turn, and among equals the same order every time.
type Key = (Timestamp, Stage, String);

impl InOrder {
    /// Takes events, gives those that nothing comes before any more.
    pub(super) fn take(&mut self, events: Vec<Event>) -> Vec<Event> {
        for event in events {
            let at = event.stage_at.or(event.at).unwrap_or(self.last);
            let key = (at, event.stage, event.id.clone());
            if event.annotations.contains_key(SILENT) {
                self.silent.push((key, event));
                continue;
            }
            // Without a time of its own it stays where it stands.
            self.last = at;
            self.waiting.push((key, event));
        }
        if self.waiting.len() < 2 * WINDOW {
            return Vec::new();
        }
        sort(&mut self.waiting);
        // However many came at once, no more than a window waits.
        let ready = self.waiting.len() - WINDOW;
        let ready = self.waiting.drain(..ready);
        ready.map(|(_, event)| event).collect()
    }

    /// The rest of them, what no event told last.
    pub(super) fn rest(&mut self) -> Vec<Event> {
        sort(&mut self.waiting);
        sort(&mut self.silent);
        let rest = self.waiting.drain(..).chain(self.silent.drain(..));
        rest.map(|(_, event)| event).collect()
    }
}

fn sort(waiting: &mut [(Key, Event)]) {
    waiting.sort_by(|one, other| one.0.cmp(&other.0));
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use canary_core::detect::{Action, Actor, Outcome};
    use canary_core::graph::ProviderId;

    use super::*;

    fn event(id: &str, at: Option<&str>) -> Event {
        let at = at.map(|at| format!("2026-11-22T{at}Z").parse().unwrap());
        Event {
            provider: ProviderId::new("aws"),
            id: id.to_owned(),
            stage: Stage::Complete,
            at,
            stage_at: at,
            actor: Actor::default(),
            acting_as: None,
            action: Action::default(),
            outcome: Outcome::default(),
            mentions: BTreeSet::new(),
            annotations: BTreeMap::new(),
            request_body: None,
            gives: BTreeSet::new(),
            response_body: None,
            defects: Vec::new(),
        }
    }

    fn ids(events: Vec<Event>) -> Vec<String> {
        events.into_iter().map(|event| event.id).collect()
    }

    #[test]
    fn events_come_in_the_order_of_their_times_and_what_no_event_told_after_all_of_them() {
        let mut silent = event("silent", Some("10:00:00"));
        silent.annotations.insert(SILENT.to_owned(), String::new());
        let mut in_order = InOrder::default();
        let (late, early) = (
            event("late", Some("10:20:00")),
            event("early", Some("10:00:37")),
        );
        let undated = event("undated", None);
        assert!(in_order.take(vec![late, undated, silent]).is_empty());
        assert!(in_order.take(vec![early]).is_empty());
        assert_eq!(ids(in_order.rest()), ["early", "late", "undated", "silent"]);
    }
    #[test]
    fn no_more_than_a_window_waits_however_many_come_at_once() {
        let mut in_order = InOrder::default();
        for _ in 0..3 {
            let many = (0..5 * WINDOW).map(|_| event("one", Some("10:00:00")));
            in_order.take(many.collect());
            assert_eq!(in_order.waiting.len(), WINDOW);
        }
    }
}
