//! What the cluster itself does: the token controller of kube-controller-manager, and the server's own notes about tokens
//! that do not expire. Both go through the front door, so that they stand in the audit log.

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::request::Request;
use super::serve::{Api, Body};
use crate::sandbox::access::{Identity, Users};
use crate::sandbox::entropy::Entropy;
use crate::sandbox::kinds::{SECRET, SERVICE_ACCOUNT};

/// What each calls itself, as released builds of 1.36.3 do.
const TOKEN_CONTROLLER: &str =
    "kube-controller-manager/v1.36.3 (linux/amd64) kubernetes/7c8ea1a/tokens-controller";
const SERVER: &str = "kube-apiserver/v1.36.3 (linux/amd64) kubernetes/7c8ea1a";

/// The type of a Secret that is filled.
const TOKEN_TYPE: &str = "kubernetes.io/service-account-token";
const ACCOUNT_NAME: &str = "kubernetes.io/service-account.name";
const ACCOUNT_UID: &str = "kubernetes.io/service-account.uid";
const LAST_USED: &str = "kubernetes.io/legacy-token-last-used";

/// Their credentials, and how far they looked.
pub(super) struct Controllers {
    manager: String,
    server: String,
    seen: u64,
}

impl Controllers {
    /// Makes their users known.
    pub(super) fn new(users: &mut Users, entropy: &mut Entropy) -> Self {
        let hex = |bytes: [u8; 32]| -> String {
            bytes.iter().map(|byte| format!("{byte:02x}")).collect()
        };
        let (manager, server) = (hex(entropy.bytes()), hex(entropy.bytes()));
        let mut user = Identity::new("system:kube-controller-manager", "", &[]);
        // A real one has a certificate.
        let id = format!("X509SHA256={}", hex(entropy.bytes()));
        user.extra.insert(
            "authentication.kubernetes.io/credential-id".into(),
            vec![id],
        );
        users.insert(manager.clone(), user);
        let mut user = Identity::new("system:apiserver", &entropy.uuid(), &[]);
        user.groups.push("system:masters".into());
        users.insert(server.clone(), user);
        Self {
            manager,
            server,
            seen: 0,
        }
    }
}

