//! Who of several agents writes: one Lease, as other controllers use it.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use canary_core::bait::Term;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::client::request::{Request, escaped};
use crate::client::{CallError, Client, Failure};

/// As long, as often and as patiently as client-go's leaders: taken over 15 s after the last renewal, renewed every 2 s,
/// given up when that did not succeed for 10 s.
const DURATION: Duration = Duration::from_secs(15);
const RENEW: Duration = Duration::from_secs(2);
const GIVE_UP: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(5);

/// Why a lease cannot be had or held.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// It is refused to us.
    #[error("the lease {namespace}/{name} is refused to us")]
    Denied {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// What was answered.
        #[source]
        source: CallError,
    },
}

/// Stands for election.
#[derive(Clone)]
pub struct Election {
    client: Client,
    namespace: String,
    name: String,
    identity: String,
}

/// A term: from taking the lease until it is lost or given back.
#[derive(Clone)]
pub struct LeaseTerm {
    election: Election,
    transitions: i64,
}

impl Election {
    /// For the Lease of that namespace and name, under an identity that no other agent has, as the pod's name.
    #[must_use]
    pub fn new(
        client: Client,
        namespace: impl Into<String>,
        name: impl Into<String>,
        identity: impl Into<String>,
    ) -> Self {
        Self {
            client,
            namespace: namespace.into(),
            name: name.into(),
            identity: identity.into(),
        }
    }

    fn collection(&self) -> String {
        let namespace = escaped(&self.namespace);
        format!("/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases")
    }

    fn object(&self) -> String {
        format!("{}/{}", self.collection(), escaped(&self.name))
    }

    /// Waits until it is ours. A holder is given as long as it says since we saw it renew last, by our own clock.
    ///
    /// # Errors
    /// When it is refused to us. A server that cannot be reached is waited for.
    pub async fn won(&self) -> Result<LeaseTerm, LeaseError> {
        let mut last_seen: Option<(String, Instant)> = None;
        let mut is_told = false;
        loop {
            match self
                .client
                .send(Request::get(self.object()), PATIENCE)
                .await
            {
                Ok(answer) => {
                    is_told = false;
                    let version = answer.body["metadata"]["resourceVersion"].to_string();
                    let is_news = last_seen.as_ref().is_none_or(|(seen, _)| *seen != version);
                    if is_news {
                        last_seen = Some((version, Instant::now()));
                    }
                    let since = last_seen.as_ref().map_or(Instant::now(), |(_, at)| *at);
                    if (is_free(&answer.body) || since.elapsed() >= lasts(&answer.body))
                        && let Some(term) = self.take(&answer.body).await?
                    {
                        return Ok(term);
                    }
                }
                Err(error) if error.status() == Some(404) => {
                    if let Some(term) = self.make().await? {
                        return Ok(term);
                    }
                }
                Err(error) => {
                    // Told once for each time that it cannot be reached.
                    if !std::mem::replace(&mut is_told, true) {
                        tracing::warn!(%error, "the lease cannot be asked for, and is tried again");
                    }
                    self.refused(error)?;
                }
            }
            tokio::time::sleep(RENEW).await;
        }
    }

    /// `Ok`: it is worth another try.
    fn refused(&self, error: CallError) -> Result<(), LeaseError> {
        match error.failure {
            Failure::Answered(401 | 403) => Err(LeaseError::Denied {
                namespace: self.namespace.clone(),
                name: self.name.clone(),
                source: error,
            }),
            _ => Ok(()),
        }
    }

    fn spec(&self, transitions: i64) -> Value {
        let now = format!("{:.6}", Timestamp::now());
        json!({
            "holderIdentity": self.identity, "leaseDurationSeconds": DURATION.as_secs(),
            "acquireTime": now, "renewTime": now, "leaseTransitions": transitions,
        })
    }

    async fn make(&self) -> Result<Option<LeaseTerm>, LeaseError> {
        let metadata = json!({ "name": self.name, "namespace": self.namespace });
        let body = json!({ "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata,
            "spec": self.spec(0) });
        let request = Request::post(self.collection(), &body);
        self.answered(self.client.send(request, PATIENCE).await.map(drop), 0)
    }

    async fn take(&self, lease: &Value) -> Result<Option<LeaseTerm>, LeaseError> {
        let transitions = lease["spec"]["leaseTransitions"].as_i64().unwrap_or(0) + 1;
        let mut taken = lease.clone();
        taken["spec"] = self.spec(transitions);
        let request = Request::put(self.object(), &taken);
        self.answered(
            self.client.send(request, PATIENCE).await.map(drop),
            transitions,
        )
    }

    fn answered(
        &self,
        answer: Result<(), CallError>,
        transitions: i64,
    ) -> Result<Option<LeaseTerm>, LeaseError> {
        match answer {
            Ok(()) => Ok(Some(LeaseTerm {
                election: self.clone(),
                transitions,
            })),
            Err(error) => self.refused(error).map(|()| None),
        }
    }
}

impl LeaseTerm {
    /// Renews it; returns once it is lost.
    pub async fn lost(&self) {
        let mut renewed = Instant::now();
        while renewed.elapsed() < GIVE_UP {
            tokio::time::sleep(RENEW).await;
            let asked = Instant::now();
            match self.renew().await {
                Some(true) => renewed = asked,
                Some(false) => return,
                None => {}
            }
        }
    }

    /// `None`: it cannot be told.
    async fn renew(&self) -> Option<bool> {
        let election = &self.election;
        let lease = self.lease().await?;
        if !self.is_ours(&lease) {
            return Some(false);
        }
        let mut renewed = lease;
        renewed["spec"]["renewTime"] = format!("{:.6}", Timestamp::now()).into();
        let request = Request::put(election.object(), &renewed);
        match election.client.send(request, PATIENCE).await {
            Ok(_) => Some(true),
            // Somebody wrote it meanwhile: the next look tells who.
            Err(_) => None,
        }
    }

    async fn lease(&self) -> Option<Value> {
        let request = Request::get(self.election.object());
        match self.election.client.send(request, PATIENCE).await {
            Ok(answer) => Some(answer.body),
            Err(error) if error.status() == Some(404) => Some(Value::Null),
            Err(_) => None,
        }
    }

    fn is_ours(&self, lease: &Value) -> bool {
        let spec = &lease["spec"];
        spec["holderIdentity"] == *self.election.identity
            && spec["leaseTransitions"].as_i64().unwrap_or(0) == self.transitions
    }

    /// Gives it back, so that another need not wait.
    pub async fn release(&self) {
        let Some(mut lease) = self.lease().await.filter(|lease| self.is_ours(lease)) else {
            return;
        };
        lease["spec"]["holderIdentity"] = "".into();
        // The reader of a second's silence is the same as of a longer one.
        lease["spec"]["leaseDurationSeconds"] = 1.into();
        let request = Request::put(self.election.object(), &lease);
        // Not given back, it ends by itself.
        drop(self.election.client.send(request, PATIENCE).await);
    }
}

#[async_trait]
impl Term for LeaseTerm {
    async fn holds(&self) -> bool {
        self.lease().await.is_some_and(|lease| self.is_ours(&lease))
    }
}

fn is_free(lease: &Value) -> bool {
    lease["spec"]["holderIdentity"]
        .as_str()
        .unwrap_or_default()
        .is_empty()
}

/// For how long the holder may be silent.
fn lasts(lease: &Value) -> Duration {
    let seconds = lease["spec"]["leaseDurationSeconds"].as_u64();
    Duration::from_secs(seconds.unwrap_or(DURATION.as_secs()))
}
