//! `[pod_credentials.…]`: every matching pod has a credential of its own, and the decoy accounts that kubeconfigs are for.
//!
//! ```text
//! Canary, key ─PodCredentials::read─▶ Target: which pods, which baits, where     admission, the agent
//! namespaces that it covers ─lower─▶ an account without rights in each            plan, apply
//! ```

mod account;
mod checks;
mod defaults;
mod notes;
mod read;
mod selector;
mod shape;

pub(super) use account::{address, handle, lower, scopes};
pub(super) use notes::notes;
pub use read::{AwsBait, KubeconfigBait, PodCredentials};
pub(super) use shape::shape;
