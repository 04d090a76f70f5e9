//! What a decoy service account is given: through its own name, and through the groups that every account is in.
//!
//! ```text
//! Grants ─judge─▶ what is beyond discovery ─words─▶ Notes
//! ```
//!
//! Rules are judged, not names: the roles that every cluster is born with are harmless as long as nobody widens them.

mod discovery;
mod judge;
mod who;
mod words;

pub(super) use judge::notes;
pub(crate) use who::{account, grantees};
