//! Kubernetes audit logs.
//!
//! ```text
//! a log ═AuditFile═▶ bytes ─Scan─▶ candidate lines ─read_line─▶ Event
//!               a document, a webhook's body ─read_document─▶ Event
//! ```
//!
//! Everything in a log is hostile: most of every record is what some client chose to send.

mod body;
mod bounds;
mod files;
mod frame;
mod intake;
mod lenient;
mod lines;
mod listen;
mod mend;
mod mentions;
mod places;
mod position;
mod probe;
mod read;
mod record;
mod rotated;
mod scan;
mod source;
mod split;
mod stream;
mod targets;
pub(crate) mod uri;
mod walk;

pub use intake::Counts;
pub use lines::{Reading, read_document, read_line};
pub use listen::{AuditFile, Listening};
pub use position::PositionError;
pub use scan::Scan;
