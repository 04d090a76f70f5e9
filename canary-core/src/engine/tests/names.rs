//! Names that are chosen to fit the neighbours, of whom those that a cut-off run made are some.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::executor::block_on;
use jiff::SignedDuration;

use super::{Bench, engine_of};
use crate::apply::Content;
use crate::catalog::{Catalog, Checking, FieldRule, LowerError, Lowering, Proof};
use crate::check::Note;
use crate::config::{Canary, Config, KindShape, TableShape};
use crate::detect::{Planted, Tripwire};
use crate::engine::Approved;
use crate::graph::{Handle, ProviderId, Resource};
use crate::observe::{Object, Scope};
use crate::plan::{Action, Purpose};
use crate::testing::{Fault, Faults, ThingCatalog, When, World, thing, things};

/// Things with the first name that is free.
struct Fitting(ThingCatalog);

impl Catalog for Fitting {
    fn lower(&self, canary: &Canary, cx: &Lowering<'_>) -> Result<Vec<Resource>, Vec<LowerError>> {
        let taken = |name: &str| {
            let objects = cx.observed.objects.get(&World::provider());
            objects.is_some_and(|all| all.contains_key(&Handle::scoped("Thing", "room", name)))
        };
        let mut resources = self.0.lower(canary, cx)?;
        let first = &resources[0];
        let name = match cx.pinned(&first.address, canary.generation) {
            Some(pinned) => pinned.handle.name.clone(),
            None => (0..)
                .map(|i| format!("{}-{i}", canary.id.label()))
                .find(|name| !taken(name))
                .unwrap(),
        };
        for resource in &mut resources {
            resource.handle.name.clone_from(&name);
        }
        Ok(resources)
    }

    fn provider(&self) -> ProviderId {
        self.0.provider()
    }
    fn section(&self) -> TableShape {
        self.0.section()
    }
    fn kinds(&self) -> Vec<KindShape> {
        self.0.kinds()
    }
    fn proofs(&self, kind: &str) -> Vec<(String, Proof)> {
        self.0.proofs(kind)
    }
    fn scopes(&self, canary: &Canary) -> BTreeSet<Scope> {
        self.0.scopes(canary)
    }
    fn handle(&self, canary: &Canary, path: &str) -> Result<Handle, String> {
        self.0.handle(canary, path)
    }
    fn incarnations(&self, canary: &Canary, cx: &Lowering<'_>) -> Vec<Resource> {
        self.0.incarnations(canary, cx)
    }
    fn proves(&self, resource: &Resource, object: &Object, cx: &Lowering<'_>) -> bool {
        self.0.proves(resource, object, cx)
    }
    fn observable(&self, kind: &str) -> bool {
        self.0.observable(kind)
    }
    fn field_rule(&self, kind: &str, field: &str, declared: bool) -> FieldRule {
        self.0.field_rule(kind, field, declared)
    }
    fn tripwires(&self, planted: &Planted) -> Vec<Tripwire> {
        self.0.tripwires(planted)
    }
    fn notes(&self, cx: &Checking<'_>) -> Vec<Note> {
        self.0.notes(cx)
    }
}

fn bench(config: Config) -> Bench {
    let bench = Bench::new(config.clone());
    let catalog = Arc::new(Fitting(ThingCatalog));
    let engine = engine_of(catalog, config, &bench.world, &bench.store, &bench.clock);
    Bench { engine, ..bench }
}

#[test]
fn what_a_killed_run_made_keeps_its_name() {
    let config = things((0..6).map(|i| thing(&format!("t{i}"), None)));
    for write in 0..6 {
        for when in [When::Before, When::After] {
            let bench = bench(config.clone());
            bench
                .world
                .with_faults(Faults::at(write, Fault::Kill(when)));
            assert!(
                bench
                    .try_apply(Purpose::default(), None, &Approved)
                    .is_none()
            );
            bench.world.with_faults(Faults::none());
            bench.clock.pass(SignedDuration::from_mins(10));
            bench.apply();
            let names: Vec<String> = bench
                .world
                .things()
                .into_keys()
                .map(|handle| handle.name)
                .collect();
            let expected: Vec<String> = (0..6).map(|i| format!("t{i}-0")).collect();
            assert_eq!(names, expected, "killed {when:?} {write}");
            assert_eq!(bench.ledger().retired().count(), 0);
        }
    }
}

#[test]
fn a_name_that_somebody_took_after_a_run_was_killed_is_chosen_anew() {
    let bench = bench(things([thing("a", None)]));
    bench
        .world
        .with_faults(Faults::at(0, Fault::Kill(When::Before)));
    assert!(
        bench
            .try_apply(Purpose::default(), None, &Approved)
            .is_none()
    );
    bench.world.with_faults(Faults::none());
    let theirs = [("owner".to_owned(), Content::Public("them".into()))];
    let taken = Handle::scoped("Thing", "room", "a-0");
    bench.world.put(taken.clone(), theirs.into());
    bench.clock.pass(SignedDuration::from_mins(10));
    let view = block_on(bench.engine.look(bench.ledger())).unwrap();
    let plan = bench.engine.plan(&view, &Purpose::default()).unwrap();
    let names: Vec<_> = plan.steps.iter().map(|step| &step.handle.name).collect();
    assert_eq!(names, ["a-1", "a-1"]);
    assert!(
        plan.steps
            .iter()
            .all(|step| matches!(step.action, Action::Create { .. }))
    );
    bench.apply();
    assert!(bench.plan().is_settled());
    assert_eq!(bench.world.things()[&taken].fields.len(), 1);
}
