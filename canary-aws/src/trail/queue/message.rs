//! A message of a queue.

use std::time::{Duration, Instant};

/// So long a message is hidden from others after it was received, and after each time that is prolonged. Whoever crashes has
/// it back that soon; a request to prolong may fail a few times before.
pub(super) const HIDDEN: Duration = Duration::from_secs(120);
/// It is prolonged when there is less left: a long poll and a request that times out fit in between.
const SOON: Duration = Duration::from_secs(60);

/// A message that was received and is hidden from others.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Message {
    pub(super) id: String,
    /// What the queue wants to hear to delete it.
    pub(super) receipt: String,
    pub(super) body: String,
    /// How often it was received by anybody, this time too.
    pub(super) receives: u32,
    /// Until then it is hidden.
    pub(super) until: Instant,
}

impl Message {
    /// Whether it is soon seen by others.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.until.saturating_duration_since(now) < SOON
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_prolonged_long_before_it_is_seen_by_others() {
        let now = Instant::now();
        let message = Message {
            id: String::new(),
            receipt: String::new(),
            body: String::new(),
            receives: 1,
            until: now + HIDDEN,
        };
        assert!(!message.is_due(now));
        // Behind a long poll and a call that got no answer there is time for one more.
        assert!(message.is_due(now + HIDDEN - Duration::from_secs(59)));
        assert!(message.is_due(now + HIDDEN * 2));
    }
}
