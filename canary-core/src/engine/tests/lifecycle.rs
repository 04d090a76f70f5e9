//! What happens when nothing goes wrong, and what happens when others meddle.

use std::collections::{BTreeMap, BTreeSet};

use futures::executor::block_on;
use jiff::SignedDuration;

use super::Bench;
use crate::apply::{Clock as _, Content};
use crate::config::{Config, Setting, Spanned};
use crate::engine::{Approved, Declined, EngineError};
use crate::graph::{Address, CanaryId, Handle};
use crate::observe::Scope;
use crate::plan::{Action, CreateCause, Obstacle, Outside, Purpose, ReplaceCause};
use crate::testing::{example, thing, things};

fn handle(name: &str) -> Handle {
    Handle::scoped("Thing", "room", name)
}

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

#[test]
fn a_second_apply_writes_nothing() {
    let bench = Bench::new(example());
    let first = bench.apply();
    assert_eq!(first.plan.summary().add, 30);
    assert!(first.report.unwrap().is_complete());
    let bytes = bench.store.bytes();
    let writes = bench.world.writes();
    let second = bench.apply();
    assert!(second.plan.is_settled());
    assert!(second.report.is_none());
    assert_eq!(bench.store.bytes(), bytes);
    assert_eq!(bench.world.writes(), writes);
    assert_eq!(bench.world.full_reads(), 0);
}

#[test]
fn the_same_arguments_give_the_same_plan_byte_for_byte() {
    let bench = Bench::new(example());
    let text = |plan| serde_json::to_string(&plan).unwrap();
    assert_eq!(text(bench.plan()), text(bench.plan()));
}

#[test]
fn a_thing_that_holds_a_badge_is_made_after_the_badge() {
    let bench = Bench::new(things([thing("a", None), thing("b", Some("a"))]));
    bench.apply();
    let held = &bench.world.things()[&handle("b-1")].fields["held"];
    assert_eq!(held.expose(), b"badge: badge-secret-1-of-a-1");
}

#[test]
fn one_append_serves_many_calls() {
    let bench = Bench::new(things((0..64).map(|i| thing(&format!("t{i}"), None))));
    let report = bench.apply().report.unwrap();
    assert_eq!(report.calls, 128);
    // 16 at a time: 8 rounds of calls, each with one append, and one for the last outcomes.
    assert!(report.appends <= 10, "{} appends", report.appends);
}

#[test]
fn a_large_ledger_is_as_short_as_it_must_be_once_everything_was_made() {
    const THINGS: usize = 400;
    let many = || things((0..THINGS).map(|i| thing(&format!("t{i}"), None)));
    let bench = Bench::new(many());
    bench.apply();
    let ledger = bench.ledger();
    assert_eq!(ledger.records.len(), 2 * THINGS);
    // A journal of what was done has an intent and an outcome for each; this one has neither, and many records to an
    // entry, however many there are.
    assert!(ledger.open.is_empty());
    assert!(ledger.position < THINGS as u64, "{}", ledger.position);
    let compacted = ledger.compacted(bench.clock.now());
    let entries = usize::try_from(ledger.position).unwrap();
    assert_eq!(entries, compacted.len());

    // It says the same, it is gone on with, and a small change does not write all of it anew.
    assert!(bench.plan().is_settled());
    bench.world.remove(&handle("t7-1"));
    let before = bench.store.bytes();
    bench.apply();
    assert!(bench.store.bytes().starts_with(&before));
    assert!(bench.plan().is_settled());
}

#[test]
fn what_others_did_before_the_configuration_asked_for_it_is_told_until_an_apply_takes_it_in() {
    let bench = Bench::new(things([thing("a", None), thing("b", None)]));
    bench.apply();
    let mut fields = bench.world.things()[&handle("a-1")].fields.clone();
    fields.insert("note".into(), Content::Public("theirs".into()));
    bench.world.put(handle("a-1"), fields);
    let plan = bench.plan();
    assert!(!plan.is_settled() && plan.has_drift());
    // Now the configuration wants just that.
    let mut noted = thing("a", None);
    let note = Spanned {
        value: Setting::Text("theirs".into()),
        span: 0..0,
    };
    noted.table.fields.insert("note", note);
    let bench = bench.with(things([noted, thing("b", None)]));
    let plan = bench.plan();
    assert!(plan.is_settled() && plan.has_drift());
    let writes = bench.world.writes();
    assert_eq!(bench.apply().report.unwrap().calls, 0);
    assert_eq!(bench.world.writes(), writes);
    assert!(!bench.plan().has_drift());
    // What was taken in is not written again, and needs no second look in full.
    let (bytes, reads) = (bench.store.bytes(), bench.world.full_reads());
    assert!(bench.apply().report.is_none());
    assert_eq!(bench.store.bytes(), bytes);
    assert_eq!(bench.world.full_reads(), reads);
}

