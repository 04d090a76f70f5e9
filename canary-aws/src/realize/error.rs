//! What a failed request means for a call.

use canary_core::apply::{Call, RealizeError};
use canary_core::ledger::Verb;

use crate::client::{CallError, Failure};

/// What it means.
pub(super) fn meaning(call: &Call, error: CallError) -> RealizeError {
    let handle = call.handle.clone();
    let detail = error.detail();
    match error.failure {
        Failure::Denied | Failure::Unauthenticated => RealizeError::Denied { handle, detail },
        Failure::Throttled | Failure::NotSent => RealizeError::Busy {
            handle,
            retry_after: None,
            detail,
        },
        Failure::Lost | Failure::TimedOut | Failure::Broken | Failure::NotUnderstood => {
            RealizeError::Unknown { handle, detail }
        }
        Failure::Refused => refused(call, &error),
    }
}

fn refused(call: &Call, error: &CallError) -> RealizeError {
    let handle = call.handle.clone();
    let detail = error.detail();
    match (error.code.as_str(), call.verb) {
        (
            "EntityAlreadyExists"
            | "EntityAlreadyExistsException"
            | "ParameterAlreadyExists"
            | "ResourceExistsException"
            | "BucketAlreadyExists"
            | "BucketAlreadyOwnedByYou",
            _,
        )
        | ("PreconditionFailed", Verb::Create) => RealizeError::Exists { handle },
        (
            "PreconditionFailed" | "ParameterNotFound" | "ResourceNotFoundException" | "NoSuchKey",
            Verb::Update | Verb::Delete,
        ) => RealizeError::Changed { handle },
        ("NoSuchBucket", _) => RealizeError::NoPlace {
            place: handle.scope.clone().unwrap_or_default(),
            handle,
        },
        // What it is in was made moments ago and is not shown everywhere yet.
        ("NoSuchEntity" | "NoSuchEntityException", Verb::Create) => RealizeError::Busy {
            handle,
            retry_after: None,
            detail,
        },
        ("NoSuchEntity" | "NoSuchEntityException", Verb::Update | Verb::Delete) => {
            RealizeError::Changed { handle }
        }
        ("DeleteConflict" | "DeleteConflictException" | "BucketNotEmpty", _) => {
            RealizeError::Held {
                handle,
                by: error.message.clone(),
            }
        }
        (
            "ConcurrentModification"
            | "ConcurrentModificationException"
            | "EntityTemporarilyUnmodifiable"
            | "EntityTemporarilyUnmodifiableException"
            | "TooManyUpdates"
            | "ConditionalRequestConflict"
            | "OperationAborted",
            _,
        ) => RealizeError::Busy {
            handle,
            retry_after: None,
            detail,
        },
        _ => RealizeError::Refused { handle, detail },
    }
}

/// It is not what it was.
pub(super) fn changed(call: &Call) -> RealizeError {
    RealizeError::Changed {
        handle: call.handle.clone(),
    }
}

/// An answer without what such an answer has.
pub(super) fn incomplete(call: &Call, what: &str) -> RealizeError {
    RealizeError::Unknown {
        handle: call.handle.clone(),
        detail: format!("the answer has no {what}"),
    }
}
