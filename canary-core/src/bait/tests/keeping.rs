//! What must hold of baits whatever happens to whoever keeps them.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use jiff::SignedDuration;

use super::world::*;
use crate::bait::*;

fn seen(pod: SeenPod) -> PodEvent {
    PodEvent::Seen(Box::new(pod))
}

fn kept(world: &World) -> Counters {
    let counters = Counters::default();
    world.keep(&Pace::default(), &counters).unwrap().unwrap();
    counters
}

/// Every token that lies somewhere is known, and belongs to the pod that waits for the Secret it lies in.
fn assert_every_token_resolves(world: &World) {
    let (_, pods, defects) = world.read();
    assert_eq!(defects, []);
    let inner = world.inner();
    for ((namespace, name), (_, files)) in &inner.secrets {
        for bytes in files.values() {
            let token = std::str::from_utf8(bytes).unwrap();
            let found = pods.of_token(token);
            let record = found
                .unwrap_or_else(|| panic!("{token} is nobody's"))
                .record;
            assert_eq!(&record.subject.namespace, namespace);
            assert_eq!(record.handle.as_str(), name);
        }
    }
}

#[test]
fn every_pod_has_a_credential_of_its_own_that_resolves_to_it() {
    let world = World::new();
    let uids: Vec<String> = (0..200).map(|n| format!("u{n}")).collect();
    let pods = uids.iter().map(|uid| pod(uid)).collect();
    world.script(vec![(at(0), PodEvent::Listed(pods))], at(60));
    let counters = kept(&world);
    assert_eq!(world.tokens().len(), 200);
    assert_eq!(
        world.tokens().into_iter().collect::<BTreeSet<_>>().len(),
        200
    );
    assert_every_token_resolves(&world);
    assert_eq!(counters.covered.load(Ordering::Relaxed), 200);
    assert_eq!(counters.waiting.load(Ordering::Relaxed), 0);
    let (_, pods, _) = world.read();
    for uid in uids {
        let record = pods.of_pod(&uid).unwrap();
        assert_eq!(record.issued.len(), 1, "{uid}");
        assert_eq!(record.handle, handle(&uid));
    }
}

#[test]
fn credentials_are_replaced_before_they_end_and_never_more_at_once_than_allowed() {
    let world = World::new();
    let pods = (0..500).map(|n| running(&format!("u{n}"))).collect();
    world.script(vec![(at(0), PodEvent::Listed(pods))], at(4 * 3600));
    let pace = Pace {
        per_second: 20,
        ..Pace::default()
    };
    world.keep(&pace, &Counters::default()).unwrap().unwrap();
    let (_, pods, _) = world.read();
    for record in pods.living() {
        let mut last = None;
        for issued in &record.issued {
            if let Some(until) = last {
                // It lies in the file, a kubelet's sync later, while the one before still works.
                assert!(issued.at + SignedDuration::from_secs(110) < until);
            }
            last = Some(issued.until);
        }
        assert!(record.issued.len() >= 4);
        assert!(record.usable_until().unwrap() > at(4 * 3600));
    }
    let inner = world.inner();
    for second in 0..4 * 3600 {
        let within = |moment: &jiff::Timestamp| (at(second)..at(second + 1)).contains(moment);
        let many = inner
            .issued
            .iter()
            .filter(|(moment, _)| within(moment))
            .count();
        assert!(many <= 21, "{many} in second {second}");
    }
}

#[test]
fn the_log_is_written_once_a_second_at_most_and_costs_little_for_each_refresh() {
    let world = World::new();
    let pods = (0..2000).map(|n| running(&format!("u{n}"))).collect();
    // The first hour is that of the first baits; what follows is refreshes alone.
    world.script(vec![(at(0), PodEvent::Listed(pods))], at(6 * 3600));
    kept(&world);
    let inner = world.inner();
    let mut last = None;
    for (moment, _) in &inner.log_writes {
        assert!(
            last.is_none_or(|last| moment.duration_since(last) >= SignedDuration::from_secs(1))
        );
        last = Some(*moment);
    }
    let later = |moment: &jiff::Timestamp| *moment > at(1800);
    let bytes: usize = inner
        .log_writes
        .iter()
        .filter(|(moment, _)| later(moment))
        .map(|(_, bytes)| bytes)
        .sum();
    let refreshes = inner
        .issued
        .iter()
        .filter(|(moment, _)| later(moment))
        .count();
    assert!(refreshes > 10_000, "{refreshes}");
    assert!(bytes / refreshes <= 400, "{} bytes", bytes / refreshes);
    assert!(
        inner
            .segments
            .values()
            .all(|bytes| bytes.len() <= 64 * 1024)
    );
    let held: usize = inner.segments.values().map(Vec::len).sum();
    println!(
        "{} bytes a refresh, {held} bytes in {} segments",
        bytes / refreshes,
        inner.segments.len()
    );
}

