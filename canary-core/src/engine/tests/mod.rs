//! The whole loop over a world in memory.

mod faults;
mod late;
mod lifecycle;
mod names;
mod rights;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::Poll;

use futures::executor::block_on;

use super::{Applied, ApplyRequest, Approve, Approved, Engine, EngineError, Provider, View};
use crate::apply::Clock as _;
use crate::catalog::Catalog;
use crate::config::Config;
use crate::disguise::Key;
use crate::ledger::{Holder, Ledger};
use crate::plan::{Plan, Purpose};
use crate::testing::{FakeClock, MemoryStore, ThingCatalog, World};

/// An engine over a world in memory, and the means to look behind it.
pub(super) struct Bench {
    pub(super) world: Arc<World>,
    pub(super) store: Arc<MemoryStore>,
    pub(super) clock: Arc<FakeClock>,
    pub(super) engine: Engine,
}

impl Bench {
    pub(super) fn new(config: Config) -> Self {
        let clock = Arc::new(FakeClock::default());
        let world = Arc::new(World::new("site-1", clock.clone()));
        let store = Arc::new(MemoryStore::default());
        let engine = engine(config, &world, &store, &clock);
        Self {
            world,
            store,
            clock,
            engine,
        }
    }

    /// The same world and ledger with another configuration.
    pub(super) fn with(self, config: Config) -> Self {
        let engine = engine(config, &self.world, &self.store, &self.clock);
        Self { engine, ..self }
    }

    pub(super) fn ledger(&self) -> Ledger {
        block_on(self.engine.load()).unwrap().ledger
    }

    pub(super) fn view(&self) -> View {
        block_on(self.engine.look(self.ledger())).unwrap()
    }

    pub(super) fn plan(&self) -> Plan {
        self.plan_for(&Purpose::default())
    }

    pub(super) fn plan_for(&self, purpose: &Purpose) -> Plan {
        self.engine.plan(&self.view(), purpose).unwrap()
    }

    pub(super) fn holder(&self) -> Holder {
        let now = self.clock.now();
        Holder {
            who: "tester@here".into(),
            pid: 1,
            operation: "apply".into(),
            since: now,
            expires: now,
        }
    }

    pub(super) fn apply(&self) -> Applied {
        self.try_apply(Purpose::default(), None, &Approved)
            .expect("not killed")
            .unwrap()
    }

    /// Applies; `None` when a fault killed us half way.
    pub(super) fn try_apply(
        &self,
        purpose: Purpose,
        saved: Option<&Plan>,
        approve: &dyn Approve,
    ) -> Option<Result<Applied, EngineError>> {
        let stop = AtomicBool::new(false);
        let request = ApplyRequest {
            purpose,
            saved,
            approve,
            holder: self.holder(),
            stop: &stop,
            progress: &|_| {},
        };
        let mut run = Box::pin(self.engine.apply(request));
        block_on(std::future::poll_fn(|cx| {
            if let Poll::Ready(result) = run.as_mut().poll(cx) {
                return Poll::Ready(Some(result));
            }
            if self.world.killed() {
                return Poll::Ready(None);
            }
            // The world wakes nobody: it is asked again at once.
            cx.waker().wake_by_ref();
            Poll::Pending
        }))
    }
}

fn engine(
    config: Config,
    world: &Arc<World>,
    store: &Arc<MemoryStore>,
    clock: &Arc<FakeClock>,
) -> Engine {
    engine_of(Arc::new(ThingCatalog), config, world, store, clock)
}

/// An engine with another catalog of things.
fn engine_of(
    catalog: Arc<dyn Catalog>,
    config: Config,
    world: &Arc<World>,
    store: &Arc<MemoryStore>,
    clock: &Arc<FakeClock>,
) -> Engine {
    Engine::builder(config, Key::from_bytes([3; 32]))
        .provider(Provider {
            catalog,
            observe: Some(world.clone()),
            realize: Some(world.clone()),
        })
        .build(store.clone(), clock.clone())
}
