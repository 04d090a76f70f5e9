//! The sandbox's own time.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use canary_core::apply::Clock;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

/// A clock that tests set. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct SandboxClock {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    time: Mutex<Time>,
    turned: watch::Sender<u64>,
}

#[derive(Clone, Copy, Debug)]
enum Time {
    /// So much ahead of the machine's time.
    Running(SignedDuration),
    /// Always the same until it is set.
    Standing(Timestamp),
}

impl Time {
    fn now(self) -> Timestamp {
        match self {
            Self::Running(ahead) => later(Timestamp::now(), ahead),
            Self::Standing(at) => at,
        }
    }
}

/// A moment so much later; the last that can be said when there is none.
pub(super) fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}

impl SandboxClock {
    /// Goes as the machine's does.
    #[must_use]
    pub fn running() -> Self {
        Self::new(Time::Running(SignedDuration::ZERO))
    }

    /// Stands at a moment until it is set or moved on.
    #[must_use]
    pub fn standing(at: Timestamp) -> Self {
        Self::new(Time::Standing(at))
    }

    fn new(time: Time) -> Self {
        Self {
            shared: Arc::new(Shared {
                time: Mutex::new(time),
                turned: watch::Sender::new(0),
            }),
        }
    }

    /// What time it is.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let time = *self.lock();
        time.now()
    }

    /// Stands at that moment from now on.
    pub fn set(&self, at: Timestamp) {
        *self.lock() = Time::Standing(at);
        self.turn();
    }

    /// Moves it on, whether it runs or stands.
    pub fn advance(&self, by: Duration) {
        let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
        let mut time = self.lock();
        *time = match *time {
            Time::Running(ahead) => Time::Running(ahead.saturating_add(by)),
            Time::Standing(at) => Time::Standing(later(at, by)),
        };
        drop(time);
        self.turn();
    }

    /// Told whenever it is set or moved on.
    pub(super) fn turned(&self) -> watch::Receiver<u64> {
        self.shared.turned.subscribe()
    }

    fn turn(&self) {
        self.shared.turned.send_modify(|times| *times += 1);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Time> {
        self.shared
            .time
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// So that an engine can have the same time. Sleeping moves a standing clock on instead of waiting.
#[async_trait]
impl Clock for SandboxClock {
    fn now(&self) -> Timestamp {
        Self::now(self)
    }

    async fn sleep(&self, duration: Duration) {
        let standing = matches!(*self.lock(), Time::Standing(_));
        if standing {
            self.advance(duration);
        } else {
            tokio::time::sleep(duration).await;
        }
    }
}
