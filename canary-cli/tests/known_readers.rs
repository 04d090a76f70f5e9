//! A covering reading is excused by an entry whose every condition holds, and by nothing less.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod support;

use std::path::PathBuf;

use serde_json::{Value, json};
use support::Project;
use support::audit::{Record, findings, log, record, told};

const CONFIG: &str = "[kubernetes]\n[secret.db]\nnamespace = \"shop\"\nname = \"db-admin\"\ntemplate = \"postgres\"\n";
const VELERO: &str = "system:serviceaccount:backup:velero";

fn config(more: &str) -> String {
    format!(
        "{CONFIG}[[known_reader]]\nprincipal = \"{VELERO}\"\nuid = \"v\"\nverbs = [\"list\"]\nscope = \"cluster\"\n\
         {more}\nreason = \"nightly\"\nuntil = 2027-03-01\n"
    )
}

fn extra(jti: Option<&str>) -> Value {
    let mut extra = json!({
        "authentication.kubernetes.io/pod-name": ["velero-1"],
        "authentication.kubernetes.io/pod-uid": ["p"],
    });
    if let Some(jti) = jti {
        extra["authentication.kubernetes.io/credential-id"] = json!([format!("JTI={jti}")]);
        extra["authentication.kubernetes.io/node-name"] = json!(["n1"]);
    }
    extra
}

/// Its nightly reading.
fn reading() -> Record {
    record("list", "secrets", "")
        .everywhere()
        .by(VELERO, "v")
        .with("/user/extra", extra(Some("j")))
}

fn from(address: &str) -> Record {
    reading().with("/sourceIPs", json!([address]))
}

/// The token of the reading, issued before.
fn issued_by(name: &str) -> Record {
    let id = json!({ "authentication.kubernetes.io/issued-credential-id": "JTI=j" });
    record("create", "serviceaccounts", "velero")
        .by(name, "n")
        .uri("/api/v1/namespaces/backup/serviceaccounts/velero/token")
        .with("/objectRef/namespace", "backup".into())
        .with("/objectRef/subresource", "token".into())
        .with("/sourceIPs", json!(["10.88.0.1"]))
        .with("/annotations", id)
        .at("2026-11-22T05:00:00.000001Z")
}

fn alerts(more: &str, records: &[Record]) -> Vec<String> {
    let project = Project::at(PathBuf::from("/nonexistent"), &config(more));
    let lines: Vec<String> = records.iter().map(Record::line).collect();
    told(&findings(&project, &log(&project, &lines)))
}

#[track_caller]
fn excused(more: &str, records: &[Record]) {
    assert_eq!(alerts(more, records), Vec::<String>::new());
}

#[track_caller]
fn told_as(expected: &str, more: &str, records: &[Record]) {
    assert_eq!(alerts(more, records), [expected]);
}

const WORSE: &str = "High secret.db was read among others";
const OTHER: &str = "Medium secret.db was read among others";

#[test]
fn a_service_account_is_known_by_the_tokens_of_its_pods_unless_its_entry_says_otherwise() {
    excused("", &[reading()]);
    excused("", &[issued_by("system:node:n1"), reading()]);
    // Before Kubernetes 1.29.
    excused("", &[reading().with("/user/extra", extra(None))]);
    told_as(WORSE, "", &[reading().with("/user/extra", json!({}))]);
    let unknown = "credential = \"unknown\"";
    excused(unknown, &[reading().with("/user/extra", json!({}))]);
    told_as(WORSE, unknown, &[reading()]);
    for id in ["JTI=x", "X509SHA256=ab"] {
        let unbound = json!({ "authentication.kubernetes.io/credential-id": [id] });
        told_as(WORSE, "", &[reading().with("/user/extra", unbound)]);
    }
}

#[test]
fn a_token_that_was_minted_for_the_pod_by_anybody_but_its_node_excuses_nothing() {
    let as_node =
        issued_by("mallory").with("/impersonatedUser", json!({ "username": "system:node:n1" }));
    for minted in [issued_by("mallory"), issued_by("system:node:n2"), as_node] {
        told_as(WORSE, "", &[minted.clone(), reading()]);
        // In any order of the lines.
        told_as(WORSE, "", &[reading(), minted]);
    }
}

#[test]
fn another_uid_verb_scope_outcome_or_disguise_excuses_nothing() {
    told_as(WORSE, "", &[reading().by(VELERO, "w")]);
    told_as(OTHER, "", &[reading().with("/verb", "watch".into())]);
    told_as(
        OTHER,
        "",
        &[record("list", "secrets", "")
            .by(VELERO, "v")
            .with("/user/extra", extra(Some("j")))],
    );
    told_as(
        "High secret.db was asked for among others, and refused",
        "",
        &[reading().code(403)],
    );
    for other in [
        json!({ "username": "x" }),
        json!({ "uid": "x" }),
        json!({ "groups": ["x"] }),
    ] {
        told_as(WORSE, "", &[reading().with("/impersonatedUser", other)]);
    }
    told_as(
        "Critical secret.db was read",
        "",
        &[reading().uri("/api/v1/secrets?fieldSelector=metadata.name%3Ddb-admin")],
    );
    told_as(WORSE, "", &[reading().at("2027-03-02T00:00:00Z")]);
}

