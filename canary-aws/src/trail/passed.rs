//! What was passed over a while ago. Events come out of order by minutes, above all those of several regions: what was done
//! with a key may come before the event that tells that it was had with one of ours.

use std::collections::VecDeque;

/// So much is kept: some 20,000 records, which are minutes of a busy account and hours of a quiet one.
const MOST_BYTES: usize = 32 * 1024 * 1024;

/// The latest of what was passed over, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Passed {
    bodies: VecDeque<Box<[u8]>>,
    bytes: usize,
}

impl Passed {
    pub(super) fn push(&mut self, body: &[u8]) {
        self.bytes += body.len();
        self.bodies.push_back(body.into());
        while self.bytes > MOST_BYTES {
            let oldest = self.bodies.pop_front();
            self.bytes -= oldest.map_or(0, |body| body.len());
        }
    }

    /// Takes out what is wanted now.
    pub(super) fn take(&mut self, is_wanted: impl Fn(&[u8]) -> bool) -> Vec<Box<[u8]>> {
        let all = std::mem::take(&mut self.bodies);
        let (wanted, rest): (Vec<_>, Vec<_>) = all.into_iter().partition(|body| is_wanted(body));
        self.bytes -= wanted.iter().map(|body| body.len()).sum::<usize>();
        self.bodies = rest.into();
        wanted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_goes_when_there_is_too_much_and_what_was_taken_is_gone() {
        let mut passed = Passed::default();
        passed.push(b"first");
        passed.push(b"second");
        assert_eq!(
            passed.take(|body| body == b"second"),
            [b"second"[..].into()]
        );
        passed.push(&vec![0; MOST_BYTES - 5]);
        assert_eq!(passed.take(|body| body == b"first").len(), 1);
        passed.push(b"first");
        passed.push(&[1]);
        assert!(passed.take(|_| true).iter().all(|body| body.len() < 10));
    }
}
