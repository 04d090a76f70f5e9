//! Looking at an account.
//!
//! ```text
//! ListUsers ─▶ who is there ─estimate─▶ GetAccountAuthorizationDetails, or each user by itself ─▶ objects
//!                            credential report, or each user's keys ─────────────────────────────▶ objects
//! ListRules, region by region ─▶ which regions are enabled, and what listens there ──────────────▶ objects
//! ```

mod account;
mod keys;
pub(crate) mod listener;
mod look;
mod patience;
mod principal;
mod report;
pub(crate) mod roles;
pub(crate) mod users;

pub use account::AwsObserve;
pub(crate) use keys::revision as key_revision;
pub(crate) use listener::{TrailFacts, facts_of_trails as trails};
pub(crate) use principal::{Principal, moment, object};
