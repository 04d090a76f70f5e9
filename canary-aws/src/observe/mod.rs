//! Looking at an account.
//!
//! ```text
//! ListUsers ─▶ who is there ─estimate─▶ GetAccountAuthorizationDetails, or each user by itself ─▶ objects
//!                            credential report, or each user's keys ─────────────────────────────▶ objects
//! ```

mod account;
mod keys;
mod look;
mod patience;
mod principal;
mod report;
pub(crate) mod roles;
pub(crate) mod users;

pub use account::AwsObserve;
pub(crate) use keys::revision as key_revision;
pub(crate) use principal::{Principal, moment, object};
