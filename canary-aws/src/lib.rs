//! The AWS provider.
//!
//! ```text
//! catalog   what is known without looking: kinds, names, policies; pure
//! client    credentials and the services' clients; what their errors mean
//! observe   listings of the account, and single looks
//! realize   one touch at a time
//! bait      a session of a decoy role for each pod
//! trail     CloudTrail: from its records to events
//! logs      a log group of CloudWatch, followed
//! sandbox   feature "sandbox": an account in memory that answers, decides and logs as a real one
//! ```

mod bait;
mod catalog;
mod client;
mod key_id;
mod last_used;
pub mod logs;
mod observe;
mod realize;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod trail;
mod unknown_keys;

pub use bait::{AwsBaits, PodRole, Way};
pub use catalog::{AwsCatalog, role_address};
pub use client::{Client, ConnectError, Connection};
pub use key_id::account_of;
pub use last_used::{LastUsed, Watched, WatchedKey, WatchedUser};
pub use observe::AwsObserve;
pub use realize::AwsRealize;

use canary_core::graph::ProviderId;

/// The provider's name, and its table in `canaries.toml`.
pub const PROVIDER: &str = "aws";

/// The provider's name as the core knows it.
#[must_use]
pub fn provider() -> ProviderId {
    ProviderId::new(PROVIDER)
}
