//! What came instead of an answer.

use std::error::Error as StdError;
use std::time::Duration;

use canary_core::observe::Reason;
use kube::client::AuthError;
use serde_json::Value;

/// How far a request got.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// The server answered with an error status.
    Answered(u16),
    /// No connection was made: nothing was asked.
    NotSent,
    /// The connection was lost after the request may have been sent.
    Lost,
    /// No answer came in time.
    TimedOut,
    /// The answer was not understood.
    NotUnderstood,
}

/// What came instead of an answer. Holds no body: a body can hold secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .message)]
pub struct CallError {
    /// How far it got.
    pub failure: Failure,
    /// The server's reason, as in `AlreadyExists`.
    pub reason: String,
    /// The server's or the transport's words, one line.
    pub message: String,
    /// How long the server asks to wait.
    pub retry_after: Option<Duration>,
}

/// What became of a program that gives credentials, without anything that it printed.
pub(super) fn plugin_failure(error: &AuthError) -> Option<String> {
    Some(match error {
        AuthError::AuthExecRun { out, .. } => {
            format!("the credential plugin failed ({})", out.status)
        }
        AuthError::AuthExecParse(_) | AuthError::ParseTokenKey(_) => {
            "what the credential plugin printed is no credential".to_owned()
        }
        _ => return None,
    })
}

impl CallError {
    pub(crate) fn from_status(code: u16, status: &Value, retry_after: Option<Duration>) -> Self {
        let text = |name: &str| status[name].as_str().unwrap_or_default().to_owned();
        let message = match text("message") {
            empty if empty.is_empty() => format!("status {code}"),
            message => one_line(&message),
        };
        Self {
            failure: Failure::Answered(code),
            reason: text("reason"),
            message,
            retry_after,
        }
    }

    pub(crate) fn local(failure: Failure, message: impl Into<String>) -> Self {
        Self {
            failure,
            reason: String::new(),
            message: one_line(&message.into()),
            retry_after: None,
        }
    }

    /// Tells from the chain of causes whether anything was sent.
    pub(crate) fn from_transport(error: &(dyn StdError + 'static)) -> Self {
        let mut failure = Failure::Lost;
        let mut words = Vec::new();
        let mut next = Some(error);
        while let Some(cause) = next {
            if let Some(client) = cause.downcast_ref::<hyper_util::client::legacy::Error>()
                && client.is_connect()
            {
                failure = Failure::NotSent;
            }
            if let Some(plugin) = cause.downcast_ref().and_then(plugin_failure) {
                words.push(plugin);
                break;
            }
            words.push(cause.to_string());
            next = cause.source();
        }
        // The innermost cause says what happened; the outer ones repeat it or say where in the client.
        Self::local(failure, words.pop().unwrap_or_default())
    }

    /// The status code, where there was an answer.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self.failure {
            Failure::Answered(code) => Some(code),
            Failure::NotSent | Failure::Lost | Failure::TimedOut | Failure::NotUnderstood => None,
        }
    }

    /// Whether the same request may be answered later: nothing was said about the request itself.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self.failure {
            Failure::NotSent | Failure::Lost | Failure::TimedOut | Failure::NotUnderstood => true,
            Failure::Answered(code) => code == 429 || code >= 500,
        }
    }

    /// Why we could not look, in the words of a gap.
    #[must_use]
    pub fn gap_reason(&self) -> Reason {
        match self.failure {
            Failure::Answered(401) => Reason::Unauthenticated,
            Failure::Answered(403) => Reason::Forbidden,
            Failure::NotSent | Failure::Lost => Reason::Unreachable,
            Failure::TimedOut => Reason::TimedOut,
            Failure::Answered(_) | Failure::NotUnderstood => Reason::Failed,
        }
    }
}

/// Server words end up in one line of ours, at a length that can be read.
fn one_line(text: &str) -> String {
    const LONGEST: usize = 300;
    let mut line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(LONGEST)
        .collect();
    if text.chars().nth(LONGEST).is_some() {
        line.push('…');
    }
    line
}
