//! Where findings go.

use async_trait::async_trait;
use serde_json::Value;

/// Takes findings: a SIEM, a chat, a pager.
#[async_trait]
pub trait Sink: Send + Sync {
    /// Takes one finding. It may come again, with the same uid.
    ///
    /// # Errors
    /// When it was not taken. Whatever the reason is, it is tried again.
    async fn deliver(&self, finding: &Value) -> Result<(), SinkError>;
}

/// Why a finding was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The other side answered, and did not take it.
    #[error("it was answered with status {0}")]
    Refused(u16),
    /// Nobody answered.
    #[error("nobody answered")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
}
