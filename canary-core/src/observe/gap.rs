//! Places we could not look.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Scope;
use crate::graph::{Handle, ProviderId};

/// A place we could not look, with the reason. Absence under a gap is not absence.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Debug)]
pub struct Gap {
    /// Whose place it is.
    pub provider: ProviderId,
    /// Where.
    pub place: Place,
    /// Why.
    pub reason: Reason,
    /// In the provider's own words, one line, without secrets.
    pub detail: String,
}

/// What a gap covers.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Debug)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The whole site.
    Site,
    /// Every object of a kind in a scope: the neighbours. Single names may still have been seen.
    Neighbours(Scope),
    /// One object.
    Object(Handle),
    /// A fact that a check needed, by name.
    Fact(String),
    /// Rights that others give: by whom or to whom, as in `rights that RoleBindings give`.
    Rights(String),
}

/// Why we could not look.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Debug)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// We may not (403).
    Forbidden,
    /// We are not known (401).
    Unauthenticated,
    /// Nobody answered, or TLS was refused.
    Unreachable,
    /// The answer did not come in time.
    TimedOut,
    /// The answer was not understood or was an error.
    Failed,
    /// It is another place than it should be.
    Elsewhere,
    /// Nobody asked: it is not in a recording, or was not wanted.
    NotAsked,
    /// It was made moments ago, and the site does not show it yet.
    NotYet,
    /// Somebody gave it another name.
    Renamed,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Forbidden => "forbidden to you",
            Self::Unauthenticated => "you are not authenticated",
            Self::Unreachable => "not reachable",
            Self::TimedOut => "no answer in time",
            Self::Failed => "failed",
            Self::Elsewhere => "it is another place",
            Self::NotAsked => "nobody looked",
            Self::NotYet => "made moments ago and not shown yet",
            Self::Renamed => "renamed by somebody",
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Site => f.write_str("the site"),
            Self::Neighbours(scope) => write!(f, "other objects: {scope}"),
            Self::Object(handle) => write!(f, "{handle}"),
            Self::Fact(text) | Self::Rights(text) => f.write_str(text),
        }
    }
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.why())
    }
}

impl Gap {
    /// Why we could not look, without the place.
    #[must_use]
    pub fn why(&self) -> String {
        match self.detail.as_str() {
            "" => self.reason.to_string(),
            detail => format!("{} ({detail})", self.reason),
        }
    }
}
