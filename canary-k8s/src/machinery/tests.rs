//! The rules, each beside the stolen credential that it must not excuse.

use std::collections::BTreeMap;

use canary_core::detect::{
    Credential, Event, Grade, Ground, Machinery as _, Planted, Ruling, Touch, Touches,
};
use canary_core::graph::{Address, Handle};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::KubernetesMachinery;
use crate::audit::read_line;

const START: &str = "2026-11-22T05:00:00Z";

/// An event as the API server writes it, so many seconds after the start.
fn event(who: &str, verb: &str, resource: &str, name: &str, code: u16, second: i64) -> Event {
    let at = START.parse::<Timestamp>().unwrap() + SignedDuration::from_secs(second);
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    let groups = if who.starts_with("system:node:") {
        vec!["system:nodes"]
    } else {
        vec!["system:authenticated"]
    };
    let line = json!({
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata", "auditID": format!("{who}{second}"),
        "stage": "ResponseComplete", "requestURI": "/", "verb": verb,
        "user": { "username": who, "groups": groups, "extra": {
            "authentication.kubernetes.io/credential-id": [format!("JTI={who}")] } },
        "sourceIPs": ["10.0.0.1"],
        "objectRef": { "resource": resource, "namespace": "shop", "name": name, "subresource": subresource, "apiVersion": "v1" },
        "responseStatus": { "code": code },
        "requestReceivedTimestamp": at.to_string(), "stageTimestamp": at.to_string(),
    });
    read_line(line.to_string().as_bytes(), false)
        .events
        .remove(0)
}

fn touch(address: &str, grade: Grade) -> Touch {
    Touch {
        address: address.parse().unwrap(),
        grade,
    }
}

fn named(address: &str) -> Touches {
    Touches::from(vec![touch(address, Grade::Named)])
}

fn planted(address: &str, kind: &str, name: &str, fields: &[(&str, &str)]) -> (Address, Planted) {
    let address: Address = address.parse().unwrap();
    let planted = Planted {
        address: address.clone(),
        provider: crate::provider(),
        handle: Handle::scoped(kind, "shop", name),
        fields: fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        outputs: BTreeMap::new(),
        needs: std::collections::BTreeSet::new(),
        uid: Some("u".into()),
        since: Some(START.parse().unwrap()),
        buried: None,
    };
    (address, planted)
}

fn ground() -> Ground {
    [
        planted("secret.db", "Secret", "db", &[("type", "Opaque")]),
        planted(
            "service_account.bot/token",
            "Secret",
            "bot-token",
            &[
                ("type", "kubernetes.io/service-account-token"),
                (
                    "metadata.annotations.kubernetes.io/service-account.name",
                    "bot",
                ),
            ],
        ),
    ]
    .map(|(address, planted)| (address, vec![planted]))
    .into()
}

const MANAGER: &str = "system:kube-controller-manager";
const COLLECTOR: &str = "system:serviceaccount:kube-system:generic-garbage-collector";
const NAMESPACES: &str = "system:serviceaccount:kube-system:namespace-controller";

/// The controller manager was seen, and had its controllers' tokens issued.
fn begun() -> KubernetesMachinery {
    let mut machinery = KubernetesMachinery::default();
    for controller in [COLLECTOR, NAMESPACES] {
        let account = controller.rsplit(':').next().unwrap();
        let mut issue = event(MANAGER, "create", "serviceaccounts/token", account, 201, 0);
        issue.action.namespace = "kube-system".into();
        issue.annotations.insert(
            "authentication.kubernetes.io/issued-credential-id".into(),
            format!("JTI={controller}"),
        );
        machinery.learn(&issue, &Touches::default());
    }
    machinery
}

fn rule(machinery: &KubernetesMachinery, event: &Event, touches: &Touches) -> Ruling {
    machinery.rule(event, touches, &ground())
}

/// The same, with another credential and from another address.
fn stolen(event: &Event) -> [Event; 2] {
    let mut token = event.clone();
    token.actor.credential = Credential::Token("minted".into());
    let mut elsewhere = event.clone();
    elsewhere.actor.address = "10.9.9.9".parse().ok();
    [token, elsewhere]
}

