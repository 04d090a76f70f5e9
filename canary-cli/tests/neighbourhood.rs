//! Among nineteen applications that Helm installed, nothing about a decoy is unlike its neighbours.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;

use canary_fixtures::{ControlPlane, Options};
use serde_json::{Value, json};
use support::{Project, dataset};

const KINDS: [(&str, &str); 3] = [
    ("Secret", "secrets"),
    ("ConfigMap", "configmaps"),
    ("ServiceAccount", "serviceaccounts"),
];

/// Fills a server with the recorded objects, each written by the tool and in the way that wrote it there.
fn fill(cluster: &ControlPlane, dump: &Value) {
    let items = dump["items"].as_array().unwrap();
    for item in items.iter().filter(|item| item["kind"] == "Namespace") {
        let name = &item["metadata"]["name"];
        let body = json!({ "metadata": { "name": name } });
        let token = cluster.token("admin");
        // Some are there from the beginning.
        cluster
            .request_with(&token, "POST", "/api/v1/namespaces", Some(&body), &[])
            .unwrap();
    }
    for item in items {
        let Some((_, plural)) = KINDS.iter().find(|(kind, _)| item["kind"] == *kind) else {
            continue;
        };
        let meta = &item["metadata"];
        let writer = &meta["managedFields"][0];
        let (Some(manager), Some(operation)) =
            (writer["manager"].as_str(), writer["operation"].as_str())
        else {
            continue;
        };
        if manager.starts_with("kube-") {
            continue;
        }
        let mut body = item.clone();
        for server_set in [
            "managedFields",
            "uid",
            "resourceVersion",
            "creationTimestamp",
        ] {
            body["metadata"].as_object_mut().unwrap().remove(server_set);
        }
        let namespace = meta["namespace"].as_str().unwrap();
        let name = meta["name"].as_str().unwrap();
        put(
            cluster,
            namespace,
            plural,
            name,
            &body,
            (manager, operation),
        );
    }
}

fn put(
    cluster: &ControlPlane,
    namespace: &str,
    plural: &str,
    name: &str,
    body: &Value,
    (manager, operation): (&str, &str),
) {
    let token = cluster.token("admin");
    let all = format!("/api/v1/namespaces/{namespace}/{plural}");
    let answer = if operation == "Apply" {
        let path = format!("{all}/{name}?fieldManager={manager}&force=true");
        let headers = [("Content-Type", "application/apply-patch+yaml")];
        cluster.request_with(&token, "PATCH", &path, Some(body), &headers)
    } else {
        let path = format!("{all}?fieldManager={manager}");
        cluster.request_with(&token, "POST", &path, Some(body), &[])
    };
    assert_eq!(answer.unwrap().status, 201, "{namespace}/{name}");
}

/// Every object of our kinds, by kind, namespace and name.
fn everything(cluster: &ControlPlane) -> BTreeMap<(String, String, String), Value> {
    let mut all = BTreeMap::new();
    for (kind, plural) in KINDS {
        let list = cluster.admin("GET", &format!("/api/v1/{plural}"), None);
        for object in list["items"].as_array().unwrap() {
            let text = |name: &str| object["metadata"][name].as_str().unwrap().to_owned();
            all.insert(
                (kind.to_owned(), text("namespace"), text("name")),
                object.clone(),
            );
        }
    }
    all
}

/// What metadata shows of an object: keys, writers, type.
fn attributes(object: &Value) -> BTreeSet<String> {
    let meta = &object["metadata"];
    let mut shown = BTreeSet::new();
    for map in ["labels", "annotations"] {
        let keys = meta[map].as_object().into_iter().flat_map(|map| map.keys());
        shown.extend(keys.map(|key| format!("{map} {key}")));
    }
    for entry in meta["managedFields"].as_array().into_iter().flatten() {
        let (manager, operation) = (&entry["manager"], &entry["operation"]);
        shown.insert(format!(
            "writer {manager} {operation} {}",
            entry["subresource"]
        ));
    }
    for name in ["finalizers", "ownerReferences", "generateName"] {
        if !meta[name].is_null() {
            shown.insert(name.to_owned());
        }
    }
    shown.insert(format!("type {}", object["type"]));
    shown
}

