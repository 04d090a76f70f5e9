//! Looking at an account.
//!
//! ```text
//! ListUsers ─▶ who is there ─estimate─▶ GetAccountAuthorizationDetails, or each user by itself ─▶ objects
//!                            credential report, or each user's keys and password ────────────────▶ objects
//! ListRules, region by region ─▶ which regions are enabled, and what listens there ──────────────▶ objects
//! regions, buckets ─▶ what metadata tells ─as the ledger has it─▶ clean; else all but the value; the value where all is wanted
//! ```

mod account;
mod credentials;
mod keys;
pub(crate) mod listener;
mod look;
pub(crate) mod objects;
pub(crate) mod parameter;
pub(crate) mod parameters;
mod passwords;
mod patience;
mod principal;
mod recent;
mod regions;
mod report;
pub(crate) mod roles;
pub(crate) mod secret;
pub(crate) mod secrets;
mod state;
pub(crate) mod users;
pub(crate) mod version_id;

pub use account::AwsObserve;
pub(crate) use keys::list as keys_of;
pub(crate) use keys::revision as key_revision;
pub(crate) use listener::{TrailFacts, facts_of_trails as trails};
pub(crate) use principal::{Principal, moment, object};
pub(crate) use state::content_of;
