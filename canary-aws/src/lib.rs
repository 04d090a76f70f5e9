//! The AWS provider.

#[cfg(feature = "sandbox")]
pub mod sandbox;

/// The provider's name, and its table in `canaries.toml`.
pub const PROVIDER: &str = "aws";

/// The provider's name as the core knows it.
#[must_use]
pub fn provider() -> canary_core::graph::ProviderId {
    canary_core::graph::ProviderId::new(PROVIDER)
}
