//! One remark about a graph or a plan.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::graph::{Address, CanaryId};

/// How much a note matters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Debug)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Worth changing.
    Warning,
    /// Must not be applied.
    Error,
}

/// What a note is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Debug)]
#[serde(rename_all = "snake_case")]
pub enum Topic {
    /// It tells a thief what it is.
    Giveaway,
    /// It grants something.
    BlastRadius,
    /// It can never fire.
    Unwatched,
    /// A touch is seen only if the read is logged (read-only), or also when its content is used (active).
    Activity,
    /// What was chosen for it and stands in none of its resources.
    Chosen,
    /// Anything else.
    Other,
}

/// One remark.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Debug)]
pub struct Note {
    /// How much it matters.
    pub severity: Severity,
    /// What it is about.
    pub topic: Topic,
    /// Which canary.
    pub canary: CanaryId,
    /// Which resource of it; an error blocks that resource's step, and where it is about none, those of the whole canary.
    pub address: Option<Address>,
    /// One sentence, lowercase, without a full stop.
    pub message: String,
    /// What to do, where there is something to do.
    pub help: Option<String>,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.canary, self.message)
    }
}
