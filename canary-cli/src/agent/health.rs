//! Probes and numbers, over plain HTTP.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use canary_core::bait::Counters;
use tokio::net::TcpListener;

use super::metrics::{of_keeper, sample, text};
use super::webhook;

/// What is shown.
#[derive(Debug, Default)]
pub(super) struct Health {
    pub(super) name: String,
    pub(super) keeper: Arc<Counters>,
    pub(super) webhook: Arc<webhook::Metrics>,
    /// It answers reviews.
    pub(super) is_serving: AtomicBool,
    /// It has the lease.
    pub(super) leads: AtomicBool,
}

/// Shows it until the process ends.
pub(super) async fn serve(listener: TcpListener, health: Arc<Health>) -> std::io::Result<()> {
    let routes = Router::new()
        .route("/healthz", get(|| async { "ok" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(numbers))
        .with_state(health);
    axum::serve(listener, routes).await
}

async fn ready(State(health): State<Arc<Health>>) -> (StatusCode, &'static str) {
    match health.is_serving.load(Ordering::Relaxed) && !health.webhook.is_stopping() {
        true => (StatusCode::OK, "ok"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "not ready"),
    }
}

async fn numbers(State(health): State<Arc<Health>>) -> String {
    let leads = u64::from(health.leads.load(Ordering::Relaxed));
    let mut samples = vec![sample("leader", Vec::new(), leads)];
    samples.extend(of_keeper(&health.keeper));
    samples.extend(health.webhook.list());
    text(&health.name, &samples)
}
