//! CloudTrail records of what was called.

mod identity;
mod limits;
mod logged;
mod names;
mod record;
mod records;

pub(super) use logged::{Logged, logged};
pub(super) use names::camel;
pub(super) use record::{Facts, record};
pub(super) use records::Records;
