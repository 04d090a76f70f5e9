//! One connection, from its handshake to its end.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::metrics::{Metrics, count};

/// Of a client that means it, the handshake takes milliseconds, and its first request comes with it.
const LONGEST_HANDSHAKE: Duration = Duration::from_secs(5);
const FIRST_REQUEST: Duration = Duration::from_secs(10);
/// The API server drops its idle connections after 90 seconds. Who waits longer than the client never closes one that the
/// client is about to use.
const LONGEST_IDLE: Duration = Duration::from_secs(100);
/// A connection is kept open by its client as long as it is of use, and holds it to one replica. After this time a replica
/// that came later gets its share, and a client that never reads its answer is gone.
const LONGEST_LIFE: Duration = Duration::from_secs(600);
/// For what is in flight when a connection is to end; the API server waits for an answer for thirty seconds at most, and
/// for one where it is configured as we ask for.
pub(super) const LAST_ANSWER: Duration = Duration::from_secs(5);
/// Header and pieces of the body. A review has some kilobytes.
const BUFFER: usize = 64 * 1024;

/// What all connections share.
pub(super) struct Serving {
    pub(super) tls: TlsAcceptor,
    pub(super) routes: Router,
    pub(super) metrics: Arc<Metrics>,
    /// True when connections are to end.
    pub(super) ending: watch::Receiver<bool>,
}

/// Counts a connection as long as it is open.
struct Open<'a>(&'a Metrics);

impl<'a> Open<'a> {
    fn new(metrics: &'a Metrics) -> Self {
        count(&metrics.connections);
        metrics.connections_open.fetch_add(1, Ordering::Relaxed);
        Self(metrics)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.connections_open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Serves a connection to its end. What goes wrong with it is counted and told to nobody else.
pub(super) async fn run(socket: TcpStream, serving: Arc<Serving>) {
    let metrics = &serving.metrics;
    let _open = Open::new(metrics);
    // Answers are small: waiting for more to send along would only delay them.
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%error, "a connection keeps its delay");
    }
    let stream = match timeout(LONGEST_HANDSHAKE, serving.tls.accept(socket)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            count(&metrics.handshakes_failed);
            return tracing::debug!(%error, "a handshake failed");
        }
        Err(_) => {
            count(&metrics.handshakes_failed);
            return tracing::debug!("a handshake took too long");
        }
    };
    let has_asked = Arc::new(AtomicBool::new(false));
    let routes = TowerToHyperService::new(serving.routes.clone());
    let asked = has_asked.clone();
    let service = service_fn(move |request: http::Request<Incoming>| {
        asked.store(true, Ordering::Relaxed);
        routes.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(LONGEST_IDLE)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let mut ending = serving.ending.clone();
    let ends = async {
        let told = ending.wait_for(|ending| *ending);
        // Nobody is left who could tell: the server is gone.
        let _closed: Result<_, _> = timeout(LONGEST_LIFE, told).await;
    };
    let mut ends = pin!(ends);
    let mut first = pin!(sleep(FIRST_REQUEST));
    let mut is_first = true;
    let result = loop {
        tokio::select! {
            result = connection.as_mut() => break result,
            () = &mut first, if is_first => {
                is_first = false;
                if !has_asked.load(Ordering::Relaxed) {
                    count(&metrics.connections_broken);
                    return;
                }
            }
            () = &mut ends => {
                connection.as_mut().graceful_shutdown();
                let Ok(result) = timeout(LAST_ANSWER, connection).await else {
                    count(&metrics.connections_broken);
                    return;
                };
                break result;
            }
        }
    };
    if let Err(error) = result {
        // As an idle connection does that nobody uses any more.
        if !(error.is_timeout() && has_asked.load(Ordering::Relaxed)) {
            count(&metrics.connections_broken);
        }
        tracing::debug!(%error, "a connection ended");
    }
}
