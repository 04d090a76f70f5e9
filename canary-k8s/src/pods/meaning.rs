//! What an error of the API server means for a bait.

use canary_core::bait::{Refusal, TouchError};

use crate::client::{CallError, Failure};

/// Decides what comes next.
pub(super) fn meaning(error: &CallError) -> TouchError {
    let refusal = match (error.failure, error.reason.as_str()) {
        (Failure::Answered(429), _) => Refusal::Throttled,
        // A quota's answer is a refusal like any other, but for its words (`exceeded quota: …`).
        (Failure::Answered(403), _) if error.message.contains("exceeded quota") => Refusal::NoRoom,
        // A namespace that is going away takes nothing new.
        (Failure::Answered(403), _) if error.message.contains("is being terminated") => {
            Refusal::Missing
        }
        (Failure::Answered(401 | 403 | 405 | 422), _) => Refusal::Denied,
        (Failure::Answered(404), _) => Refusal::Missing,
        (Failure::Answered(409), _) => Refusal::Foreign,
        _ => Refusal::Unreachable,
    };
    TouchError {
        refusal,
        detail: error.message.clone(),
        retry_after: error.retry_after,
    }
}
