//! The touching itself.

use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use canary_core::apply::{Call, Found, Made, Realize, RealizeError};
use canary_core::ledger::{OutputValue, Verb};
use canary_core::observe::Object;
use canary_core::value::SecretBytes;
use serde_json::Value;

use super::error::meaning;
use super::{body, token};
use crate::client::request::{self, Request};
use crate::client::{Answer, CallError, Client, Failure};
use crate::observe::{FILLED_IN, full};

/// Touches one cluster.
#[derive(Clone)]
pub struct KubernetesRealize {
    client: Client,
}

/// The token controller fills a Secret within milliseconds; this many looks, each twice as far from the last, take two
/// and a half seconds.
const LOOKS_FOR_TOKEN: u32 = 8;
const FIRST_LOOK: Duration = Duration::from_millis(10);

impl KubernetesRealize {
    /// Touches through this client.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    async fn send(&self, call: &Call, request: Request) -> Result<Answer, RealizeError> {
        self.client
            .send(request, call.timeout)
            .await
            .map_err(|error| meaning(call, error))
    }

    async fn create(&self, call: &Call) -> Result<Made, RealizeError> {
        if call.handle.kind == "Token" {
            return self.issue(call).await;
        }
        let mut object = body::object(&call.handle, &call.content);
        let manager = manager(call);
        let request = if body::is_apply(call.written.as_ref()) {
            object["metadata"]["resourceVersion"] = body::NOTHING_THERE.into();
            let path = path(call, request::object(&call.handle))?;
            Request::apply(format!("{path}?fieldManager={manager}&force=true"), &object)
        } else {
            let scope = canary_core::observe::Scope::of(&call.handle);
            let path = path(call, request::collection(&scope))?;
            Request::post(format!("{path}?fieldManager={manager}"), &object)
        };
        let answer = self.send(call, request).await?;
        let made = decoded(call, &answer.body)?;
        if token::is_legacy(call) {
            return self.filled(call, made).await;
        }
        Ok(with_identity(made, call))
    }

    /// Puts the whole object as it is to be. What others added goes; the list of writers is as we left it, so that the
    /// repair leaves no writer that the neighbours do not have.
    async fn update(&self, call: &Call) -> Result<Made, RealizeError> {
        let have = call.have.as_ref().ok_or_else(|| unversioned(call))?;
        let object_path = path(call, request::object(&call.handle))?;
        let manager = manager(call);
        let wanted = body::with_version(body::object(&call.handle, &call.content), have);
        if !body::is_apply(call.written.as_ref()) {
            let request = Request::put(format!("{object_path}?fieldManager={manager}"), &wanted);
            let answer = self.send(call, request).await?;
            return Ok(with_identity(decoded(call, &answer.body)?, call));
        }
        let request = Request::apply(
            format!("{object_path}?fieldManager={manager}&force=true"),
            &wanted,
        );
        let answer = self.send(call, request).await?;
        let made = decoded(call, &answer.body)?;
        if !has_more(call, &made) {
            return Ok(with_identity(made, call));
        }
        self.strip(call, &object_path, &manager, answer.body).await
    }

    /// Removes what an apply cannot: fields that others own. `managedFields` may be set by an update, so only our own
    /// entry is left in it.
    async fn strip(
        &self,
        call: &Call,
        object_path: &str,
        manager: &str,
        applied: Value,
    ) -> Result<Made, RealizeError> {
        let mut stripped = body::object(&call.handle, &call.content);
        let metadata = &applied["metadata"];
        for name in ["uid", "resourceVersion", "creationTimestamp"] {
            stripped["metadata"][name] = metadata[name].clone();
        }
        let ours: Vec<Value> = metadata["managedFields"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|entry| entry["manager"] == manager && entry["operation"] == "Apply")
            .cloned()
            .collect();
        stripped["metadata"]["managedFields"] = ours.into();
        let request = Request::put(format!("{object_path}?fieldManager={manager}"), &stripped);
        let answer = self.send(call, request).await?;
        Ok(with_identity(decoded(call, &answer.body)?, call))
    }

    async fn delete(&self, call: &Call) -> Result<Made, RealizeError> {
        let Some(path) = request::object(&call.handle) else {
            // A token cannot be taken back by itself.
            return Ok(Made::default());
        };
        let request = Request::delete(path, &body::delete_options(call.have.as_ref()));
        match self.client.send(request, call.timeout).await {
            Ok(answer) => match held_by(&answer.body) {
                Some(by) => Err(RealizeError::Held {
                    handle: call.handle.clone(),
                    by,
                }),
                None => Ok(Made::default()),
            },
            Err(error) if error.status() == Some(404) => Ok(Made::default()),
            Err(error) => Err(meaning(call, error)),
        }
    }

    async fn issue(&self, call: &Call) -> Result<Made, RealizeError> {
        let account = canary_core::graph::Handle {
            kind: "ServiceAccount".into(),
            ..call.handle.clone()
        };
        let path = path(call, request::object(&account))?;
        let request = Request::post(format!("{path}/token"), &token::request(call));
        let answer = self.send(call, request).await?;
        let (made, uid) = token::made(&answer.body).ok_or_else(|| not_understood(call))?;
        if uid != token::wanted_account(call) {
            return Err(RealizeError::Changed {
                handle: call.handle.clone(),
            });
        }
        Ok(made)
    }

    /// Waits until the cluster has filled a token Secret.
    async fn filled(&self, call: &Call, made: Made) -> Result<Made, RealizeError> {
        let path = path(call, request::object(&call.handle))?;
        let mut pause = FIRST_LOOK;
        for _ in 0..LOOKS_FOR_TOKEN {
            tokio::time::sleep(pause).await;
            pause *= 2;
            let answer = self.send(call, Request::get(path.clone())).await?;
            if let Some(token) = legacy_token(&answer.body) {
                let made = decoded(call, &answer.body)?;
                return Ok(made.with("token", OutputValue::Secret(token)));
            }
        }
        // It is there and ours; without controllers nobody fills it.
        Ok(made)
    }
}