#[test]
fn whatever_touch_is_cut_off_nothing_is_lost_double_or_left_behind() {
    for takes_place in [false, true] {
        let mut touches = 1;
        loop {
            let world = World::new();
            let come = vec![
                (at(0), PodEvent::Listed(vec![pod("a"), pod("b")])),
                (at(3), seen(running("a"))),
                (
                    at(3000),
                    PodEvent::Gone {
                        uid: "b".to_owned(),
                    },
                ),
            ];
            world.script(come, at(3600));
            world.cut_after(touches, takes_place);
            let counters = Counters::default();
            let ended = world.keep(&Pace::default(), &counters);
            let was_cut = ended.is_none();
            world.mend();
            // Somebody else goes on where it was cut off, and hears all that is there by then.
            let now = world.inner().now;
            let mut there = vec![running("a")];
            if now < at(3000) {
                there.push(running("b"));
            }
            let gone = PodEvent::Gone {
                uid: "b".to_owned(),
            };
            let come = vec![(now, PodEvent::Listed(there)), (at(3600), gone)];
            world.script(come, at(7200));
            let counters = Counters::default();
            world.keep(&Pace::default(), &counters).unwrap().unwrap();
            assert_every_token_resolves(&world);
            let names: Vec<String> = world
                .inner()
                .secrets
                .keys()
                .map(|(_, name)| name.clone())
                .collect();
            assert_eq!(names, [handle("a").to_string()], "touch {touches}");
            let (_, pods, _) = world.read();
            assert_eq!(pods.living().count(), 1, "touch {touches}");
            // Whatever was out there is still known.
            assert!(
                pods.of_pod("b")
                    .is_some_and(|record| record.buried.is_some())
            );
            if !was_cut {
                assert!(touches > 10);
                break;
            }
            touches += 1;
        }
    }
}

#[test]
fn a_keeper_whose_term_is_over_delivers_nothing_more() {
    let world = World::new();
    world.script(vec![(at(0), PodEvent::Listed(vec![pod("a")]))], at(10));
    kept(&world);
    let writes = world.inner().secret_writes;
    // Another has taken over; the first goes on in its old term, and sees a pod that the other has not.
    world.inner().term += 1;
    let now = world.inner().now;
    let both = PodEvent::Listed(vec![pod("a"), pod("b")]);
    world.script(vec![(now, both)], at(100));
    let ended = world.keep_in(1, &Pace::default(), &Counters::default());
    assert!(matches!(ended, Some(Err(KeepError::Fenced))));
    assert_eq!(world.inner().secret_writes, writes);
}

#[test]
fn of_two_that_write_the_same_commit_one_is_refused() {
    let world = World::new();
    world.script(vec![(at(0), PodEvent::Listed(vec![pod("a")]))], at(10));
    kept(&world);
    // Somebody else's commit is where the next would be.
    let (log, _, _) = world.read();
    let write = log
        .commit(
            &Seal::new(&keys()),
            &[PodEntry::Numbered {
                next: PodNumber::new(9).unwrap(),
            }],
        )
        .unwrap();
    let now = world.inner().now;
    world.script(vec![(now, PodEvent::Listed(vec![pod("a")]))], at(100));
    let (seen_log, seen_pods, _) = world.read();
    world.inner().segments.insert(write.name, write.bytes);
    drop((seen_log, seen_pods));
    let ended = world.keep(&Pace::default(), &Counters::default());
    // Reading it anew, it goes on behind it.
    assert!(matches!(ended, Some(Ok(()))));
    assert_eq!(world.read().1.next_number().unwrap().get(), 9);
}

#[test]
fn a_secret_of_that_name_that_is_not_ours_is_left_alone() {
    let world = World::new();
    let place = ("web".to_owned(), handle("a").to_string());
    let theirs = (
        "theirs".to_owned(),
        [("x".to_owned(), b"y".to_vec())].into(),
    );
    world.inner().secrets.insert(place.clone(), theirs.clone());
    world.script(vec![(at(0), PodEvent::Listed(vec![pod("a")]))], at(3000));
    let counters = kept(&world);
    assert_eq!(world.inner().secrets[&place], theirs);
    assert!(counters.refusals()["foreign"] >= 2);
    // Nor is it removed when the pod goes.
    let now = world.inner().now;
    world.script(vec![(now, PodEvent::Listed(vec![]))], at(4000));
    kept(&world);
    assert_eq!(world.inner().secrets[&place], theirs);
}

#[test]
fn what_somebody_deleted_is_made_again() {
    let world = World::new();
    world.script(vec![(at(0), PodEvent::Listed(vec![pod("a")]))], at(60));
    let again = vec![
        (at(0), PodEvent::Listed(vec![pod("a")])),
        (at(30), seen(pod("a"))),
    ];
    world.script(again, at(1800));
    kept(&world);
    world.inner().secrets.clear();
    let now = world.inner().now;
    world.script(vec![(now, PodEvent::Listed(vec![pod("a")]))], at(3600));
    kept(&world);
    assert_eq!(world.tokens().len(), 1);
    assert_every_token_resolves(&world);
}

