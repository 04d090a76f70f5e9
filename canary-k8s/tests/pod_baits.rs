//! Whose bait was used, and who else had it, told from audit records as a server writes them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::sync::Arc;

use canary_core::alert::{Alert, Change, Folder, Link, Outbox, Severity, ocsf, text};
use canary_core::bait::{
    BaitKind, Issued, Other, Owner, PodEntry, PodHandle, PodHandles, PodNumber, Pods, Sessions,
    Subject,
};
use canary_core::catalog::Catalog as _;
use canary_core::config::{KnownReader, ReaderScope, Span};
use canary_core::detect::{
    Attribution, Event, Judge, Meaning, Mention, Planted, Rules, Sighting, Tripwire, Tripwires,
};
use canary_core::disguise::{Digester, Key, SiteKeys};
use canary_core::graph::{Address, CanaryId};
use canary_k8s::KubernetesCatalog;
use canary_k8s::audit::{Scan, read_line};
use canary_k8s::catalog::pod_baits;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// When the first pod was seen.
fn at(minutes: i64) -> Timestamp {
    let start: Timestamp = "2026-11-22T05:00:00Z".parse().unwrap();
    start + SignedDuration::from_mins(minutes)
}

fn keys() -> SiteKeys {
    Key::from_bytes([3; 32]).at_site(&canary_k8s::provider(), "cluster")
}

fn canary() -> CanaryId {
    CanaryId::new("pod_credentials", "web")
}

fn number(n: u32) -> PodNumber {
    PodNumber::new(n).unwrap()
}

fn handle(n: u32) -> PodHandle {
    PodHandles::new(&keys()).make("web", "checkout-settings", &n.to_be_bytes())
}

fn subject(n: u32) -> Subject {
    Subject {
        uid: format!("uid-of-{n}"),
        namespace: "web".to_owned(),
        name: format!("checkout-{n}"),
        owner: Some(Owner {
            kind: "Deployment".to_owned(),
            name: "checkout".to_owned(),
        }),
        service_account: "shop".to_owned(),
        node: Some("node1".to_owned()),
        node_address: Some([10, 0, 0, 1].into()),
        addresses: vec![[10, 1, 0, u8::try_from(n % 250).unwrap()].into()],
        images: [(
            "app".to_owned(),
            "registry.example/app@sha256:abcd".to_owned(),
        )]
        .into(),
        created: at(0),
    }
}

fn jti(n: u32, nth: u32) -> String {
    format!("0f1e2d3c-0000-4000-8{nth:03}-{n:012}")
}

/// The nth token of a pod, issued every ten hours.
fn issued(n: u32, nth: u32) -> PodEntry {
    let from = at(1) + SignedDuration::from_hours(10 * i64::from(nth));
    PodEntry::Issued {
        number: number(n),
        issued: Issued {
            kind: BaitKind::Kubeconfig,
            token: Some(jti(n, nth)),
            at: from,
            until: from + SignedDuration::from_hours(24),
        },
    }
}

/// A pod that runs, with one token.
fn pod(n: u32) -> Vec<PodEntry> {
    let opened = PodEntry::Opened {
        number: number(n),
        canary: canary(),
        handle: handle(n),
        subject: Box::new(subject(n)),
        at: at(0),
    };
    vec![opened, issued(n, 0)]
}

fn pods(all: impl IntoIterator<Item = Vec<PodEntry>>) -> Pods {
    Pods::from_entries(all.into_iter().flatten())
}

/// A record as a server writes it.
#[derive(Clone)]
struct Line {
    verb: &'static str,
    user: String,
    groups: &'static str,
    extra: BTreeMap<String, String>,
    from: &'static str,
    uri: String,
    object: String,
    code: u16,
    stage: &'static str,
    at: Timestamp,
    until: Timestamp,
}

impl Line {
    fn by(user: &str, verb: &'static str, uri: &str, object: Value, at: Timestamp) -> Self {
        Self {
            verb,
            user: user.to_owned(),
            groups: "system:authenticated",
            extra: BTreeMap::new(),
            from: "203.0.113.9",
            uri: uri.to_owned(),
            object: in_order(&object),
            code: 200,
            stage: "ResponseComplete",
            at,
            until: at,
        }
    }

