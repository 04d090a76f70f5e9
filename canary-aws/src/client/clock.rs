//! The machine's time.

use std::time::Duration;

use async_trait::async_trait;
use canary_core::apply::Clock;
use jiff::Timestamp;

#[derive(Clone, Copy, Debug)]
pub(super) struct MachineClock;

#[async_trait]
impl Clock for MachineClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