fn stands_out_nowhere(cluster: &ControlPlane, project: &Project, decoys: usize) {
    let listed = project.run(&["list", "--json"]).exits(0);
    let ours: BTreeSet<(String, String, String)> = listed
        .out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|line| line["handle"]["kind"].is_string() && line["handle"]["kind"] != "Token")
        .map(|line| {
            let text = |name: &str| line["handle"][name].as_str().unwrap().to_owned();
            (text("kind"), text("scope"), text("name"))
        })
        .collect();
    assert_eq!(ours.len(), decoys, "{ours:?}");
    let all = everything(cluster);
    for handle in &ours {
        let others = all
            .iter()
            .filter(|(other, _)| !ours.contains(other) && other.0 == handle.0);
        let known: BTreeSet<String> = others.flat_map(|(_, object)| attributes(object)).collect();
        let shown = attributes(&all[handle]);
        assert!(
            shown.is_subset(&known),
            "{handle:?} alone has {:?}",
            shown.difference(&known)
        );
        // Of those that a person would compare it with, too: release records are written as nothing else is.
        assert!(
            !shown.iter().any(|shown| shown.contains("\"Helm\"")),
            "{handle:?}: {shown:?}"
        );
        let text = all[handle]["metadata"].to_string().to_lowercase();
        for word in ["canary", "decoy", "honey", "trap"] {
            assert!(!text.contains(word), "{word} in {text}");
        }
    }
}

const CONFIG: &str = r#"
[kubernetes]
[secret.canary-db]
namespace = "payments"
template = "postgres"
[service_account.decoy]
namespace = "payments"
[secret.honey]
namespace = "payments"
template = "kubeconfig"
of = "service_account.decoy"
[config_map.settings]
namespace = "payments"
template = "env-file"
[secret.certificate]
namespace = "platform"
template = "tls"
type = "Opaque"
[secret.images]
namespace = "platform"
template = "docker-registry"
type = "Opaque"
[secret.access]
namespace = "cert-manager"
template = "env-file"
[config_map.access]
namespace = "ci"
data = { "app.conf" = "key={token:32}" }
[secret.adopted]
namespace = "web"
name = "shop-login"
template = "basic-auth"
type = "Opaque"
"#;

#[test]
fn nothing_about_a_decoy_is_unlike_its_neighbours_whatever_is_done_to_it() {
    let Some(folder) = dataset("neighbourhood") else {
        return;
    };
    let Some(cluster) = ControlPlane::for_test_alone(&Options::default()) else {
        return;
    };
    let file = File::open(folder.join("dump.json.gz")).unwrap();
    let dump = serde_json::from_reader(flate2::read::GzDecoder::new(file)).unwrap();
    fill(&cluster, &dump);
    let before = everything(&cluster);

    let project = Project::new(&cluster, "admin", CONFIG);
    let login = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "shop-login" },
        "type": "Opaque", "data": { "password": "eA==" } });
    put(
        &cluster,
        "web",
        "secrets",
        "shop-login",
        &login,
        ("helm", "Apply"),
    );
    project
        .run(&["import", "secret.adopted", "web/shop-login"])
        .exits(0);
    project.run(&["apply", "--auto-approve"]).exits(0);
    stands_out_nowhere(&cluster, &project, 9);
    project.run(&["plan", "--detailed-exitcode"]).exits(0);

    // Somebody meddles with each, by a merge patch as kubectl sends it; one is deleted.
    let ours: Vec<_> = everything(&cluster)
        .into_keys()
        .filter(|handle| !before.contains_key(handle))
        .collect();
    let path = |(kind, namespace, name): &(String, String, String)| {
        let (_, plural) = KINDS.iter().find(|(known, _)| known == kind).unwrap();
        format!("/api/v1/namespaces/{namespace}/{plural}/{name}")
    };
    for handle in &ours {
        let labelled =
            json!({ "metadata": { "labels": { "seen": "yes" }, "annotations": { "by": "me" } } });
        let path = format!("{}?fieldManager=kubectl-label", path(handle));
        cluster.admin("PATCH", &path, Some(&labelled));
    }
    cluster.admin("DELETE", &path(&ours[0]), None);
    let changed = project.run(&["drift"]).exits(4);
    assert_eq!(
        changed.out.matches("metadata.labels.seen").count(),
        ours.len() - 1
    );
    project.run(&["apply", "--auto-approve"]).exits(0);
    stands_out_nowhere(&cluster, &project, 9);
    project.run(&["drift"]).exits(0);

    // Rotated, the account and with it the kubeconfig that holds its token.
    project
        .run(&["rotate", "secret.canary-db", "--auto-approve"])
        .exits(0);
    project
        .run(&["rotate", "service_account.decoy", "--auto-approve"])
        .exits(0);
    stands_out_nowhere(&cluster, &project, 11);

    project
        .run(&["destroy", "--auto-approve", "--retired-too"])
        .exits(0);
    let after = everything(&cluster);
    assert_eq!(
        after.keys().collect::<Vec<_>>(),
        before.keys().collect::<Vec<_>>()
    );
    for (handle, object) in &after {
        assert_eq!(object["metadata"], before[handle]["metadata"], "{handle:?}");
    }
}
