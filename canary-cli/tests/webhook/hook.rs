//! A running server.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use canary_cli::agent::webhook::{CertificateSource, Metrics, ServeError, ServeOptions, serve};
use canary_core::bait::{BaitKind, Containers, Files, Pattern, PodHandles, Target};
use canary_core::disguise::Key;
use canary_core::graph::CanaryId;
use canary_k8s::admission::Admission;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

/// Long enough for a loaded machine; waiting ends as soon as it is so.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until something is so.
pub(crate) fn until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub(crate) fn handles() -> PodHandles {
    PodHandles::new(&Key::from_bytes([3; 32]).at_site(&canary_k8s::provider(), "site"))
}

/// All pods of namespaces that begin with `web`, ephemeral containers too.
pub(crate) fn target() -> Target {
    let names = [("credentials", "credentials"), ("config", "config")];
    let files = Files {
        directory: "/etc/{workload}/cloud".into(),
        names: names.map(|(what, name)| (what.into(), name.into())).into(),
    };
    Target {
        canary: CanaryId::new("pod_credentials", "web"),
        namespaces: vec![Pattern::new("web*")],
        except: Vec::new(),
        selector: None,
        workloads: BTreeSet::new(),
        containers: Containers {
            ephemeral: true,
            ..Containers::default()
        },
        share: 100,
        base: "{workload}-settings".into(),
        baits: BTreeMap::from([(BaitKind::Aws, files)]),
    }
}

pub(crate) fn admission(targets: Vec<Target>) -> Arc<Admission> {
    Arc::new(Admission::new(targets, handles()).unwrap())
}

/// A server with a runtime of its own: dropped, it is as one that was killed.
pub(crate) struct Hook {
    pub(crate) port: u16,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) admission: watch::Sender<Arc<Admission>>,
    stop: Option<oneshot::Sender<()>>,
    served: Option<JoinHandle<Result<(), ServeError>>>,
    runtime: Option<Runtime>,
}

impl Hook {
    pub(crate) fn start(certificate: CertificateSource) -> Self {
        Self::with(certificate, 0, ServeOptions::CONNECTIONS, Duration::ZERO)
    }

    pub(crate) fn with(
        certificate: CertificateSource,
        port: u16,
        connections: usize,
        drain: Duration,
    ) -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", port)));
        let listener = listener.unwrap();
        let port = listener.local_addr().unwrap().port();
        let metrics = Arc::new(Metrics::default());
        let (admission, latest) = watch::channel(admission(vec![target()]));
        let (stop, stopped) = oneshot::channel();
        let options = ServeOptions {
            listener,
            certificate,
            metrics: metrics.clone(),
            connections,
            more: axum::Router::new(),
            drain,
        };
        let served = runtime.spawn(async move {
            let told = async {
                let _asked_or_dropped = stopped.await;
            };
            serve(options, latest, told).await
        });
        Self {
            port,
            metrics,
            admission,
            stop: Some(stop),
            served: Some(served),
            runtime: Some(runtime),
        }
    }

    /// Tells it to end, as a signal does.
    pub(crate) fn tell_to_end(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    /// Waits for its end.
    pub(crate) fn ended(&mut self) {
        let served = self.served.take().unwrap();
        let runtime = self.runtime.as_ref().unwrap();
        let ended = runtime.block_on(async { tokio::time::timeout(PATIENCE, served).await });
        ended.unwrap().unwrap().unwrap();
    }

    /// What was counted under a name and a label.
    pub(crate) fn counted(&self, name: &str, label: &str) -> f64 {
        let all = self.metrics.list();
        let found = all.iter().find(|sample| {
            sample.name == name && sample.labels.iter().all(|(_, value)| value == label)
        });
        found.unwrap().value
    }

    pub(crate) fn has_counted(&self, name: &str, label: &str) -> bool {
        self.counted(name, label) > 0.5
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Nothing is finished, and the port is free after it.
            runtime.shutdown_timeout(PATIENCE);
        }
    }
}
