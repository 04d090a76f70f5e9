//! Why there is no queue to listen to.

use crate::client::{CallError, Failure};

/// Why there is no queue to listen to.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The address is none.
    #[error(
        "the address of the queue cannot be used: {problem} (sqs://NAME, or sqs://sqs.REGION.amazonaws.com/ACCOUNT/NAME)"
    )]
    Address {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// There is no such queue.
    #[error("there is no queue {queue}")]
    Missing {
        /// Its name or its URL.
        queue: String,
    },
    /// We may not listen to it.
    #[error("the queue {queue} may not be listened to: {found}")]
    Denied {
        /// Its name or its URL.
        queue: String,
        /// The action, and what was said about it.
        found: String,
    },
    /// It was not answered.
    #[error("the queue {queue} cannot be listened to: {found}")]
    Failed {
        /// Its name or its URL.
        queue: String,
        /// The action, and what was said about it.
        found: String,
    },
}

impl QueueError {
    pub(super) fn of(queue: &str, error: &CallError) -> Self {
        let queue = queue.to_owned();
        let found = error.detail();
        // The two names of it: the older protocol's, which the newer one tells too, and the newer one's.
        let is_missing =
            error.code.ends_with("NonExistentQueue") || error.code.ends_with("QueueDoesNotExist");
        match error.failure {
            _ if is_missing => Self::Missing { queue },
            Failure::Denied => Self::Denied { queue, found },
            _ => Self::Failed { queue, found },
        }
    }
}