#[test]
fn what_others_did_to_a_retired_thing_is_told_until_an_apply_takes_it_in() {
    let bench = Bench::new(things([thing("a", None)]));
    bench.apply();
    let mut next = thing("a", None);
    next.generation = 2;
    let bench = bench.with(things([next]));
    bench.apply();
    let mut fields = bench.world.things()[&handle("a-1")].fields.clone();
    fields.insert("note".into(), Content::Public("theirs".into()));
    bench.world.put(handle("a-1"), fields);
    let plan = bench.plan();
    assert!(plan.is_settled() && plan.has_drift());
    let writes = bench.world.writes();
    bench.apply();
    assert_eq!(bench.world.writes(), writes);
    assert!(!bench.plan().has_drift());
}

#[test]
fn what_others_change_is_drift_and_is_repaired() {
    let bench = Bench::new(example());
    bench.apply();
    let mut fields = bench.world.things()[&handle("t00-1")].fields.clone();
    fields.insert("note".into(), Content::Public("mine".into()));
    fields.insert(
        "status".into(),
        Content::Public("not ours to care for".into()),
    );
    bench.world.put(handle("t00-1"), fields);
    bench.world.remove(&handle("t09-1"));
    let plan = bench.plan();
    let changed = plan.step(&address("thing.t00")).unwrap();
    let Some(Outside::Changed(fields)) = &changed.outside else {
        panic!("{changed:?}");
    };
    assert_eq!(fields.len(), 1);
    assert_eq!(fields[0].field, "note");
    let gone = plan.step(&address("thing.t09")).unwrap();
    assert_eq!(gone.outside, Some(Outside::Deleted));
    assert_eq!(
        gone.action,
        Action::Create {
            cause: CreateCause::DeletedOutside
        }
    );
    bench.apply();
    assert!(bench.plan().is_settled());
    assert!(
        !bench.world.things()[&handle("t00-1")]
            .fields
            .contains_key("note")
    );
}

#[test]
fn a_badge_is_made_anew_when_its_thing_is_and_whoever_holds_it_is_rewritten() {
    let bench = Bench::new(things([thing("a", None), thing("b", Some("a"))]));
    bench.apply();
    bench.world.remove(&handle("a-1"));
    let plan = bench.plan();
    assert!(matches!(
        plan.step(&address("thing.a/badge")).unwrap().action,
        Action::Replace {
            cause: ReplaceCause::Immutable(_),
            ..
        }
    ));
    assert!(matches!(
        plan.step(&address("thing.b")).unwrap().action,
        Action::Update { .. }
    ));
    bench.apply();
    assert!(bench.plan().is_settled());
    let held = &bench.world.things()[&handle("b-1")].fields["held"];
    assert_eq!(held.expose(), b"badge: badge-secret-3-of-a-1");
    // The stolen copy of the first badge still means something.
    let buried = bench.ledger().tombstones;
    assert_eq!(buried.len(), 1);
    assert_eq!(buried[0].record.outputs["number"].public(), Some("badge-1"));
    assert!(!buried[0].record.outputs.contains_key("secret"));
}

#[test]
fn an_immutable_field_replaces() {
    let bench = Bench::new(things([thing("a", None)]));
    bench.apply();
    let mut fields = bench.world.things()[&handle("a-1")].fields.clone();
    fields.insert("type".into(), Content::Public("other".into()));
    bench.world.put(handle("a-1"), fields);
    let plan = bench.plan();
    assert_eq!(plan.summary().replace, 2);
    bench.apply();
    assert!(bench.plan().is_settled());
}

#[test]
fn the_fields_that_make_it_be_made_anew_are_told_apart() {
    let bench = Bench::new(things([thing("a", None)]));
    bench.apply();
    let mut fields = bench.world.things()[&handle("a-1")].fields.clone();
    fields.insert("type".into(), Content::Public("other".into()));
    fields.insert("secret".into(), Content::Public("other".into()));
    bench.world.put(handle("a-1"), fields);
    let plan = bench.plan();
    let step = plan.step(&address("thing.a")).unwrap();
    let Action::Replace {
        cause: ReplaceCause::Immutable(changes),
        ..
    } = &step.action
    else {
        panic!("{step:?}");
    };
    let changes: Vec<(&str, bool)> = changes
        .iter()
        .map(|change| (change.field.as_str(), change.anew))
        .collect();
    assert_eq!(changes, [("secret", false), ("type", true)]);
}

#[test]
fn what_is_planted_where_the_configuration_says_nothing_of_is_told_as_not_seen() {
    let bench = Bench::new(things([thing("a", None)]));
    bench.apply();
    let bench = bench.with(Config::default());
    let plan = bench.plan_for(&Purpose {
        destroy: true,
        ..Purpose::default()
    });
    let action = &plan.step(&address("thing.a")).unwrap().action;
    let Action::Blocked(Obstacle::Unseen(Some(gap))) = action else {
        panic!("{plan:?}");
    };
    assert!(gap.detail.contains("no [world]"), "{gap}");
    assert_eq!(plan.gaps, std::slice::from_ref(gap));
}

