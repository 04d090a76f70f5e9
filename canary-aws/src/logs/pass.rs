//! Which stretch of the log is read next.

use std::time::{Duration, Instant};

/// Every pass begins so long before the newest moment: by that much entries of several streams are commonly out of order.
const NEAR: i64 = 60_000;
/// So often the whole overlap is read again: it costs as many requests as it has megabytes.
const SWEEP: Duration = Duration::from_secs(120);
/// Of what is long past so much is read in one pass, behind which the position moves on.
const WINDOW: i64 = 3_600_000;
/// Waiting for more: an alert within seconds, and twelve requests a minute at most.
const FIRST_WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// A stretch that is being read. Times are in milliseconds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Pass {
    pub(super) start: i64,
    /// `None`: up to now.
    pub(super) end: Option<i64>,
    pub(super) token: Option<String>,
    is_sweep: bool,
    /// The newest moment that was seen in it.
    newest: i64,
    has_new: bool,
}

/// Where the next pass begins, and when.
#[derive(Debug)]
pub(super) struct Course {
    /// Up to here the log was read, but for what comes late.
    pub(super) from: i64,
    overlap: i64,
    window: i64,
    swept: Option<Instant>,
    wait: Duration,
}

impl Course {
    pub(super) fn new(from: i64, overlap: Duration) -> Self {
        Self {
            from,
            overlap: millis(overlap),
            window: WINDOW,
            swept: None,
            wait: FIRST_WAIT,
        }
    }

    /// The next pass.
    pub(super) fn next(&self, now: i64, instant: Instant) -> Pass {
        let is_sweep = self
            .swept
            .is_none_or(|swept| instant.saturating_duration_since(swept) >= SWEEP);
        let before = match is_sweep {
            // What was in time for the last sweep was seen there.
            true => self.overlap + millis(SWEEP),
            false => NEAR.min(self.overlap),
        };
        let end = self.from.saturating_add(self.window);
        Pass {
            start: self.from.saturating_sub(before).max(0),
            end: (end < now).then_some(end),
            token: None,
            is_sweep,
            newest: 0,
            has_new: false,
        }
    }

    /// A pass was read to its end. Gives how long to wait for the next; `None`: not at all, there is more.
    pub(super) fn passed(&mut self, pass: &Pass, now: i64, instant: Instant) -> Option<Duration> {
        if pass.is_sweep {
            self.swept = Some(instant);
        }
        if let Some(end) = pass.end {
            self.from = self.from.max(end);
            // Through years without a word in a few passes.
            self.window = match pass.has_new {
                true => WINDOW,
                false => self.window.saturating_mul(2),
            };
            return None;
        }
        self.window = WINDOW;
        // Where nothing is written, time goes on all the same.
        let settled = now - self.overlap;
        self.from = self.from.max(pass.newest.min(now)).max(settled);
        self.wait = match pass.has_new {
            true => FIRST_WAIT,
            false => (self.wait * 2).min(LONGEST_WAIT),
        };
        Some(self.wait)
    }

    /// What is older than this does not come again.
    pub(super) fn horizon(&self) -> i64 {
        self.from - self.overlap - millis(SWEEP)
    }

    /// The next pass reads all of the overlap.
    pub(super) fn sweep(&mut self) {
        self.swept = None;
    }
}

impl Pass {
    /// An entry was in it. A moment that is ahead of when it was taken in is a clock that goes wrong, and moves nothing.
    pub(super) fn saw(&mut self, at: i64, taken: Option<i64>, is_new: bool) {
        self.newest = self.newest.max(taken.map_or(at, |taken| at.min(taken)));
        self.has_new |= is_new;
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000_000;
    const OVERLAP: Duration = Duration::from_secs(600);

    #[test]
    fn every_moment_within_the_overlap_is_read_again_behind_the_newest_one() {
        let begun = Instant::now();
        let mut course = Course::new(NOW - 1000, OVERLAP);
        let mut sweeps = 0;
        for second in (0..1200).step_by(5) {
            let (now, instant) = (
                NOW + second * 1000,
                begun + Duration::from_secs(second.unsigned_abs()),
            );
            let mut pass = course.next(now, instant);
            assert_eq!(pass.end, None);
            assert!(pass.start <= course.from - NEAR);
            if pass.is_sweep {
                sweeps += 1;
                assert!(pass.start <= course.from - 600_000 - 120_000);
            }
            pass.saw(now, Some(now), true);
            assert_eq!(course.passed(&pass, now, instant), Some(FIRST_WAIT));
            assert_eq!(course.from, now);
        }
        assert_eq!(sweeps, 10);
    }

    #[test]
    fn a_clock_that_is_ahead_hides_nothing_that_comes_after() {
        let mut course = Course::new(NOW, OVERLAP);
        let mut pass = course.next(NOW + 5000, Instant::now());
        pass.saw(NOW + 7_200_000, Some(NOW + 4000), true);
        course.passed(&pass, NOW + 5000, Instant::now());
        assert_eq!(course.from, NOW + 4000);
        let mut pass = course.next(NOW + 5000, Instant::now());
        pass.saw(NOW + 7_200_000, None, true);
        course.passed(&pass, NOW + 5000, Instant::now());
        assert_eq!(course.from, NOW + 5000);
    }

    #[test]
    fn a_long_silence_is_passed_in_few_passes_and_a_long_log_hour_by_hour() {
        let mut course = Course::new(0, OVERLAP);
        let mut passes = 0;
        loop {
            let pass = course.next(NOW, Instant::now());
            passes += 1;
            if course.passed(&pass, NOW, Instant::now()).is_some() {
                break;
            }
        }
        assert!(passes < 25, "{passes}");
        let mut course = Course::new(NOW - 3 * WINDOW, OVERLAP);
        let mut ends = Vec::new();
        while let mut pass = course.next(NOW, Instant::now())
            && let Some(end) = pass.end
        {
            pass.saw(end, None, true);
            course.passed(&pass, NOW, Instant::now());
            ends.push(NOW - end);
        }
        assert_eq!(ends, [2 * WINDOW, WINDOW]);
    }

    #[test]
    fn waits_grow_while_nothing_comes() {
        let mut course = Course::new(NOW, OVERLAP);
        let mut waits = Vec::new();
        for new in [true, false, false, false, true] {
            let mut pass = course.next(NOW, Instant::now());
            if new {
                pass.saw(NOW, None, true);
            }
            waits.extend(course.passed(&pass, NOW, Instant::now()));
        }
        assert_eq!(waits.map_secs(), [5, 10, 20, 30, 5]);
    }

    trait Secs {
        fn map_secs(self) -> Vec<u64>;
    }

    impl Secs for Vec<Duration> {
        fn map_secs(self) -> Vec<u64> {
            self.into_iter().map(|wait| wait.as_secs()).collect()
        }
    }
}
