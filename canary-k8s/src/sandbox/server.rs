//! The server: starting, answering, ending.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body as HttpBody;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures::stream;
use jiff::Timestamp;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::access::Identity;
use super::api::{Api, Body, Reply, Request, Watching};
use super::audit::AuditLog;
use super::entropy::Entropy;
use super::faults::{FaultKind, Faults};
use super::options::{SandboxError, SandboxOptions};
use super::order;
use super::status::Status;
use super::wire::{Wire, Wires};

/// A running sandbox. Ends when it is dropped.
pub struct Sandbox {
    address: SocketAddr,
    tokens: BTreeMap<String, String>,
    shared: Arc<Shared>,
    serving: Option<JoinHandle<std::io::Result<()>>>,
}

struct Shared {
    api: Mutex<Api>,
    faults: Faults,
    ending: watch::Sender<bool>,
}

impl Shared {
    fn api(&self) -> MutexGuard<'_, Api> {
        self.api.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ended(&self) {
        let mut ending = self.ending.subscribe();
        // The sender lives as long as this does.
        drop(ending.wait_for(|ending| *ending).await);
    }
}

/// Answers under way are small and leave within milliseconds; whoever takes longer has stopped listening.
const GRACE: Duration = Duration::from_secs(2);

/// The server's own limit of a body (`--max-resource-write-bytes`, 3 MiB).
const MAX_BODY: usize = 3 * 1024 * 1024;

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

async fn handle(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(wire): ConnectInfo<Wire>,
    request: axum::extract::Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let uri = parts.uri.path_and_query().map(ToString::to_string);
    let Ok(body) = axum::body::to_bytes(body, MAX_BODY).await else {
        return plain(413, "Request entity too large: limit is 3145728\n");
    };
    let request = Request {
        method: parts.method.to_string(),
        uri: uri.unwrap_or_default(),
        headers: parts.headers,
        body,
        peer: wire.peer(),
    };
    let fault = shared.faults.take(&request.method, &request.uri);
    match fault {
        Some(FaultKind::Cut) => {
            wire.cut();
            return plain(500, "");
        }
        Some(FaultKind::Hang) if !hang(&shared).await => {
            wire.cut();
            return plain(500, "");
        }
        _ => {}
    }
    let reply = shared.api().handle(&request, fault);
    match fault {
        Some(FaultKind::CutAfter) => wire.cut(),
        Some(FaultKind::HangAfter) if !hang(&shared).await => wire.cut(),
        _ => {}
    }
    match reply {
        Ok(reply) => response(reply, shared),
        // A server in blocking mode answers nothing that is not in its log.
        Err(error) => {
            tracing::error!(%error, "the audit log cannot be written");
            plain(
                500,
                &Status::internal("the audit log cannot be written").message,
            )
        }
    }
}

/// Whether it goes on: not when the sandbox ends.
async fn hang(shared: &Shared) -> bool {
    tokio::select! {
        () = shared.faults.hang() => true,
        () = shared.ended() => false,
    }
}

fn plain(code: u16, text: &str) -> Response {
    let mut response = Response::new(HttpBody::from(text.to_owned()));
    set_code(&mut response, code);
    response
}

fn set_code(response: &mut Response, code: u16) {
    if let Ok(code) = code.try_into() {
        *response.status_mut() = code;
    }
}

fn response(reply: Reply, shared: Arc<Shared>) -> Response {
    let (media, body) = match reply.body {
        Body::Json(value) => {
            let mut text = order::to_json(&value);
            text.push('\n');
            ("application/json", HttpBody::from(text))
        }
        Body::Text(text) => ("text/plain; charset=utf-8", HttpBody::from(text)),
        Body::Watch(watching) => ("application/json", watch_body(*watching, shared)),
    };
    let mut response = Response::new(body);
    set_code(&mut response, reply.code);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-cache, private"),
    );
    let mut insert = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    };
    insert("audit-id", reply.audit_id);
    insert("date", http_date(reply.at));
    if let Some(seconds) = reply.retry_after {
        insert("retry-after", seconds.to_string());
    }
    response
}

/// RFC 9110, section 5.6.7.
fn http_date(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Lines as they become due, until the watch's time is over, the sandbox ends, or nobody listens any more.
fn watch_body(watching: Watching, shared: Arc<Shared>) -> HttpBody {
    let end = watching
        .lasts()
        .map(|lasts| tokio::time::Instant::now() + lasts);
    let lines = stream::unfold(
        (watching, shared),
        move |(mut watching, shared)| async move {
            loop {
                let due = watching.due(&shared.api().store);
                if !due.is_empty() {
                    return Some((Ok::<_, std::convert::Infallible>(due), (watching, shared)));
                }
                let over = async {
                    match end {
                        Some(end) => tokio::time::sleep_until(end).await,
                        None => std::future::pending().await,
                    }
                };
                let goes_on = tokio::select! {
                    changed = watching.changed() => changed,
                    () = over => false,
                    () = shared.ended() => false,
                };
                if !goes_on {
                    return None;
                }
            }
        },
    );
    HttpBody::from_stream(lines)
}
