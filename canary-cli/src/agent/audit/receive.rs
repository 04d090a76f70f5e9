//! Batches of events, as they come in.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::post;
use canary_core::value::SecretBytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;

use super::Spool;

/// A batch is 10 MiB at most where batches are cut (`--audit-webhook-truncate-max-batch-size`).
const LARGEST: usize = 16 * 1024 * 1024;
/// So many are read at once, so that no flood takes more memory than they have.
const AT_ONCE: usize = 2;
/// The API server gives up after 30 s.
const PATIENCE: Duration = Duration::from_secs(25);

/// What receiving takes.
#[derive(Debug)]
pub(in crate::agent) struct Receiving {
    pub(in crate::agent) spool: Spool,
    /// What the API server shows.
    pub(in crate::agent) token: SecretBytes,
    pub(in crate::agent) events: AtomicU64,
    pub(in crate::agent) refused: AtomicU64,
    pub(in crate::agent) failed: AtomicU64,
    at_once: Semaphore,
}

impl Receiving {
    pub(in crate::agent) fn new(spool: Spool, token: SecretBytes) -> Self {
        Self {
            spool,
            token,
            events: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            at_once: Semaphore::new(AT_ONCE),
        }
    }

    /// Whether who sends knows the token. Compared by digests, so that time tells nothing of it.
    fn is_known(&self, headers: &HeaderMap) -> bool {
        let shown = headers.get(header::AUTHORIZATION);
        let shown = shown.and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
        shown.is_some_and(|shown| Sha256::digest(shown) == Sha256::digest(self.token.expose()))
    }
}

/// The path that events come to.
pub(in crate::agent) fn routes(receiving: Arc<Receiving>) -> Router {
    Router::new()
        .route("/events", post(receive))
        .with_state(receiving)
}

async fn receive(State(receiving): State<Arc<Receiving>>, request: Request) -> StatusCode {
    let (parts, body) = request.into_parts();
    if !receiving.is_known(&parts.headers) {
        receiving.refused.fetch_add(1, Ordering::Relaxed);
        return StatusCode::UNAUTHORIZED;
    }
    let kept = tokio::time::timeout(PATIENCE, keep(&receiving, body)).await;
    let status = kept.unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    if status != StatusCode::OK {
        receiving.failed.fetch_add(1, Ordering::Relaxed);
    }
    status
}

async fn keep(receiving: &Receiving, body: Body) -> StatusCode {
    let Ok(_place) = receiving.at_once.acquire().await else {
        return StatusCode::SERVICE_UNAVAILABLE;
    };
    let body = match Limited::new(body, LARGEST).collect().await {
        Ok(whole) => whole.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => return StatusCode::PAYLOAD_TOO_LARGE,
        Err(_) => return StatusCode::BAD_REQUEST,
    };
    let Some((lines, many)) = lines(&body) else {
        return StatusCode::BAD_REQUEST;
    };
    match receiving.spool.append(lines).await {
        true => {
            receiving.events.fetch_add(many, Ordering::Relaxed);
            StatusCode::OK
        }
        false => StatusCode::SERVICE_UNAVAILABLE,
    }
}

#[derive(Deserialize)]
struct List<'a> {
    #[serde(borrow)]
    items: Vec<&'a RawValue>,
}

/// One line for each event, as it came, and how many. `None`: it is no list of events.
fn lines(body: &[u8]) -> Option<(Vec<u8>, u64)> {
    let list: List<'_> = serde_json::from_slice(body).ok()?;
    let mut lines = Vec::with_capacity(body.len() + list.items.len());
    for event in &list.items {
        // Outside of texts a line break says nothing; inside it is written as an escape.
        lines.extend(
            event
                .get()
                .bytes()
                .filter(|byte| !matches!(byte, b'\n' | b'\r')),
        );
        lines.push(b'\n');
    }
    Some((lines, u64::try_from(list.items.len()).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_of_a_list_is_a_line_as_it_came() {
        let body = br#"{"kind":"EventList","items":[{"a":"x\ny", "b" : 1},
            {"a":
            2}],"apiVersion":"audit.k8s.io/v1"}"#;
        let (lines, many) = lines(body).unwrap();
        let text = String::from_utf8(lines).unwrap();
        assert_eq!(many, 2);
        let read: Vec<&str> = text.lines().collect();
        assert_eq!(read[0], r#"{"a":"x\ny", "b" : 1}"#);
        assert_eq!(read.len(), 2);
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for body in [&b""[..], b"{}", b"[]", b"{\"items\":3}", b"{\"items\":[{}"] {
            assert!(lines(body).is_none());
        }
    }
}
