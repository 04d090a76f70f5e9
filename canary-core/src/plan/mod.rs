//! What would change, and what is in the way.
//!
//! ```text
//! Desired × Observed × Ledger ─plan─▶ Plan ─▶ Steps in order, each with its action
//! ```
//!
//! [`plan`] is total and pure: the same arguments give the same plan, byte for byte. Everything wrong with a graph was
//! refused by [`crate::graph::Desired::new`]; everything in the way is an [`Obstacle`].

mod compare;
mod decide;
mod diff;
mod index;
mod places;
mod removal;
mod rename;
mod saved;
mod steps;

pub use compare::{Moved, moved};
pub use decide::{Catalogs, Inputs, Purpose, plan};
pub(crate) use diff::join;
pub use diff::{Outcome as DiffOutcome, Resolver, diff};
pub(crate) use rename::free;
pub use saved::{SavedError, open_saved, seal_saved};
pub use steps::{
    Action, CreateCause, DeleteCause, FieldChange, Obstacle, Outside, Plan, ReplaceCause, Step,
    Summary, ToldEarlier, Wanted,
};
