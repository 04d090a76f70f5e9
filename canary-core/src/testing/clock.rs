//! Time that passes only when somebody waits for it.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};

use crate::apply::Clock;

/// A clock that stands still until somebody sleeps; then it jumps.
#[derive(Debug)]
pub struct FakeClock(Mutex<Timestamp>);

impl FakeClock {
    /// Begins at this moment.
    #[must_use]
    pub fn at(moment: Timestamp) -> Self {
        Self(Mutex::new(moment))
    }

    /// Lets time pass.
    pub fn pass(&self, duration: SignedDuration) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now = now.checked_add(duration).unwrap_or(Timestamp::MAX);
    }
}

impl Default for FakeClock {
    /// Begins at 2026-11-01, a Sunday.
    fn default() -> Self {
        // Seconds since the epoch of 2026-11-01T00:00:00Z.
        Self::at(Timestamp::from_second(1_793_491_200).unwrap_or_default())
    }
}

#[async_trait]
impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn sleep(&self, duration: Duration) {
        // Lets others run first, so that whoever is asked for an answer can give it before time jumps.
        yield_now().await;
        self.pass(SignedDuration::try_from(duration).unwrap_or_default());
    }
}

/// Lets others run once, and asks to be run again.
pub(super) async fn yield_now() {
    let mut yielded = false;
    std::future::poll_fn(|cx| {
        if yielded {
            return std::task::Poll::Ready(());
        }
        yielded = true;
        cx.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}
