//! The scan passes over no line that a full reading would find a touch in.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;

use canary_core::detect::{Event, Meaning, Mention, Tripwire};
use canary_k8s::audit::{Scan, read_line};
use proptest::prelude::*;
use serde_json::Value;

const CORPUS: [&str; 5] = [
    include_str!("../../fixtures/events/get-secret.json"),
    include_str!("../../fixtures/events/impersonated-list.json"),
    include_str!("../../fixtures/events/token-request.json"),
    include_str!("../../fixtures/events/varied.log"),
    include_str!("../../fixtures/events/bodies.log"),
];

fn corpus() -> Vec<&'static str> {
    CORPUS.iter().flat_map(|file| file.lines()).collect()
}

fn tripwire(mention: Mention) -> Tripwire {
    Tripwire {
        mention,
        meaning: Meaning::Content,
        address: "secret.a".parse().unwrap(),
        labels: None,
        fields: std::collections::BTreeMap::new(),
    }
}

fn secret(namespace: &str, name: &str) -> Mention {
    Mention::Object {
        group: String::new(),
        resource: "secrets".to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    }
}

fn account(namespace: &str, name: &str) -> Mention {
    Mention::Principal(format!("system:serviceaccount:{namespace}:{name}"))
}

fn ours() -> Vec<Tripwire> {
    [
        secret("payments", "db-admin"),
        secret("ci", "deployer"),
        account("ci", "deployer"),
        Mention::Credential("JTI=0f1e2d3c-0000-4000-8000-000000000002".to_owned()),
    ]
    .map(tripwire)
    .into()
}

/// Whether an event touches a tripwire, told in the plainest way: by what it mentions.
fn touches(event: &Event, tripwires: &[Tripwire]) -> bool {
    tripwires.iter().any(|tripwire| {
        event
            .mentions
            .iter()
            .any(|mention| match (&tripwire.mention, mention) {
                (
                    Mention::Object {
                        resource,
                        namespace,
                        name,
                        ..
                    },
                    Mention::Object {
                        resource: r,
                        namespace: ns,
                        name: n,
                        ..
                    },
                ) => resource == r && name == n && (ns.is_empty() || namespace == ns),
                (
                    Mention::Object {
                        resource,
                        namespace,
                        ..
                    },
                    Mention::Collection {
                        resource: r,
                        namespace: ns,
                        ..
                    },
                ) => resource == r && (ns.is_empty() || namespace == ns),
                (one, other) => one == other,
            })
    })
}

fn assert_not_passed_over(line: &[u8], tripwires: &[Tripwire]) {
    let reading = read_line(line, false);
    let touched = reading.events.iter().any(|event| touches(event, tripwires));
    let maybe = Scan::new(tripwires, false).maybe(line);
    assert!(
        maybe || !touched,
        "passed over: {}",
        String::from_utf8_lossy(line)
    );
}

#[test]
fn a_line_that_was_cut_is_a_candidate_wherever_the_cut_is() {
    let mut scan = Scan::new(&[], false);
    for line in corpus() {
        for end in 1..line.len() {
            assert!(scan.maybe(&line.as_bytes()[..end]), "{end}: {line}");
        }
    }
}

#[test]
fn a_record_behind_a_torn_one_is_a_candidate_wherever_the_tear_is() {
    let mut scan = Scan::new(&[], false);
    for line in corpus() {
        for end in 1..line.len() {
            let torn = format!("{}{}", line.get(..end).unwrap_or("x"), CORPUS[1].trim_end());
            assert!(scan.maybe(torn.as_bytes()), "{end}: {line}");
        }
    }
}

#[test]
fn every_touch_in_the_corpus_is_a_candidate_whatever_is_watched() {
    let lines = corpus();
    let mentioned: BTreeSet<Mention> = lines
        .iter()
        .flat_map(|line| read_line(line.as_bytes(), false).events)
        .flat_map(|event| event.mentions)
        .collect();
    assert!(mentioned.len() > 50);
    for mention in mentioned {
        let tripwires = [tripwire(mention)];
        for line in &lines {
            assert_not_passed_over(line.as_bytes(), &tripwires);
        }
    }
}

