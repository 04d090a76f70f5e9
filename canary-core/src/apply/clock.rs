//! Time, handed in.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

/// The only source of time in the core.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;

    /// Waits.
    async fn sleep(&self, duration: Duration);
}
