//! Looking at what we listen by: rules and targets in every region, queues, trails, and a bucket for files.

mod buckets;
mod facts;
mod look;
pub(crate) mod queues;
pub(crate) mod rules;
pub(crate) mod targets;
pub(crate) mod trails;
mod way;

pub(crate) use buckets::{policy as bucket_policy, single as bucket};
pub(crate) use facts::{TrailFacts, trails as facts_of_trails};
pub(super) use way::look;