/// Logs of real clusters, where there are any.
fn recorded() -> Vec<(PathBuf, Vec<u8>)> {
    let Some(sets) = std::env::var_os("CANARY_DATASETS").map(PathBuf::from) else {
        let mut told = std::io::stderr();
        writeln!(
            told,
            "skipped: CANARY_DATASETS does not say where the recorded logs are"
        )
        .unwrap();
        return Vec::new();
    };
    let names = [
        "living-cluster/audit.log.gz",
        "neighbourhood/audit.log.gz",
        "codenotary-immudb-log-audit/test/k8s/k8s.log",
        "audit2rbac/testdata/demo.log",
    ];
    let read = |name: &str| {
        let path = sets.join(name);
        let mut text = std::fs::read(&path).unwrap();
        if name.ends_with(".gz") {
            let packed = std::mem::take(&mut text);
            let mut plain = flate2::read::MultiGzDecoder::new(packed.as_slice());
            plain.read_to_end(&mut text).unwrap();
        }
        (path, text)
    };
    names.map(read).into()
}

#[test]
fn in_recorded_logs_the_scan_finds_what_a_full_reading_finds() {
    for (path, text) in recorded() {
        let mut events = 0;
        for line in text.split(|&byte| byte == b'\n') {
            let reading = read_line(line, false);
            assert_eq!(reading.unreadable, 0, "{}", path.display());
            assert!(reading.events.iter().all(|event| event.defects.is_empty()));
            events += reading.events.len();
            // What the line itself mentions, and nothing else, is watched: the line is to be a candidate for each.
            for mention in reading.events.iter().flat_map(|event| &event.mentions) {
                let watched = match mention {
                    Mention::Collection {
                        group,
                        resource,
                        namespace,
                    } => Mention::Object {
                        group: group.clone(),
                        resource: resource.clone(),
                        namespace: namespace.clone(),
                        name: "x".to_owned(),
                    },
                    other => other.clone(),
                };
                let watched = [tripwire(watched)];
                assert!(
                    Scan::new(&watched, false).maybe(line),
                    "{}",
                    String::from_utf8_lossy(line)
                );
            }
        }
        assert!(events > 30, "{}", path.display());
    }
}

#[test]
fn what_touches_nothing_is_mostly_passed_over() {
    let lines = corpus();
    let mut scan = Scan::new(&ours(), false);
    let mut candidates = Vec::new();
    let all = lines.join("\n");
    let count = scan.lines(all.as_bytes(), |line| candidates.push(line));
    assert_eq!(count, lines.len() as u64);
    let idle = candidates.iter().filter(|line| {
        let events = read_line(line, false).events;
        !events.iter().any(|event| touches(event, &ours()))
    });
    // Lines with braces in odd places, list-shaped patches and the like.
    let idle = idle.count();
    assert!(idle * 5 < lines.len(), "{idle} of {}", lines.len());
}

#[test]
fn lines_are_told_apart_whatever_ends_them() {
    let get = CORPUS[0].trim_end();
    let text = format!("\n{get}\r\n\r\n  \n{get}\n\nnot json\n{get}");
    let mut candidates = Vec::new();
    let lines = Scan::new(&ours(), false).lines(text.as_bytes(), |line| candidates.push(line));
    assert_eq!((lines, candidates.len()), (8, 4));
}

#[test]
fn a_first_user_that_does_not_match_does_not_end_the_scan() {
    let tripwires = [tripwire(account("ci", "deployer"))];
    assert!(Scan::new(&tripwires, false).maybe(CORPUS[1].trim_end().as_bytes()));
}

