//! The whole loop from a program of one's own: plan, apply, look for drift, remove.
//!
//! Usage: `embedder NAMESPACE`, with `KUBECONFIG` as for kubectl. Leaves nothing behind.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use canary_cli::SystemClock;
use canary_cli::store::FileStore;
use canary_core::apply::Clock as _;
use canary_core::config;
use canary_core::disguise::Key;
use canary_core::engine::{ApplyRequest, Approved, Engine, Provider};
use canary_core::ledger::Holder;
use canary_core::plan::Purpose;
use canary_k8s::{Connection, KubernetesCatalog, KubernetesObserve, KubernetesRealize};
use jiff::tz::TimeZone;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn holder(operation: &str) -> Holder {
    let now = SystemClock.now();
    Holder {
        who: "embedder@example".into(),
        pid: std::process::id(),
        operation: operation.into(),
        since: now,
        expires: now,
    }
}

async fn apply(engine: &Engine, purpose: Purpose) -> Result<usize> {
    let stop = AtomicBool::new(false);
    let applied = engine
        .apply(ApplyRequest {
            purpose,
            saved: None,
            approve: &Approved,
            holder: holder("apply"),
            stop: &stop,
            progress: &|_| {},
        })
        .await?;
    Ok(applied.report.map_or(0, |report| report.done()))
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "an example shows what it does")]
async fn main() -> Result<()> {
    let namespace = std::env::args().nth(1).ok_or("usage: embedder NAMESPACE")?;
    let source = format!(
        "[kubernetes]\n[secret.db]\nnamespace = \"{namespace}\"\ntemplate = \"postgres\"\n\
         [service_account.ci]\nnamespace = \"{namespace}\"\n"
    );
    let catalog = Arc::new(KubernetesCatalog::new());
    let words = Engine::vocabulary([catalog.as_ref() as &dyn canary_core::catalog::Catalog]);
    let today = SystemClock.now().to_zoned(TimeZone::UTC).date();
    let config = config::parse(&source, &words, today).map_err(|errors| {
        errors
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("; ")
    })?;

    let client = Connection::default().connect().await?;
    let folder = std::env::temp_dir().join(format!("embedder-{}", std::process::id()));
    let engine = Engine::builder(config, Key::from_bytes([7; 32]))
        .provider(Provider {
            catalog,
            observe: Some(Arc::new(KubernetesObserve::new(client.clone()))),
            realize: Some(Arc::new(KubernetesRealize::new(client))),
        })
        .build(
            Arc::new(FileStore::at(folder.join("ledger"))),
            Arc::new(SystemClock),
        );

    let view = engine.look(engine.load().await?.ledger).await?;
    let plan = engine.plan(&view, &Purpose::default())?;
    println!("planned: {} to add", plan.summary().add);
    println!(
        "applied: {} done",
        apply(&engine, Purpose::default()).await?
    );
    let view = engine.look(engine.load().await?.ledger).await?;
    println!(
        "drift: {}",
        engine.plan(&view, &Purpose::default())?.has_drift()
    );
    println!(
        "watched: {} identifiers",
        engine.tripwires(&Engine::planted(&view.ledger)).len()
    );
    let destroy = Purpose {
        destroy: true,
        ..Purpose::default()
    };
    println!("removed: {} done", apply(&engine, destroy).await?);
    std::fs::remove_dir_all(folder)?;
    Ok(())
}
