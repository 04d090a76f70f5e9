//! Why the engine could not do what it was asked.

use crate::apply::ApplyError;
use crate::catalog::LowerError;
use crate::graph::{Address, CanaryId, GraphError, Handle, ProviderId};
use crate::ledger::{JournalError, LockError, StoreError};
use crate::observe::{Gap, Site};
use crate::plan::Moved;

/// What carries the identity of its site.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kept {
    /// The ledger.
    Ledger,
    /// A saved plan.
    Plan,
}

impl std::fmt::Display for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Ledger => "ledger",
            Self::Plan => "plan",
        })
    }
}

/// Why the engine could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Canaries of the configuration cannot be lowered.
    #[error("{} of the configuration cannot be planned", count(.0.len(), "canary", "canaries"))]
    Lower(Vec<LowerError>),
    /// The resources do not make a graph.
    #[error("the canaries do not fit together: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Graph(Vec<GraphError>),
    /// The ledger cannot be kept.
    #[error("the ledger at {place} cannot be used")]
    Store {
        /// Where it is kept.
        place: String,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// The ledger cannot be read.
    #[error("the ledger at {place} cannot be read")]
    Journal {
        /// Where it is kept.
        place: String,
        /// Why.
        #[source]
        source: JournalError,
    },
    /// The ledger is locked.
    #[error(transparent)]
    Lock(Box<LockError>),
    /// Nobody can tell where we are.
    #[error("{provider}: the site cannot be told: {}", gap.why())]
    Site {
        /// Whose.
        provider: ProviderId,
        /// Why not.
        gap: Box<Gap>,
    },
    /// The ledger or the plan belongs to another site.
    #[error("this {kept} belongs to {} ({}), and {provider} is at {} ({})", .expected.name, .expected.id, .found.name, .found.id)]
    OtherSite {
        /// Which of them.
        kept: Kept,
        /// Whose.
        provider: ProviderId,
        /// Where it belongs.
        expected: Box<Site>,
        /// Where we are.
        found: Box<Site>,
    },
    /// The world is not as it was when the plan was approved.
    #[error("the plan is stale: {} changed since it was made", count(.0.len(), "step", "steps"))]
    Stale(Vec<Moved>),
    /// The apply stopped because the ledger could not be written.
    #[error(transparent)]
    Apply(Box<ApplyError>),
    /// There is no such canary.
    #[error("there is no canary {canary}")]
    UnknownCanary {
        /// As it was named.
        canary: CanaryId,
        /// The nearest that there is.
        near: Option<CanaryId>,
    },
    /// The provider cannot write (or cannot look): it was built without that half.
    #[error("{provider} was built without the means to {need}")]
    Missing {
        /// Which.
        provider: ProviderId,
        /// What for.
        need: &'static str,
    },
    /// A name cannot be adopted.
    #[error("{address} cannot adopt {path}: {why}")]
    Import {
        /// Which resource.
        address: Address,
        /// As it was given.
        path: String,
        /// Why not.
        why: String,
    },
    /// Something is known already under that address.
    #[error("{address} is known already, as {handle}")]
    KnownAlready {
        /// Which resource.
        address: Address,
        /// What it is.
        handle: Handle,
    },
}

impl From<LockError> for EngineError {
    fn from(error: LockError) -> Self {
        Self::Lock(Box::new(error))
    }
}

impl From<ApplyError> for EngineError {
    fn from(error: ApplyError) -> Self {
        Self::Apply(Box::new(error))
    }
}

fn count(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}
