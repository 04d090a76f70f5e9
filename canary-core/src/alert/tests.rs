//! Laws of the fold, and the form of what machines read.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::{Alert, Change, Folder, Outbox, Severity, ocsf, text};
use crate::detect::{
    Action, Actor, Credential, Defect, Event, Grade, Identity, Outcome, SILENT, Sighting, Stage,
    Touch, Touches,
};
use crate::disguise::Digester;
use crate::graph::ProviderId;

fn event(user: u8, minute: u8, denied: bool, stage: Stage) -> Event {
    let start: Timestamp = "2026-11-22T05:00:00Z".parse().unwrap();
    Event {
        provider: ProviderId::new("kubernetes"),
        id: format!("id-{user}-{minute}"),
        stage,
        at: Some(start + SignedDuration::from_mins(minute.into())),
        stage_at: None,
        actor: Actor {
            identity: Identity {
                name: format!("user-{user}\u{1b}[31m"),
                ..Identity::default()
            },
            credential: Credential::Token("jti".into()),
            address: "10.0.0.1".parse().ok(),
            ..Actor::default()
        },
        acting_as: None,
        action: Action {
            verb: "get".into(),
            resource: "secrets".into(),
            namespace: "shop".into(),
            name: "db".into(),
            ..Action::default()
        },
        outcome: Outcome {
            code: Some(if denied { 403 } else { 200 }),
            ..Outcome::default()
        },
        mentions: BTreeSet::new(),
        annotations: BTreeMap::new(),
        request_body: None,
        gives: BTreeSet::new(),
        response_body: None,
        defects: Vec::new(),
    }
}

fn sighting(
    user: u8,
    minute: u8,
    canary: u8,
    covering: bool,
    denied: bool,
    early: bool,
) -> Sighting {
    let stage = if early {
        Stage::Started
    } else {
        Stage::Complete
    };
    Sighting {
        event: event(user, minute, denied, stage),
        touches: Touches::from(vec![Touch {
            address: format!("secret.c{canary}").parse().unwrap(),
            grade: if covering {
                Grade::Covering
            } else {
                Grade::Named
            },
        }]),
        is_of_it: true,
        is_stolen: false,
        aggravated: BTreeSet::new(),
        context: BTreeSet::new(),
    }
}

fn folded(sightings: &[Sighting]) -> Vec<Alert> {
    let mut folder = folder();
    for sighting in sightings {
        push(&mut folder, sighting);
    }
    folder.alerts()
}

fn folder() -> Folder {
    Folder::new(Digester::new(&[1; 32]))
}

/// What became of alerts by one sighting, with nothing on its way.
fn push(folder: &mut Folder, sighting: &Sighting) -> Vec<(String, Change)> {
    let changes = folder.push(std::slice::from_ref(sighting), &Outbox::default());
    changes.into_iter().collect()
}

prop_compose! {
    fn any_sighting()(
        user in 0..3_u8, minute in 0..180_u8, canary in 0..4_u8,
        covering: bool, denied: bool, early: bool,
    ) -> Sighting {
        sighting(user, minute, canary, covering, denied, early)
    }
}

proptest! {
    #[test]
    fn the_same_sightings_in_any_order_and_number_give_the_same_alerts(
        sightings in prop::collection::vec(any_sighting(), 0..40),
        shuffled in any::<prop::sample::Index>(),
    ) {
        let once = folded(&sightings);
        let mut again = sightings.clone();
        again.reverse();
        if !again.is_empty() {
            let middle = shuffled.index(again.len());
            again.rotate_left(middle);
        }
        again.extend(sightings);
        prop_assert_eq!(folded(&again), once);
    }
}

#[test]
fn one_sweep_is_one_alert_and_a_denied_one_that_is_then_allowed_is_another() {
    let sweep: Vec<Sighting> = (0..4)
        .map(|c| sighting(0, c, c, true, false, false))
        .collect();
    let alerts = folded(&sweep);
    assert_eq!(alerts.len(), 1);
    assert_eq!(alerts[0].touched.len(), 4);
    let turned = [
        sighting(0, 1, 0, false, true, false),
        sighting(0, 2, 0, false, false, false),
    ];
    assert_eq!(folded(&turned).len(), 2);
}

fn of(name: &str, minute: u8) -> Sighting {
    let mut one = sighting(0, minute, 0, false, false, false);
    one.event.actor.identity.name = name.to_owned();
    one.event.id = name.to_owned();
    one
}

