//! Requests that come after whoever sent them is dead.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::SignedDuration;

use super::Bench;
use crate::apply::{Clock as _, Content};
use crate::engine::{Approve, Approved, View};
use crate::graph::Handle;
use crate::plan::{Plan, Purpose};
use crate::testing::{Fault, Faults, When, thing, things};

const NAME: &str = "a-1";

fn handle() -> Handle {
    Handle::scoped("Thing", "room", NAME)
}

/// What a run sends for that thing.
fn sent() -> BTreeMap<String, Content> {
    let bench = Bench::new(things([thing("a", None)]));
    bench.apply();
    bench.world.things()[&handle()].fields.clone()
}

/// A run that was killed before its first request came to anything.
fn killed() -> Bench {
    let bench = Bench::new(things([thing("a", None)]));
    bench
        .world
        .with_faults(Faults::at(0, Fault::Kill(When::Before)));
    assert!(
        bench
            .try_apply(Purpose::default(), None, &Approved)
            .is_none()
    );
    bench.world.with_faults(Faults::none());
    bench
}

/// Between looking and touching something comes to be.
struct Meanwhile<'a>(&'a Bench, BTreeMap<String, Content>);

#[async_trait]
impl Approve for Meanwhile<'_> {
    async fn approve(&self, _plan: &Plan, _view: &View) -> bool {
        self.0.world.put(handle(), self.1.clone());
        true
    }
}

/// The lock of a killed run is given back by hand, so that the next one follows at once.
fn unlocked(bench: &Bench) {
    let store: &dyn crate::ledger::Store = bench.store.as_ref();
    futures::executor::block_on(store.unlock()).unwrap();
}

#[test]
fn what_a_dead_run_sent_is_ours_although_it_comes_after_we_looked() {
    let bench = killed();
    unlocked(&bench);
    let late = Meanwhile(&bench, sent());
    let applied = bench.try_apply(Purpose::default(), None, &late);
    let report = applied.unwrap().unwrap().report.unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert!(bench.plan().is_settled());
}

#[test]
fn what_another_made_meanwhile_is_not_ours_for_that() {
    let bench = killed();
    unlocked(&bench);
    let theirs = BTreeMap::from([("owner".to_owned(), Content::Public("them".into()))]);
    let other = Meanwhile(&bench, theirs.clone());
    let applied = bench.try_apply(Purpose::default(), None, &other);
    assert!(!applied.unwrap().unwrap().report.unwrap().is_complete());
    assert_eq!(bench.world.things()[&handle()].fields, theirs);
    assert!(bench.ledger().records.is_empty());
}

#[test]
fn without_a_dead_run_nothing_that_came_meanwhile_is_ours() {
    let bench = Bench::new(things([thing("a", None)]));
    let same = Meanwhile(&bench, sent());
    let applied = bench.try_apply(Purpose::default(), None, &same);
    assert!(!applied.unwrap().unwrap().report.unwrap().is_complete());
    assert!(bench.ledger().records.is_empty());
}

#[test]
fn what_came_late_is_planted_when_it_came() {
    let bench = killed();
    unlocked(&bench);
    bench.clock.pass(SignedDuration::from_secs(30));
    let came = bench.clock.now();
    bench.world.put(handle(), sent());
    bench.clock.pass(SignedDuration::from_secs(30));
    bench.apply();
    let record = &bench.ledger().records[&"thing.a".parse().unwrap()];
    assert_eq!(record.planted, came);
}

#[test]
fn a_removal_that_was_cut_off_is_remembered_as_long_as_any_other() {
    let until = |fault: Option<Fault>| {
        let bench = Bench::new(things([thing("a", None)]));
        bench.apply();
        let destroy = || Purpose {
            destroy: true,
            ..Purpose::default()
        };
        if let Some(fault) = fault {
            // The badge goes first, without a write; then the thing.
            bench.world.with_faults(Faults::at(0, fault));
            assert!(bench.try_apply(destroy(), None, &Approved).is_none());
            bench.world.with_faults(Faults::none());
            unlocked(&bench);
        }
        bench
            .try_apply(destroy(), None, &Approved)
            .unwrap()
            .unwrap();
        let ledger = bench.ledger();
        assert!(ledger.records.is_empty());
        let mut untils: Vec<_> = ledger.tombstones.iter().map(|t| t.until).collect();
        untils.sort();
        untils
    };
    assert_eq!(until(Some(Fault::Kill(When::After))), until(None));
}