    fn with(mut self, key: &str, value: &str) -> Self {
        let key = format!("authentication.kubernetes.io/{key}");
        self.extra.insert(key, value.to_owned());
        self
    }

    fn event(&self) -> Event {
        let line = self.line();
        // Whatever is expected of an event is expected of what the sieve lets through.
        let reading = read_line(line.as_bytes(), false);
        assert_eq!(reading.events.len(), 1, "{line}");
        reading.events.into_iter().next().unwrap()
    }

    fn line(&self) -> String {
        let extra: BTreeMap<&String, [&String; 1]> = self
            .extra
            .iter()
            .map(|(key, value)| (key, [value]))
            .collect();
        let extra = match extra.is_empty() {
            true => String::new(),
            false => format!(r#","extra":{}"#, json!(extra)),
        };
        let id = format!("{}-{}-{}", self.user, self.verb, self.at);
        format!(
            r#"{{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"{id}","stage":"{}","requestURI":"{}","verb":"{}","user":{{"username":"{}","uid":"u","groups":["{}"]{extra}}},"sourceIPs":["{}"],"userAgent":"kubectl/v1.36.3","objectRef":{},"responseStatus":{{"metadata":{{}},"code":{}}},"requestReceivedTimestamp":"{}","stageTimestamp":"{}"}}"#,
            self.stage,
            self.uri,
            self.verb,
            self.user,
            self.groups,
            self.from,
            self.object,
            self.code,
            self.time(self.at),
            self.time(self.until),
        )
    }

    fn time(&self, at: Timestamp) -> String {
        at.strftime("%Y-%m-%dT%H:%M:%S.000000Z").to_string()
    }
}

/// An object reference in the server's order of fields.
fn in_order(object: &Value) -> String {
    let keys = ["resource", "namespace", "name", "apiGroup", "apiVersion"];
    let fields = keys.iter().filter_map(|key| {
        let value = object.get(key)?;
        Some(format!("\"{key}\":{value}"))
    });
    format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
}

/// A thief who comes with a token.
fn thief(token: &str, at: Timestamp) -> Line {
    let object = json!({ "resource": "pods", "namespace": "web", "apiVersion": "v1" });
    Line::by(DECOY, "list", "/api/v1/namespaces/web/pods", object, at)
        .with("credential-id", &format!("JTI={token}"))
}

const DECOY: &str = "system:serviceaccount:web:reporter";

/// Somebody who reads a pod's bait by name.
fn gets(user: &str, n: u32, at: Timestamp) -> Line {
    let name = handle(n).to_string();
    let object =
        json!({ "resource": "secrets", "namespace": "web", "name": name, "apiVersion": "v1" });
    let uri = format!("/api/v1/namespaces/web/secrets/{name}");
    Line::by(user, "get", &uri, object, at)
}

/// Somebody who lists the Secrets of the namespace.
fn lists(user: &str, at: Timestamp) -> Line {
    let object = json!({ "resource": "secrets", "namespace": "web", "apiVersion": "v1" });
    Line::by(user, "list", "/api/v1/namespaces/web/secrets", object, at)
}

/// A kubelet that begins to watch what its pod waits for.
fn node(node: &str, n: u32, at: Timestamp) -> Line {
    let mut line = gets(&format!("system:node:{node}"), n, at);
    line.verb = "watch";
    line.stage = "ResponseStarted";
    line.groups = "system:nodes";
    line.from = "10.0.0.1";
    let name = handle(n);
    line.uri = format!(
        "/api/v1/namespaces/web/secrets?allowWatchBookmarks=true&fieldSelector=metadata.name%3D{name}&watch=true"
    );
    line
}

struct World {
    judge: Judge,
    folder: Folder,
    scan: Scan,
}

/// The decoy account that the tokens are of.
fn decoy() -> Tripwire {
    Tripwire {
        mention: Mention::Principal(DECOY.to_owned()),
        meaning: Meaning::Identity,
        address: Address::part_of(canary(), "web"),
        labels: None,
        fields: BTreeMap::new(),
    }
}

fn ground(pods: &Pods) -> (Vec<Planted>, Vec<Tripwire>, Option<Arc<Attribution>>) {
    let tripwires = pod_baits::tripwires(pods).into_iter().chain([decoy()]);
    let attribution = Attribution::new(pods.clone(), Sessions::new(&keys()));
    let attribution = attribution.with_egress(vec!["198.51.100.0/24".to_owned()]);
    (
        pod_baits::planted(pods),
        tripwires.collect(),
        Some(Arc::new(attribution)),
    )
}

fn sieve(tripwires: &[Tripwire], attribution: Option<&Attribution>) -> Scan {
    let homes = attribution.map(Attribution::homes);
    Scan::new(tripwires, true).with_homes(Arc::new(homes.unwrap_or_default()))
}

impl World {
    fn new(pods: &Pods) -> Self {
        Self::with_readers(pods, Vec::new())
    }

