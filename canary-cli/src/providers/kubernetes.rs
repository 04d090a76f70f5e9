//! How Kubernetes is connected.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use canary_core::catalog::Catalog;
use canary_core::config::Table;
use canary_core::engine::Provider;
use canary_k8s::{Client, Connection, KubernetesCatalog, KubernetesObserve, KubernetesRealize};

use super::Connect;
use crate::error::{CommandError, Exit};

/// The Kubernetes provider.
#[derive(Clone, Copy, Debug, Default)]
pub struct Kubernetes;

#[async_trait]
impl Connect for Kubernetes {
    fn catalog(&self) -> Arc<dyn Catalog> {
        #[cfg(feature = "aws")]
        let catalog = KubernetesCatalog::with_keys_of(canary_aws::AwsCatalog::WITH_KEYS)
            .and_sessions_of(canary_aws::AwsCatalog::ROLES);
        #[cfg(not(feature = "aws"))]
        let catalog = KubernetesCatalog::new();
        Arc::new(catalog)
    }

    async fn connect(&self, section: &Table) -> Result<Provider, CommandError> {
        let client = kubernetes_client(section).await?;
        Ok(Provider {
            catalog: self.catalog(),
            observe: Some(Arc::new(KubernetesObserve::new(client.clone()))),
            realize: Some(Arc::new(KubernetesRealize::new(client))),
        })
    }
}

/// A connection as `[kubernetes]` says.
pub(crate) async fn kubernetes_client(section: &Table) -> Result<Client, CommandError> {
    let connection = Connection {
        kubeconfig: section.text("kubeconfig").map(PathBuf::from),
        context: section.text("context").map(str::to_owned),
    };
    connection.connect().await.map_err(|error| {
        CommandError::from_error(Exit::Failed, &error)
            .hint("name a kubeconfig in KUBECONFIG or in [kubernetes], and a context that is in it")
    })
}
