//! Why there is no log group to listen to.

use crate::client::{CallError, Failure};

/// Why there is no log group to listen to.
#[derive(Debug, thiserror::Error)]
pub enum LogsError {
    /// There is no such group.
    #[error("there is no log group {group}")]
    Missing {
        /// Its name.
        group: String,
    },
    /// We may not read it.
    #[error("the log group {group} may not be read: {found}")]
    Denied {
        /// Its name.
        group: String,
        /// The action, and what was said about it.
        found: String,
    },
    /// It was not answered.
    #[error("the log group {group} cannot be read: {found}")]
    Failed {
        /// Its name.
        group: String,
        /// The action, and what was said about it.
        found: String,
    },
    /// The position is none of ours.
    #[error("the kept position in the log group cannot be used: {problem}")]
    Position {
        /// What is wrong with it.
        problem: &'static str,
    },
}

impl LogsError {
    pub(super) fn of(group: &str, error: &CallError) -> Self {
        let (group, found) = (group.to_owned(), error.detail());
        match error.failure {
            _ if error.is_absence() => Self::Missing { group },
            Failure::Denied => Self::Denied { group, found },
            _ => Self::Failed { group, found },
        }
    }
}
