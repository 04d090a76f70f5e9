//! Whose bait was used, told by `canary detect` from the log of pods and a cluster's audit log.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod support;

use std::io::Write as _;
use std::path::PathBuf;

use canary_cli::store::FileSegments;
use canary_core::bait::{
    BaitKind, Issued, Owner, PodEntry, PodHandle, PodHandles, PodNumber, Pods, Seal, SegmentName,
    Segments as _, Subject,
};
use canary_core::disguise::{Key, SiteKeys};
use canary_core::graph::{CanaryId, ProviderId};
use canary_fixtures::ControlPlane;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use support::Project;
use support::audit::{Record, log, record};
use support::following::Following;

/// A project that planted something in a cluster, and the log of pods of that cluster's agent.
struct Watched {
    project: Project,
    keys: SiteKeys,
}

fn at(hours: i64) -> Timestamp {
    let start: Timestamp = "2026-11-22T05:00:00Z".parse().unwrap();
    start + SignedDuration::from_hours(hours)
}

fn number(n: u32) -> PodNumber {
    PodNumber::new(n).unwrap()
}

fn jti(n: u32, nth: u32) -> String {
    format!("0f1e2d3c-0000-4000-8{nth:03}-{n:012}")
}

impl Watched {
    fn new() -> Option<Self> {
        let cluster = ControlPlane::for_test()?;
        let namespace = cluster.namespace("decoys");
        let config = format!(
            "[kubernetes]\negress = [\"198.51.100.0/24\"]\n[secret.db]\nnamespace = \"{namespace}\"\nname = \"orders-db\"\ntemplate = \"postgres\"\n"
        );
        let project = Project::new(cluster, "admin", &config);
        project.run(&["apply", "--auto-approve"]).exits(0);
        let system = cluster.admin("GET", "/api/v1/namespaces/kube-system", None);
        let site = system["metadata"]["uid"].as_str().unwrap();
        let text = std::fs::read_to_string(project.path(".canary/key")).unwrap();
        let provider = ProviderId::new("kubernetes");
        let agent = Key::from_text(text.trim())
            .unwrap()
            .at_site(&provider, site)
            .agent();
        Some(Self {
            keys: agent.at_site(&provider, site),
            project,
        })
    }

    fn handle(&self, n: u32) -> PodHandle {
        PodHandles::new(&self.keys).make("shop", "checkout-settings", &n.to_be_bytes())
    }

    fn pod(&self, n: u32) -> Vec<PodEntry> {
        let subject = Subject {
            uid: format!("uid-of-{n}"),
            namespace: "shop".to_owned(),
            name: format!("checkout-{n}"),
            owner: Some(Owner {
                kind: "Deployment".to_owned(),
                name: "checkout".to_owned(),
            }),
            service_account: "shop".to_owned(),
            node: Some("node1".to_owned()),
            node_address: Some([10, 0, 0, 1].into()),
            addresses: vec![[10, 1, 0, 7].into()],
            images: [("app".to_owned(), "app@sha256:abcd".to_owned())].into(),
            created: at(0),
        };
        let opened = PodEntry::Opened {
            number: number(n),
            canary: CanaryId::new("pod_credentials", "web"),
            handle: self.handle(n),
            subject: Box::new(subject),
            at: at(0),
        };
        vec![opened, issued(n, 0)]
    }

    fn folder(&self) -> PathBuf {
        self.project.path("pods")
    }

    /// The agent writes these down.
    fn commit(&self, name: SegmentName, entries: &[PodEntry]) {
        let bytes = Seal::new(&self.keys).seal(name, entries);
        let segments = FileSegments::new(&self.folder());
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(segments.create(name, &bytes)).unwrap();
    }

    fn findings(&self, records: &[Record]) -> Vec<Value> {
        let lines: Vec<String> = records.iter().map(Record::line).collect();
        let log = log(&self.project, &lines).display().to_string();
        let pods = self.folder().display().to_string();
        let args = ["detect", "--audit-log", &log, "--pods", &pods, "--json"];
        self.project.run(&args).exits(0).json_lines()
    }

