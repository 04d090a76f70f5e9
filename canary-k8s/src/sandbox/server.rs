//! The server: starting and ending.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::access::Identity;
use super::api::Api;
use super::audit::AuditLog;
use super::entropy::Entropy;
use super::faults::Faults;
use super::http::handle;
use super::options::{SandboxError, SandboxOptions};
use super::wire::{Wire, Wires};

/// A running sandbox. Ends when it is dropped.
pub struct Sandbox {
    address: SocketAddr,
    tokens: BTreeMap<String, String>,
    shared: Arc<Shared>,
    serving: Option<JoinHandle<std::io::Result<()>>>,
}

/// What every request has in common.
pub(super) struct Shared {
    api: Mutex<Api>,
    pub(super) faults: Faults,
    ending: watch::Sender<bool>,
}

impl Shared {
    pub(super) fn api(&self) -> MutexGuard<'_, Api> {
        self.api.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the end.
    pub(super) async fn ended(&self) {
        let mut ending = self.ending.subscribe();
        // The sender lives as long as this does.
        drop(ending.wait_for(|ending| *ending).await);
    }
}

/// Answers under way are small and leave within milliseconds; whoever takes longer has stopped listening.
const GRACE: Duration = Duration::from_secs(2);

impl Sandbox {
    /// Starts one within the current runtime.
    ///
    /// # Errors
    /// When the audit log or the port cannot be had.
    pub async fn start(options: SandboxOptions) -> Result<Self, SandboxError> {
        let audit =
            AuditLog::open(&options.audit_log).map_err(|source| SandboxError::AuditLog {
                path: options.audit_log.clone(),
                source,
            })?;
        let mut entropy = Entropy::new(options.seed);
        let mut tokens = BTreeMap::new();
        let mut users = BTreeMap::new();
        for user in &options.users {
            let token = URL_SAFE_NO_PAD.encode(entropy.bytes());
            let identity = Identity::new(&user.name, &user.uid, &user.groups);
            users.insert(token.clone(), identity);
            tokens.insert(user.name.clone(), token);
        }
        let api = Api::new(users, entropy, options.clock, Arc::new(audit));
        let failed = |source| SandboxError::Listen {
            port: options.port,
            source,
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port))
            .await
            .map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let shared = Arc::new(Shared {
            api: Mutex::new(api.ok_or(SandboxError::Seed)?),
            faults: Faults::new(),
            ending: watch::Sender::new(false),
        });
        let service = Router::new()
            .fallback(handle)
            .with_state(shared.clone())
            .into_make_service_with_connect_info::<Wire>();
        let until = shared.clone();
        let serving = tokio::spawn(async move {
            axum::serve(Wires::new(listener), service)
                .with_graceful_shutdown(async move { until.ended().await })
                .await
        });
        Ok(Self {
            address,
            tokens,
            shared,
            serving: Some(serving),
        })
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its port on the loopback interface.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The token of a user who is known from the start.
    #[must_use]
    pub fn token(&self, user: &str) -> Option<&str> {
        self.tokens.get(user).map(String::as_str)
    }

    /// What is to go wrong.
    #[must_use]
    pub fn faults(&self) -> Faults {
        self.shared.faults.clone()
    }

    /// Forgets every version but the last, as compaction does: lists and watches that go on from before get 410.
    pub fn compact(&self) {
        self.shared.api().store.compact();
    }

    /// Writes a kubeconfig (mode 0600) for a user who is known from the start.
    ///
    /// # Errors
    /// When nobody is called so, or the file cannot be written.
    pub fn write_kubeconfig(
        &self,
        path: &Path,
        user: &str,
        context: &str,
    ) -> Result<(), SandboxError> {
        let token = self.token(user).ok_or_else(|| SandboxError::UnknownUser {
            name: user.to_owned(),
        })?;
        self.write_kubeconfig_with_token(path, user, token, context)
    }

    /// Writes a kubeconfig (mode 0600) with any token.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_kubeconfig_with_token(
        &self,
        path: &Path,
        user: &str,
        token: &str,
        context: &str,
    ) -> Result<(), SandboxError> {
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": context,
            "clusters": [{ "name": context, "cluster": { "server": self.url() } }],
            "contexts": [{ "name": context, "context": { "cluster": context, "user": user } }],
            "users": [{ "name": user, "user": { "token": token } }],
        });
        let write = || {
            let mut file = std::fs::OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(path)?;
            file.write_all(config.to_string().as_bytes())
        };
        write().map_err(|source| SandboxError::Kubeconfig {
            path: path.to_owned(),
            source,
        })
    }

    /// Ends it: open watches are closed, requests that hang are dropped, and everything is forgotten.
    pub async fn close(mut self) {
        self.shared.ending.send_replace(true);
        if let Some(mut serving) = self.serving.take()
            && tokio::time::timeout(GRACE, &mut serving).await.is_err()
        {
            serving.abort();
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.shared.ending.send_replace(true);
    }
}