impl Api {
    /// Does what controllers do about what changed.
    pub(super) fn reconcile(&mut self) -> std::io::Result<()> {
        while self.controllers.seen < self.store.revision() {
            let changes = self.store.changes_after(self.controllers.seen).to_vec();
            self.controllers.seen = self.store.revision();
            for change in changes {
                match (change.kind.plural, &change.before, &change.after) {
                    ("secrets", _, Some(secret)) if secret["type"] == TOKEN_TYPE => {
                        self.tend_token(secret)?;
                    }
                    ("serviceaccounts", Some(account), None) => self.bury_tokens(account)?,
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Fills a token Secret, or deletes one whose account is gone.
    fn tend_token(&mut self, secret: &Value) -> std::io::Result<()> {
        let metadata = &secret["metadata"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (namespace, name) = (text(&metadata["namespace"]), text(&metadata["name"]));
        let wanted = text(&metadata["annotations"][ACCOUNT_NAME]);
        let uid = text(&metadata["annotations"][ACCOUNT_UID]);
        let path = format!("/api/v1/namespaces/{namespace}/secrets/{name}");
        let account = self
            .store
            .get(&SERVICE_ACCOUNT, &namespace, &wanted)
            .filter(|account| uid.is_empty() || account["metadata"]["uid"] == uid)
            .cloned();
        let Some(account) = account else {
            // The controller does not trust its memory.
            let account = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{wanted}");
            self.as_controller("GET", &account, None)?;
            return self.delete_token(secret);
        };
        let filled = ["token", "namespace"]
            .iter()
            .all(|key| secret["data"][key].is_string());
        if filled {
            return Ok(());
        }
        let Some(mut live) = self.as_controller("GET", &path, None)? else {
            return Ok(());
        };
        if live["metadata"]["resourceVersion"] != metadata["resourceVersion"] {
            return Ok(());
        }
        live["data"]["namespace"] = STANDARD.encode(&namespace).into();
        if live["data"]["token"].is_null() {
            let token = self.issuer.issue_legacy(&account, &live);
            live["data"]["token"] = STANDARD.encode(token).into();
        }
        live["metadata"]["annotations"][ACCOUNT_NAME] = wanted.into();
        live["metadata"]["annotations"][ACCOUNT_UID] = account["metadata"]["uid"].clone();
        self.as_controller("PUT", &path, Some(&live))?;
        Ok(())
    }

    fn bury_tokens(&mut self, account: &Value) -> std::io::Result<()> {
        let metadata = &account["metadata"];
        let namespace = metadata["namespace"].as_str().unwrap_or_default();
        let theirs: Vec<_> = self
            .store
            .all(&SECRET, namespace)
            .into_iter()
            .filter(|secret| {
                let annotations = &secret["metadata"]["annotations"];
                secret["type"] == TOKEN_TYPE
                    && annotations[ACCOUNT_NAME] == metadata["name"]
                    && annotations[ACCOUNT_UID] == metadata["uid"]
            })
            .collect();
        for secret in theirs {
            self.delete_token(&secret)?;
        }
        Ok(())
    }

    fn delete_token(&mut self, secret: &Value) -> std::io::Result<()> {
        let metadata = &secret["metadata"];
        let text = |name: &str| metadata[name].as_str().unwrap_or_default();
        let path = format!(
            "/api/v1/namespaces/{}/secrets/{}",
            text("namespace"),
            text("name")
        );
        let options = json!({
            "kind": "DeleteOptions", "apiVersion": "v1",
            "preconditions": { "uid": metadata["uid"] },
        });
        self.as_controller("DELETE", &path, Some(&options))?;
        Ok(())
    }

    fn as_controller(
        &mut self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> std::io::Result<Option<Value>> {
        let token = self.controllers.manager.clone();
        self.ask(&token, TOKEN_CONTROLLER, method, path, body)
    }

    /// Notes the day on which a token that does not expire was used.
    pub(super) fn note_use(
        &mut self,
        namespace: &str,
        name: &str,
        now: Timestamp,
    ) -> std::io::Result<()> {
        let Some(secret) = self.store.get(&SECRET, namespace, name) else {
            return Ok(());
        };
        let today = now.strftime("%Y-%m-%d").to_string();
        if secret["metadata"]["labels"][LAST_USED] == today.as_str() {
            return Ok(());
        }
        let patch = json!({
            "kind": "Secret", "apiVersion": "v1",
            "metadata": {
                "name": name, "namespace": namespace, "uid": secret["metadata"]["uid"],
                "labels": { LAST_USED: today },
            },
        });
        let path = format!("/api/v1/namespaces/{namespace}/secrets/{name}");
        let token = self.controllers.server.clone();
        self.ask(&token, SERVER, "PATCH", &path, Some(&patch))?;
        Ok(())
    }

    /// One request; `None` when it was refused.
    fn ask(
        &mut self,
        token: &str,
        agent: &'static str,
        method: &str,
        uri: &str,
        body: Option<&Value>,
    ) -> std::io::Result<Option<Value>> {
        let mut headers = HeaderMap::new();
        if let Ok(bearer) = HeaderValue::try_from(format!("Bearer {token}")) {
            headers.insert("authorization", bearer);
        }
        headers.insert("user-agent", HeaderValue::from_static(agent));
        let content = match method {
            "PATCH" => "application/merge-patch+json",
            _ => "application/json",
        };
        headers.insert("content-type", HeaderValue::from_static(content));
        let request = Request {
            method: method.to_owned(),
            uri: uri.to_owned(),
            headers,
            body: Bytes::from(body.map(Value::to_string).unwrap_or_default()),
            peer: "127.0.0.1".into(),
        };
        let reply = self.serve(&request, None)?;
        Ok(match reply.body {
            Body::Json(body) if reply.code < 300 => Some(body),
            Body::Json(_) | Body::Text(_) | Body::Watch(_) => None,
        })
    }
}
