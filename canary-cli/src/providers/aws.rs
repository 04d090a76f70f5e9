//! How AWS is connected.

use std::sync::Arc;

use async_trait::async_trait;
use canary_aws::{AwsCatalog, AwsObserve, AwsRealize, Client, Connection};
use canary_core::catalog::Catalog;
use canary_core::config::Table;
use canary_core::engine::Provider;

use super::Connect;
use crate::error::{AWS_LOG_IN, CommandError, Exit};

/// The AWS provider.
#[derive(Clone, Copy, Debug, Default)]
pub struct Aws;

#[async_trait]
impl Connect for Aws {
    fn catalog(&self) -> Arc<dyn Catalog> {
        Arc::new(AwsCatalog)
    }

    async fn connect(&self, section: &Table) -> Result<Provider, CommandError> {
        let client = aws_client(section).await?;
        Ok(Provider {
            catalog: self.catalog(),
            observe: Some(Arc::new(AwsObserve::new(client.clone()))),
            realize: Some(Arc::new(AwsRealize::new(client))),
        })
    }
}

/// A connection as `[aws]` says.
pub(crate) async fn aws_client(section: &Table) -> Result<Client, CommandError> {
    let text = |field| section.text(field).unwrap_or_default().to_owned();
    let connection = Connection {
        account: text("account"),
        region: text("region"),
        profile: section.text("profile").map(str::to_owned),
    };
    connection
        .connect()
        .await
        .map_err(|error| CommandError::new(Exit::Denied, error.to_string()).hint(AWS_LOG_IN))
}
