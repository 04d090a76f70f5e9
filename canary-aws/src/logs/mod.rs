//! A log group of CloudWatch as a source of events: the audit log of EKS, a trail that writes there.
//!
//! ```text
//! from, now ─Pass─▶ FilterLogEvents ═pages═▶ messages ─Seen─▶ new ones ─▶ Event
//! ```
//!
//! Streams are written late and not in their order, so a stretch before the newest moment is read again and again, and what
//! came before is known by its id.

mod error;
mod group;
mod listen;
mod options;
mod pass;
mod position;
mod seen;

pub use error::LogsError;
pub use listen::LogsListener;
pub use options::LogsOptions;
