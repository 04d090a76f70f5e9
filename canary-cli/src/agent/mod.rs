//! What runs in the cluster: `canaryd`.
//!
//! ```text
//!  Settings (sealed) ─▶ webhook   every replica answers admission reviews
//!                    ─▶ keeping   the one that has the lease keeps every pod's bait
//!                    ─▶ health    numbers and probes
//! ```
//!
//! Nothing that can be seen of it, from outside or in its log, says what it is: it goes by the name that it was given.

mod args;
mod audit;
mod entry;
mod health;
mod issuers;
mod keeping;
mod metrics;
mod run;
#[cfg(feature = "aws")]
mod sessions;
pub mod settings;
pub mod webhook;

pub use args::AgentArgs;
pub use audit::SpoolError;
pub use entry::main;
pub use run::{AgentError, run};
