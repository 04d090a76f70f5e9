//! Identities that others give rights.

use std::collections::BTreeSet;

use futures::executor::block_on;

use super::Bench;
use crate::engine::Approved;
use crate::graph::{Address, Handle};
use crate::observe::{Given, Grant, Grantee, Observed, read_recorded, write_recorded};
use crate::plan::{Action, Obstacle, Purpose};
use crate::testing::{Fault, Faults, When, thing, things};

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

fn grant(to: &str) -> Grant {
    Grant {
        by: Handle::scoped("Pass", "room", "master-key"),
        role: Handle::scoped("Door", "room", "vault"),
        to: BTreeSet::from([Grantee::Principal(to.into())]),
        scope: None,
        given: Given::Rules(BTreeSet::new()),
    }
}

fn told(bench: &Bench) -> Vec<(Option<Address>, String)> {
    let notes = bench.view().notes;
    notes
        .into_iter()
        .map(|note| (note.address, note.message))
        .collect()
}

#[test]
fn what_would_be_given_rights_is_not_made_and_whoever_needs_it_waits() {
    let bench = Bench::new(things([thing("a", None), thing("b", Some("a"))]));
    bench.world.grant(grant("a-1"));
    let plan = bench.plan();
    let action = |text: &str| plan.step(&address(text)).unwrap().action.clone();
    assert_eq!(
        action("thing.a"),
        Action::Blocked(Obstacle::Unsafe(
            "is given rights by Pass room/master-key".into()
        ))
    );
    let waits = |on: &str| Action::Blocked(Obstacle::Waits(address(on)));
    assert_eq!(action("thing.a/badge"), waits("thing.a"));
    assert_eq!(action("thing.b"), waits("thing.a/badge"));
    let applied = bench.apply();
    assert!(applied.report.is_none());
    assert_eq!(applied.notes.len(), 1);
    assert_eq!(bench.world.writes(), 0);
}

#[test]
fn what_is_there_and_given_rights_stays_and_gets_no_fresh_credential() {
    let bench = Bench::new(things([thing("a", None)]));
    // The second write is the badge's.
    let kill = Fault::Kill(When::Before);
    bench.world.with_faults(Faults::at(1, kill));
    assert!(
        bench
            .try_apply(Purpose::default(), None, &Approved)
            .is_none()
    );
    bench.world.with_faults(Faults::none());
    bench.world.grant(grant("a-1"));
    let plan = bench.plan();
    let action = |text: &str| plan.step(&address(text)).unwrap().action.clone();
    assert_eq!(action("thing.a"), Action::Keep);
    assert_eq!(
        action("thing.a/badge"),
        Action::Blocked(Obstacle::Waits(address("thing.a")))
    );
    assert_eq!(told(&bench).len(), 1);
}

#[test]
fn a_retired_identity_is_judged_too_and_blocks_nothing_new() {
    let bench = Bench::new(things([thing("a", None)]));
    bench.apply();
    bench.world.grant(grant("a-1"));
    let mut rotated = thing("a", None);
    rotated.generation = 2;
    let bench = bench.with(things([rotated]));
    let retired = (
        Some(address("thing.a@1")),
        "is given rights by Pass room/master-key".to_owned(),
    );
    // Before it is retired, and after.
    assert_eq!(told(&bench), std::slice::from_ref(&retired));
    let applied = bench.apply();
    assert!(applied.report.unwrap().is_complete());
    assert_eq!(told(&bench), [retired]);
}

#[test]
fn rights_are_asked_for_only_where_something_could_have_them() {
    let bench = Bench::new(things([]));
    bench.plan();
    block_on(bench.engine.look_at_rights(bench.ledger())).unwrap();
    assert_eq!(bench.world.asked_for_rights(), 0);
    let bench = bench.with(things([thing("a", None)]));
    bench.plan();
    assert_eq!(bench.world.asked_for_rights(), 1);
    let view = block_on(bench.engine.look_at_rights(bench.ledger())).unwrap();
    assert_eq!(bench.world.asked_for_rights(), 2);
    assert_eq!(view.observed.gaps, []);
}

#[test]
fn a_recording_without_rights_is_a_gap_where_they_matter() {
    let bench = Bench::new(things([thing("a", None), thing("b", None)]));
    let gaps = |bench: &Bench, observed: Observed| {
        let view = bench.engine.look_at(observed, bench.ledger()).unwrap();
        let gaps = view.observed.gaps.iter();
        gaps.map(ToString::to_string).collect::<Vec<_>>()
    };
    let full = bench.view().observed;
    let read = read_recorded(&write_recorded(&full).unwrap()).unwrap();
    assert_eq!(gaps(&bench, read), Vec::<String>::new());
    let mut old = full;
    old.grants.clear();
    assert_eq!(
        gaps(&bench, old.clone()),
        ["rights of thing.a and 1 other: nobody looked (not in the dump)"]
    );
    let bench = bench.with(things([]));
    assert_eq!(gaps(&bench, old), Vec::<String>::new());
}
