//! What an error means for a touch.

use canary_core::apply::{Call, RealizeError};
use canary_core::ledger::Verb;

use crate::client::{CallError, Failure};

/// Maps what came instead of an answer to what is known about the touch. Pure.
pub(super) fn meaning(call: &Call, error: CallError) -> RealizeError {
    let handle = call.handle.clone();
    let detail = error.message;
    match (error.failure, call.verb) {
        (Failure::Answered(409), Verb::Create) => RealizeError::Exists { handle },
        (Failure::Answered(409), Verb::Update | Verb::Delete)
        | (Failure::Answered(404), Verb::Update) => RealizeError::Changed { handle },
        (Failure::Answered(404), Verb::Create) => RealizeError::NoPlace {
            place: place(call),
            handle,
        },
        // Nothing is wrong with our rights: the namespace is on its way out or full, as the server's words say.
        (Failure::Answered(403), Verb::Create)
            if detail.contains("being terminated") || detail.contains("exceeded quota") =>
        {
            RealizeError::Refused { handle, detail }
        }
        (Failure::Answered(401 | 403), _) => RealizeError::Denied { handle, detail },
        // The server refused to take it in; with a 503 it says so by asking for patience.
        (Failure::Answered(429) | Failure::NotSent, _) => RealizeError::Busy {
            handle,
            retry_after: error.retry_after,
            detail,
        },
        (Failure::Answered(503), _) if error.retry_after.is_some() => RealizeError::Busy {
            handle,
            retry_after: error.retry_after,
            detail,
        },
        (Failure::Answered(400..=499), _) => RealizeError::Refused { handle, detail },
        (Failure::Answered(_) | Failure::Lost | Failure::TimedOut | Failure::NotUnderstood, _) => {
            RealizeError::Unknown { handle, detail }
        }
    }
}

fn place(call: &Call) -> String {
    match (&call.handle.kind[..], &call.handle.scope) {
        ("Token", Some(namespace)) => format!("ServiceAccount {namespace}/{}", call.handle.name),
        (_, Some(namespace)) => format!("Namespace {namespace}"),
        (_, None) => "the cluster".into(),
    }
}
