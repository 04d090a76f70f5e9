//! Sightings folded and put in context.
//!
//! ```text
//! Sighting ─fold─▶ Alert ─▶ text for people, OCSF for machines
//! ```
//!
//! Duplicates fold, they never suppress: the same sightings in any order give the same alerts.

mod attributed;
mod changes;
mod context;
mod finding;
mod fold;
mod incident;
mod kept;
mod ocsf;
mod outbox;
mod pods;
mod readers;
mod silent;
mod sink;
#[cfg(test)]
mod tests;
mod text;

pub use attributed::{Attributed, Link};
pub use changes::{Change, Changes};
pub use finding::{Alert, Evidence, Severity};
pub use fold::Folder;
pub use incident::{Holders, Moment};
pub use kept::Folded;
pub use ocsf::ocsf;
pub use outbox::{Due, Outbox};
pub use readers::{Reader, Readings};
pub use sink::{Sink, SinkError};
pub use text::{full_text, text};
