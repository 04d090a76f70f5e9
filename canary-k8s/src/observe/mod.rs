//! Looking at a cluster: metadata LISTs, named GETs, and the objects as plain data; and who gives our accounts rights.

mod cluster;
mod decode;
mod grants;
mod managed;
mod pages;
mod patience;
mod reach;
mod rights;

pub use cluster::KubernetesObserve;
pub(crate) use decode::{FILLED_IN, full, metadata};
pub(crate) use grants::{BINDINGS, ROLES, grant, handle, rules};
pub(crate) use pages::{TIMEOUT, all};
pub(crate) use patience::ask;
pub(crate) use reach::claims;

use canary_core::graph::ProviderId;

/// The provider's name, and its table in `canaries.toml`.
pub const PROVIDER: &str = "kubernetes";

/// [`PROVIDER`] as an id.
#[must_use]
pub fn provider() -> ProviderId {
    ProviderId::new(PROVIDER)
}
