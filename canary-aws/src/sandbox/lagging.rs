//! State that is written at once and seen later.

use std::collections::VecDeque;

use jiff::Timestamp;

use super::clock::later;
use super::options::{Consistency, Lag};

/// Each holds the whole state, cheaply shared; a test has a few writes under way.
const PAST: usize = 64;

/// State with what others still see of it.
#[derive(Clone)]
pub(super) struct Lagging<T> {
    now: T,
    past: VecDeque<Past<T>>,
    consistency: Consistency,
}

/// How things were before a write that is not seen by all yet.
#[derive(Clone)]
struct Past<T> {
    before: T,
    writer: String,
    at: Timestamp,
    /// Reads that did not show it, one count for each purpose.
    missed: [u32; 2],
}

/// Why state is looked at. What is counted for one does not bring the other nearer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Reading = 0,
    Authorising = 1,
}

impl<T: Clone> Lagging<T> {
    pub(super) fn new(state: T, consistency: Consistency) -> Self {
        Self {
            now: state,
            past: VecDeque::new(),
            consistency,
        }
    }

    /// As it is, to be changed by a key.
    pub(super) fn write<R>(
        &mut self,
        writer: &str,
        at: Timestamp,
        change: impl FnOnce(&mut T) -> R,
    ) -> R {
        if self.consistency.lag != Lag::None {
            if self.past.len() == PAST {
                self.past.pop_front();
            }
            self.past.push_back(Past {
                before: self.now.clone(),
                writer: writer.to_owned(),
                at,
                missed: [0; 2],
            });
        }
        change(&mut self.now)
    }

    /// Changed for all at once, as if it had always been so.
    pub(super) fn write_everywhere(&mut self, mut change: impl FnMut(&mut T)) {
        change(&mut self.now);
        for past in &mut self.past {
            change(&mut past.before);
        }
    }

    /// As a key sees it. What it does not show yet is a read nearer to being seen.
    pub(super) fn seen(&mut self, reader: &str, at: Timestamp, purpose: Purpose) -> &T {
        while self.past.front().is_some_and(|past| {
            self.shown(past, at, Purpose::Reading) && self.shown(past, at, Purpose::Authorising)
        }) {
            self.past.pop_front();
        }
        let Some(first) = self.first_hidden(reader, at, purpose) else {
            return &self.now;
        };
        for past in self.past.iter_mut().skip(first) {
            let missed = &mut past.missed[purpose as usize];
            *missed = missed.saturating_add(1);
        }
        &self.past[first].before
    }

    /// The first write that a key does not see.
    fn first_hidden(&self, reader: &str, at: Timestamp, purpose: Purpose) -> Option<usize> {
        let own = match self.consistency.own_writes_at_once {
            true => self.past.iter().rposition(|past| past.writer == reader),
            false => None,
        };
        let from = own.map_or(0, |at| at + 1);
        (from..self.past.len()).find(|past| !self.shown(&self.past[*past], at, purpose))
    }

    fn shown(&self, past: &Past<T>, at: Timestamp, purpose: Purpose) -> bool {
        match self.consistency.lag {
            Lag::None => true,
            Lag::Reads(reads) => past.missed[purpose as usize] >= reads,
            Lag::Time(lag) => at >= later(past.at, lag),
        }
    }

    /// As it is.
    pub(super) fn now(&self) -> &T {
        &self.now
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn seen(state: &mut Lagging<u32>, reader: &str, seconds: i64) -> u32 {
        let at = Timestamp::from_second(seconds).unwrap();
        *state.seen(reader, at, Purpose::Reading)
    }

    fn written(lag: Lag) -> Lagging<u32> {
        let consistency = Consistency {
            lag,
            own_writes_at_once: true,
        };
        let mut state = Lagging::new(0, consistency);
        state.write("us", Timestamp::UNIX_EPOCH, |state| *state = 1);
        state
    }

    #[test]
    fn others_see_a_write_after_as_many_reads_as_told() {
        let mut state = written(Lag::Reads(2));
        assert_eq!(seen(&mut state, "us", 0), 1);
        assert_eq!(seen(&mut state, "they", 0), 0);
        assert_eq!(seen(&mut state, "they", 0), 0);
        assert_eq!(seen(&mut state, "they", 0), 1);
    }

    #[test]
    fn others_see_a_write_after_as_much_time_as_told() {
        let mut state = written(Lag::Time(SignedDuration::from_secs(10)));
        assert_eq!(seen(&mut state, "they", 9), 0);
        assert_eq!(seen(&mut state, "us", 9), 1);
        assert_eq!(seen(&mut state, "they", 10), 1);
        assert!(state.past.is_empty());
    }

    #[test]
    fn what_is_read_brings_authorisation_no_nearer() {
        let mut state = written(Lag::Reads(1));
        assert_eq!(seen(&mut state, "they", 0), 0);
        assert_eq!(seen(&mut state, "they", 0), 1);
        let at = Timestamp::UNIX_EPOCH;
        assert_eq!(*state.seen("they", at, Purpose::Authorising), 0);
        assert_eq!(*state.seen("they", at, Purpose::Authorising), 1);
    }
}
