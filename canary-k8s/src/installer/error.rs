//! What can stand in the way of an installation.

use canary_core::observe::Gap;

use crate::client::CallError;
use crate::install::Place;

/// What stood in the way.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// The cluster does not tell which it is.
    #[error("the cluster cannot be reached: {0}")]
    Site(Gap),
    /// A request about an object failed.
    #[error("{what}")]
    Call {
        /// What was asked.
        what: String,
        /// What came instead.
        #[source]
        error: CallError,
    },
    /// There are objects of these names that are not ours.
    #[error("not ours, and left as it is: {}", list(.0))]
    NotOurs(Vec<Place>),
    /// An earlier one is still being removed.
    #[error("namespace {0} is still being removed")]
    Terminating(String),
    /// The authority that is kept there cannot be read.
    #[error("{0} holds no certificate and key")]
    Authority(Place),
    /// The cluster has not removed it yet.
    #[error("{0} is still there: the cluster has not come to its end with it")]
    Lingers(Place),
}

fn list(places: &[Place]) -> String {
    let places: Vec<String> = places.iter().map(ToString::to_string).collect();
    places.join(", ")
}

impl InstallError {
    pub(super) fn call(what: impl std::fmt::Display) -> impl FnOnce(CallError) -> Self {
        let what = what.to_string();
        move |error| Self::Call { what, error }
    }

    /// Whether rights are missing.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        matches!(self, Self::Call { error, .. } if matches!(error.status(), Some(401 | 403)))
    }

    /// Whether somebody else's object is in the way, or changed meanwhile.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        match self {
            Self::NotOurs(_) | Self::Terminating(_) => true,
            Self::Call { error, .. } => error.status() == Some(409),
            _ => false,
        }
    }
}