#[test]
fn a_flood_of_principals_is_told_in_bounded_memory_and_a_watcher_tells_them_apart_again_afterwards()
{
    let mut folder = folder();
    let known = of("0", 0);
    for i in 0..20_000 {
        folder.take(&of(&i.to_string(), 0));
    }
    for i in 20_000..20_100 {
        folder.take(&of(&i.to_string(), 0));
    }
    assert_eq!(folder.len(), 20_001);
    let many = folder
        .alerts()
        .into_iter()
        .find(|alert| !alert.context.is_empty())
        .unwrap();
    assert_eq!((many.count, many.severity), (100, Severity::Critical));
    // Who was told apart still is.
    folder.take(&known);
    assert_eq!(folder.len(), 20_001);
    let mut later = of("late", 0);
    later.event.at = later.event.at.map(|at| at + SignedDuration::from_hours(5));
    let changes = push(&mut folder, &later);
    assert_eq!(changes[0].1, Change::Created);
    assert_eq!(folder.len(), 1);
}

#[test]
fn what_clients_claim_differs_and_the_alert_is_the_same_in_any_order() {
    let claims = |claim: &str, id: &str| {
        let mut one = sighting(0, 1, 0, false, false, false);
        one.event.id = id.to_owned();
        one.event.actor.claimed_addresses = vec![claim.to_owned()];
        one
    };
    let (one, other) = (claims("1.1.1.1", "a"), claims("2.2.2.2", "b"));
    assert_eq!(folded(&[one.clone(), other.clone()]), folded(&[other, one]));
}

#[test]
fn who_else_reads_a_canary_is_told_once_with_the_latest() {
    let also = |minute: u8, sentence: &str| {
        let mut one = sighting(0, minute, 0, true, false, false);
        one.context.insert(sentence.to_owned());
        one
    };
    let early = also(
        1,
        "read by backup, last on 2026-11-22 05:49:01Z, excused 9 times",
    );
    let late = also(
        2,
        "read by backup, last on 2026-11-22 05:50:01Z, excused 10 times",
    );
    let other = also(
        3,
        "read by other, last on 2026-11-22 05:50:01Z, excused 1 times",
    );
    let alerts = folded(&[late.clone(), other.clone(), early]);
    let expected: BTreeSet<String> = late.context.union(&other.context).cloned().collect();
    assert_eq!(alerts[0].context, expected);
}

#[test]
fn a_finding_leaves_out_what_is_not_known_and_says_whom_they_acted_as() {
    let mut bare = sighting(0, 1, 0, false, false, false);
    bare.event.outcome.code = None;
    bare.event.actor.credential = Credential::Unknown;
    bare.event.actor.address = None;
    bare.event.acting_as = Some(Identity {
        name: "admin".into(),
        ..Identity::default()
    });
    let finding = ocsf(&folded(&[bare])[0], Change::Created, "0.1.0", now());
    assert!(!finding.to_string().contains("null"), "{finding:#}");
    assert_eq!(finding["evidences"][0]["data"]["acting_as"], "admin");
}

fn now() -> Timestamp {
    "2026-11-27T21:00:00Z".parse().unwrap()
}

#[test]
fn what_tells_no_time_is_not_of_1970() {
    let mut undated = sighting(0, 1, 0, false, false, false);
    undated.event.at = None;
    let alert = &folded(&[undated])[0];
    let finding = ocsf(alert, Change::Created, "0.1.0", now());
    assert_eq!(finding["time"], now().as_millisecond());
    assert!(finding["finding_info"].get("created_time").is_none());
    assert!(text(alert).contains("at a time that is not known"));
}

#[test]
fn a_finding_has_every_field_that_the_class_requires_and_no_escape_reaches_a_terminal() {
    let alerts = folded(&[sighting(0, 1, 0, false, false, false)]);
    let finding = ocsf(&alerts[0], Change::Created, "0.1.0", now());
    // Required by OCSF 1.8.0, class 2004.
    for field in [
        "activity_id",
        "category_uid",
        "class_uid",
        "metadata",
        "severity_id",
        "time",
        "type_uid",
        "finding_info",
    ] {
        assert!(!finding[field].is_null(), "{field} is missing");
    }
    assert_eq!(finding["class_uid"], 2004);
    assert_eq!(finding["type_uid"], 200_401);
    assert_eq!(finding["metadata"]["version"], "1.8.0");
    assert!(finding["metadata"]["product"]["vendor_name"].is_string());
    assert!(
        finding["finding_info"]["uid"].is_string() && finding["finding_info"]["title"].is_string()
    );
    assert!((0..=6).contains(&finding["severity_id"].as_i64().unwrap()));
    for evidence in finding["evidences"].as_array().unwrap() {
        assert!(evidence["actor"].is_object() && evidence["api"].is_object());
    }
    assert!(!text(&alerts[0]).contains('\u{1b}'));
}

