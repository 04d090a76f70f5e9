//! Probes and numbers, over plain HTTP.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use canary_core::bait::Counters;
use tokio::net::TcpListener;

use super::audit;
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
    events: OnceLock<Arc<audit::Receiving>>,
}

impl Health {
    /// Of an agent that goes by that name.
    pub(super) fn of(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }

    /// Shows what is received from now on.
    pub(super) fn take_events(&self, events: Option<Arc<audit::Receiving>>) {
        if let Some(events) = events {
            // An agent begins once.
            drop(self.events.set(events));
        }
    }
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
    if let Some(events) = health.events.get() {
        for (result, counter) in [
            ("kept", &events.events),
            ("unknown_sender", &events.refused),
            ("failed", &events.failed),
        ] {
            let labels = vec![("result", result.to_owned())];
            samples.push(sample(
                "events_total",
                labels,
                counter.load(Ordering::Relaxed),
            ));
        }
    }
    text(&health.name, &samples)
}
