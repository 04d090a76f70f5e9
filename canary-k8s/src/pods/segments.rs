//! The log of pods as Secrets of the agent's own namespace, each made once and never changed.

use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use canary_core::bait::{SegmentName, Segments, SegmentsError};
use serde_json::{Value, json};

use crate::client::request::{Request, escaped};
use crate::client::{CallError, Client};

const PATIENCE: Duration = Duration::from_secs(20);
/// Pages of as many as other clients ask for.
const PAGE: u32 = 500;
/// The one key of each Secret.
const KEY: &str = "data";

/// Keeps segments in one namespace.
#[derive(Clone)]
pub struct SecretSegments {
    client: Client,
    namespace: String,
    /// What all names begin with, before a hyphen.
    name: String,
}

impl SecretSegments {
    /// In that namespace, under names that begin with `name`.
    #[must_use]
    pub fn new(client: Client, namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            client,
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    fn collection(&self) -> String {
        format!("/api/v1/namespaces/{}/secrets", escaped(&self.namespace))
    }

    fn object(&self, segment: SegmentName) -> String {
        format!("{}-{segment}", self.name)
    }

    fn failed(&self, error: CallError) -> SegmentsError {
        let place = self.place();
        match error.status() {
            Some(401 | 403 | 404) => SegmentsError::Denied {
                place,
                source: Box::new(error),
            },
            _ => SegmentsError::Unreachable {
                place,
                source: Box::new(error),
            },
        }
    }

    fn segment(&self, object: &Value) -> Option<(SegmentName, Vec<u8>)> {
        let name = object["metadata"]["name"].as_str()?;
        let name = name.strip_prefix(&self.name)?.strip_prefix('-')?;
        let segment = name.parse().ok()?;
        // One that holds nothing readable is damaged, not absent.
        let data = object["data"][KEY].as_str().unwrap_or_default();
        Some((segment, STANDARD.decode(data).unwrap_or_default()))
    }
}

#[async_trait]
impl Segments for SecretSegments {
    fn place(&self) -> String {
        format!("Secrets {}/{}-*", self.namespace, self.name)
    }

    async fn load(&self) -> Result<Vec<(SegmentName, Vec<u8>)>, SegmentsError> {
        let mut segments = Vec::new();
        let mut next = String::new();
        loop {
            let mut path = format!("{}?limit={PAGE}", self.collection());
            if !next.is_empty() {
                path = format!("{path}&continue={}", escaped(&next));
            }
            let answer = self.client.send(Request::get(path), PATIENCE).await;
            let body = answer.map_err(|error| self.failed(error))?.body;
            let items = body["items"].as_array();
            segments.extend(
                items
                    .into_iter()
                    .flatten()
                    .filter_map(|one| self.segment(one)),
            );
            match body["metadata"]["continue"].as_str() {
                Some(token) if !token.is_empty() => next = token.to_owned(),
                _ => return Ok(segments),
            }
        }
    }

    async fn create(&self, name: SegmentName, bytes: &[u8]) -> Result<(), SegmentsError> {
        let data = json!({ KEY: STANDARD.encode(bytes) });
        let metadata = json!({ "name": self.object(name), "namespace": self.namespace });
        let body = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque",
            "immutable": true, "data": data });
        let path = format!("{}?fieldManager={}", self.collection(), escaped(&self.name));
        match self.client.send(Request::post(path, &body), PATIENCE).await {
            Ok(_) => Ok(()),
            Err(error) if error.status() == Some(409) => Err(SegmentsError::Exists(name)),
            Err(error) => Err(self.failed(error)),
        }
    }

    async fn remove(&self, name: SegmentName) -> Result<(), SegmentsError> {
        let path = format!("{}/{}", self.collection(), escaped(&self.object(name)));
        let options = json!({ "apiVersion": "v1", "kind": "DeleteOptions" });
        match self
            .client
            .send(Request::delete(path, &options), PATIENCE)
            .await
        {
            Err(error) if error.status() != Some(404) => Err(self.failed(error)),
            _ => Ok(()),
        }
    }
}
