//! Admission of pods: what is added to a pod that is to get a credential of its own.
//!
//! ```text
//! bytes ─review─▶ Review ─pod─▶ Pod ─decide─▶ Decision ─patch─▶ JSON Patch ─answer─▶ bytes
//! ```
//!
//! Nothing here waits, asks or remembers: the same review gives the same answer. Everything that is not plainly a pod of
//! ours to add to is let through as it is, with a reason that is counted. The patch is made on the object as it stands in
//! the request and only adds, so that what a later version of Kubernetes puts into a pod survives byte for byte.

mod answer;
mod decide;
mod maker;
mod names;
mod patch;
mod paths;
mod pod;
mod review;
mod target;

pub use answer::Answer;
pub use decide::{Admission, Decision, Reason};
pub use patch::Patch;
pub(crate) use pod::{MIRROR, OS, is_windows};
pub use review::{Review, Unread};
pub(crate) use target::Ready;
pub use target::{InvalidTarget, Wrong};
