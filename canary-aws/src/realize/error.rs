//! What a failed request means for a call.

use std::time::Duration;

use canary_core::apply::{Call, RealizeError};
use canary_core::ledger::Verb;

use crate::catalog::OBJECT;
use crate::client::{CallError, Failure};

/// What it means.
pub(super) fn meaning(call: &Call, error: CallError) -> RealizeError {
    let handle = call.handle.clone();
    let detail = error.detail();
    match error.failure {
        Failure::Denied | Failure::Unauthenticated => RealizeError::Denied { handle, detail },
        Failure::Throttled | Failure::NotSent | Failure::ClockOff => RealizeError::Busy {
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
            | "QueueNameExists"
            | "QueueAlreadyExists"
            | "TrailAlreadyExistsException"
            | "BucketAlreadyOwnedByYou"
            | "BucketAlreadyExists",
            _,
        )
        | ("PreconditionFailed", Verb::Create) => RealizeError::Exists { handle },
        ("PreconditionFailed", Verb::Update | Verb::Delete) => RealizeError::Changed { handle },
        // The name of a queue that is gone is free after a minute.
        ("QueueDeletedRecently" | "AWS.SimpleQueueService.QueueDeletedRecently", _) => {
            RealizeError::Busy {
                handle,
                retry_after: Some(Duration::from_secs(15)),
                detail,
            }
        }
        ("BucketNotEmpty", _) => RealizeError::Held {
            handle,
            by: "what is in it".to_owned(),
        },
        ("NoSuchBucket", _) if handle.kind == OBJECT => RealizeError::NoPlace {
            place: handle.scope.clone().unwrap_or_default(),
            handle,
        },
        // What it is in was made moments ago and is not shown everywhere yet.
        (_, Verb::Create) if error.is_absence() => RealizeError::Busy {
            handle,
            retry_after: None,
            detail,
        },
        (_, Verb::Update | Verb::Delete) if error.is_absence() => RealizeError::Changed { handle },
        ("DeleteConflict" | "DeleteConflictException", _) => RealizeError::Held {
            handle,
            by: error.message.clone(),
        },
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

/// What the failure of a question means: it changes nothing, so that nothing was done.
pub(super) fn asking(call: &Call, error: CallError) -> RealizeError {
    let detail = error.detail();
    match meaning(call, error) {
        RealizeError::Unknown { handle, .. } => RealizeError::Busy {
            handle,
            retry_after: None,
            detail,
        },
        meaning => meaning,
    }
}

/// Something has its name.
pub(super) fn exists(call: &Call) -> RealizeError {
    RealizeError::Exists {
        handle: call.handle.clone(),
    }
}

/// The region of a thing that is one of a region.
pub(super) fn region(call: &Call) -> &str {
    call.handle.scope.as_deref().unwrap_or_default()
}

/// The region and the name of what a thing is in that is in one of a region.
pub(super) fn within(call: &Call) -> (&str, &str) {
    region(call).split_once('/').unwrap_or_default()
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
