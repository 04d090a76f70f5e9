//! The events of a log that ends, in the order in which they happened: a log that was put together from several, or
//! comes in any other order, tells the same.

use canary_core::detect::{Event, Stage};
use jiff::Timestamp;

/// Events are put in order within so many of those that can matter: at 3 KB each some 30 MB, and more than a cluster of
/// a thousand pods makes in an hour.
const WINDOW: usize = 10_000;

/// Events that wait for those that come before them.
#[derive(Default)]
pub(super) struct InOrder {
    waiting: Vec<(Key, Event)>,
    last: Timestamp,
}

/// When it was written; then its request's stages in turn, and among equals the same order every time.
type Key = (Timestamp, Stage, String);

impl InOrder {
    /// Takes events, gives those that nothing comes before any more.
    pub(super) fn take(&mut self, events: Vec<Event>) -> Vec<Event> {
        for event in events {
            // Without a time of its own it stays where it stands.
            self.last = event.stage_at.or(event.at).unwrap_or(self.last);
            let key = (self.last, event.stage, event.id.clone());
            self.waiting.push((key, event));
        }
        if self.waiting.len() < 2 * WINDOW {
            return Vec::new();
        }
        self.sort();
        let ready = self.waiting.drain(..WINDOW);
        ready.map(|(_, event)| event).collect()
    }

    /// The rest of them.
    pub(super) fn rest(&mut self) -> Vec<Event> {
        self.sort();
        let rest = self.waiting.drain(..);
        rest.map(|(_, event)| event).collect()
    }

    fn sort(&mut self) {
        self.waiting.sort_by(|one, other| one.0.cmp(&other.0));
    }
}
