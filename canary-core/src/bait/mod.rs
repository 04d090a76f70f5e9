//! A credential of its own for every pod.
//!
//! ```text
//!  [pod_credentials.LABEL] ─▶ Target ─decide─▶ a volume and a mount with a Handle           (admission)
//!  pod seen ─▶ Subject ─▶ PodRecord ─due─▶ issue · refresh · bury                           (agent)
//!  credential id ─resolve─▶ PodRecord: which pod, as it was when the credential was issued  (detection)
//! ```
//!
//! Admission knows no pod yet: it writes a [`PodHandle`] into the pod, and who sees the pod later tells by the handle that
//! it waits for a bait. Nothing of this touches the world.

mod counters;
mod due;
mod handle;
mod keeper;
mod log;
mod means;
mod pattern;
mod pods;
mod record;
mod seconds;
mod segment;
mod session;
mod subject;
mod target;

pub use counters::Counters;
pub use handle::{PodHandle, PodHandles};
pub use keeper::{KeepError, Keeping, keep};
pub use log::{LogDefect, PodLog, Write};
pub use means::{
    Deliver, Fresh, Issue, Kinds, Pace, Place, PodEvent, Refusal, SeenPod, Term, TouchError, Wanted,
};
pub use pattern::Pattern;
pub use pods::{Pods, Resolved};
pub use record::{Issued, Other, PodEntry, PodNumber, PodRecord};
pub use segment::{Seal, SegmentError, SegmentName, SegmentNameError, Segments, SegmentsError};
pub use session::Sessions;
pub use subject::{Owner, Subject};
pub use target::{BaitKind, Containers, Files, KIND, Target, Workload};

#[cfg(test)]
mod tests;
