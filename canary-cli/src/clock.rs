//! The machine's clock.

use std::time::Duration;

use async_trait::async_trait;
use canary_core::apply::Clock;
use jiff::Timestamp;

/// The machine's clock, with a granularity of a second where it is written down.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
