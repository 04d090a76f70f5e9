//! How long the pure parts take with 10,000 resources, half of them made from what the others give.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on stops")]

use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::AtomicBool;

use canary_core::apply::{Clock as _, Content};
use canary_core::disguise::Key;
use canary_core::engine::{ApplyRequest, Approved, Engine, Provider, View};
use canary_core::graph::Handle;
use canary_core::ledger::Holder;
use canary_core::plan::{Action, Plan, Purpose};
use canary_core::testing::{FakeClock, MemoryStore, ThingCatalog, World, thing, things};
use divan::Bencher;
use futures::executor::block_on;

/// Each thing has a badge of its own, so these are 10,000 resources.
const THINGS: usize = 5_000;
/// 1 % of the resources.
const CHANGED: usize = 100;

/// A world in memory, and an engine over it.
struct Site {
    world: Arc<World>,
    clock: Arc<FakeClock>,
    engine: Engine,
}

impl Site {
    /// Things are declared, nothing is there. Every second one holds the badge of the one before.
    fn empty() -> Self {
        let clock = Arc::new(FakeClock::default());
        let world = Arc::new(World::new("site-1", clock.clone()));
        let config = things((0..THINGS).map(|i| {
            let of = (i % 2 == 1).then(|| label(i - 1));
            thing(&label(i), of.as_deref())
        }));
        let engine = Engine::builder(config, Key::from_bytes([3; 32]))
            .provider(Provider {
                catalog: Arc::new(ThingCatalog),
                observe: Some(world.clone()),
                realize: Some(world.clone()),
            })
            .build(Arc::new(MemoryStore::default()), clock.clone());
        Self {
            world,
            clock,
            engine,
        }
    }

    /// Everything is there as it is declared.
    fn applied() -> Self {
        let site = Self::empty();
        let now = site.clock.now();
        let applied = block_on(site.engine.apply(ApplyRequest {
            purpose: Purpose::default(),
            saved: None,
            approve: &Approved,
            holder: Holder {
                who: "bench@here".into(),
                pid: 1,
                operation: "apply".into(),
                since: now,
                expires: now,
            },
            stop: &AtomicBool::new(false),
            progress: &|_| {},
        }))
        .unwrap();
        assert_eq!(applied.report.unwrap().calls, 2 * THINGS as u64);
        site
    }

    /// Somebody has changed 1 % of it.
    fn changed() -> Self {
        let site = Self::applied();
        let things = site.world.things();
        for i in 0..CHANGED {
            let name = format!("{}-1", label(i * THINGS / CHANGED));
            let handle = Handle::scoped("Thing", "room", &name);
            let mut fields = things[&handle].fields.clone();
            fields.insert("secret".to_owned(), Content::Secret("theirs".into()));
            site.world.put(handle, fields);
        }
        site
    }

    fn view(&self) -> View {
        let ledger = block_on(self.engine.load()).unwrap().ledger;
        block_on(self.engine.look(ledger)).unwrap()
    }

    /// The plan of a view, whose steps are counted so that no case measures another.
    fn bench(&self, bencher: Bencher<'_, '_>, purpose: &Purpose, doing: usize) {
        let view = self.view();
        let plan = self.engine.plan(&view, purpose).unwrap();
        assert_eq!(plan.steps.len(), 2 * THINGS);
        assert_eq!(done(&plan), doing);
        bencher.bench(|| self.engine.plan(&view, purpose).unwrap());
    }
}

fn label(i: usize) -> String {
    format!("t{i:05}")
}

/// Steps that do something, or cannot.
fn done(plan: &Plan) -> usize {
    let kept = |action: &Action| matches!(action, Action::Keep);
    plan.steps.iter().filter(|s| !kept(&s.action)).count()
}

static APPLIED: LazyLock<Site> = LazyLock::new(Site::applied);

fn main() {
    divan::main();
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn plan_all_new(bencher: Bencher<'_, '_>) {
    Site::empty().bench(bencher, &Purpose::default(), 2 * THINGS);
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn plan_nothing_to_do(bencher: Bencher<'_, '_>) {
    APPLIED.bench(bencher, &Purpose::default(), 0);
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn plan_one_percent_changed(bencher: Bencher<'_, '_>) {
    Site::changed().bench(bencher, &Purpose::default(), CHANGED);
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn plan_destroy(bencher: Bencher<'_, '_>) {
    let purpose = Purpose {
        destroy: true,
        ..Purpose::default()
    };
    APPLIED.bench(bencher, &purpose, 2 * THINGS);
}

/// Whether an approved plan is still the plan.
#[divan::bench(sample_count = 20, sample_size = 1)]
fn compare_with_a_saved_plan(bencher: Bencher<'_, '_>) {
    let site = Site::empty();
    let plan = site.engine.plan(&site.view(), &Purpose::default()).unwrap();
    bencher.bench(|| canary_core::plan::moved(&plan, &plan));
}

/// Opening and adding up a ledger as it is after an apply.
#[divan::bench(sample_count = 20, sample_size = 1)]
fn load_the_ledger(bencher: Bencher<'_, '_>) {
    let engine = &APPLIED.engine;
    bencher.bench(|| {
        let loaded = block_on(engine.load()).unwrap();
        assert_eq!(loaded.ledger.records.len(), 2 * THINGS);
        loaded
    });
}

/// Lowering, the graph, and a look at a world in memory.
#[divan::bench(sample_count = 20, sample_size = 1)]
fn look(bencher: Bencher<'_, '_>) {
    let engine = &APPLIED.engine;
    let ledger = block_on(engine.load()).unwrap().ledger;
    bencher
        .with_inputs(|| ledger.clone())
        .bench_values(|ledger| block_on(engine.look(ledger)).unwrap());
}