#[test]
fn a_handle_that_a_second_pod_carries_is_kept_for_both_and_said_so() {
    let world = World::new();
    let mut copy = pod("copy");
    copy.handle = Some(handle("a"));
    let come = vec![
        (at(0), PodEvent::Listed(vec![pod("a")])),
        (at(10), seen(copy.clone())),
        (
            at(20),
            PodEvent::Gone {
                uid: "a".to_owned(),
            },
        ),
    ];
    world.script(come, at(60));
    let counters = kept(&world);
    assert_eq!(counters.shared.load(Ordering::Relaxed), 1);
    let (_, pods, _) = world.read();
    let record = pods.of_pod("a").unwrap();
    assert_eq!(record.others[0].uid, "copy");
    // The copy still runs with it.
    assert_eq!(world.tokens().len(), 1);
    let now = world.inner().now;
    let come = vec![
        (now, PodEvent::Listed(vec![copy])),
        (
            at(100),
            PodEvent::Gone {
                uid: "copy".to_owned(),
            },
        ),
    ];
    world.script(come, at(200));
    kept(&world);
    assert!(world.tokens().is_empty());
}

#[test]
fn one_too_many_in_a_namespace_waits_until_another_goes() {
    let world = World::new();
    let come = vec![
        (at(0), PodEvent::Listed(vec![pod("a"), pod("b"), pod("c")])),
        (
            at(60),
            PodEvent::Gone {
                uid: "a".to_owned(),
            },
        ),
    ];
    world.script(come, at(120));
    let pace = Pace {
        per_namespace: 2,
        ..Pace::default()
    };
    let counters = Counters::default();
    world.keep(&pace, &counters).unwrap().unwrap();
    assert_eq!(counters.capped.load(Ordering::Relaxed), 0);
    let names: BTreeSet<String> = world
        .inner()
        .secrets
        .keys()
        .map(|(_, name)| name.clone())
        .collect();
    assert_eq!(
        names,
        [handle("b").to_string(), handle("c").to_string()].into()
    );
}

#[test]
fn a_damaged_log_is_told_and_every_pod_has_a_bait_again() {
    let world = World::new();
    let come = vec![
        (at(0), PodEvent::Listed(vec![pod("a")])),
        (at(100), seen(pod("b"))),
        (at(200), seen(pod("c"))),
    ];
    world.script(come, at(300));
    kept(&world);
    let names: Vec<SegmentName> = world.inner().segments.keys().copied().collect();
    assert!(names.len() >= 3, "{names:?}");
    {
        let mut inner = world.inner();
        inner.segments.get_mut(&names[0]).unwrap()[60] ^= 1;
        inner.segments.remove(&names[1]);
        let other = Seal::new(
            &crate::disguise::Key::from_bytes([9; 32])
                .at_site(&crate::graph::ProviderId::new("kubernetes"), "x"),
        );
        let foreign = other.seal(names[2], &[]);
        inner.segments.insert(names[2], foreign);
    }
    let (_, _, defects) = world.read();
    assert_eq!(defects.len(), 3, "{defects:?}");
    let now = world.inner().now;
    let all = PodEvent::Listed(vec![pod("a"), pod("b"), pod("c")]);
    world.script(vec![(now, all)], at(4000));
    world.inner().secrets.clear();
    kept(&world);
    let (_, pods, _) = world.read();
    for token in world.tokens() {
        assert!(pods.of_token(&token).is_some());
    }
    assert_eq!(world.tokens().len(), 3);
}

#[test]
fn nothing_is_asked_for_in_a_storm_while_it_is_refused() {
    let world = World::new();
    world.inner().refuse = Some(Refusal::Throttled);
    let pods = (0..100).map(|n| pod(&format!("u{n}"))).collect();
    world.script(vec![(at(0), PodEvent::Listed(pods))], at(600));
    let counters = kept(&world);
    // One a second at most while it is throttled, and each pod more and more seldom.
    assert!(
        counters.refusals()["throttled"] <= 620,
        "{:?}",
        counters.refusals()
    );
    assert_eq!(counters.waiting.load(Ordering::Relaxed), 100);
    world.inner().refuse = None;
    let now = world.inner().now;
    let pods = (0..100).map(|n| pod(&format!("u{n}"))).collect();
    world.script(vec![(now, PodEvent::Listed(pods))], at(700));
    kept(&world);
    assert_eq!(world.tokens().len(), 100);
}

#[test]
fn a_namespace_that_cannot_be_listed_keeps_no_other_from_being_swept() {
    let world = World::new();
    let mut other = pod("b");
    other.subject.namespace = "web-two".to_owned();
    let keys = PodHandles::new(&keys());
    other.handle = Some(keys.make("web-two", "checkout-settings", b"b"));
    let both = PodEvent::Listed(vec![pod("a"), other]);
    world.script(vec![(at(0), both)], at(60));
    kept(&world);
    assert_eq!(world.tokens().len(), 2);
    // Of the second namespace nothing is heard any more: whether its pod is there is not known.
    let now = world.inner().now;
    let one = PodEvent::ListedIn {
        namespace: "web".to_owned(),
        pods: Vec::new(),
    };
    world.script(vec![(now, one)], at(200));
    kept(&world);
    let left: Vec<String> = world
        .inner()
        .secrets
        .keys()
        .map(|(place, _)| place.clone())
        .collect();
    assert_eq!(left, ["web-two"]);
}