#[test]
fn only_the_last_address_says_from_where_it_came() {
    let network = "from = \"10.1.0.0/16\"";
    excused(network, &[from("10.1.2.3")]);
    told_as(WORSE, network, &[from("10.2.2.3")]);
    told_as(
        WORSE,
        network,
        &[reading().with("/sourceIPs", json!(["10.1.2.3", "203.0.113.9"]))],
    );
    let node = "from = \"own-node\"";
    excused(node, &[issued_by("system:node:n1"), from("10.88.0.1")]);
    told_as(
        WORSE,
        node,
        &[issued_by("system:node:n1"), from("10.88.0.2")],
    );
    let pod = "from = \"own-pod\"";
    let later = from("10.1.2.3").at("2026-11-22T05:41:00Z");
    excused(pod, &[from("10.1.2.3"), later]);
    let stolen = from("203.0.113.9").at("2026-11-22T05:41:00Z");
    told_as(WORSE, pod, &[from("10.1.2.3"), stolen]);
}

#[test]
fn who_comes_more_often_than_its_entry_says_is_told() {
    let at = |time| reading().at(time);
    let first = at("2026-11-22T03:00:00Z");
    let every = "every = \"24h\"";
    excused(
        every,
        &[first.clone(), first.clone(), at("2026-11-23T03:00:00Z")],
    );
    told_as(WORSE, every, &[first.clone(), at("2026-11-22T15:00:00Z")]);
    // One reading in pages; what claims to be a further page long after is a reading of its own.
    let page = |time| at(time).uri("/api/v1/secrets?limit=500&continue=eyJ2Ijoi");
    excused(
        every,
        &[
            first.clone(),
            page("2026-11-22T03:00:01Z"),
            page("2026-11-22T03:04:00Z"),
        ],
    );
    told_as(WORSE, every, &[first.clone(), page("2026-11-22T15:00:00Z")]);
    // What the server takes for none is none.
    for query in [
        "continue=&continue=x",
        "continue=x;",
        "continue=%zz",
        "x=continue=y",
    ] {
        let whole = at("2026-11-22T03:00:01Z").uri(&format!("/api/v1/secrets?{query}"));
        told_as(WORSE, every, &[first.clone(), whole]);
    }
}

#[test]
fn who_reads_otherwise_than_informers_do_is_told_when_the_entry_is_an_informers() {
    let informer = "every = \"informer\"";
    let list = "/api/v1/secrets?limit=500&resourceVersion=0";
    excused(informer, &[reading().uri(list), reading().uri(list)]);
    for other in [
        "/api/v1/secrets",
        "/api/v1/secrets?limit=500",
        "/api/v1/secrets?resourceVersion=01",
        "/api/v1/secrets?x=resourceVersion=0",
    ] {
        told_as(WORSE, informer, &[reading().uri(other)]);
    }
    let watch = |query: &str| {
        reading()
            .with("/verb", "watch".into())
            .uri(&format!("/api/v1/secrets?{query}"))
    };
    let watched = |query: &str| {
        let config = config(informer).replace("[\"list\"]", "[\"watch\"]");
        let project = Project::at(PathBuf::from("/nonexistent"), &config);
        told(&findings(&project, &log(&project, &[watch(query).line()])))
    };
    let streamed = "allowWatchBookmarks=true&sendInitialEvents=true&watch=true";
    assert_eq!(watched(streamed), Vec::<String>::new());
    assert_eq!(watched("watch=true"), [WORSE]);
}

#[test]
fn a_damaged_record_is_told_whomever_it_names() {
    let project = Project::at(PathBuf::from("/nonexistent"), &config(""));
    let line = reading().line();
    let cut = line[..line.len() - 30].to_owned();
    assert_eq!(told(&findings(&project, &log(&project, &[cut]))), [WORSE]);
}

#[test]
fn what_is_proposed_can_be_pasted_and_excuses_what_it_was_proposed_from_and_nothing_else_is_proposed()
 {
    let project = Project::at(PathBuf::from("/nonexistent"), CONFIG);
    let whole = [
        reading(),
        reading()
            .by("system:serviceaccount:kube-system:old", "o")
            .with("/user/extra", json!({})),
        record("watch", "secrets", "").by("a\"\n\u{202e}\u{1b}[1m", "x"),
        record("list", "secrets", "").uri("/api/v1/namespaces/shop/secrets?labelSelector=!x%0A"),
    ];
    let lines: Vec<String> = whole.iter().map(Record::line).collect();
    let junk = [
        record("list", "secrets", "")
            .by("denied", "d")
            .code(403)
            .line(),
        record("delete", "namespaces", "shop")
            .by("remover", "r")
            .uri("/api/v1/namespaces/shop")
            .line(),
        record("", "secrets", "").by("asker", "q").line(),
        record("list", "secrets", "").by("", "").line(),
        reading().by("cut", "c").line()[..420].to_owned(),
    ];
    let all: Vec<String> = lines.iter().chain(&junk).cloned().collect();
    let path = log(&project, &all).display().to_string();
    let proposed = project
        .run(&["known-readers", "--planned", &path])
        .exits(0)
        .out;
    assert_eq!(
        proposed.matches("[[known_reader]]").count(),
        whole.len(),
        "{proposed}"
    );
    assert!(!proposed.contains(['\u{1b}', '\u{202e}']), "{proposed}");
    project.configure(&format!("{CONFIG}{proposed}"));
    assert_eq!(
        told(&findings(&project, &log(&project, &lines))),
        Vec::<String>::new()
    );
    assert_eq!(findings(&project, &log(&project, &all)).len(), junk.len());
}
