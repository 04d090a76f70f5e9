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
        ("NoSuchBucket", _) if handle.kind == OBJECT => RealizeError::NoPlace {
            place: handle.scope.clone().unwrap_or_default(),
            handle,
        },
        (_, Verb::Create) if error.is_absence() => RealizeError::Awaits { handle, detail },
        (_, Verb::Update | Verb::Delete) if error.is_absence() => RealizeError::Changed { handle },
        ("BucketNotEmpty" | "DeleteConflict" | "DeleteConflictException", _) => {
            not_empty(call, error)
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

/// It stays because of what is in it, or hangs on it.
pub(super) fn not_empty(call: &Call, error: &CallError) -> RealizeError {
    RealizeError::Refused {
        handle: call.handle.clone(),
        detail: format!("it could not be deleted: {}", error.detail()),
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use canary_core::disguise::Digester;
    use canary_core::graph::Handle;

    use super::*;

    fn meant(verb: Verb, code: &str, message: &str) -> RealizeError {
        let call = Call {
            verb,
            address: "iam_role.ops".parse().unwrap(),
            handle: Handle {
                kind: "Role".into(),
                scope: None,
                name: "ops-admin".into(),
            },
            have: None,
            content: BTreeMap::new(),
            written: None,
            digester: Digester::new(&[1; 32]),
            timeout: Duration::from_secs(30),
        };
        let error = CallError {
            action: "iam:DeleteRole",
            failure: Failure::Refused,
            code: code.into(),
            message: message.into(),
        };
        meaning(&call, error)
    }

    #[test]
    fn what_is_not_empty_is_told_in_the_services_words_and_not_as_being_deleted() {
        let said = "Cannot delete entity, must remove roles from instance profile first.";
        assert_eq!(
            meant(Verb::Delete, "DeleteConflict", said).to_string(),
            format!("Role ops-admin: refused: it could not be deleted: iam:DeleteRole: {said}")
        );
        let kept = meant(Verb::Delete, "BucketNotEmpty", "The bucket is not empty");
        assert!(matches!(kept, RealizeError::Refused { .. }), "{kept}");
    }

    #[test]
    fn what_a_call_needs_and_is_not_there_is_awaited() {
        let awaited = meant(Verb::Create, "NoSuchEntity", "The user cannot be found.");
        assert!(matches!(awaited, RealizeError::Awaits { .. }), "{awaited}");
        assert!(matches!(
            meant(Verb::Update, "NoSuchEntity", ""),
            RealizeError::Changed { .. }
        ));
    }
}
