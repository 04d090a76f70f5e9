//! Kubernetes audit logs.
//!
//! ```text
//! bytes ─read_line, read_document─▶ Event
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
mod uri;

pub use lines::{Reading, read_document, read_line};

/// Whose events these are.
const PROVIDER: &str = "kubernetes";
