//! The Secrets that pods wait for: made, put back as they should be, removed. Nothing is read: the account that does it may
//! not, and need not.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use canary_core::bait::{Deliver, Place, Refusal, TouchError};
use canary_core::graph::Handle;
use canary_core::observe::Scope;
use canary_core::value::SecretBytes;
use serde_json::{Value, json};

use super::meaning::meaning;
use super::quota::Quotas;
use crate::client::request::{self, Request};
use crate::client::{Answer, CallError, Client};

/// An API server answers within milliseconds; its own limit for a request is a minute, and a pod waits meanwhile.
const PATIENCE: Duration = Duration::from_secs(10);
/// Known to no object: a precondition that never holds, where no uid is known.
const NOBODY: &str = "00000000-0000-0000-0000-000000000000";

/// Delivers to pods of one cluster.
pub struct SecretDelivery {
    client: Client,
    manager: String,
    quotas: Quotas,
}

impl SecretDelivery {
    /// Writes through this client, in that name (`managedFields`).
    #[must_use]
    pub fn new(client: Client, manager: impl Into<String>) -> Self {
        Self {
            quotas: Quotas::new(client.clone()),
            client,
            manager: request::escaped(&manager.into()),
        }
    }

    async fn send(&self, request: Request) -> Result<Answer, CallError> {
        self.client.send(request, PATIENCE).await
    }

    async fn create(&self, place: &Place, body: &Value) -> Result<String, TouchError> {
        if !self.quotas.has_room(&place.namespace).await {
            let detail = "the namespace's quota of Secrets has no room to spare";
            return Err(TouchError::new(Refusal::NoRoom, detail));
        }
        let collection = path(request::collection(&Scope::of(&handle(place))))?;
        let path = format!("{collection}?fieldManager={}", self.manager);
        let answer = self.send(Request::post(path, body)).await;
        uid(&answer.map_err(|error| meaning(&error))?)
    }

    /// `None`: nothing of that name is there.
    async fn replace(&self, place: &Place, body: &Value) -> Result<Option<String>, TouchError> {
        let path = path(request::object(&handle(place)))?;
        let path = format!("{path}?fieldManager={}", self.manager);
        match self.send(Request::put(path, body)).await {
            Ok(answer) => uid(&answer).map(Some),
            Err(error) if error.status() == Some(404) => Ok(None),
            Err(error) => Err(meaning(&error)),
        }
    }

    async fn delete(&self, place: &Place, options: Value, query: &str) -> Result<(), CallError> {
        let path = request::object(&handle(place)).unwrap_or_default();
        let request = Request::delete(format!("{path}{query}"), &options);
        self.send(request).await.map(drop)
    }
}

fn handle(place: &Place) -> Handle {
    Handle::scoped("Secret", &place.namespace, place.handle.as_str())
}

fn path(path: Option<String>) -> Result<String, TouchError> {
    path.ok_or_else(|| TouchError::new(Refusal::Denied, "this kind cannot be written"))
}

fn uid(answer: &Answer) -> Result<String, TouchError> {
    let uid = answer.body["metadata"]["uid"].as_str();
    uid.map(str::to_owned)
        .ok_or_else(|| TouchError::new(Refusal::Unreachable, "an answer without the object"))
}

fn body(place: &Place, files: &BTreeMap<String, SecretBytes>, uid: Option<&str>) -> Value {
    let data: BTreeMap<&String, String> = files
        .iter()
        .map(|(key, bytes)| (key, STANDARD.encode(bytes.expose())))
        .collect();
    let mut metadata = json!({ "name": place.handle.as_str(), "namespace": place.namespace });
    if let Some(uid) = uid {
        metadata["uid"] = uid.into();
    }
    json!({ "apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "data": data })
}

fn delete_options(uid: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "DeleteOptions", "preconditions": { "uid": uid } })
}

#[async_trait]
impl Deliver for SecretDelivery {
    async fn write(
        &self,
        place: &Place,
        files: &BTreeMap<String, SecretBytes>,
    ) -> Result<String, TouchError> {
        if let Some(known) = &place.secret {
            let body = body(place, files, Some(known));
            if let Some(uid) = self.replace(place, &body).await? {
                return Ok(uid);
            }
        }
        let body = body(place, files, None);
        match self.create(place, &body).await {
            Err(error) if error.refusal == Refusal::Foreign && place.may_be_ours => {
                let replaced = self.replace(place, &body).await?;
                replaced.ok_or_else(|| TouchError::new(Refusal::Unreachable, "it went meanwhile"))
            }
            other => other,
        }
    }

    async fn is_there(&self, place: &Place) -> Result<bool, TouchError> {
        // A removal that is not carried out tells whether there is something to remove.
        let uid = place.secret.as_deref().unwrap_or(NOBODY);
        let options = delete_options(uid);
        match self.delete(place, options, "?dryRun=All").await {
            Ok(()) => Ok(true),
            Err(error) if error.status() == Some(404) => Ok(false),
            // Another's by now: writing tells.
            Err(error) if error.status() == Some(409) => Ok(false),
            Err(error) => Err(meaning(&error)),
        }
    }

    async fn remove(&self, place: &Place) -> Result<(), TouchError> {
        let options = match &place.secret {
            Some(uid) => delete_options(uid),
            None if place.may_be_ours => {
                json!({ "apiVersion": "v1", "kind": "DeleteOptions" })
            }
            None => return Ok(()),
        };
        match self.delete(place, options, "").await {
            // Gone already, with its namespace perhaps, or another's by now.
            Err(error) if !matches!(error.status(), Some(404 | 409)) => Err(meaning(&error)),
            _ => Ok(()),
        }
    }
}