#[track_caller]
fn only_its_own(machinery: &KubernetesMachinery, event: &Event, touches: &Touches) {
    assert_eq!(rule(machinery, event, touches), Ruling::ByRule);
    for stolen in stolen(event) {
        assert_eq!(rule(machinery, &stolen, touches), Ruling::Unruled);
    }
}

#[test]
fn the_garbage_collector_may_remove_what_somebody_gave_an_owner_and_nothing_else() {
    let mut machinery = begun();
    let delete = event(COLLECTOR, "delete", "secrets", "db", 200, 20);
    assert_eq!(
        rule(&machinery, &delete, &named("secret.db")),
        Ruling::Unruled
    );
    // What it writes itself is no reason for what it does next.
    let own = event(COLLECTOR, "patch", "secrets", "db", 200, 9);
    machinery.learn(&own, &named("secret.db"));
    for event in [&own, &delete] {
        let ruling = rule(&machinery, event, &named("secret.db"));
        assert_eq!(ruling, Ruling::Unruled);
    }
    let patch = event("mallory", "patch", "secrets", "db", 200, 10);
    machinery.learn(&patch, &named("secret.db"));
    only_its_own(&machinery, &delete, &named("secret.db"));
    let list = event(COLLECTOR, "list", "secrets", "", 200, 21);
    assert_eq!(
        rule(
            &machinery,
            &list,
            &Touches::from(vec![touch("secret.db", Grade::Covering)])
        ),
        Ruling::Unruled
    );
}

#[test]
fn a_token_that_somebody_else_had_issued_for_a_controller_excuses_nothing() {
    let mut machinery = begun();
    machinery.learn(
        &event("mallory", "patch", "secrets", "db", 200, 10),
        &named("secret.db"),
    );
    let mut issue = event("mallory", "create", "serviceaccounts/token", "x", 201, 11);
    issue.action.namespace = "kube-system".into();
    issue.annotations.insert(
        "authentication.kubernetes.io/issued-credential-id".into(),
        "JTI=minted".into(),
    );
    machinery.learn(&issue, &Touches::default());
    let mut read = event(COLLECTOR, "get", "secrets", "db", 200, 20);
    read.actor.credential = Credential::Token("minted".into());
    assert_eq!(
        rule(&machinery, &read, &named("secret.db")),
        Ruling::Unruled
    );
}

#[test]
fn the_namespace_controller_may_empty_only_a_namespace_that_somebody_deleted() {
    let mut machinery = begun();
    let touches = Touches::from(vec![touch("secret.db", Grade::Covering)]);
    let empty = event(NAMESPACES, "deletecollection", "secrets", "", 200, 20);
    assert_eq!(rule(&machinery, &empty, &touches), Ruling::Unruled);
    let delete = event("admin", "delete", "namespaces", "shop", 200, 10);
    machinery.learn(&delete, &touches);
    only_its_own(&machinery, &empty, &touches);
    let read = event(NAMESPACES, "get", "secrets", "db", 200, 21);
    assert_eq!(
        rule(&machinery, &read, &named("secret.db")),
        Ruling::Unruled
    );
}

#[test]
fn the_token_controller_may_fill_a_token_secret_in_its_first_minute_and_read_no_other() {
    let machinery = begun();
    let fill = event(MANAGER, "update", "secrets", "bot-token", 200, 5);
    only_its_own(&machinery, &fill, &named("service_account.bot/token"));
    let late = event(MANAGER, "get", "secrets", "bot-token", 200, 120);
    let touches = named("service_account.bot/token");
    assert_eq!(rule(&machinery, &late, &touches), Ruling::Unruled);
    let other = event(MANAGER, "get", "secrets", "db", 200, 5);
    assert_eq!(
        rule(&machinery, &other, &named("secret.db")),
        Ruling::Unruled
    );
}

#[test]
fn the_token_controller_may_remove_the_token_of_an_account_that_somebody_deleted() {
    let mut machinery = begun();
    let touches = named("service_account.bot/token");
    let remove = event(MANAGER, "delete", "secrets", "bot-token", 200, 200);
    assert_eq!(rule(&machinery, &remove, &touches), Ruling::Unruled);
    let delete = event("mallory", "delete", "serviceaccounts", "bot", 200, 199);
    machinery.learn(&delete, &named("service_account.bot"));
    only_its_own(&machinery, &remove, &touches);
}

