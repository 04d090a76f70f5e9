//! What a command line asks of a provider.

use std::sync::Arc;

use async_trait::async_trait;
use canary_core::catalog::Catalog;
use canary_core::config::Table;
use canary_core::engine::Provider;

use crate::error::CommandError;

/// A provider before it is connected.
#[async_trait]
pub trait Connect: Send + Sync {
    /// What it knows without looking.
    fn catalog(&self) -> Arc<dyn Catalog>;

    /// Connects it as its table of the configuration says.
    ///
    /// # Errors
    /// When there is no connection to be had: credentials, addresses.
    async fn connect(&self, section: &Table) -> Result<Provider, CommandError>;
}
