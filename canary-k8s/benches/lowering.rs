//! How long it takes to read a configuration and to choose everything that it leaves open, with the real kinds.
//!
//! ```text
//! cargo bench -p canary-k8s --bench lowering
//! ```

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on stops")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use canary_core::config::{Config, parse};
use canary_core::disguise::Key;
use canary_core::engine::{Engine, Provider};
use canary_core::ledger::Ledger;
use canary_core::observe::{Observed, Scope};
use canary_core::plan::Purpose;
use canary_core::testing::{FakeClock, MemoryStore};
use canary_k8s::{KubernetesCatalog, provider};
use divan::Bencher;

const NAMED: usize = 10_000;
/// A name is chosen by looking at all others of the namespace.
const UNNAMED: usize = 1_000;

fn main() {
    divan::main();
}

/// Canaries in one namespace.
fn canaries(count: usize, canary: impl Fn(usize) -> String) -> String {
    let all = (0..count).map(|i| {
        let rest = canary(i);
        format!("\n[secret.app-{i:05}]\nnamespace = \"payments\"\n{rest}\n")
    });
    format!("[kubernetes]\n{}", all.collect::<String>())
}

fn named(i: usize) -> String {
    format!(
        "name = \"app-{i:05}-login\"\n\
         data = {{ username = \"app\", password = \"{{password:24}}\" }}"
    )
}

fn config(text: &str) -> Config {
    let catalog = KubernetesCatalog::new();
    let vocabulary = Engine::vocabulary([&catalog as &dyn canary_core::catalog::Catalog]);
    parse(text, &vocabulary, "2026-11-01".parse().unwrap()).unwrap()
}

fn engine(text: &str) -> Engine {
    Engine::builder(config(text), Key::from_bytes([3; 32]))
        .provider(Provider {
            catalog: Arc::new(KubernetesCatalog::new()),
            observe: None,
            realize: None,
        })
        .build(
            Arc::new(MemoryStore::default()),
            Arc::new(FakeClock::default()),
        )
}

/// The namespace was listed, and is empty.
fn observed() -> Observed {
    let scope = Scope {
        kind: "Secret".into(),
        scope: Some("payments".into()),
    };
    Observed {
        listed: BTreeMap::from([(provider(), BTreeSet::from([scope]))]),
        ..Observed::default()
    }
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn read_10_000(bencher: Bencher<'_, '_>) {
    let text = canaries(NAMED, named);
    bencher.bench(|| config(&text));
}

#[divan::bench(sample_count = 10, sample_size = 1)]
fn lower_10_000(bencher: Bencher<'_, '_>) {
    lower(bencher, &canaries(NAMED, named), NAMED);
}

#[divan::bench(args = ["basic-auth", "postgres", "docker-registry", "env-file", "ssh-key", "tls"], sample_count = 10, sample_size = 1)]
fn lower_1_000_and_name_them(bencher: Bencher<'_, '_>, template: &str) {
    let text = canaries(UNNAMED, |_| format!("template = \"{template}\""));
    lower(bencher, &text, UNNAMED);
}

fn lower(bencher: Bencher<'_, '_>, text: &str, count: usize) {
    let engine = engine(text);
    bencher.with_inputs(observed).bench_values(|observed| {
        let view = engine.look_at(observed, Ledger::default()).unwrap();
        assert_eq!(view.desired.len(), count);
        view
    });
}

/// The plan of it, with a remark of the checks on each.
#[divan::bench(sample_count = 10, sample_size = 1)]
fn plan_10_000(bencher: Bencher<'_, '_>) {
    let engine = engine(&canaries(NAMED, named));
    let view = engine.look_at(observed(), Ledger::default()).unwrap();
    let plan = engine.plan(&view, &Purpose::default()).unwrap();
    assert_eq!(plan.summary().add, NAMED);
    bencher.bench(|| engine.plan(&view, &Purpose::default()).unwrap());
}