    fn with_readers(pods: &Pods, known_readers: Vec<KnownReader>) -> Self {
        let (planted, tripwires, attribution) = ground(pods);
        let mut folder = Folder::new(Digester::new(&[1; 32]));
        assert_eq!(folder.attribute(attribution.clone()), Vec::<String>::new());
        Self {
            scan: sieve(&tripwires, attribution.as_deref()),
            judge: Judge::new(Rules {
                planted,
                tripwires: Tripwires::new(tripwires),
                known_readers,
                machinery: KubernetesCatalog::new().machinery().into_iter().collect(),
                own: BTreeMap::new(),
                planned: false,
                applied_by: None,
                pods: attribution,
            }),
            folder,
        }
    }

    /// What became of alerts by a record.
    fn take(&mut self, line: &Line) -> Vec<Change> {
        if !self.scan.maybe(line.line().as_bytes()) {
            return Vec::new();
        }
        let seen = self.judge.judge(&line.event());
        self.tell(&seen)
    }

    fn tell(&mut self, seen: &[Sighting]) -> Vec<Change> {
        let changes = self.folder.push(seen, &Outbox::default());
        let readings = self.judge.take_readings();
        let learned = self.folder.learn(&readings);
        let changes = changes.into_iter().map(|(_, change)| change);
        changes
            .chain(learned.into_iter().map(|_| Change::Updated))
            .collect()
    }

