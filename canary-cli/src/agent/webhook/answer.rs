//! Requests and what they get.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use canary_k8s::admission::Admission;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::{Body as _, Bytes};
use tokio::sync::watch;

use super::metrics::{Metrics, count};

/// The API server takes objects of 3 MiB; around one in a review stand who asks and how.
const LONGEST_REVIEW: usize = 4 * 1024 * 1024;
/// The API server waits for a second where it is configured as we ask for, and for thirty at most: a body that takes longer
/// than a few is not waited for by anybody.
const LONGEST_READ: Duration = Duration::from_secs(5);

/// What requests are answered with.
pub(super) struct Answering {
    pub(super) admission: watch::Receiver<Arc<Admission>>,
    pub(super) metrics: Arc<Metrics>,
}

/// The one path that reviews come to, and those that tell whether they should.
pub(super) fn routes(answering: Answering) -> Router {
    Router::new()
        .route("/", post(review))
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(ready))
        .with_state(Arc::new(answering))
}

async fn ready(State(answering): State<Arc<Answering>>) -> Response {
    if answering.metrics.is_stopping() {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping").into_response()
    } else {
        "ok".into_response()
    }
}

async fn review(State(answering): State<Arc<Answering>>, request: Request) -> Response {
    let metrics = &answering.metrics;
    let body = match read(request.into_body()).await {
        Ok(body) => body,
        Err(unread) => {
            count(unread.counter(metrics));
            return unread.response();
        }
    };
    let began = Instant::now();
    let admission = answering.admission.borrow().clone();
    let answer = admission.answer(&body);
    metrics.answered(&answer.decision, began.elapsed());
    match answer.body {
        Some(body) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
        None => StatusCode::BAD_REQUEST.into_response(),
    }
}

/// Why there is no whole body.
#[derive(Clone, Copy)]
enum NoBody {
    TooLarge,
    TooSlow,
    CutOff,
}

impl NoBody {
    fn counter(self, metrics: &Metrics) -> &std::sync::atomic::AtomicU64 {
        match self {
            Self::TooLarge => &metrics.too_large,
            Self::TooSlow => &metrics.too_slow,
            Self::CutOff => &metrics.cut_off,
        }
    }

    /// What is left of the body is not read, so that nothing more can be asked on that connection.
    fn response(self) -> Response {
        let status = match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::CutOff => StatusCode::BAD_REQUEST,
        };
        (status, [(header::CONNECTION, "close")]).into_response()
    }
}

async fn read(body: Body) -> Result<Bytes, NoBody> {
    let longest = u64::try_from(LONGEST_REVIEW).unwrap_or(u64::MAX);
    if body.size_hint().lower() > longest {
        return Err(NoBody::TooLarge);
    }
    let whole = Limited::new(body, LONGEST_REVIEW).collect();
    match tokio::time::timeout(LONGEST_READ, whole).await {
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(NoBody::TooLarge),
        Ok(Err(_)) => Err(NoBody::CutOff),
        Err(_) => Err(NoBody::TooSlow),
    }
}
