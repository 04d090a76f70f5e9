//! Tokens of decoy accounts, one for each pod.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use canary_core::bait::{Fresh, Issue, Refusal, TouchError, Wanted};
use canary_core::graph::CanaryId;
use canary_core::value::SecretBytes;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::meaning::meaning;
use crate::client::Client;
use crate::client::request::{Request, escaped};
use crate::kubeconfig::{Cluster, with_token};
use crate::observe::claims;

const PATIENCE: Duration = Duration::from_secs(10);

/// What the pods of one canary are given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TokenBait {
    /// The decoy account of each namespace.
    pub accounts: BTreeMap<String, String>,
    /// The key in the Secret, which is the file's name.
    pub file: String,
    /// How long a token is asked to live. The server may grant less.
    pub expiry: Duration,
}

/// Issues kubeconfigs through a cluster's TokenRequest.
pub struct TokenBaits {
    client: Client,
    /// By canary.
    baits: BTreeMap<CanaryId, TokenBait>,
    /// The API server's address as the kubeconfigs name it.
    server: String,
    authority: Option<String>,
    cluster: String,
}

impl TokenBaits {
    /// Asks through this client. `authority` is PEM.
    #[must_use]
    pub fn new(
        client: Client,
        baits: BTreeMap<CanaryId, TokenBait>,
        server: String,
        authority: Option<String>,
        cluster: String,
    ) -> Self {
        Self {
            client,
            baits,
            server,
            authority,
            cluster,
        }
    }
}

#[async_trait]
impl Issue for TokenBaits {
    async fn issue(&self, wanted: &Wanted) -> Result<Fresh, TouchError> {
        let missing = |detail: &str| TouchError::new(Refusal::Missing, detail);
        let bait = self.baits.get(&wanted.canary);
        let bait = bait.ok_or_else(|| missing("the canary gives no kubeconfig"))?;
        let account = bait.accounts.get(&wanted.namespace);
        let account = account.ok_or_else(|| missing("the namespace has no account for it"))?;
        let path = format!(
            "/api/v1/namespaces/{}/serviceaccounts/{}/token",
            escaped(&wanted.namespace),
            escaped(account)
        );
        let spec = json!({ "expirationSeconds": bait.expiry.as_secs() });
        let body = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec });
        let answer = self.client.send(Request::post(path, &body), PATIENCE).await;
        let answer = answer.map_err(|error| meaning(&error))?;
        let (token, id, until) = granted(&answer.body)
            .ok_or_else(|| TouchError::new(Refusal::Unreachable, "an answer without a token"))?;
        let cluster = Cluster {
            server: &self.server,
            authority: self.authority.as_deref(),
            name: &self.cluster,
            namespace: &wanted.namespace,
            account,
        };
        Ok(Fresh {
            files: [(bait.file.clone(), with_token(&cluster, &token))].into(),
            token: Some(id),
            until,
        })
    }
}

/// The token, its identifier, and its end.
fn granted(body: &Value) -> Option<(SecretBytes, String, Timestamp)> {
    let token = body["status"]["token"].as_str()?;
    let id = claims(token)?["jti"].as_str()?.to_owned();
    let until = body["status"]["expirationTimestamp"]
        .as_str()?
        .parse()
        .ok()?;
    Some((SecretBytes::from(token), id, until))
}