#[test]
fn context_is_what_a_judge_asks_for_and_each_control_plane_principal_once() {
    let line = |user: &str, verb: &str, resource: &str| {
        let text = CORPUS[0].replace("system:serviceaccount:web:shop", user);
        let text = text.replace(
            r#""resource":"secrets""#,
            &format!(r#""resource":"{resource}""#),
        );
        text.trim_end()
            .replace(r#""verb":"get""#, &format!(r#""verb":"{verb}""#))
    };
    // A canary in the same namespace.
    let tripwires = [tripwire(account("payments", "deployer"))];
    let mut scan = Scan::new(&tripwires, true);
    let mut wants =
        |user: &str, verb: &str, resource: &str| scan.maybe(line(user, verb, resource).as_bytes());
    assert!(wants("alice", "create", "pods"));
    assert!(!wants("alice", "get", "pods"));
    assert!(wants("alice", "delete", "namespaces"));
    // Where it is; then no more.
    assert!(wants("system:node:node1", "get", "leases"));
    assert!(!wants("system:node:node1", "get", "leases"));
    assert!(!wants("system:node:node1", "create", "serviceaccounts"));
    // A watch of one object covers no other.
    assert!(!wants("system:node:node1", "watch", "secrets"));
    assert!(wants("system:kube-controller-manager", "get", "leases"));
    assert!(!wants("system:kube-controller-manager", "get", "leases"));
    let create = line("alice", "create", "pods");
    assert!(!Scan::new(&tripwires, false).maybe(create.as_bytes()));

    // What a pod in another namespace can read is none of ours; what cannot be told for sure is wanted.
    let other = create.replace(r#""namespace":"payments""#, r#""namespace":"other""#);
    assert!(!scan.maybe(other.as_bytes()));
    let escaped = create.replace(r#""namespace":"payments""#, r#""namespace":"\u006fther""#);
    assert!(scan.maybe(escaped.as_bytes()));
    let name = r#""name":"db-admin","apiVersion":"v1""#;
    let part = create.replace(name, &format!(r#"{name},"subresource":"binding""#));
    assert!(part != create && !scan.maybe(part.as_bytes()));
    let token = line("system:node:node1", "create", "serviceaccounts")
        .replace(name, &format!(r#"{name},"subresource":"token""#));
    assert!(scan.maybe(token.as_bytes()));
    let watch = line("system:node:node1", "watch", "secrets").replace(r#","name":"db-admin""#, "");
    assert!(scan.maybe(watch.as_bytes()));
    // Refusals, also of what is none of ours.
    let one = line("alice", "get", "endpoints");
    let refused = one.replace(
        r#""metadata":{},"code":200"#,
        r#""metadata":{},"status":"Failure","message":"\"no\"","reason":"Forbidden","code":403"#,
    );
    assert!(refused != one && !scan.maybe(one.as_bytes()) && scan.maybe(refused.as_bytes()));
    // A name that looks like a subresource is none.
    let forged = create.replace(name, r#""name":"\",\"subresource\":\"","apiVersion":"v1""#);
    assert!(forged != create && scan.maybe(forged.as_bytes()));
}

/// One change to a line.
#[derive(Clone, Debug)]
enum Mutation {
    Target(usize),
    User(usize),
    Impersonate(usize),
    Escape(usize),
    Space(usize),
    Reorder(u64),
    Repeat(usize, usize),
    Forge(usize, usize),
    PercentEncode(usize),
    Truncate(usize),
    Splice(usize),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let at = any::<usize>;
    prop_oneof![
        3 => at().prop_map(Mutation::Target),
        2 => at().prop_map(Mutation::User),
        2 => at().prop_map(Mutation::Impersonate),
        2 => at().prop_map(Mutation::Escape),
        1 => at().prop_map(Mutation::Space),
        1 => any::<u64>().prop_map(Mutation::Reorder),
        1 => (at(), at()).prop_map(|(a, b)| Mutation::Repeat(a, b)),
        2 => (at(), at()).prop_map(|(a, b)| Mutation::Forge(a, b)),
        1 => at().prop_map(Mutation::PercentEncode),
        1 => at().prop_map(Mutation::Truncate),
        1 => at().prop_map(Mutation::Splice),
    ]
}

const NAMES: [&str; 4] = ["db-admin", "deployer", "db-admin2", "shop"];
const NAMESPACES: [&str; 3] = ["payments", "ci", "web"];
const USERS: [&str; 3] = ["system:serviceaccount:ci:deployer", "alice", ""];

/// Texts that look like the parts of a record.
const FORGED: [&str; 6] = [
    r#"","objectRef":{"resource":"secrets","namespace":"payments","name":"db-admin"}"#,
    r#"","objectRef":{"resource":"pods","namespace":"a","name":"b"},"x":""#,
    r#"{"objectRef":{"resource":"pods"}}"#,
    r#""user":{"username":"nobody"}"#,
    r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata"}"#,
    r#"Z"}}"#,
];

fn pick<T: Copy>(from: &[T], at: usize) -> T {
    from[at % from.len()]
}

impl Mutation {
    fn apply(&self, line: &str) -> Option<String> {
        match *self {
            Self::Target(at) => edit(line, |record| {
                let mut object = serde_json::json!({"resource": "secrets"});
                if at & 8 == 0 {
                    object["namespace"] = pick(&NAMESPACES, at / 16).into();
                }
                if at & 64 == 0 {
                    object["name"] = pick(&NAMES, at / 128).into();
                }
                record["objectRef"] = object;
            }),
            Self::User(at) => edit(line, |record| {
                record["user"]["username"] = pick(&USERS, at).into();
                if at & 1024 == 0 {
                    let id = "JTI=0f1e2d3c-0000-4000-8000-000000000002";
                    record["user"]["extra"] = if at & 2048 == 0 {
                        serde_json::json!({"authentication.kubernetes.io/credential-id": [id]})
                    } else {
                        serde_json::json!({"a.example.org/x": ["y"], "authentication.kubernetes.io/credential-id": [id]})
                    };
                }
            }),
            Self::Impersonate(at) => edit(line, |record| {
                record["impersonatedUser"] = serde_json::json!({"username": pick(&USERS, at)});
            }),
            Self::Escape(at) => escape(line, at),
            Self::Space(at) => space(line, at),
            Self::Reorder(seed) => reorder(line, seed),
            Self::Repeat(from, to) => repeat(line, from, to),
            Self::Forge(which, what) => edit(line, |record| {
                let key = pick(&["userAgent", "requestURI", "verb", "auditID"], which);
                record[key] = format!("{}{}", pick(&FORGED, what), pick(&FORGED, what / 8)).into();
            }),
            Self::PercentEncode(at) => edit(line, |record| {
                let uri = record["requestURI"].as_str().unwrap_or("/").to_owned();
                let at = at % uri.len().max(1);
                if let Some(byte) = uri.as_bytes().get(at).filter(|byte| byte.is_ascii()) {
                    record["requestURI"] =
                        format!("{}%{byte:02x}{}", &uri[..at], &uri[at + 1..]).into();
                }
            }),
            Self::Truncate(at) => line.get(..at % line.len().max(1)).map(str::to_owned),
            Self::Splice(at) => {
                let lines = corpus();
                Some(format!(
                    "{}{}",
                    line.get(..at % line.len().max(1))?,
                    pick(&lines, at / 7)
                ))
            }
        }
    }
}

/// Splits an object as it stands into its entries, keys with their quotes.
fn entries(line: &str) -> Option<Vec<(String, String)>> {
    let map: Vec<(String, Box<serde_json::value::RawValue>)> = ordered(line)?;
    let raw = |(key, value): (String, Box<serde_json::value::RawValue>)| {
        (serde_json::to_string(&key).unwrap(), value.get().to_owned())
    };
    Some(map.into_iter().map(raw).collect())
}

fn ordered(line: &str) -> Option<Vec<(String, Box<serde_json::value::RawValue>)>> {
    struct Entries(Vec<(String, Box<serde_json::value::RawValue>)>);
    impl<'de> serde::Deserialize<'de> for Entries {
        fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
            struct V;
            impl<'de> serde::de::Visitor<'de> for V {
                type Value = Entries;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an object")
                }
                fn visit_map<A: serde::de::MapAccess<'de>>(
                    self,
                    mut map: A,
                ) -> Result<Entries, A::Error> {
                    let mut all = Vec::new();
                    while let Some(entry) = map.next_entry()? {
                        all.push(entry);
                    }
                    Ok(Entries(all))
                }
            }
            d.deserialize_map(V)
        }
    }
    serde_json::from_str::<Entries>(line)
        .ok()
        .map(|entries| entries.0)
}

fn joined(entries: &[(String, String)]) -> String {
    let entries: Vec<String> = entries
        .iter()
        .map(|(key, value)| format!("{key}:{value}"))
        .collect();
    format!("{{{}}}", entries.join(","))
}

/// Edits a record's values, each key staying where it is; new ones come where the server would put them.
fn edit(line: &str, change: impl FnOnce(&mut Value)) -> Option<String> {
    let mut entries = entries(line)?;
    let mut record: Value = serde_json::from_str(line).ok()?;
    let before = record.clone();
    change(&mut record);
    for (key, value) in record.as_object()? {
        if before.get(key) == Some(value) {
            continue;
        }
        let quoted = serde_json::to_string(key).unwrap();
        let text = value.to_string();
        let text = if key == "objectRef" || key == "user" {
            server_order(value)
        } else {
            text
        };
        match entries.iter_mut().find(|(name, _)| *name == quoted) {
            Some((_, old)) => *old = text,
            None => {
                let after = if key == "impersonatedUser" {
                    "\"user\""
                } else {
                    "\"userAgent\""
                };
                let at = entries
                    .iter()
                    .position(|(name, _)| name == after)
                    .map_or(0, |at| at + 1);
                entries.insert(at, (quoted, text));
            }
        }
    }
    Some(joined(&entries))
}

/// An object's entries in the server's order.
fn server_order(value: &Value) -> String {
    const ORDER: [&str; 12] = [
        "username",
        "resource",
        "namespace",
        "name",
        "uid",
        "groups",
        "extra",
        "apiGroup",
        "apiVersion",
        "resourceVersion",
        "subresource",
        "x",
    ];
    let Some(object) = value.as_object() else {
        return value.to_string();
    };
    let mut entries: Vec<(String, String)> = object
        .iter()
        .map(|(key, value)| (serde_json::to_string(key).unwrap(), value.to_string()))
        .collect();
    entries.sort_by_key(|(key, _)| ORDER.iter().position(|name| key.trim_matches('"') == *name));
    joined(&entries)
}

/// Writes one letter as its escape.
fn escape(line: &str, at: usize) -> Option<String> {
    let letters: Vec<usize> = line
        .char_indices()
        .filter(|(at, c)| {
            c.is_ascii_lowercase() && !line[..*at].ends_with('\\') && in_string(line, *at)
        })
        .map(|(at, _)| at)
        .collect();
    let at = *letters.get(at % letters.len().max(1))?;
    let letter = line.as_bytes()[at];
    Some(format!("{}\\u{letter:04x}{}", &line[..at], &line[at + 1..]))
}

fn in_string(line: &str, at: usize) -> bool {
    let mut inside = false;
    let mut escaped = false;
    for byte in line.as_bytes()[..at].iter() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if inside => escaped = true,
            b'"' => inside = !inside,
            _ => {}
        }
    }
    inside
}

fn space(line: &str, at: usize) -> Option<String> {
    let gaps: Vec<usize> = line
        .char_indices()
        .filter(|(at, c)| "{}[]:,".contains(*c) && !in_string(line, *at))
        .map(|(at, _)| at)
        .collect();
    let at = *gaps.get(at % gaps.len().max(1))?;
    Some(format!(
        "{} {} {}",
        &line[..at],
        &line[at..=at],
        &line[at + 1..]
    ))
}

/// Shuffles the keys of the record, or of its object reference.
fn reorder(line: &str, mut seed: u64) -> Option<String> {
    let mut entries = entries(line)?;
    let object = entries
        .iter_mut()
        .find(|(key, _)| key == "\"objectRef\"" && seed & 1 == 0);
    if let Some((_, value)) = object {
        let mut inner = self::entries(value)?;
        inner.reverse();
        *value = joined(&inner);
        return Some(joined(&entries));
    }
    for at in (1..entries.len()).rev() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        entries.swap(at, usize::try_from(seed >> 33).unwrap() % (at + 1));
    }
    Some(joined(&entries))
}

/// Writes a key a second time, elsewhere, with the same value.
fn repeat(line: &str, from: usize, to: usize) -> Option<String> {
    let mut entries = entries(line)?;
    let entry = entries.get(from % entries.len().max(1))?.clone();
    entries.insert(to % (entries.len() + 1), entry);
    Some(joined(&entries))
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 3000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_bytes_are_read_without_harm(
        start in any::<prop::sample::Index>(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
    ) {
        let corpus = corpus();
        let mut line = corpus[start.index(corpus.len())].as_bytes().to_vec();
        for (at, byte) in flips {
            let at = at.index(line.len());
            line[at] = byte;
        }
        let _maybe: bool = Scan::new(&ours(), true).maybe(&line);
        let reading = read_line(&line, false);
        prop_assert!(reading.events.len() as u64 + reading.unreadable > 0);
    }

    #[test]
    fn no_mutation_makes_a_touch_pass(
        start in any::<prop::sample::Index>(),
        mutations in prop::collection::vec(mutation(), 0..5),
    ) {
        let corpus = corpus();
        let mut line = corpus[start.index(corpus.len())].to_owned();
        for mutation in &mutations {
            line = mutation.apply(&line).unwrap_or(line);
        }
        let tripwires = ours();
        assert_not_passed_over(line.as_bytes(), &tripwires);
    }
}

#[test]
fn the_mutations_do_touch() {
    let hit = |mutation: Mutation| {
        let line = mutation.apply(CORPUS[3].lines().next().unwrap()).unwrap();
        let events = read_line(line.as_bytes(), false).events;
        events.iter().any(|event| touches(event, &ours()))
    };
    assert!(hit(Mutation::Target(0)));
    assert!(hit(Mutation::User(0)));
    assert!(hit(Mutation::Impersonate(0)));
}
