//! What a user sees of a failure: one message, its causes, a hint, an exit code. Added here and nowhere else.

use std::error::Error as StdError;
use std::fmt::Write as _;

use canary_core::engine::{EngineError, Kept};
use canary_core::ledger::{JournalError, LockError, StoreError};
use canary_core::observe::{Gap, Reason};
use canary_core::plan::SavedError;

/// For whoever has no credentials of AWS, or none that are of use.
pub(crate) const AWS_LOG_IN: &str =
    "log in (aws sso login), or name a profile in [aws] or AWS_PROFILE";

/// How a command ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// Done, or nothing to do.
    Done = 0,
    /// Failed.
    Failed = 1,
    /// Changes are pending (`--detailed-exitcode`).
    Pending = 2,
    /// The configuration is invalid.
    Config = 3,
    /// Others changed something of ours.
    Drift = 4,
    /// The plan is stale, or something is not ours.
    Conflict = 5,
    /// Somebody holds the lock.
    Locked = 6,
    /// Partly applied.
    Partly = 7,
    /// Not permitted.
    Denied = 8,
    /// A canary was touched (`--exit-code`).
    Touched = 9,
    /// The command line is wrong.
    Usage = 64,
}

/// A failure as a user sees it.
#[derive(Debug)]
pub struct CommandError {
    /// How the command ends.
    pub exit: Exit,
    /// What happened, with its causes.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    /// The message stands by itself, as a rendered diagnostic does.
    pub(crate) rendered: bool,
}

impl CommandError {
    /// A failure with a message.
    #[must_use]
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            hint: None,
            rendered: false,
        }
    }

    /// With what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// A message that was rendered already.
    pub(crate) fn rendered(exit: Exit, message: String) -> Self {
        Self {
            rendered: true,
            ..Self::new(exit, message)
        }
    }

    pub(crate) fn from_error(exit: Exit, error: &(dyn StdError + 'static)) -> Self {
        Self::new(exit, chain(error))
    }
}

/// An error with all its causes, one after the other.
pub(crate) fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let words = cause.to_string();
        if !text.ends_with(&words) {
            write!(text, ": {words}").unwrap_or_default();
        }
        next = cause.source();
    }
    text
}

impl From<EngineError> for CommandError {
    fn from(error: EngineError) -> Self {
        let exit = exit(&error);
        let hint = hint(&error);
        let mut command = Self::from_error(exit, &error);
        if let EngineError::Stale(moved) = &error {
            for step in moved {
                write!(command.message, "\n  {}", crate::render::plan::moved(step))
                    .unwrap_or_default();
            }
        }
        command.hint = hint;
        command
    }
}

fn exit(error: &EngineError) -> Exit {
    match error {
        EngineError::Lower(_) | EngineError::Graph(_) => Exit::Config,
        EngineError::OtherSite { .. }
        | EngineError::Stale(_)
        | EngineError::KnownAlready { .. } => Exit::Conflict,
        EngineError::Lock(error)
            if matches!(
                **error,
                LockError::Held(_) | LockError::Store(StoreError::Stalled { .. })
            ) =>
        {
            Exit::Locked
        }
        EngineError::Store {
            source: StoreError::Stalled { .. },
            ..
        } => Exit::Locked,
        EngineError::Site { gap, .. }
            if matches!(gap.reason, Reason::Forbidden | Reason::Unauthenticated) =>
        {
            Exit::Denied
        }
        EngineError::Site { gap, .. } if gap.reason == Reason::Elsewhere => Exit::Conflict,
        EngineError::Apply(error) if error.report.done() > 0 => Exit::Partly,
        EngineError::UnknownCanary { .. } => Exit::Usage,
        _ => Exit::Failed,
    }
}

fn hint(error: &EngineError) -> Option<String> {
    Some(match error {
        EngineError::Journal { source: JournalError::OtherKey, .. } => {
            "use the key that it was made with (--key-file or CANARY_KEY)".into()
        }
        EngineError::Journal { source: JournalError::Damaged { .. }, .. } => {
            "put a copy of it back, or move it away and run: canary recover".into()
        }
        EngineError::Journal { source: JournalError::Newer { .. }, .. } => "use a newer canary".into(),
        EngineError::Store { source, .. } => store_hint(source)?,
        EngineError::Lock(error) if matches!(**error, LockError::Held(_)) => {
            "wait for it (--lock-timeout 5m), or, when that run is dead: canary unlock".into()
        }
        EngineError::Lock(error) => match &**error {
            LockError::Store(source) => store_hint(source)?,
            LockError::Held(_) => return None,
        },
        EngineError::OtherSite { kept: Kept::Ledger, provider, .. } if provider.0 == "aws" => {
            "name the account that the ledger belongs to in [aws], or another ledger in [ledger]".into()
        }
        EngineError::OtherSite { kept: Kept::Ledger, .. } => {
            "name the context that the ledger belongs to in [kubernetes], or another ledger in [ledger]".into()
        }
        EngineError::OtherSite { kept: Kept::Plan, .. } | EngineError::Stale(_) => "make a new plan".into(),
        EngineError::UnknownCanary { near: Some(near), .. } => format!("did you mean {near}?"),
        EngineError::UnknownCanary { near: None, .. } => "canary list shows those there are".into(),
        EngineError::Apply(error) if matches!(error.source, StoreError::Fenced { .. }) => store_hint(&error.source)?,
        EngineError::Missing { provider, .. } => format!("[{provider}] in the configuration says where it is"),
        EngineError::Apply(_) => "make room, then apply again: it goes on where it stopped".into(),
        EngineError::Site { gap, .. } => site_hint(gap)?.to_owned(),
        _ => return None,
    })
}

/// What to do where a site does not let us in, or does not answer.
fn site_hint(gap: &Gap) -> Option<&'static str> {
    match (gap.provider.0.as_str(), gap.reason) {
        ("aws", Reason::Unauthenticated) => Some(AWS_LOG_IN),
        ("aws", Reason::Unreachable | Reason::TimedOut) => Some(
            "is it the endpoint you mean (`region` in [aws], AWS_ENDPOINT_URL), and can it be reached from here?",
        ),
        ("kubernetes", Reason::Unauthenticated) => Some("log in to the cluster again"),
        ("kubernetes", Reason::Unreachable | Reason::TimedOut) => Some(
            "is it the cluster you mean (`context` in [kubernetes], kubectl config current-context), and does it answer?",
        ),
        _ => None,
    }
}

fn store_hint(error: &StoreError) -> Option<String> {
    Some(match error {
        StoreError::Exposed { place, .. } => format!("chmod 600 {place}"),
        StoreError::Cut { .. } => {
            "put a copy of it back, or move it away and run: canary recover".into()
        }
        StoreError::Fenced { .. } => "somebody else took the lock: look with `canary plan`".into(),
        StoreError::Stalled { .. } => {
            "let that process go on, or end it: what it holds is free then".into()
        }
        StoreError::LockDamaged { .. } => {
            "canary unlock makes it anew, once nobody else is writing".into()
        }
        StoreError::Io { .. } => return None,
    })
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        let exit = match error {
            StoreError::Stalled { .. } => Exit::Locked,
            _ => Exit::Failed,
        };
        Self {
            hint: store_hint(&error),
            ..Self::from_error(exit, &error)
        }
    }
}

impl From<SavedError> for CommandError {
    fn from(error: SavedError) -> Self {
        let exit = match error {
            SavedError::OtherConfig | SavedError::Sealed => Exit::Conflict,
            SavedError::NotAPlan | SavedError::Newer { .. } => Exit::Failed,
        };
        Self::from_error(exit, &error).hint("make a new plan")
    }
}
