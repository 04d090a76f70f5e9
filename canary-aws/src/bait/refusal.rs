//! What a refusal of STS means for a pod.

use std::time::Duration;

use canary_core::bait::{Refusal, TouchError};

use crate::client::{CallError, Failure};

/// Buckets of STS refill within a second; many who come back at once would empty them again.
const AFTER_THROTTLING: Duration = Duration::from_secs(5);

/// What it means. A role that is not there is refused as one that does not trust us is, so that nobody can find out.
pub(super) fn meaning(error: &CallError) -> TouchError {
    let refusal = match (error.failure, error.code.as_str()) {
        (_, "IDPCommunicationError") => Refusal::Unreachable,
        (Failure::Throttled, _) => Refusal::Throttled,
        _ if error.is_absence() => Refusal::Missing,
        (Failure::Denied | Failure::Unauthenticated | Failure::Refused, _) => Refusal::Denied,
        (
            Failure::NotSent
            | Failure::ClockOff
            | Failure::Lost
            | Failure::TimedOut
            | Failure::NotUnderstood
            | Failure::Broken,
            _,
        ) => Refusal::Unreachable,
    };
    let wait = (refusal == Refusal::Throttled).then_some(AFTER_THROTTLING);
    TouchError {
        refusal,
        detail: error.detail(),
        retry_after: wait,
    }
}

/// Whether it was refused because it was to last too long: longer than the role allows, or than a role that assumes another
/// may.
pub(super) fn is_too_long(error: &CallError) -> bool {
    error.code == "ValidationError" && error.message.contains("DurationSeconds")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(failure: Failure, code: &str) -> CallError {
        CallError {
            action: "sts:AssumeRole",
            failure,
            code: code.to_owned(),
            message: "words".to_owned(),
        }
    }

    #[test]
    fn each_refusal_says_what_comes_next() {
        for (failure, code, expected) in [
            (Failure::Throttled, "Throttling", Refusal::Throttled),
            (Failure::Denied, "AccessDenied", Refusal::Denied),
            (Failure::Unauthenticated, "ExpiredToken", Refusal::Denied),
            (Failure::Refused, "InvalidIdentityToken", Refusal::Denied),
            (
                Failure::Refused,
                "IDPCommunicationError",
                Refusal::Unreachable,
            ),
            (Failure::Refused, "NoSuchEntity", Refusal::Missing),
            (Failure::Broken, "InternalFailure", Refusal::Unreachable),
            (Failure::Lost, "", Refusal::Unreachable),
            (
                Failure::ClockOff,
                "SignatureDoesNotMatch",
                Refusal::Unreachable,
            ),
        ] {
            let told = meaning(&error(failure, code));
            assert_eq!(told.refusal, expected, "{code}");
            assert_eq!(
                told.retry_after.is_some(),
                expected == Refusal::Throttled,
                "{code}"
            );
        }
    }
}