/// The use of a planted key, allowed or refused, from somewhere or from nobody knows where.
fn use_of_key(minute: u8, denied: bool, from: Option<&str>) -> Sighting {
    let mut one = sighting(0, minute, 0, false, denied, false);
    one.event.id = format!("{minute} {denied} {from:?}");
    one.event.actor.credential = Credential::AccessKey("AKIAY34FZKBOKMUTVV7A".into());
    one.event.actor.address = from.and_then(|from| from.parse().ok());
    if from.is_none() {
        let silent = (SILENT.to_owned(), String::new());
        one.event.annotations.extend([silent]);
    }
    one.touches = Touches::from(vec![Touch {
        address: "iam_user.backup/key".parse().unwrap(),
        grade: Grade::Use,
    }]);
    one
}

#[test]
fn a_key_that_is_used_in_vain_too_is_one_alert() {
    let uses = [
        use_of_key(0, true, Some("198.51.100.77")),
        use_of_key(1, false, Some("198.51.100.77")),
    ];
    let alerts = folded(&uses);
    assert_eq!(alerts.len(), 1);
    assert_eq!(
        (alerts[0].severity, alerts[0].count),
        (Severity::Critical, 2)
    );
}

const HERE: Option<&str> = Some("198.51.100.77");
const ELSEWHERE: Option<&str> = Some("203.0.113.9");

fn is_untold(alert: &Alert) -> bool {
    alert
        .context
        .iter()
        .any(|words| words.starts_with("no event of it has come"))
}

#[test]
fn a_use_that_was_told_without_its_event_is_told_further_by_it() {
    let mut folder = folder();
    let (silent, change) = push(&mut folder, &use_of_key(20, false, None)).remove(0);
    assert_eq!(change, Change::Created);
    assert!(is_untold(&folder.get(&silent).unwrap()));
    let (told, change) = push(&mut folder, &use_of_key(21, false, HERE)).remove(0);
    assert_eq!((&told, change), (&silent, Change::Updated));
    let alert = folder.get(&told).unwrap();
    assert_eq!(alert.actor.address, HERE.unwrap().parse().ok());
    assert!(!is_untold(&alert));
    // What comes later from there belongs to it, too, and comes twice without being told twice.
    let later = use_of_key(55, false, HERE);
    let changes = push(&mut folder, &later);
    assert_eq!(changes, [(silent, Change::Counted)]);
    assert_eq!(push(&mut folder, &later), []);
}

#[test]
fn a_use_from_another_network_than_that_of_a_silent_one_is_told_in_any_order() {
    let (here, elsewhere) = (use_of_key(1, false, HERE), use_of_key(20, false, ELSEWHERE));
    for events in [[&here, &elsewhere], [&elsewhere, &here]] {
        let mut folder = folder();
        push(&mut folder, &use_of_key(10, false, None));
        for event in events {
            let change = push(&mut folder, event).remove(0).1;
            assert!(change <= Change::Updated);
        }
        let addresses: BTreeSet<_> = folder
            .alerts()
            .iter()
            .map(|alert| alert.actor.address)
            .collect();
        let expected = [HERE, ELSEWHERE].map(|address| address.unwrap().parse().ok());
        assert_eq!(addresses, BTreeSet::from(expected));
    }
}

#[test]
fn a_silent_use_is_dated_roughly_also_across_the_hour() {
    for (silent, event) in [(60, 59), (59, 60)] {
        let mut folder = folder();
        let told = push(&mut folder, &use_of_key(silent, false, None)).remove(0);
        let change = push(&mut folder, &use_of_key(event, false, HERE));
        assert_eq!(change, [(told.0, Change::Updated)]);
        assert!(!is_untold(&folder.alerts()[0]));
    }
}

#[test]
fn an_event_that_is_not_that_of_a_silent_use_leaves_it_untold() {
    let mut folder = folder();
    let silent = push(&mut folder, &use_of_key(50, false, None)).remove(0).0;
    let (own, change) = push(&mut folder, &use_of_key(5, false, HERE)).remove(0);
    assert!(own != silent && change == Change::Created);
    assert!(is_untold(&folder.get(&silent).unwrap()));
}

