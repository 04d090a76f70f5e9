//! Putting an installation into a cluster, and taking it out.
//!
//! ```text
//!  Objects ═look═▶ Changes ═carry_out═▶ as wanted         server-side apply: made where nothing is, changed at the revision seen
//!  name    ═look═▶ what is ours ═remove═▶ nothing behind  the webhook first, the namespace last; at any point pods start
//! ```
//!
//! What is ours is known by a label that only the site's key gives ([`instance`]): nothing is recorded, so that nothing can
//! be lost. What has another label is somebody's, and is neither written nor removed.

mod changes;
mod cluster;
mod error;
mod instance;
mod removal;
mod settled;

pub use changes::{Change, Changes, Step};
pub use cluster::{Installation, Installer};
pub use error::InstallError;
pub use instance::instance;
pub use removal::Sweep;
