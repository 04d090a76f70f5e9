//! How the account's log names what was asked lately.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// As many as are asked in more than a minute at the highest rate, 50 a second: whoever wants them asks more often.
const MOST: usize = 4096;

#[derive(Debug, Default)]
pub(super) struct Recent(Mutex<VecDeque<String>>);

impl Recent {
    pub(super) fn extend(&self, requests: Vec<String>) {
        let mut recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        recent.extend(requests);
        let more = recent.len().saturating_sub(MOST);
        recent.drain(..more);
    }

    pub(super) fn take(&self) -> Vec<String> {
        let mut recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *recent).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_nobody_asks_for_is_bounded() {
        let recent = Recent::default();
        for i in 0..MOST + 3 {
            recent.extend(vec![i.to_string()]);
        }
        let kept = recent.take();
        assert_eq!(kept.len(), MOST);
        assert_eq!(kept[0], "3");
        assert!(recent.take().is_empty());
    }
}