#[test]
fn a_node_that_is_refused_waits_for_being_given_the_same_with_the_same_credential() {
    let mut machinery = begun();
    let refused = event("system:node:n1", "watch", "secrets", "db", 403, 10);
    let touches = named("secret.db");
    let until = refused.at.unwrap() + SignedDuration::from_secs(10);
    assert_eq!(rule(&machinery, &refused, &touches), Ruling::Waits(until));
    let given = event("system:node:n1", "list", "secrets", "db", 200, 11);
    machinery.learn(&given, &touches);
    assert_eq!(rule(&machinery, &refused, &touches), Ruling::ByRule);
    assert_eq!(rule(&machinery, &given, &touches), Ruling::Unruled);
    for stolen in stolen(&refused) {
        assert_eq!(rule(&machinery, &stolen, &touches), Ruling::Waits(until));
    }
}

#[test]
fn a_token_that_is_dated_as_used_waits_for_the_use_and_is_told_alone_without_it() {
    let mut machinery = begun();
    let local = |mut event: Event| {
        event.actor.address = "127.0.0.1".parse().ok();
        event
    };
    let dated = local(event(
        "system:apiserver",
        "patch",
        "secrets",
        "bot-token",
        200,
        300,
    ));
    let touches = named("service_account.bot/token");
    machinery.learn(&dated, &touches);
    let until = dated.at.unwrap() + SignedDuration::from_secs(10);
    assert_eq!(rule(&machinery, &dated, &touches), Ruling::Waits(until));
    let used = event(
        "system:serviceaccount:shop:bot",
        "list",
        "pods",
        "",
        403,
        301,
    );
    machinery.learn(
        &used,
        &Touches::from(vec![touch("service_account.bot", Grade::Use)]),
    );
    assert_eq!(rule(&machinery, &dated, &touches), Ruling::ByRule);
}

#[test]
fn what_a_node_reads_goes_on_to_who_made_the_pod() {
    let mut machinery = begun();
    machinery.learn(
        &event("alice", "create", "pods", "job-1", 201, 5),
        &Touches::default(),
    );
    machinery.learn(
        &event("bob", "create", "pods", "refused", 403, 6),
        &Touches::default(),
    );
    let read = event("system:node:n1", "watch", "secrets", "db", 200, 9);
    let told = machinery.context(&read, &named("secret.db"));
    assert_eq!(
        told,
        ["a node read it for a pod: Pod shop/job-1 was made by alice from 10.0.0.1 4 s before"]
    );
    let late = event("system:node:n1", "watch", "secrets", "db", 200, 3600);
    assert_eq!(machinery.context(&late, &named("secret.db")).len(), 1);
}

#[test]
fn a_pod_whose_body_names_another_secret_is_not_told() {
    let mut machinery = begun();
    let mut other = event("alice", "create", "pods", "other", 201, 5);
    other.request_body =
        Some(json!({ "spec": { "volumes": [{ "secret": { "secretName": "x" } }] } }));
    let mut this = event("bob", "create", "pods", "this", 201, 6);
    this.request_body = Some(
        json!({ "spec": { "containers": [{ "env": [{ "valueFrom": { "secretKeyRef": { "name": "db" } } }] }] } }),
    );
    machinery.learn(&other, &Touches::default());
    machinery.learn(&this, &Touches::default());
    let read = event("system:node:n1", "watch", "secrets", "db", 200, 9);
    let told = machinery.context(&read, &named("secret.db"));
    assert_eq!(told.len(), 1);
    assert!(
        told[0].contains("shop/this") && told[0].contains("bob"),
        "{told:?}"
    );
}

#[test]
fn what_was_learned_outlives_a_restart() {
    let mut machinery = begun();
    machinery.learn(
        &event("mallory", "patch", "secrets", "db", 200, 10),
        &named("secret.db"),
    );
    let mut again = KubernetesMachinery::default();
    again.load(machinery.save().unwrap());
    let delete = event(COLLECTOR, "delete", "secrets", "db", 200, 20);
    only_its_own(&again, &delete, &named("secret.db"));
}