    fn told(mut self, lines: &[Line]) -> Vec<Alert> {
        for line in lines {
            self.take(line);
        }
        let waited = self.judge.finish();
        self.tell(&waited);
        self.folder.alerts()
    }
}

/// Of the one use of a bait: which pod, and who else had it.
fn accused(alerts: &[Alert]) -> (String, Vec<String>) {
    let used: Vec<_> = alerts
        .iter()
        .flat_map(|alert| &alert.pods)
        .filter(|one| one.link == Link::Credential)
        .collect();
    assert_eq!(used.len(), 1, "{alerts:#?}");
    let readers = used[0].readers.iter();
    (
        used[0].pod.uid.clone(),
        readers.map(|one| one.reader.principal.clone()).collect(),
    )
}

#[test]
fn a_thief_who_uses_a_pods_bait_is_one_alert_that_names_the_pod() {
    let world = World::new(&pods([pod(1), pod(2)]));
    let alerts = world.told(&[thief(&jti(1, 0), at(13))]);
    assert_eq!(alerts.len(), 1, "{alerts:#?}");
    let alert = &alerts[0];
    assert_eq!(alert.severity, Severity::Critical);
    let one = &alert.pods[0];
    assert_eq!(one.subject, Some(subject(1)));
    assert_eq!((one.age(alert.first), one.is_certain()), (Some(720), true));
    let told = text(alert);
    let who = "  who      pod web/checkout-1 (Deployment checkout, on node1) – its credential, 12 min old\n";
    assert!(told.contains(who), "{told}");
    assert!(
        told.contains("sha256:abcd") && told.contains("10.1.0.1 on 10.0.0.1"),
        "{told}"
    );
    let finding = ocsf(alert, Change::Created, "0.1.0", at(14));
    let resources = finding["resources"].as_array().unwrap();
    let resource = resources.iter().find(|one| one["type"] == "pod").unwrap();
    assert_eq!(resource["uid"], "uid-of-1");
    assert_eq!(resource["data"]["certain"], true);
    assert!(!finding.to_string().contains("null"), "{finding:#}");
}

#[test]
fn whoever_read_the_bait_before_is_named_in_whatever_order_the_log_tells_it() {
    let all = pods([pod(1), pod(2)]);
    let named = gets("alice", 1, at(5));
    let listed = lists("bob", at(10));
    let other = gets("carol", 2, at(5));
    let later = gets("dave", 1, at(40));
    let mut refused = gets("eve", 1, at(5));
    refused.code = 403;
    let used = thief(&jti(1, 0), at(13));
    let mut lines = vec![named, listed, other, later, refused, used];
    let expected = (
        "uid-of-1".to_owned(),
        vec!["alice".to_owned(), "bob".to_owned()],
    );
    let alerts = World::new(&all).told(&lines);
    assert_eq!(accused(&alerts), expected);
    lines.reverse();
    let reversed = World::new(&all).told(&lines);
    assert_eq!(accused(&reversed), expected);
    assert_eq!(reversed, alerts);
    let used = alerts
        .iter()
        .find(|one| !one.pods.is_empty() && one.pods[0].link == Link::Credential);
    let told = text(used.unwrap());
    assert!(
        told.contains(
            "or whoever read its credential: alice (get its Secret, 8 min before), bob (list the Secrets in web, 3 min before)"
        ),
        "{told}"
    );
}

#[test]
fn a_reading_that_is_told_after_the_use_is_an_update_of_the_alert_and_only_once() {
    let mut world = World::new(&pods([pod(1)]));
    assert_eq!(world.take(&thief(&jti(1, 0), at(13))), [Change::Created]);
    let reading = gets("alice", 1, at(5));
    assert_eq!(world.take(&reading), [Change::Created, Change::Updated]);
    assert_eq!(world.take(&reading), []);
    assert_eq!(world.take(&gets("alice", 1, at(50))), [Change::Counted]);
}

#[test]
fn what_was_read_is_remembered_across_a_restart() {
    let all = pods([pod(1)]);
    let mut world = World::new(&all);
    world.take(&gets("alice", 1, at(5)));
    world.take(&lists("bob", at(6)));
    let kept = serde_json::to_string(&world.folder.save(&Outbox::default())).unwrap();
    let mut restarted = World::new(&all);
    restarted.folder.load(serde_json::from_str(&kept).unwrap());
    restarted.take(&thief(&jti(1, 0), at(13)));
    let (_, readers) = accused(&restarted.folder.alerts());
    assert_eq!(readers, ["alice", "bob"]);
}

#[test]
fn a_reading_long_before_the_credential_was_issued_accuses_nobody() {
    let mut entries = pod(1);
    entries.push(issued(1, 1));
    let all = pods([entries]);
    let reading = gets("alice", 1, at(5));
    // The second token was issued ten hours later.
    let late = thief(&jti(1, 1), at(11 * 60));
    let alerts = World::new(&all).told(&[reading.clone(), late.clone()]);
    assert_eq!(accused(&alerts).1, Vec::<String>::new());
    // A watch goes on, and is told what is new.
    let mut watch = lists("alice", at(5));
    watch.verb = "watch";
    watch.stage = "ResponseStarted";
    let alerts = World::new(&all).told(&[watch.clone(), late.clone()]);
    assert_eq!(accused(&alerts).1, ["alice"]);
    let mut ended = watch.clone();
    ended.stage = "ResponseComplete";
    ended.until = at(20);
    let alerts = World::new(&all).told(&[watch, ended, late]);
    assert_eq!(accused(&alerts).1, Vec::<String>::new());
}

#[test]
fn a_known_reader_of_everything_had_it_too() {
    let entry = KnownReader {
        principal: "velero".to_owned(),
        acting_as: None,
        uid: None,
        verbs: vec!["list".to_owned()],
        resource: "secrets".to_owned(),
        scope: ReaderScope::Namespace("web".to_owned()),
        label_selector: None,
        field_selector: None,
        credential: None,
        from: None,
        every: None,
        reason: "a backup".to_owned(),
        until: "2030-01-01".parse().unwrap(),
        span: Span::default(),
    };
    let mut world = World::with_readers(&pods([pod(1)]), vec![entry]);
    assert_eq!(world.take(&lists("velero", at(5))), []);
    world.take(&thief(&jti(1, 0), at(13)));
    let alerts = world.folder.alerts();
    assert_eq!(
        (alerts.len(), accused(&alerts).1),
        (1, vec!["velero".to_owned()])
    );
    assert!(text(&alerts[0]).contains("a known reader"));
}

#[test]
fn a_pod_that_is_gone_and_a_token_that_was_replaced_twice_are_told_alike_a_day_later() {
    let mut entries = [pod(1), pod(2)].concat();
    entries.extend([issued(1, 1), issued(1, 2)]);
    let gone = at(25 * 60);
    entries.push(PodEntry::Buried {
        number: number(1),
        at: gone,
    });
    // As the agent keeps it a day after the event, which comes as late as that.
    let used = at(24 * 60);
    let now = used + SignedDuration::from_hours(24);
    let kept = Pods::from_entries(pods([entries]).compacted(now));
    for nth in 0..3 {
        let used = if nth == 2 {
            used
        } else {
            at(20 + 600 * i64::from(nth))
        };
        let alerts = World::new(&kept).told(&[thief(&jti(1, nth), used)]);
        assert_eq!((alerts.len(), accused(&alerts).0.as_str()), (1, "uid-of-1"));
        let one = &alerts[0].pods[0];
        assert_eq!(one.place, Some((usize::try_from(nth).unwrap() + 1, 3)));
        assert_eq!(one.gone, Some(gone));
        assert_eq!(one.subject, Some(subject(1)));
    }
}

#[test]
fn every_token_of_two_hundred_pods_is_that_of_its_own_pod() {
    let of = |n: u32| [pod(n), vec![issued(n, 1)]].concat();
    let all = pods((0..200).map(of));
    for n in 0..200 {
        for nth in 0..2 {
            let used = thief(&jti(n, nth), at(11 * 60));
            let alerts = World::new(&all).told(&[used]);
            let expected = (format!("uid-of-{n}"), Vec::new());
            assert_eq!((alerts.len(), accused(&alerts)), (1, expected));
        }
    }
}

#[test]
fn a_copy_of_a_pod_may_have_used_it_as_well() {
    let mut entries = pod(1);
    entries.push(PodEntry::Shared {
        number: number(1),
        other: Other {
            uid: "copy".to_owned(),
            name: "checkout-1-debug".to_owned(),
        },
    });
    let all = pods([entries]);
    // The copy's node reads it, too, wherever that is.
    let alerts = World::new(&all).told(&[node("node2", 1, at(5)), thief(&jti(1, 0), at(13))]);
    assert_eq!(alerts.len(), 1);
    assert!(!alerts[0].pods[0].is_certain());
    let told = text(&alerts[0]);
    let who = "pod web/checkout-1 (Deployment checkout, on node1) or pod web/checkout-1-debug (same handle, a copy)";
    assert!(told.contains(who), "{told}");
}

#[test]
fn a_pods_own_node_reads_its_bait_and_another_node_is_an_alert_that_names_the_pod() {
    let all = pods([pod(1), pod(2)]);
    let alerts = World::new(&all).told(&[node("node1", 1, at(1)), thief(&jti(1, 0), at(13))]);
    assert_eq!((alerts.len(), accused(&alerts).1), (1, Vec::new()));
    let alerts = World::new(&all).told(&[node("node2", 1, at(1))]);
    assert_eq!(alerts.len(), 1);
    assert_eq!(alerts[0].severity, Severity::Critical);
    assert_eq!(alerts[0].pods[0].link, Link::Bait);
    let told = text(&alerts[0]);
    assert!(
        told.contains("the bait is that of web/checkout-1 (Deployment checkout, on node1)"),
        "{told}"
    );
    // Nobody is a node who only acts as one, and no node has a reason to list.
    let mut acting = node("node1", 1, at(1)).line();
    acting = acting.replace(
        r#","sourceIPs""#,
        r#","impersonatedUser":{"username":"system:node:node1","groups":["system:nodes"]},"sourceIPs""#,
    );
    acting = acting.replace(
        r#""user":{"username":"system:node:node1""#,
        r#""user":{"username":"admin""#,
    );
    let event = read_line(acting.as_bytes(), false).events.remove(0);
    assert_eq!(World::new(&all).judge.judge(&event).len(), 1);
    let mut listing = lists("system:node:node1", at(1));
    listing.groups = "system:nodes";
    assert_eq!(World::new(&all).told(&[listing]).len(), 1);
}

#[test]
fn a_node_that_read_before_it_was_known_where_the_pod_runs_is_named_when_it_was_another() {
    let mut waiting = subject(1);
    waiting.node = None;
    let mut entries = pod(1);
    if let PodEntry::Opened { subject, .. } = &mut entries[0] {
        **subject = waiting;
    }
    let known = PodEntry::Known {
        number: number(1),
        subject: Box::new(subject(1)),
    };
    let before = pods([entries.clone()]);
    let after = pods([entries, vec![known]]);
    for (reader, expected) in [("node1", vec![]), ("node2", vec!["system:node:node2"])] {
        let mut world = World::new(&before);
        assert_eq!(world.take(&node(reader, 1, at(1))), []);
        world.take(&thief(&jti(1, 0), at(13)));
        let (planted, tripwires, attribution) = ground(&after);
        world.folder.attribute(attribution.clone());
        let tripwires = Tripwires::new(tripwires);
        let open = world
            .judge
            .replant(planted, tripwires, BTreeMap::new(), attribution);
        drop(world.folder.push(&open, &Outbox::default()));
        let alerts = world.folder.alerts();
        let used = alerts
            .iter()
            .filter(|alert| alert.pods[0].link == Link::Credential);
        let used: Vec<Alert> = used.cloned().collect();
        assert_eq!(accused(&used).1, expected);
    }
}

#[test]
fn others_who_change_or_delete_a_bait_touch_it_and_had_what_was_in_it() {
    for verb in ["delete", "patch", "update"] {
        let mut line = gets("alice", 1, at(5));
        line.verb = verb;
        let alerts = World::new(&pods([pod(1)])).told(&[line, thief(&jti(1, 0), at(13))]);
        assert_eq!(
            (alerts.len(), accused(&alerts).1),
            (2, vec!["alice".to_owned()]),
            "{verb}"
        );
    }
}

#[test]
fn a_bait_of_which_no_record_is_left_is_an_alert_that_says_so_until_there_is_one() {
    let mut world = World::new(&pods([pod(2)]));
    world.take(&thief(&jti(1, 0), at(13)));
    let alerts = world.folder.alerts();
    assert_eq!(alerts.len(), 1);
    assert!(alerts[0].pods.is_empty());
    let told = text(&alerts[0]);
    assert!(
        told.contains("whose credential it is cannot be told"),
        "{told}"
    );
    let (_, _, attribution) = ground(&pods([pod(1), pod(2)]));
    assert_eq!(world.folder.attribute(attribution), [alerts[0].uid.clone()]);
    let alerts = world.folder.alerts();
    assert_eq!(accused(&alerts).0, "uid-of-1");
    assert!(!text(&alerts[0]).contains("cannot be told"));
}

#[test]
fn a_caller_is_told_with_what_is_recorded_of_its_pod() {
    let with_pod = |uid: &str| {
        let mut line = gets("system:serviceaccount:web:shop", 2, at(13))
            .with("credential-id", "JTI=own")
            .with("pod-name", "checkout-1")
            .with("pod-uid", uid)
            .with("node-name", "node1");
        line.from = "10.1.0.1";
        line
    };
    let all = pods([pod(1), pod(2)]);
    let alerts = World::new(&all).told(&[with_pod("uid-of-1")]);
    let caller = |alerts: &[Alert]| {
        let mut pods = alerts[0].pods.iter();
        pods.find(|one| one.link == Link::Caller).cloned().unwrap()
    };
    assert_eq!(caller(&alerts).subject, Some(subject(1)));
    assert!(
        text(&alerts[0]).contains(
            "the caller's is web/checkout-1 (Deployment checkout, on node1): uid uid-of-1"
        )
    );
    let unknown = caller(&World::new(&all).told(&[with_pod("other")]));
    assert_eq!(
        (unknown.subject, unknown.pod.uid),
        (None, "other".to_owned())
    );
}

#[test]
fn nobody_hides_a_reading_behind_many_others() {
    let mut world = World::new(&pods([pod(1)]));
    world.take(&gets("zoe", 1, at(5)));
    for n in 0..100 {
        world.take(&gets(&format!("user-{n}"), 1, at(6)));
    }
    world.take(&thief(&jti(1, 0), at(13)));
    let alerts = world.folder.alerts();
    let used = alerts
        .iter()
        .find(|alert| alert.pods[0].link == Link::Credential)
        .unwrap();
    let one = &used.pods[0];
    assert_eq!((one.readers.len(), one.more_readings), (16, 85));
    assert!(one.readers.iter().any(|one| one.reader.principal == "zoe"));
    assert!(text(used).contains("and others, 85 times"));
}

/// A pod's own token, from somewhere, on its way to nothing of ours.
fn own(n: u32, from: &'static str, at: Timestamp) -> Line {
    let object = json!({ "resource": "configmaps", "namespace": "web", "name": "settings", "apiVersion": "v1" });
    let uri = "/api/v1/namespaces/web/configmaps/settings";
    let mut line = Line::by("system:serviceaccount:web:shop", "get", uri, object, at)
        .with("credential-id", &format!("JTI=own-{n}"))
        .with("node-name", "node1")
        .with("pod-name", &format!("checkout-{n}"))
        .with("pod-uid", &format!("uid-of-{n}"));
    line.from = from;
    line
}

#[test]
fn a_pods_token_from_elsewhere_is_one_alert_however_often_it_is_used() {
    let lines: Vec<Line> = (0..30)
        .map(|minute| own(1, "203.0.113.9", at(minute)))
        .collect();
    let alerts = World::new(&pods([pod(1)])).told(&lines);
    assert_eq!(alerts.len(), 1, "{alerts:#?}");
    let alert = &alerts[0];
    assert_eq!((alert.severity, alert.count), (Severity::High, 30));
    let told = text(alert);
    let title = "HIGH       a token of pod web/checkout-1 is used from 203.0.113.9";
    assert!(told.starts_with(title), "{told}");
    assert!(
        told.contains("the caller's is web/checkout-1 (Deployment checkout, on node1)"),
        "{told}"
    );
    assert_eq!(
        ocsf(alert, Change::Created, "0.1.0", at(1))["severity"],
        "High"
    );
}

#[test]
fn a_pods_token_from_where_the_pod_is_is_passed_by() {
    let homes = ["10.1.0.1", "10.0.0.1", "198.51.100.7", "127.0.0.1", "::1"];
    for from in homes {
        let mut world = World::new(&pods([pod(1)]));
        let line = own(1, from, at(13));
        assert!(!world.scan.maybe(line.line().as_bytes()), "{from}");
        // Nor is it told by whoever reads everything.
        assert_eq!(world.judge.judge(&line.event()), []);
        assert_eq!(world.judge.finish(), [], "{from}");
    }
}

#[test]
fn an_address_that_the_pods_node_came_from_is_the_nodes() {
    let kubelet = |from: &'static str| {
        let object = json!({ "resource": "leases", "namespace": "kube-node-lease", "name": "node1", "apiGroup": "coordination.k8s.io", "apiVersion": "v1" });
        let uri = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/node1";
        let mut line = Line::by("system:node:node1", "update", uri, object, at(1));
        (line.groups, line.from) = ("system:nodes", from);
        line
    };
    let all = pods([pod(1)]);
    let lines = [
        kubelet("10.0.0.1"),
        kubelet("192.0.2.1"),
        own(1, "192.0.2.1", at(13)),
    ];
    assert_eq!(World::new(&all).told(&lines), []);
    // The address of another node is none of this one's.
    let mut other = kubelet("192.0.2.1");
    other.user = "system:node:node2".to_owned();
    assert_eq!(
        World::new(&all)
            .told(&[other, own(1, "192.0.2.1", at(13))])
            .len(),
        1
    );
    // In whatever order they come.
    let lines = [own(1, "192.0.2.1", at(1)), kubelet("192.0.2.1")];
    assert_eq!(World::new(&all).told(&lines), []);
}

