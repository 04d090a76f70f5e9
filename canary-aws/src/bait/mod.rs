//! Sessions of decoy roles, one for each pod.
//!
//! ```text
//! a pod's number, the time ─Sessions::name─▶ the session's name
//! own token, or own credentials ═STS═▶ a session ─▶ a credentials file and the config beside it
//! ```

mod files;
mod issue;
mod recent;
mod refusal;

pub use issue::{AwsBaits, PodRole, Way};
