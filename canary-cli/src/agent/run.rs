//! The agent's life.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use canary_core::bait::PodHandles;
use canary_core::value::SecretBytes;
use canary_k8s::admission::{Admission, InvalidTarget};
use canary_k8s::pods::{Election, Reduction, SecretSegments};
use canary_k8s::{ConnectError, Connection};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::args::{AgentArgs, AgentCommand, RunArgs};
use super::audit::{self, SpoolError};
use super::health::{self, Health};
use super::keeping::Keep;
use super::settings::{Settings, SettingsError};
use super::webhook::{self, CertificateSource, Pem, ServeError, ServeOptions};

/// Why an agent ended.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// It was told nothing that it can use.
    #[error("the settings cannot be used")]
    Settings(#[source] SettingsError),
    /// Something in them cannot be done.
    #[error("the settings cannot be carried out")]
    Target(#[source] InvalidTarget),
    /// There is no cluster.
    #[error("there is no cluster to work in")]
    Connect(#[source] ConnectError),
    /// It cannot listen.
    #[error("{address} cannot be listened on")]
    Listen {
        /// Where.
        address: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// Reviews cannot be answered.
    #[error("reviews cannot be answered")]
    Serve(#[source] ServeError),
    /// Audit events cannot be kept.
    #[error("audit events cannot be kept")]
    Spool(#[source] SpoolError),
    /// Something of the system's is missing.
    #[error("{0}")]
    System(&'static str, #[source] std::io::Error),
}

/// Runs until it is told to end.
///
/// # Errors
/// When it cannot begin, or may not do its work.
pub async fn run(args: AgentArgs) -> Result<(), AgentError> {
    let AgentCommand::Run(args) = args.command;
    let (key, settings) = Settings::read(&args.config).map_err(AgentError::Settings)?;
    let keys = key.at_site(&canary_k8s::provider(), &settings.site);
    let connection = Connection {
        kubeconfig: args.kubeconfig.clone(),
        context: None,
    };
    let client = connection.connect().await.map_err(AgentError::Connect)?;
    let admission = Admission::new(settings.targets.clone(), PodHandles::new(&keys));
    let admission = admission.map_err(AgentError::Target)?;
    let reduction = Reduction::new(settings.targets.clone(), PodHandles::new(&keys));
    let reduction = Arc::new(reduction.map_err(AgentError::Target)?);
    let health = Arc::new(Health::of(&args.name));
    let reviews = listen(args.listen).await?;
    let numbers = listen(args.metrics).await?;
    told(&args, &reviews, &numbers)?;
    tokio::spawn(health::serve(numbers, health.clone()));
    let (end, ended) = watch::channel(false);
    let identity = identity(&args);
    let keep = Keep {
        election: Election::new(client.clone(), &args.namespace, &args.name, identity),
        segments: SecretSegments::new(client.clone(), &args.namespace, &args.name),
        name: args.name.clone(),
        client,
        settings,
        keys,
        reduction,
        health: health.clone(),
    };
    let events = receiving(&args, &keep.settings)?;
    health.take_events(events.clone());
    let (_admissions, latest) = watch::channel(Arc::new(admission));
    let options = ServeOptions {
        listener: reviews,
        certificate: certificate(&args),
        metrics: health.webhook.clone(),
        connections: ServeOptions::CONNECTIONS,
        more: events.map(audit::routes).unwrap_or_default(),
        drain: Duration::from_secs(args.drain),
    };
    health.is_serving.store(true, Ordering::Relaxed);
    let mut told = ended.clone();
    let stopping = async move {
        // A sender that is gone ends it, too.
        drop(told.wait_for(|ended| *ended).await);
    };
    let serving = webhook::serve(options, latest, stopping);
    let signals = async {
        let interrupted = wait_for_signal().await;
        let _ = end.send(true);
        interrupted
    };
    let serving = async { serving.await.map_err(AgentError::Serve) };
    // The webhook goes on whatever becomes of the keeping: pods are made without the leader, too. One that cannot begin
    // ends all: whoever runs it has to know.
    let keeping = async {
        keep.run(ended).await;
        Ok(())
    };
    tokio::try_join!(serving, keeping, signals).map(drop)
}

async fn wait_for_signal() -> Result<(), AgentError> {
    let failed = |error| AgentError::System("signals cannot be received", error);
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

/// Takes audit events in, where there is a place to keep them and the API server knows what to show.
fn receiving(
    args: &RunArgs,
    settings: &Settings,
) -> Result<Option<Arc<audit::Receiving>>, AgentError> {
    let (Some(folder), Some(token)) = (&args.state, &settings.audit_token) else {
        return Ok(None);
    };
    let (spool, _) = audit::Spool::begin(folder).map_err(AgentError::Spool)?;
    let token = SecretBytes::from(token.as_str());
    Ok(Some(Arc::new(audit::Receiving::new(spool, token))))
}

async fn listen(address: std::net::SocketAddr) -> Result<TcpListener, AgentError> {
    let listener = TcpListener::bind(address).await;
    listener.map_err(|source| AgentError::Listen {
        address: address.to_string(),
        source,
    })
}

/// Tells where it listens: with port 0 nobody knows before.
fn told(args: &RunArgs, reviews: &TcpListener, numbers: &TcpListener) -> Result<(), AgentError> {
    let Some(path) = &args.addresses else {
        return Ok(());
    };
    let failed = |error| AgentError::System("the addresses cannot be written", error);
    let reviews = reviews.local_addr().map_err(failed)?;
    let numbers = numbers.local_addr().map_err(failed)?;
    whole(path, &format!("{reviews}\n{numbers}\n")).map_err(failed)
}

/// Whoever reads it reads all of it.
fn whole(path: &Path, text: &str) -> std::io::Result<()> {
    let beside = path.with_extension("new");
    fs::write(&beside, text)?;
    fs::rename(beside, path)
}

/// Of this process alone: a container that starts again is another writer.
fn identity(args: &RunArgs) -> String {
    let name = args.identity.as_deref().unwrap_or(&args.name);
    let mut chance = [0_u8; 6];
    // Without chance the process id tells replicas of one machine apart, and names those of several.
    if getrandom::fill(&mut chance).is_err() {
        chance[..4].copy_from_slice(&std::process::id().to_be_bytes());
    }
    let digits: String = chance.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{name}_{digits}")
}

/// A certificate that is there, as cert-manager makes one, or the authority that makes them.
fn certificate(args: &RunArgs) -> CertificateSource {
    if let Some(folder) = &args.certificate {
        return CertificateSource::Given {
            certificate: Pem::File(folder.join("tls.crt")),
            key: Pem::File(folder.join("tls.key")),
        };
    }
    let folder = args.ca.clone().unwrap_or_default();
    let service = format!("{}.{}.svc", args.name, args.namespace);
    let names = [service.clone(), format!("{service}.cluster.local")];
    CertificateSource::Signed {
        certificate: Pem::File(folder.join("tls.crt")),
        key: Pem::File(folder.join("tls.key")),
        names: names.into_iter().chain(args.host.iter().cloned()).collect(),
    }
}
