//! How often something is done that may take long.

use std::time::{Duration, Instant};

/// What takes long is done again after so many times as long: a fifth of the time goes into it at most.
const REST: u32 = 4;

/// How often something is done.
pub(super) struct Pace {
    /// The shortest pause.
    least: Duration,
    ended: Instant,
    pause: Duration,
}

impl Pace {
    /// At once, and then after such a pause at least.
    pub(super) fn new(least: Duration) -> Self {
        Self {
            least,
            ended: Instant::now(),
            pause: Duration::ZERO,
        }
    }

    /// Whether it is time.
    pub(super) fn is_due(&self) -> bool {
        self.rested() >= self.pause
    }

    /// Since it was done last.
    pub(super) fn rested(&self) -> Duration {
        self.ended.elapsed()
    }

    /// It was done, and took since then.
    pub(super) fn done(&mut self, began: Instant) {
        self.pause = pause(began.elapsed(), self.least);
        self.ended = Instant::now();
    }
}

fn pause(took: Duration, least: Duration) -> Duration {
    least.max(took * REST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_long_is_done_less_often() {
        let least = Duration::from_secs(1);
        assert_eq!(pause(Duration::from_millis(10), least), least);
        assert_eq!(pause(Duration::from_secs(2), least), Duration::from_secs(8));
    }
}
