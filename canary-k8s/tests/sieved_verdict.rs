//! What a judge is given of a log is all that its verdict depends on.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::path::PathBuf;

use canary_core::catalog::Catalog as _;
use canary_core::config::{KnownReader, Origin, ReaderScope, Span};
use canary_core::detect::{Event, Judge, Planted, Rules, Tripwire, Tripwires};
use canary_core::graph::{Address, CanaryId, Handle};
use canary_k8s::KubernetesCatalog;
use canary_k8s::audit::{Scan, read_line};
use serde_json::Value;

/// The log of a living cluster and the canaries in it, where it is.
fn living() -> Option<(Vec<u8>, Vec<Planted>)> {
    let Some(sets) = std::env::var_os("CANARY_DATASETS").map(PathBuf::from) else {
        let mut told = std::io::stderr();
        let words = "skipped: CANARY_DATASETS does not say where the recorded logs are";
        writeln!(told, "{words}").unwrap();
        return None;
    };
    let set = sets.join("living-cluster");
    let packed = std::fs::read(set.join("audit.log.gz")).unwrap();
    let mut log = Vec::new();
    let mut unpacking = flate2::read::MultiGzDecoder::new(packed.as_slice());
    unpacking.read_to_end(&mut log).unwrap();
    let list: Value =
        serde_json::from_slice(&std::fs::read(set.join("canaries.json")).unwrap()).unwrap();
    let planted = list["canaries"].as_array().unwrap().iter().enumerate();
    let planted = planted.map(|(i, canary)| {
        let text = |key: &str| canary[key].as_str().unwrap();
        let kind = match text("kind") {
            "Secret" => "secret",
            "ConfigMap" => "config_map",
            _ => "service_account",
        };
        Planted {
            address: Address::of(CanaryId::new(kind, &format!("c{i}"))),
            provider: canary_k8s::provider(),
            handle: Handle::scoped(text("kind"), text("namespace"), text("name")),
            fields: BTreeMap::new(),
            outputs: BTreeMap::new(),
            needs: BTreeSet::new(),
            uid: None,
            since: Some("2026-11-22T05:43:19Z".parse().unwrap()),
            buried: None,
        }
    });
    Some((log, planted.collect()))
}

fn tripwires(planted: &[Planted]) -> Vec<Tripwire> {
    let one = |planted| KubernetesCatalog::new().tripwires(planted);
    planted.iter().flat_map(one).collect()
}

/// An entry with every condition that the log decides, for whoever reads all Secrets.
fn readers(events: &[Event]) -> Vec<KnownReader> {
    let reads = |event: &&Event| {
        matches!(event.action.verb.as_str(), "list" | "watch")
            && event.action.resource == "secrets"
            && event.action.namespace.is_empty()
    };
    let names: BTreeSet<_> = events
        .iter()
        .filter(reads)
        .map(|e| &e.actor.identity)
        .collect();
    let one = |identity: &canary_core::detect::Identity| KnownReader {
        principal: identity.name.clone(),
        acting_as: None,
        uid: None,
        verbs: vec!["list".into(), "watch".into()],
        resource: "secrets".into(),
        scope: ReaderScope::Cluster,
        label_selector: None,
        field_selector: None,
        credential: None,
        from: Some(Origin::OwnNode),
        every: None,
        reason: "reads all day".into(),
        until: "2030-01-01".parse().unwrap(),
        span: Span::default(),
    };
    names.into_iter().map(one).collect()
}

/// Every sighting as text, in any order, and how many touches were excused.
fn verdict(
    planted: &[Planted],
    known_readers: Vec<KnownReader>,
    events: &[Event],
) -> (BTreeSet<String>, String) {
    let mut judge = Judge::new(Rules {
        planted: planted.to_vec(),
        tripwires: Tripwires::new(tripwires(planted)),
        known_readers,
        machinery: KubernetesCatalog::new().machinery().into_iter().collect(),
        own: BTreeMap::new(),
        planned: false,
        applied_by: None,
        pods: None,
    });
    let mut seen: Vec<_> = events.iter().flat_map(|event| judge.judge(event)).collect();
    seen.extend(judge.finish());
    let excused = format!("{:?}", judge.excused());
    (seen.iter().map(|one| format!("{one:?}")).collect(), excused)
}

/// What makes a verdict another without touching anything, as a server writes it, with what it makes worse.
fn context() -> String {
    let read = include_str!("../../fixtures/events/get-secret.json");
    let by = |line: &str, name: &str| line.replace("system:serviceaccount:web:shop", name);
    let at = |line: &str, second: u32| line.replace("05:50:01", &format!("05:50:{second}"));
    let ours = read
        .replace(
            "payments/secrets/db-admin",
            "monitoring/secrets/remote-write-token",
        )
        .replace(
            r#""namespace":"payments","name":"db-admin""#,
            r#""namespace":"monitoring","name":"remote-write-token""#,
        );
    // Somebody makes a pod, for which a node then reads.
    let made = include_str!("../../fixtures/events/varied.log")
        .lines()
        .find(|line| line.contains("/namespaces/monitoring/pods\",\"verb\":\"create\""))
        .unwrap();
    let given = at(&by(&ours, "system:node:node1"), 40);
    // Somebody is refused another kind, then lists all Secrets.
    let refused = at(&by(read, "eve"), 41)
        .replace(r#""resource":"secrets""#, r#""resource":"endpoints""#)
        .replace(
            r#""metadata":{},"code":200"#,
            r#""metadata":{},"status":"Failure","message":"\"no\"","reason":"Forbidden","code":403"#,
        );
    let lists = at(&by(read, "eve"), 42)
        .replace("namespaces/payments/secrets/db-admin", "secrets")
        .replace(r#","namespace":"payments","name":"db-admin""#, "")
        .replace(r#""verb":"get""#, r#""verb":"list""#);
    [made, "\n", &given, &refused, &lists].concat()
}

#[test]
fn a_judge_that_is_given_candidates_alone_says_what_one_says_that_is_given_everything() {
    let Some((mut log, planted)) = living() else {
        return;
    };
    log.extend(context().as_bytes());
    let read = |line: &[u8]| read_line(line, false).events;
    let all: Vec<Event> = log.split(|&byte| byte == b'\n').flat_map(read).collect();
    let sieve = |context| {
        let mut sieved = Vec::new();
        let mut scan = Scan::new(&tripwires(&planted), context);
        scan.lines(&log, |line| sieved.extend(read(line)));
        sieved
    };
    let sieved = sieve(true);
    assert!(sieved.len() * 2 < all.len());
    let without = verdict(&planted, Vec::new(), &sieve(false));
    assert_ne!(
        without,
        verdict(&planted, Vec::new(), &all),
        "nothing depends on the context"
    );
    for known in [Vec::new(), readers(&all)] {
        let told = verdict(&planted, known.clone(), &all);
        assert!(!told.0.is_empty());
        assert_eq!(verdict(&planted, known, &sieved), told);
    }
}
