//! The embedder's front door: joins configuration, providers, ledger and plan.
//!
//! ```text
//! Engine ═load═▶ ledger ═look═▶ View ─plan─▶ Plan ═apply═▶ Report
//! ```
//!
//! An [`Engine`] holds no state between calls but what it was built with.

mod adopt;
mod apply;
mod build;
mod complete;
mod error;
mod known;
mod look;
mod looks;
mod recover;
mod rights;
mod site;
#[cfg(test)]
mod tests;
mod watched;

pub use adopt::Adopted;
pub use apply::{Applied, ApplyRequest, Approve, Approved, Declined};
pub use build::{Engine, EngineBuilder, Provider};
pub use error::{EngineError, Kept};
pub use look::{Loaded, View};
pub use recover::Recovered;
