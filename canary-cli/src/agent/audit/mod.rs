//! The API server's audit events, as its webhook backend sends them.
//!
//! ```text
//!  POST EventList ─receive─▶ lines ═spool═▶ a file, synced ─▶ 200       and `detect --follow` reads the file
//! ```
//!
//! A batch is acknowledged once it is on the disk. Whatever was not is sent again by the API server, and told twice it folds.

mod receive;
mod spool;

pub(super) use receive::{Receiving, routes};
pub(super) use spool::Spool;
pub use spool::SpoolError;
