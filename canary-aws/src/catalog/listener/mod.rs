//! `[aws.listener]`: what brings CloudTrail's events to a queue, from every region.
//!
//! ```text
//! region's bus ─rule─▶ home region's bus ─rule─▶ queue ─after five receipts─▶ dead letters
//! ```

mod documents;
mod lower;
mod notes;
mod regions;
mod shape;
mod trail;
mod tripwires;

pub(super) use lower::{lower, scopes};
pub(super) use notes::notes;
pub(crate) use regions::of_partition as regions_of_partition;
pub(super) use shape::shape;
pub(super) use tripwires::of as tripwires;