    fn reads(&self, user: &str, n: u32, time: Timestamp) -> Record {
        record("get", "secrets", self.handle(n).as_str())
            .by(user, "u")
            .with("/auditID", json!(format!("{user}-{time}")))
            .at(&stamp(time))
    }
}

fn issued(n: u32, nth: u32) -> PodEntry {
    let from = at(10 * i64::from(nth));
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

fn stamp(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.000001Z").to_string()
}

fn uses(token: &str, time: Timestamp) -> Record {
    let id = format!("JTI={token}");
    record("list", "pods", "")
        .by("system:serviceaccount:shop:reporter", "d")
        .with(
            "/user/extra",
            json!({ "authentication.kubernetes.io/credential-id": [id] }),
        )
        .with("/auditID", json!(format!("{token}-{time}")))
        .at(&stamp(time))
}

/// The pods that a finding points to by a credential: uid, and who else had it.
fn accused(finding: &Value) -> Vec<(String, Vec<String>)> {
    let resources = finding["resources"].as_array().unwrap().iter();
    let pods = resources.filter(|one| one["data"]["link"] == "credential");
    let name = |one: &Value| one["reader"]["principal"].as_str().unwrap().to_owned();
    let readers = |pod: &Value| {
        let readers = pod["data"]["readers"].as_array();
        readers.into_iter().flatten().map(name).collect()
    };
    pods.map(|pod| (pod["uid"].as_str().unwrap().to_owned(), readers(pod)))
        .collect()
}

fn of(uid: &str, readers: &[&str]) -> Vec<(String, Vec<String>)> {
    let readers = readers.iter().map(|&one| one.to_owned()).collect();
    vec![(uid.to_owned(), readers)]
}

#[test]
fn a_use_of_a_bait_names_its_pod_and_whoever_read_it_before_in_any_order() {
    let Some(watched) = Watched::new() else {
        return;
    };
    let entries = [watched.pod(1), watched.pod(2)].concat();
    watched.commit(SegmentName::Commit(1), &entries);
    let used = uses(&jti(1, 0), at(1));
    let alone = watched.findings(std::slice::from_ref(&used));
    assert_eq!(alone.len(), 1, "{alone:#?}");
    assert_eq!(accused(&alone[0]), of("uid-of-1", &[]));
    assert_eq!(alone[0]["severity"], "Critical");

    let read = watched.reads("alice", 1, at(0));
    let other = watched.reads("bob", 2, at(0));
    for records in [[&read, &other, &used], [&used, &other, &read]] {
        let records: Vec<Record> = records.into_iter().cloned().collect();
        let findings = watched.findings(&records);
        let told: Vec<_> = findings.iter().flat_map(accused).collect();
        assert_eq!((findings.len(), told), (3, of("uid-of-1", &["alice"])));
    }
}

#[test]
fn every_credential_of_two_hundred_pods_is_told_as_its_own_pods_a_day_late_and_when_they_are_gone()
{
    let Some(watched) = Watched::new() else {
        return;
    };
    let all = 0..200;
    let pod = |n: u32| {
        let gone = PodEntry::Buried {
            number: number(n),
            at: at(23),
        };
        [watched.pod(n), vec![issued(n, 1), issued(n, 2), gone]].concat()
    };
    let entries: Vec<PodEntry> = all.clone().flat_map(pod).collect();
    // As the agent draws its log together two days later.
    let kept = Pods::from_entries(entries).compacted(at(48));
    let chunks: Vec<&[PodEntry]> = kept.chunks(100).collect();
    let parts = u32::try_from(chunks.len()).unwrap();
    for (part, chunk) in (1..).zip(chunks) {
        watched.commit(
            SegmentName::Snapshot {
                upto: 9,
                part,
                parts,
            },
            chunk,
        );
    }
    let records: Vec<Record> = all
        .clone()
        .flat_map(|n| (0..3).map(move |nth| uses(&jti(n, nth), at(22))))
        .collect();
    let findings = watched.findings(&records);
    assert_eq!(findings.len(), 600);
    for finding in &findings {
        let credential = &finding["evidences"][0]["actor"]["user"]["credential_uid"];
        let credential = credential.as_str().unwrap();
        let n: u32 = credential.rsplit('-').next().unwrap().parse().unwrap();
        assert_eq!(accused(finding), of(&format!("uid-of-{n}"), &[]));
    }
}

#[test]
fn what_is_recorded_while_the_log_is_followed_counts_for_what_was_read_before_it() {
    let Some(watched) = Watched::new() else {
        return;
    };
    watched.commit(SegmentName::Commit(1), &watched.pod(1));
    let path = log(&watched.project, &[]);
    let add = |record: &Record| {
        let mut file = std::fs::File::options().append(true).open(&path).unwrap();
        writeln!(file, "{}", record.line()).unwrap();
    };
    let (audit, pods) = (
        path.display().to_string(),
        watched.folder().display().to_string(),
    );
    let sources = ["--audit-log", audit.as_str(), "--pods", pods.as_str()];
    let following = Following::of(&watched.project, &sources);
    add(&watched.reads("alice", 1, at(0)));
    assert_eq!(following.next()["activity_id"], 1);
    // The second pod is not known yet when its bait is used.
    add(&uses(&jti(2, 0), at(1)));
    add(&uses(&jti(1, 0), at(1)));
    assert_eq!(accused(&following.next()), of("uid-of-1", &["alice"]));
    watched.commit(SegmentName::Commit(2), &watched.pod(2));
    assert_eq!(accused(&following.next()), of("uid-of-2", &[]));
    assert_eq!(following.end(), Vec::<Value>::new());
    // What was read is remembered, and nothing is told twice.
    add(&uses(&jti(1, 0), at(3)));
    let following = Following::of(&watched.project, &sources);
    assert_eq!(accused(&following.next()), of("uid-of-1", &["alice"]));
    assert_eq!(following.end(), Vec::<Value>::new());
}

#[test]
fn a_pods_own_token_is_stolen_where_it_comes_from_nowhere_that_the_pod_is() {
    let Some(watched) = Watched::new() else {
        return;
    };
    watched.commit(SegmentName::Commit(1), &watched.pod(1));
    let from = |address: &str| {
        let name = |key: &str| format!("authentication.kubernetes.io/{key}");
        let extra = json!({
            name("credential-id"): ["JTI=own"], name("node-name"): ["node1"],
            name("pod-name"): ["checkout-1"], name("pod-uid"): ["uid-of-1"],
        });
        record("get", "configmaps", "settings")
            .by("system:serviceaccount:shop:shop", "s")
            .with("/user/extra", extra)
            .with("/sourceIPs", json!([address]))
            .with("/auditID", json!(address))
    };
    let all = ["10.1.0.7", "10.0.0.1", "198.51.100.7", "203.0.113.9"];
    let findings = watched.findings(&all.map(from));
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert_eq!(findings[0]["severity"], "High");
    let title = "a token of pod shop/checkout-1 is used from 203.0.113.9";
    assert_eq!(findings[0]["finding_info"]["title"], title);
}

#[test]
fn a_damaged_log_of_pods_is_said_and_one_that_is_not_there_is_a_failure() {
    let Some(watched) = Watched::new() else {
        return;
    };
    watched.commit(SegmentName::Commit(1), &watched.pod(1));
    watched.commit(SegmentName::Commit(3), &watched.pod(2));
    let used = log(&watched.project, &[uses(&jti(2, 0), at(1)).line()]);
    let (used, pods) = (
        used.display().to_string(),
        watched.folder().display().to_string(),
    );
    let detect = |pods: &str| {
        let args = ["detect", "--audit-log", &used, "--pods", pods];
        watched.project.run(&args)
    };
    detect(&pods)
        .exits(0)
        .says("commits 2 to 2 are not there")
        .shows("pod shop/checkout-2 (Deployment checkout, on node1) – its credential, 1 h old");
    detect("/nonexistent/pods")
        .exits(1)
        .says("/nonexistent/pods");
}
