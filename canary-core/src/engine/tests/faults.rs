//! Every fault at every write of an apply of thirty resources.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::Bench;
use crate::apply::{Clock as _, Content};
use crate::engine::{Applied, Approved, EngineError};
use crate::graph::Handle;
use crate::plan::Purpose;
use crate::testing::{Fault, Faults, Thing, When, example, leaks};

/// How many runs a fault may take to be overcome: the cut one, one that waits for the dead one's lease, one to repair.
const RUNS: usize = 3;

fn foreign(bench: &Bench) -> BTreeMap<Handle, Thing> {
    bench
        .world
        .things()
        .into_iter()
        .filter(|(_, thing)| thing.fields.contains_key("owner"))
        .collect()
}

fn secrets(bench: &Bench) -> Vec<Vec<u8>> {
    bench
        .world
        .things()
        .values()
        .flat_map(|thing| thing.fields.values())
        .filter_map(|content| match content {
            Content::Secret(bytes) => Some(bytes.expose().to_vec()),
            Content::Public(_) => None,
        })
        .collect()
}

/// Everything that a run shows or leaves behind.
fn shown(bench: &Bench, results: &[Result<Applied, EngineError>]) -> Vec<u8> {
    let plan = bench.plan();
    let mut text = format!("{results:?}{plan:?}{:?}", bench.view()).into_bytes();
    text.extend(serde_json::to_vec(&plan).unwrap());
    text.extend(bench.store.bytes());
    text
}

/// Runs until nothing is left to do; gives back what the runs said.
fn converge(bench: &Bench) -> Vec<Result<Applied, EngineError>> {
    let mut results = Vec::new();
    for _ in 0..RUNS {
        if let Some(result) = bench.try_apply(Purpose::default(), None, &Approved) {
            results.push(result);
        }
        bench.world.with_faults(Faults::none());
        // A killed run holds the lock until it expires.
        bench.clock.pass(SignedDuration::from_mins(10));
    }
    results
}

#[test]
fn every_fault_at_every_write_is_overcome() {
    let writes = {
        let bench = Bench::new(example());
        bench.apply();
        bench.world.writes()
    };
    assert_eq!(writes, 30);
    for fault in Fault::ALL {
        for write in 0..writes {
            let bench = Bench::new(example());
            let theirs = BTreeMap::from([("owner".to_owned(), Content::Public("them".into()))]);
            bench
                .world
                .put(Handle::scoped("Thing", "room", "foreign"), theirs);
            bench.world.with_faults(Faults::at(write, fault));
            let results = converge(&bench);
            let context = format!("{fault:?} at write {write}");
            let taken = fault == Fault::Taken;
            let plan = bench.plan();
            assert!(taken || plan.is_settled(), "{context}: {plan:#?}");
            let before = (bench.store.bytes(), foreign(&bench));
            bench.apply();
            assert_eq!(
                bench.world.writes(),
                0,
                "{context}: a settled world was written"
            );
            assert_eq!((bench.store.bytes(), foreign(&bench)), before, "{context}");
            for (handle, thing) in foreign(&bench) {
                assert_eq!(thing.fields.len(), 1, "{context}: {handle} was touched");
            }
            let found = leaks(&shown(&bench, &results), &secrets(&bench));
            assert_eq!(found, [], "{context}");
        }
    }
}

#[test]
fn a_kill_while_removing_is_overcome_too() {
    for write in 0..30 {
        for when in [When::Before, When::After] {
            let bench = Bench::new(example());
            bench.apply();
            let bench = bench.with(crate::testing::things([]));
            bench
                .world
                .with_faults(Faults::at(write, Fault::Kill(when)));
            converge(&bench);
            assert!(bench.world.things().is_empty(), "{when:?} at {write}");
            assert!(bench.plan().is_settled(), "{when:?} at {write}");
        }
    }
}

#[test]
fn a_full_disk_stops_before_the_next_call_and_loses_nothing() {
    let whole = {
        let bench = Bench::new(example());
        bench.apply();
        bench.store.bytes().len()
    };
    for room in [0, 10, 100, whole / 4, whole / 2, whole - 100] {
        let bench = Bench::new(example());
        bench.store.leave_room(room);
        let result = bench
            .try_apply(Purpose::default(), None, &Approved)
            .unwrap();
        let Err(EngineError::Apply(error)) = result else {
            panic!("{result:?}");
        };
        assert!(error.report.done() <= 30);
        bench.store.leave_all_room();
        bench.clock.pass(SignedDuration::from_mins(10));
        bench.apply();
        bench.apply();
        assert!(bench.plan().is_settled(), "with room for {room}");
        let written = bench.world.written();
        let twice: Vec<_> = written
            .iter()
            .filter(|(handle, n)| handle.kind == "Thing" && **n > 1)
            .collect();
        assert_eq!(twice, [], "with room for {room}");
    }
}

#[test]
fn a_cut_ledger_is_read_as_far_as_it_is_whole() {
    let bench = Bench::new(example());
    bench.apply();
    let bytes = bench.store.bytes();
    let step = (bytes.len() / 97).max(1);
    for cut in (0..bytes.len()).step_by(step) {
        bench.store.set_bytes(bytes[..cut].to_vec());
        let loaded = futures::executor::block_on(bench.engine.load()).unwrap();
        assert!(loaded.length <= cut);
        // Whatever was lost is there and is not taken for ours, nor made twice, nor removed.
        let before = bench.world.things();
        bench.clock.pass(SignedDuration::from_mins(10));
        drop(bench.try_apply(Purpose::default(), None, &Approved));
        for (handle, thing) in before {
            assert_eq!(bench.world.things()[&handle].uid, thing.uid, "cut at {cut}");
        }
    }
}

#[test]
fn a_changed_byte_in_the_ledger_is_damage_and_is_refused() {
    let bench = Bench::new(example());
    bench.apply();
    let bytes = bench.store.bytes();
    for at in (0..bytes.len()).step_by((bytes.len() / 61).max(1)) {
        let mut changed = bytes.clone();
        changed[at] ^= 0x10;
        bench.store.set_bytes(changed);
        let loaded = futures::executor::block_on(bench.engine.load());
        let shorter = |loaded: &crate::engine::Loaded| loaded.torn.is_some();
        assert!(
            loaded.as_ref().is_err() || loaded.as_ref().is_ok_and(shorter),
            "byte {at} was changed and nobody noticed"
        );
    }
}

#[test]
fn the_stalled_writer_is_fenced() {
    let bench = Bench::new(example());
    let holder = bench.holder();
    let ttl = std::time::Duration::from_secs(60);
    let store: &dyn crate::ledger::Store = bench.store.as_ref();
    let stalled = futures::executor::block_on(store.lock(&holder, ttl)).unwrap();
    let refused = bench
        .try_apply(Purpose::default(), None, &Approved)
        .unwrap();
    assert!(matches!(refused, Err(EngineError::Lock(_))), "{refused:?}");
    bench.clock.pass(SignedDuration::from_mins(2));
    bench.apply();
    let late = futures::executor::block_on(store.append(&stalled, b"late"));
    assert!(matches!(
        late,
        Err(crate::ledger::StoreError::Fenced { .. })
    ));
    let _now = bench.clock.now();
    assert!(bench.plan().is_settled());
}
