//! Sending.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use canary_core::disguise::OwnCalls;
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use kube::client::Body;
use serde_json::Value;

use super::connect::Endpoint;
use super::proof::Proof;
use super::request::{Request, template};
use super::{CallError, Failure};

/// A client of one cluster. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    kube: kube::Client,
    shared: Arc<Shared>,
}

struct Shared {
    endpoint: Endpoint,
    requests: AtomicU64,
    clock_offset_ms: AtomicI64,
    proof: Proof,
}

/// What the server answered with success.
pub struct Answer {
    /// The status code, 2xx.
    pub status: u16,
    /// The body. Can hold secrets: never print it.
    pub body: Value,
}

/// Larger answers are not read: a page of 500 metadata items is below 2 MB, an object below 1.5 MiB.
const LARGEST_ANSWER: usize = 64 * 1024 * 1024;

impl Client {
    pub(crate) fn new(kube: kube::Client, endpoint: Endpoint) -> Self {
        Self {
            kube,
            shared: Arc::new(Shared {
                endpoint,
                requests: AtomicU64::new(0),
                clock_offset_ms: AtomicI64::new(0),
                proof: Proof::new(),
            }),
        }
    }

    /// From now on every request of this client and its clones carries the proof that it is ours.
    pub(crate) fn prove(&self, calls: OwnCalls) {
        self.shared.proof.set(calls);
    }

    /// The client underneath, for watches: they are followed, not answered.
    pub(crate) fn kube(&self) -> kube::Client {
        self.kube.clone()
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.shared.endpoint
    }

    /// How many requests were sent by this client and its clones.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::Relaxed)
    }

    /// The server's clock minus ours, as of its last answer.
    pub(crate) fn clock_offset_ms(&self) -> i64 {
        self.shared.clock_offset_ms.load(Ordering::Relaxed)
    }

    /// One request, one answer.
    pub(crate) async fn send(
        &self,
        request: Request,
        timeout: Duration,
    ) -> Result<Answer, CallError> {
        let (method, path) = (request.method, request.path.clone());
        let request = self.to_http(request)?;
        self.shared.requests.fetch_add(1, Ordering::Relaxed);
        let began = Instant::now();
        let result = match tokio::time::timeout(timeout, self.exchange(request)).await {
            Ok(result) => result,
            Err(_) => Err(CallError::local(
                Failure::TimedOut,
                format!("no answer within {} s", timeout.as_secs()),
            )),
        };
        log(method, &path, &result, began.elapsed());
        result
    }

    fn to_http(&self, request: Request) -> Result<http::Request<Body>, CallError> {
        let mut builder = http::Request::builder()
            .method(request.method)
            .uri(&request.path)
            .header(http::header::ACCEPT, request.accept);
        if let Some(content_type) = request.content_type {
            builder = builder.header(http::header::CONTENT_TYPE, content_type);
        }
        if let Some(id) = self.shared.proof.audit_id(request.method, &request.path) {
            builder = builder.header("Audit-ID", id);
        }
        builder
            .body(Body::from(request.body))
            .map_err(|error| CallError::local(Failure::NotSent, error.to_string()))
    }

    async fn exchange(&self, request: http::Request<Body>) -> Result<Answer, CallError> {
        let answer = self
            .kube
            .send(request)
            .await
            .map_err(|error| CallError::from_transport(&error))?;
        let status = answer.status().as_u16();
        let retry_after = seconds(answer.headers().get(http::header::RETRY_AFTER));
        if let Some(offset) = clock_offset(answer.headers().get(http::header::DATE)) {
            self.shared.clock_offset_ms.store(offset, Ordering::Relaxed);
        }
        let limited = http_body_util::Limited::new(answer.into_body(), LARGEST_ANSWER);
        let bytes = limited
            .collect()
            .await
            .map_err(|error| CallError::local(Failure::Lost, error.to_string()))?
            .to_bytes();
        if !(200..300).contains(&status) {
            let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
            return Err(CallError::from_status(status, &body, retry_after));
        }
        let body = serde_json::from_slice(&bytes)
            .map_err(|_| CallError::local(Failure::NotUnderstood, "an answer that is not JSON"))?;
        Ok(Answer { status, body })
    }
}

/// Names what was asked only where the most is asked for, and nothing of what was sent or answered.
fn log(method: &str, path: &str, result: &Result<Answer, CallError>, took: Duration) {
    let status = match result {
        Ok(answer) => answer.status.to_string(),
        Err(error) => match error.failure {
            Failure::Answered(code) => code.to_string(),
            failure => format!("{failure:?}"),
        },
    };
    let took_ms = took.as_millis();
    tracing::debug!(method, path = %template(path), %status, took_ms, "request");
    tracing::trace!(method, path, %status, "the same with its names");
}

fn now() -> Timestamp {
    Timestamp::now()
}

fn seconds(header: Option<&http::HeaderValue>) -> Option<Duration> {
    let seconds = header?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// The `Date` header has whole seconds, so half of one is added.
fn clock_offset(header: Option<&http::HeaderValue>) -> Option<i64> {
    let text = header?.to_str().ok()?;
    let date = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    let offset = date.as_millisecond() + 500 - now().as_millisecond();
    // Within the granularity of the header the clocks agree.
    Some(if offset.abs() <= 1000 { 0 } else { offset })
}
