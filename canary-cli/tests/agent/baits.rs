//! Every pod has a credential of its own.

use std::collections::BTreeSet;
use std::path::Path;

use canary_core::bait::PodRecord;
use serde_json::{Value, json};

use crate::agent::{Agent, Installed, pod, until};

/// What a workload's pods are made from.
fn template(app: &str) -> Value {
    json!({ "metadata": { "labels": { "app": app } },
        "spec": { "containers": [{ "name": "app", "image": "registry.example/app:1" }] } })
}

fn deployment(app: &str, replicas: u32) -> Value {
    json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": app },
        "spec": { "replicas": replicas, "selector": { "matchLabels": { "app": app } }, "template": template(app) } })
}

fn pods_of(installed: &Installed, namespace: &str) -> Vec<Value> {
    let path = format!("/api/v1/namespaces/{namespace}/pods");
    let list = installed.cluster.admin("GET", &path, None);
    list["items"].as_array().unwrap().clone()
}

/// The record of each pod of a namespace, once all have theirs.
fn all_covered(installed: &Installed, namespace: &str, many: usize) -> Vec<(Value, PodRecord)> {
    until("every pod has its bait", || {
        let pods = pods_of(installed, namespace);
        let records = installed.pods();
        let covered: Vec<(Value, PodRecord)> = pods
            .into_iter()
            .filter_map(|pod| {
                let record = records.of_pod(pod["metadata"]["uid"].as_str()?)?.clone();
                record.secret.is_some().then_some((pod, record))
            })
            .collect();
        (covered.len() == many).then_some(covered)
    })
}

#[test]
fn every_pod_of_a_workload_has_a_credential_that_resolves_to_its_uid() {
    let Some(installed) = Installed::new() else {
        return;
    };
    installed.namespace("web");
    let agent = installed.start(&installed.settings(&["web"]));
    installed.hook(agent.reviews);
    let path = "/apis/apps/v1/namespaces/web/deployments";
    installed
        .cluster
        .admin("POST", path, Some(&deployment("checkout", 3)));
    let path = "/api/v1/namespaces/web/pods";
    installed.cluster.admin("POST", path, Some(&pod("bare")));
    let covered = all_covered(&installed, "web", 4);
    let secrets = installed.secrets("web");
    let records = installed.pods();
    let mut tokens = BTreeSet::new();
    for (pod, record) in &covered {
        let name = installed.waits_for(pod).unwrap();
        assert_eq!(record.handle.as_str(), name);
        let file = &secrets[&name]["config"];
        let token = file
            .lines()
            .last()
            .unwrap()
            .trim()
            .strip_prefix("token: ")
            .unwrap();
        assert!(tokens.insert(token.to_owned()), "two pods share a token");
        // The token works, and the server knows it by the identifier that the record has.
        let id = record.issued.last().unwrap().token.clone().unwrap();
        let found = records.of_token(&id).unwrap().record;
        assert_eq!(found.subject.uid, pod["metadata"]["uid"].as_str().unwrap());
        let review = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": { "token": token } });
        let path = "/apis/authentication.k8s.io/v1/tokenreviews";
        let answer = installed.cluster.admin("POST", path, Some(&review));
        assert_eq!(answer["status"]["authenticated"], true);
        let known =
            &answer["status"]["user"]["extra"]["authentication.kubernetes.io/credential-id"][0];
        assert_eq!(known, &format!("JTI={id}"));
    }
    let owner = |app: &str| {
        covered
            .iter()
            .filter(|(_, record)| {
                record
                    .subject
                    .owner
                    .as_ref()
                    .is_some_and(|owner| owner.to_string() == app)
            })
            .count()
    };
    assert_eq!(owner("Deployment checkout"), 3);
    // Pods that go take their Secrets with them.
    let path = "/apis/apps/v1/namespaces/web/deployments/checkout";
    installed.cluster.admin("DELETE", path, None);
    until("the Secrets of pods that are gone are gone", || {
        (installed.secrets("web").len() == 1).then_some(())
    });
    for (_, record) in covered {
        let id = record.issued.last().unwrap().token.clone().unwrap();
        assert!(installed.pods().of_token(&id).is_some());
    }
    assert!(agent.stop());
}

#[test]
fn a_leader_that_is_killed_is_followed_and_nothing_is_lost_double_or_left_behind() {
    let Some(installed) = Installed::new() else {
        return;
    };
    installed.namespace("web");
    let settings = installed.settings(&["web"]);
    let (first, second) = (installed.start(&settings), installed.start(&settings));
    let (leader, other) = until("one of them leads", || {
        let leads = |agent: &Agent| agent.number("leader") > 0.5;
        match (leads(&first), leads(&second)) {
            (true, false) => Some((0, 1)),
            (false, true) => Some((1, 0)),
            _ => None,
        }
    });
    let mut agents = [Some(first), Some(second)];
    let leader = agents[leader].take().unwrap();
    let other = agents[other].take().unwrap();
    assert_eq!(other.number("written_total"), 0.0);
    installed.waiting_pods("web", 150);
    // In the middle of it.
    until("some are written", || {
        let many = leader.number("written_total");
        (many > 10.0).then_some(())
    });
    leader.kill();
    let covered = all_covered(&installed, "web", 150);
    assert!(other.number("leader") > 0.5);
    let names: BTreeSet<String> = covered
        .iter()
        .map(|(pod, _)| installed.waits_for(pod).unwrap())
        .collect();
    assert_eq!(names.len(), 150);
    let secrets = installed.secrets("web");
    assert_eq!(secrets.into_keys().collect::<BTreeSet<_>>(), names);
    // Whatever lies in a Secret is what the record says.
    let records = installed.pods();
    assert_eq!(records.living().count(), 150);
    let path = "/api/v1/namespaces/web/pods?gracePeriodSeconds=0";
    installed.cluster.admin("DELETE", path, None);
    until("nothing is left", || {
        installed.secrets("web").is_empty().then_some(())
    });
    assert!(other.stop());
}

#[test]
fn an_agent_without_a_certificate_ends_and_says_why() {
    let Some(installed) = Installed::new() else {
        return;
    };
    let settings = installed.settings(&["web"]);
    let (ended_well, words) = installed.ends(&settings, Path::new("/nonexistent"));
    assert!(!ended_well);
    assert!(words.contains("reviews cannot be answered"), "{words}");
    assert!(words.contains("/nonexistent/tls"), "{words}");
}
