//! Kubernetes audit logs.
//!
//! ```text
//! bytes ─Scan─▶ candidate lines ─read_line─▶ Event
//! a document ─read_document─▶ Event
//! ```
//!
//! Everything in a log is hostile: most of every record is what some client chose to send.

mod body;
mod bounds;
mod lenient;
mod lines;
mod mend;
mod mentions;
mod read;
mod record;
mod scan;
mod targets;
mod uri;

pub use lines::{Reading, read_document, read_line};
pub use scan::Scan;

/// Whose events these are.
const PROVIDER: &str = "kubernetes";