#[test]
fn of_a_pod_that_is_not_known_or_not_wholly_no_token_is_called_stolen() {
    let incomplete = |change: fn(&mut Subject)| {
        let mut entries = pod(1);
        if let PodEntry::Opened { subject, .. } = &mut entries[0] {
            change(subject);
        }
        pods([entries])
    };
    let all = [
        pods([pod(2)]),
        incomplete(|subject| subject.addresses.clear()),
        incomplete(|subject| subject.node = None),
        incomplete(|subject| subject.node_address = None),
        incomplete(|subject| subject.images.clear()),
    ];
    for pods in all {
        assert_eq!(World::new(&pods).told(&[own(1, "203.0.113.9", at(13))]), []);
    }
}

#[test]
fn a_pod_that_was_given_another_address_meanwhile_is_not_called_robbed() {
    let moved = PodEntry::Known {
        number: number(1),
        subject: Box::new(Subject {
            addresses: vec![[10, 1, 9, 9].into()],
            ..subject(1)
        }),
    };
    let mut world = World::new(&pods([pod(1)]));
    assert_eq!(world.take(&own(1, "10.1.9.9", at(13))), []);
    let (planted, tripwires, attribution) = ground(&pods([pod(1), vec![moved]]));
    let tripwires = Tripwires::new(tripwires);
    world
        .judge
        .replant(planted, tripwires, BTreeMap::new(), attribution);
    assert_eq!(world.judge.finish(), []);
}

