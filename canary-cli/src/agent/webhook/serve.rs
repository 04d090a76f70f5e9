//! Listening, and ending without leaving a pod waiting.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use canary_core::apply::Clock as _;
use canary_k8s::admission::Admission;
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{sleep, timeout};

use super::answer::{Answering, routes};
use super::certificate::{self, CertificateError, CertificateSource, Current, Shown};
use super::connection::{self, LAST_ANSWER, Serving};
use super::metrics::{Metrics, count};
use crate::SystemClock;

/// A look takes the reading of two small files. A Secret that changed takes a minute to arrive in them.
const LOOK: Duration = Duration::from_secs(3);
/// When there is no room for another connection, as with too many open files, room comes when others end.
const PAUSE: Duration = Duration::from_millis(100);

/// How to serve.
#[derive(Debug)]
pub struct ServeOptions {
    /// Where connections come in.
    pub listener: TcpListener,
    /// What is shown to them.
    pub certificate: CertificateSource,
    /// Where is counted.
    pub metrics: Arc<Metrics>,
    /// So many at once; more are closed as they come.
    pub connections: usize,
    /// What else is answered, beside reviews.
    pub more: axum::Router,
    /// How long to go on after being told to end: until every node knows that this replica is no more of the service's.
    pub drain: Duration,
}

impl ServeOptions {
    /// Connections for a server that any API server may call: three with 200 writes in flight each
    /// (`--max-mutating-requests-inflight`) have 600 at most.
    pub const CONNECTIONS: usize = 1_024;
}

/// Why nothing is served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// There is no certificate to begin with.
    #[error("no certificate for the webhook's server")]
    Certificate(#[source] CertificateError),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
}

/// Answers reviews until `shutdown`, by whatever [`Admission`] is the latest. Once it serves, nothing that comes in ends it.
///
/// After `shutdown` it goes on for as long as it was told to, then takes no more connections and finishes what is in
/// flight.
///
/// # Errors
/// When it cannot begin.
pub async fn serve(
    options: ServeOptions,
    admission: watch::Receiver<Arc<Admission>>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let ServeOptions {
        listener,
        certificate,
        metrics,
        connections: most,
        more,
        drain,
    } = options;
    let source = Arc::new(certificate);
    let current = Current::next(&source, None, SystemClock.now());
    // With nothing at hand, a source gives something or fails.
    let Some(current) = current.map_err(ServeError::Certificate)? else {
        return Ok(());
    };
    let shown = Arc::new(Shown::new(&current.certificate));
    took(&current, &metrics);
    let tls = tls(shown.clone()).map_err(ServeError::Tls)?;
    let (end, ending) = watch::channel(false);
    let answering = Answering {
        admission,
        metrics: metrics.clone(),
    };
    let serving = Arc::new(Serving {
        tls: Arc::new(tls).into(),
        routes: routes(answering).merge(more),
        metrics: metrics.clone(),
        ending,
    });
    // Dropped with this future, and what is in it with it.
    let mut keeping = JoinSet::new();
    keeping.spawn(keep_certificate(source, current, shown, metrics.clone()));
    let mut connections = JoinSet::new();
    let mut stopped = pin!(async {
        shutdown.await;
        metrics.is_stopping.store(true, Ordering::Relaxed);
        sleep(drain).await;
    });
    loop {
        tokio::select! {
            () = &mut stopped => break,
            Some(ended) = connections.join_next(), if !connections.is_empty() => told(ended),
            accepted = listener.accept() => {
                // Those that ended a moment ago make room.
                while let Some(ended) = connections.try_join_next() {
                    told(ended);
                }
                match accepted {
                    Ok((socket, _)) if connections.len() < most => {
                        connections.spawn(connection::run(socket, serving.clone()));
                    }
                    // Closed at once: the API server goes on without us instead of waiting in vain.
                    Ok(_) => count(&metrics.turned_away),
                    Err(error) => {
                        count(&metrics.accepts_failed);
                        tracing::warn!(%error, "no connection can be taken");
                        sleep(PAUSE).await;
                    }
                }
            }
        }
    }
    drop(listener);
    // Connections that are gone do not listen.
    let _all_gone = end.send(true);
    let all = async { while connections.join_next().await.is_some() {} };
    // Each ends by itself before that; one that does not is ended with the set.
    let _late = timeout(2 * LAST_ANSWER, all).await;
    Ok(())
}

fn told(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a connection ended in a way it never should");
    }
}

fn tls(shown: Arc<Shown>) -> Result<ServerConfig, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(certificate::provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(shown);
    // The API server calls webhooks by HTTP/1.1 only.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // Nor does it resume sessions.
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// Shows another certificate when the source gives one. While it cannot, the one at hand goes on.
async fn keep_certificate(
    source: Arc<CertificateSource>,
    current: Current,
    shown: Arc<Shown>,
    metrics: Arc<Metrics>,
) {
    let mut current = Arc::new(current);
    let mut has_failed = false;
    loop {
        sleep(LOOK).await;
        let (from, at_hand) = (source.clone(), current.clone());
        let next = spawn_blocking(move || Current::next(&from, Some(&at_hand), SystemClock.now()));
        match next.await {
            Ok(Ok(None)) => has_failed = false,
            Ok(Ok(Some(next))) => {
                has_failed = false;
                shown.show(&next.certificate);
                took(&next, &metrics);
                current = Arc::new(next);
            }
            Ok(Err(error)) => {
                count(&metrics.certificates_failed);
                // Told once, not every time it is looked at.
                if !has_failed {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the old certificate goes on"
                    );
                }
                has_failed = true;
            }
            // The runtime ends.
            Err(_) => return,
        }
    }
}

fn took(current: &Current, metrics: &Metrics) {
    let until = current.certificate.validity.until;
    count(&metrics.certificates_shown);
    let seconds = until.as_second();
    metrics
        .certificate_expires
        .store(seconds, Ordering::Relaxed);
    tracing::info!(%until, "a certificate is shown");
}