#[test]
fn something_foreign_is_blocked_and_never_touched() {
    let bench = Bench::new(things([thing("a", None), thing("b", Some("a"))]));
    let theirs = BTreeMap::from([("owner".to_owned(), Content::Public("them".into()))]);
    bench.world.put(handle("a-1"), theirs);
    let before = bench.world.things();
    let plan = bench.plan();
    assert!(matches!(
        plan.step(&address("thing.a")).unwrap().action,
        Action::Blocked(Obstacle::Foreign { .. })
    ));
    let waits = &plan.step(&address("thing.b")).unwrap().action;
    assert_eq!(
        *waits,
        Action::Blocked(Obstacle::Waits(address("thing.a/badge")))
    );
    bench.apply();
    assert_eq!(bench.world.things()[&handle("a-1")], before[&handle("a-1")]);
}

#[test]
fn another_of_our_name_is_foreign_until_it_is_imported() {
    let bench = Bench::new(things([thing("a", None)]));
    bench.apply();
    bench.world.remove(&handle("a-1"));
    let theirs = BTreeMap::from([("owner".to_owned(), Content::Public("them".into()))]);
    bench.world.put(handle("a-1"), theirs);
    let plan = bench.plan();
    let step = plan.step(&address("thing.a")).unwrap();
    assert!(matches!(step.outside, Some(Outside::Recreated { .. })));
    assert!(matches!(
        step.action,
        Action::Blocked(Obstacle::Foreign { .. })
    ));
}

#[test]
fn an_import_adopts_and_the_next_apply_repairs() {
    let bench = Bench::new(things([thing("a", None)]));
    let theirs = BTreeMap::from([
        ("type".to_owned(), Content::Public("plain".into())),
        ("owner".to_owned(), Content::Public("them".into())),
    ]);
    bench.world.put(handle("a-1"), theirs);
    let canary = CanaryId::new("thing", "a");
    let holder = bench.holder();
    let adopted = block_on(bench.engine.import(&canary, "room/a-1", &holder)).unwrap();
    assert_eq!(adopted.handle, handle("a-1"));
    assert_eq!(bench.plan().summary().change, 1);
    bench.apply();
    assert!(bench.plan().is_settled());
    let again = block_on(bench.engine.import(&canary, "room/a-1", &holder)).unwrap_err();
    assert!(matches!(again, EngineError::KnownAlready { .. }));
}

#[test]
fn a_lost_ledger_is_recovered_by_proof_and_nothing_else_is_taken() {
    let bench = Bench::new(example());
    bench.apply();
    let stolen = bench.world.things()[&handle("t03-1")].fields.clone();
    bench.world.put(handle("copied"), stolen);
    bench.store.set_bytes(Vec::new());
    let recovered = block_on(bench.engine.recover(&bench.holder())).unwrap();
    let names: BTreeSet<String> = recovered
        .found
        .iter()
        .map(|a| a.handle.name.clone())
        .collect();
    assert_eq!(names.len(), 15);
    assert!(!names.contains("copied"));
    // Badges leave nothing to find: they are made anew, and whoever holds one is rewritten.
    bench.apply();
    assert!(bench.plan().is_settled());
}

#[test]
fn absence_under_a_gap_is_not_absence() {
    let bench = Bench::new(things([thing("a", None)]));
    bench.apply();
    bench.world.hide(Scope::of(&handle("a-1")));
    let plan = bench.plan();
    assert!(matches!(
        plan.step(&address("thing.a")).unwrap().action,
        Action::Blocked(Obstacle::Unseen(Some(_)))
    ));
    assert_eq!(plan.gaps.len(), 1);
    let writes = bench.world.writes();
    bench.apply();
    assert_eq!(bench.world.writes(), writes);
}

#[test]
fn raising_the_generation_keeps_the_old_ones_until_their_time_is_over() {
    let bench = Bench::new(things([thing("a", None), thing("b", Some("a"))]));
    bench.apply();
    let mut raised = thing("a", None);
    raised.generation = 2;
    let bench = bench.with(things([raised, thing("b", Some("a"))]));
    let plan = bench.plan();
    assert!(plan.step(&address("thing.a@1")).is_some());
    bench.apply();
    let plan = bench.plan();
    assert!(plan.is_settled());
    assert_eq!(plan.summary().kept, 2);
    assert!(bench.world.things().contains_key(&handle("a-1")));
    assert!(bench.world.things().contains_key(&handle("a-2")));
    let held = &bench.world.things()[&handle("b-1")].fields["held"];
    assert!(held.expose().ends_with(b"-of-a-2"));
    bench.clock.pass(SignedDuration::from_hours(24 * 91));
    let plan = bench.plan();
    assert_eq!(plan.summary().destroy, 2);
    bench.apply();
    assert!(!bench.world.things().contains_key(&handle("a-1")));
    assert!(bench.plan().is_settled());
}