#[test]
fn a_stolen_token_that_reads_a_bait_is_told_as_both() {
    let mut line = own(1, "203.0.113.9", at(13));
    let bait = gets("x", 2, at(13));
    (line.uri, line.object) = (bait.uri, bait.object);
    let alerts = World::new(&pods([pod(1), pod(2)])).told(&[line]);
    let severities: Vec<Severity> = alerts.iter().map(|alert| alert.severity).collect();
    assert_eq!(severities, [Severity::Critical, Severity::High]);
    assert!(text(&alerts[0]).contains("the token is stolen"));
    assert_eq!(alerts[0].incident, alerts[1].incident);
}

#[test]
fn whoever_lists_a_thousand_baits_is_told_once_with_how_many() {
    let all = pods((0..1000).map(pod));
    let mut world = World::new(&all);
    let mut watch = lists("mallory", at(13));
    (watch.verb, watch.stage) = ("watch", "ResponseStarted");
    assert_eq!(world.take(&watch), [Change::Created]);
    // Another pod is no news to whoever watches all of them.
    let (planted, tripwires, attribution) = ground(&pods((0..1001).map(pod)));
    let tripwires = Tripwires::new(tripwires);
    let open = world
        .judge
        .replant(planted, tripwires, BTreeMap::new(), attribution);
    assert_eq!(world.tell(&open), []);
    let alert = &world.folder.alerts()[0];
    let finding = ocsf(alert, Change::Created, "0.1.0", at(14));
    let expected = json!([{
        "name": "pod_credentials.web", "type": "pod_credentials",
        "data": { "grade": "covering", "pods": 1001 },
    }]);
    assert_eq!(finding["resources"], expected);
}