#[test]
fn each_damaged_record_is_told_again_and_a_copy_of_one_is_not() {
    let mut folder = folder();
    let cut = |id: &str| {
        let mut one = sighting(0, 0, 0, false, false, false);
        one.touches = Touches::default();
        one.event.id = id.to_owned();
        one.event.defects = vec![Defect::Cut];
        one
    };
    let change = |folder: &mut Folder, id: &str| {
        let changes = push(folder, &cut(id));
        changes.first().map(|(_, change)| *change)
    };
    assert_eq!(change(&mut folder, "january"), Some(Change::Created));
    assert_eq!(change(&mut folder, "march"), Some(Change::Updated));
    assert_eq!(change(&mut folder, "march"), None);
}

#[test]
fn what_was_read_and_what_that_held_are_one_incident_in_any_order() {
    let read = sighting(1, 0, 0, true, false, false);
    let stranger = sighting(2, 1, 1, false, false, false);
    let mut stranger = stranger;
    stranger.event.actor.address = "203.0.113.5".parse().ok();
    stranger.event.actor.credential = Credential::Token("another".into());
    let used = use_of_key(100, false, Some("198.51.100.77"));
    let holders = BTreeMap::from([(
        "iam_user.backup".parse().unwrap(),
        BTreeSet::from(["secret.c0".parse().unwrap()]),
    )]);
    let told = |sightings: [&Sighting; 3]| {
        let mut folder = folder();
        folder.hold(holders.clone());
        for sighting in sightings {
            push(&mut folder, sighting);
        }
        folder.alerts()
    };
    let alerts = told([&read, &stranger, &used]);
    assert_eq!(told([&used, &stranger, &read]), alerts);
    let of = |grade: Grade| alerts.iter().find(|alert| alert.grade == grade).unwrap();
    let (read, used, other) = (of(Grade::Covering), of(Grade::Use), of(Grade::Named));
    assert_eq!(read.incident.as_ref(), Some(&read.uid));
    assert_eq!(used.incident, read.incident);
    assert_eq!(used.timeline.len(), 2);
    assert!(used.timeline.is_sorted_by_key(|moment| moment.at));
    assert_eq!(other.incident.as_ref(), Some(&other.uid));
    assert!(other.timeline.is_empty());
}

/// By a principal of that name, so many hours on, from an address.
fn by(name: &str, hours: i64, from: &str) -> Sighting {
    let mut one = of(name, 0);
    one.event.at = one
        .event
        .at
        .map(|at| at + SignedDuration::from_hours(hours));
    one.event.actor.credential = Credential::Token(format!("token of {name}"));
    one.event.actor.address = from.parse().ok();
    one
}

#[test]
fn what_is_still_to_be_delivered_is_neither_forgotten_nor_left_out_of_what_is_kept() {
    let mut folder = folder();
    let mut outbox = Outbox::default();
    let theft = push(&mut folder, &of("thief", 0)).remove(0).0;
    outbox.put(["soc"], &theft, Change::Created);
    // More than are kept, all of them later, and told.
    for i in 0..20_000 {
        folder.take(&by(&i.to_string(), 1, "10.0.0.1"));
    }
    let saved = folder.save(&outbox);
    assert_eq!(saved.alerts().count(), 5_001);
    assert!(saved.alerts().any(|alert| alert.uid == theft));
    drop(folder.push(&[by("later", 9, "10.0.0.1")], &outbox));
    assert_eq!(folder.len(), 2);
    assert!(folder.get(&theft).is_some());
    // Once it is delivered it goes like the others.
    let due = outbox.due("soc", Timestamp::UNIX_EPOCH).unwrap();
    outbox.delivered("soc", &due);
    for i in 0..20_000 {
        folder.take(&by(&i.to_string(), 9, "10.0.0.1"));
    }
    drop(folder.push(&[by("later", 20, "10.0.0.1")], &outbox));
    assert!(folder.get(&theft).is_none());
}