/// The finalizers of an object that was only marked for removal. Of one that is gone the server gives a status.
fn held_by(body: &Value) -> Option<String> {
    let finalizers = body["metadata"]["finalizers"].as_array()?;
    let names: Vec<&str> = finalizers.iter().filter_map(Value::as_str).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

fn legacy_token(body: &Value) -> Option<SecretBytes> {
    let text = body["data"]["token"].as_str()?;
    Some(SecretBytes::new(STANDARD.decode(text).ok()?))
}

fn manager(call: &Call) -> String {
    let manager = call
        .written
        .as_ref()
        .map_or("kubectl-create", |written| &written.manager);
    request::escaped(manager)
}

fn path(call: &Call, path: Option<String>) -> Result<String, RealizeError> {
    path.ok_or_else(|| RealizeError::Refused {
        handle: call.handle.clone(),
        detail: "this kind cannot be written".into(),
    })
}

fn unversioned(call: &Call) -> RealizeError {
    RealizeError::Refused {
        handle: call.handle.clone(),
        detail: "an update must say what it changes".into(),
    }
}

fn not_understood(call: &Call) -> RealizeError {
    let error = CallError::local(Failure::NotUnderstood, "an answer without the object");
    meaning(call, error)
}

fn decoded(call: &Call, body: &Value) -> Result<Made, RealizeError> {
    let (_, object) =
        full(&call.handle.kind, body, &call.digester).ok_or_else(|| not_understood(call))?;
    Ok(Made {
        object: Some(object),
        ..Made::default()
    })
}

/// The outputs that an object's identity alone gives.
fn with_identity(made: Made, call: &Call) -> Made {
    let uid = made
        .object
        .as_ref()
        .map(|object| object.version.uid.clone());
    match (call.handle.kind.as_str(), uid) {
        ("ServiceAccount", Some(uid)) => made
            .with("uid", OutputValue::Public(uid))
            .with("name", OutputValue::Public(call.handle.name.clone())),
        _ => made,
    }
}

/// Whether the object has fields beside those that were sent.
fn has_more(call: &Call, made: &Made) -> bool {
    let fields = made
        .object
        .as_ref()
        .and_then(|object| object.fields.as_ref());
    let is_sent = |name: &String| call.content.contains_key(name) || name.ends_with(FILLED_IN);
    fields.is_some_and(|fields| !fields.keys().all(is_sent))
}

#[async_trait]
impl Realize for KubernetesRealize {
    async fn realize(&self, call: &Call) -> Result<Made, RealizeError> {
        match call.verb {
            Verb::Create => self.create(call).await,
            Verb::Update => self.update(call).await,
            Verb::Delete => self.delete(call).await,
        }
    }

    async fn find(&self, call: &Call) -> Result<Found, RealizeError> {
        let Some(path) = request::object(&call.handle) else {
            return Ok(Found::NothingToFind);
        };
        match self.client.send(Request::get(path), call.timeout).await {
            Ok(answer) => {
                let made = decoded(call, &answer.body)?;
                let object = made.object.ok_or_else(|| not_understood(call))?;
                Ok(Found::There(Box::new(object)))
            }
            Err(error) if error.status() == Some(404) => Ok(Found::Absent),
            Err(error) => Err(meaning(call, error)),
        }
    }

    async fn outputs_of(&self, call: &Call, object: &Object) -> Result<Made, RealizeError> {
        let made = Made {
            object: Some(object.clone()),
            ..Made::default()
        };
        let legacy = object
            .fields
            .as_ref()
            .and_then(|fields| fields.get("type"))
            .is_some_and(|kind| *kind == canary_core::observe::Seen::Public(token::LEGACY.into()));
        if legacy {
            return self.filled(call, made).await;
        }
        Ok(with_identity(made, call))
    }
}