#[test]
fn destroy_leaves_only_what_is_kept_and_then_nothing() {
    let bench = Bench::new(things([thing("a", None), thing("b", Some("a"))]));
    bench.apply();
    let mut raised = thing("a", None);
    raised.generation = 2;
    let bench = bench.with(things([raised, thing("b", Some("a"))]));
    bench.apply();
    let mut destroy = Purpose {
        destroy: true,
        ..Purpose::default()
    };
    bench
        .try_apply(destroy.clone(), None, &Approved)
        .unwrap()
        .unwrap();
    let left: Vec<Handle> = bench.world.things().into_keys().collect();
    assert_eq!(left, [handle("a-1")]);
    destroy.retired_too = true;
    bench.try_apply(destroy, None, &Approved).unwrap().unwrap();
    assert!(bench.world.things().is_empty());
    assert!(bench.ledger().records.is_empty());
}

#[test]
fn what_is_not_declared_any_more_goes_dependents_first() {
    let bench = Bench::new(things([thing("a", None), thing("b", Some("a"))]));
    bench.apply();
    let bench = bench.with(things([]));
    let order: Vec<String> = bench
        .plan()
        .steps
        .iter()
        .map(|step| step.address.to_string())
        .collect();
    let place = |name: &str| order.iter().position(|n| n == name).unwrap();
    assert!(place("thing.b") < place("thing.a/badge"));
    assert!(place("thing.a/badge") < place("thing.a"));
    bench.apply();
    assert!(bench.world.things().is_empty());
}

#[test]
fn a_declined_plan_touches_nothing_and_frees_the_lock() {
    let bench = Bench::new(example());
    let declined = bench
        .try_apply(Purpose::default(), None, &Declined)
        .unwrap()
        .unwrap();
    assert!(declined.declined);
    assert_eq!(bench.world.writes(), 0);
    assert!(bench.store.bytes().is_empty());
    bench.apply();
}

#[test]
fn a_saved_plan_is_carried_out_or_refused_when_the_world_moved() {
    let bench = Bench::new(example());
    let saved = bench.plan();
    bench.clock.pass(SignedDuration::from_hours(1));
    let applied = bench.try_apply(Purpose::default(), Some(&saved), &Approved);
    assert!(applied.unwrap().unwrap().report.unwrap().is_complete());
    bench.world.remove(&handle("t00-1"));
    let saved = bench.plan();
    let theirs = BTreeMap::from([("owner".to_owned(), Content::Public("them".into()))]);
    bench.world.put(handle("t00-1"), theirs);
    let stale = bench.try_apply(Purpose::default(), Some(&saved), &Approved);
    let Some(Err(EngineError::Stale(moved))) = stale else {
        panic!("{stale:?}");
    };
    assert!(
        moved
            .iter()
            .any(|moved| moved.address == address("thing.t00"))
    );
}

#[test]
fn a_target_takes_what_it_needs_and_nothing_else() {
    let bench = Bench::new(example());
    let purpose = Purpose {
        targets: BTreeSet::from([CanaryId::new("thing", "t02")]),
        ..Purpose::default()
    };
    bench.try_apply(purpose, None, &Approved).unwrap().unwrap();
    let names: Vec<String> = bench.world.things().into_keys().map(|h| h.name).collect();
    assert_eq!(names, ["t00-1", "t01-1", "t02-1"]);
    let unknown = Purpose {
        targets: BTreeSet::from([CanaryId::new("thing", "nobody")]),
        ..Purpose::default()
    };
    let view = bench.view();
    assert!(matches!(
        bench.engine.plan(&view, &unknown),
        Err(EngineError::UnknownCanary { .. })
    ));
}

#[test]
fn a_generation_that_comes_again_is_reinstated_and_none_is_lost() {
    let at = |generation| {
        let mut raised = thing("a", None);
        raised.generation = generation;
        things([raised])
    };
    let mut bench = Bench::new(at(1));
    bench.apply();
    for generation in [2, 1, 2, 1, 2] {
        bench = bench.with(at(generation));
        bench.apply();
        assert!(bench.plan().is_settled(), "{generation}");
        let records = bench.ledger().records;
        let names: BTreeSet<&str> = records.values().map(|r| r.handle.name.as_str()).collect();
        assert!(names.contains("a-1") && names.contains("a-2"), "{names:?}");
        let current = &records[&address("thing.a")];
        assert_eq!(current.handle, handle(&format!("a-{generation}")));
    }
}