#[test]
fn an_alert_that_another_joins_to_an_incident_is_told_again_once() {
    let mut folder = folder();
    let uid = |folder: &mut Folder, sighting: &Sighting| push(folder, sighting).remove(0).0;
    let one = uid(&mut folder, &by("one", 5, "203.0.113.1"));
    let other = uid(&mut folder, &by("other", 6, "203.0.113.2"));
    assert_eq!(folder.relate(), Vec::<String>::new());
    // With the token of the one, from the address of the other.
    let mut bridge = by("bridge", 7, "203.0.113.2");
    bridge.event.actor.credential = Credential::Token("token of one".into());
    let bridge = uid(&mut folder, &bridge);
    let mut expected = vec![bridge, other.clone()];
    expected.sort();
    assert_eq!(folder.relate(), expected);
    assert_eq!(folder.get(&other).unwrap().incident.as_ref(), Some(&one));
    assert_eq!(folder.relate(), Vec::<String>::new());
    // An event of it that comes late is the eldest: all of them belong to that.
    let mut late = by("late", 1, "203.0.113.9");
    late.event.actor.credential = Credential::Token("token of one".into());
    uid(&mut folder, &late);
    assert_eq!(folder.relate().len(), 3);
}

#[test]
fn an_incident_keeps_its_name_and_its_alerts_when_those_between_are_not_kept() {
    let mut folder = folder();
    let uid = |folder: &mut Folder, sighting: &Sighting| push(folder, sighting).remove(0).0;
    let eldest = uid(&mut folder, &by("one", 0, "203.0.113.1"));
    let mut bridge = by("one", 1, "203.0.113.2");
    bridge.event.actor.credential = Credential::Unknown;
    uid(&mut folder, &bridge);
    let (a, b) = (
        uid(&mut folder, &by("one", 9, "203.0.113.3")),
        uid(&mut folder, &by("two", 9, "203.0.113.2")),
    );
    drop(folder.relate());
    for i in 0..20_000 {
        let mut other = of(&i.to_string(), 0);
        other.event.actor.address = None;
        other.event.actor.credential = Credential::Unknown;
        folder.take(&other);
    }
    drop(push(&mut folder, &by("three", 10, "203.0.113.4")));
    assert_eq!(folder.len(), 3);
    assert_eq!(folder.relate(), Vec::<String>::new());
    let incident = |folder: &Folder, uid: &str| folder.get(uid).unwrap().incident;
    assert_eq!(incident(&folder, &a).as_ref(), Some(&eldest));
    assert_eq!(incident(&folder, &b).as_ref(), Some(&eldest));
    // Nor across a restart.
    let mut restarted = self::folder();
    restarted.load(folder.save(&Outbox::default()));
    assert_eq!(restarted.relate(), Vec::<String>::new());
    assert_eq!(incident(&restarted, &b).as_ref(), Some(&eldest));
}

#[test]
fn an_incident_of_many_alerts_has_its_first_and_latest_moments_in_each() {
    let seen: Vec<Sighting> = (0..70)
        .map(|hours| by(&format!("one-{hours}"), hours, "203.0.113.1"))
        .collect();
    let told = |seen: &[Sighting]| {
        let mut folder = folder();
        drop(folder.push(seen, &Outbox::default()));
        let alerts = folder.alerts();
        let saved = folder.save(&Outbox::default());
        let found = saved.find(&alerts[0].uid);
        assert_eq!(found.alerts().next(), Some(&alerts[0]));
        alerts
    };
    let alerts = told(&seen);
    let timeline = &alerts[0].timeline;
    assert!(alerts.iter().all(|alert| alert.timeline == *timeline));
    let times: Vec<Option<Timestamp>> = timeline.iter().map(|moment| moment.at).collect();
    let at = |hour: usize| seen[hour].event.at;
    let expected: Vec<_> = (0..6)
        .map(at)
        .chain([None])
        .chain((65..70).map(at))
        .collect();
    assert_eq!(times, expected);
    assert_eq!(timeline[6].words, "59 more in between");
    assert!(text(&alerts[0]).contains("\n           59 more in between\n"));
    let reversed: Vec<Sighting> = seen.iter().rev().cloned().collect();
    assert_eq!(told(&reversed), alerts);
    // Of few, each has all.
    assert!(
        told(&seen[..64])
            .iter()
            .all(|alert| alert.timeline.len() == 64)
    );
}

#[test]
fn what_is_kept_has_no_timelines_and_what_is_found_in_it_has() {
    let mut folder = folder();
    let seen = [by("one", 0, "203.0.113.1"), by("two", 1, "203.0.113.1")];
    drop(folder.push(&seen, &Outbox::default()));
    let alerts = folder.alerts();
    assert!(alerts.iter().all(|alert| alert.timeline.len() == 2));
    let saved = folder.save(&Outbox::default());
    assert!(saved.alerts().all(|alert| alert.timeline.is_empty()));
    let found = saved.find(&alerts[0].uid);
    let found: Vec<&Alert> = found.alerts().collect();
    assert_eq!(found, [&alerts[0]]);
}
