//! The chart by real Helm: linted, rendered as the source fills it, held to its schema, put into a real cluster and taken out.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod install_support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};

use canary_core::disguise::giveaway;
use canary_fixtures::{ControlPlane, Helm, Options};
use canary_k8s::install::{Authority, CertManager, Condition, Issuer, Objects, Place, Values};
use install_support::{HOME, standard};
use serde_json::{Value, json};

fn chart() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/chart");
    folder.display().to_string()
}

fn file(helm: &Helm, text: &str) -> String {
    let path: PathBuf = helm.folder().join("values.yaml");
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[track_caller]
fn done(output: Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout).unwrap()
}

/// What Helm renders, by where it is.
fn rendered(helm: &Helm, values: &str, namespace: &str) -> BTreeMap<Place, Value> {
    let file = file(helm, values);
    let chart = chart();
    let args = [
        "template",
        "release-1",
        &chart,
        "--namespace",
        namespace,
        "--values",
        &file,
    ];
    let text = done(helm.run(None, &args));
    let objects: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
    let n = objects.len();
    let by_place: BTreeMap<Place, Value> = objects
        .into_iter()
        .map(|object| (Place::of(&object).unwrap(), object))
        .collect();
    assert_eq!(by_place.len(), n, "two in one place");
    by_place
}

/// What the source gives for a release of that name.
fn filled(values: &Values) -> BTreeMap<Place, Value> {
    let values = Values {
        instance: "release-1".into(),
        ..values.clone()
    };
    let objects = Objects::of(&values).unwrap().in_order.into_iter();
    objects
        .map(|object| (Place::of(&object).unwrap(), object))
        .collect()
}

/// Every switch in its other position.
fn everything() -> Values {
    Values {
        namespace: "elsewhere".into(),
        replicas: 3,
        all_pods: true,
        ephemeral_containers: true,
        annotate_pods: true,
        audiences: vec!["https://issuer.example".into()],
        object_selector: json!({ "matchExpressions": [{ "key": "a", "operator": "Exists" }] }),
        match_conditions: vec![Condition {
            name: "jobs".into(),
            expression: "object.metadata.?labels['a'].orValue('\"') != \"}}\"".into(),
        }],
        account_annotations: BTreeMap::from([(
            "eks.amazonaws.com/role-arn".into(),
            "arn:aws:iam::1:role/x".into(),
        )]),
        node_selector: BTreeMap::from([("kubernetes.io/os".into(), "linux".into())]),
        tolerations: vec![json!({ "key": "a", "operator": "Exists" })],
        egress: vec!["10.0.0.0/8".into(), "fd00::/8".into()],
        ..standard()
    }
}

fn with_cert_manager() -> Values {
    Values {
        ca: Authority::default(),
        cert_manager: CertManager {
            issuer: Some(Issuer {
                name: "internal".into(),
                kind: "ClusterIssuer".into(),
            }),
        },
        ..standard()
    }
}

#[test]
fn helm_renders_what_the_source_fills() {
    let Some(helm) = Helm::for_test() else {
        return;
    };
    for values in [standard(), everything(), with_cert_manager()] {
        let yaml = values.to_yaml();
        let path = file(&helm, &yaml);
        done(helm.run(None, &["lint", "--strict", &chart(), "--values", &path]));
        let (rendered, filled) = (rendered(&helm, &yaml, "default"), filled(&values));
        assert!(rendered.keys().eq(filled.keys()), "{:?}", rendered.keys());
        for (place, object) in &filled {
            assert_eq!(&rendered[place], object, "{place}");
        }
    }
}

#[test]
fn a_release_in_its_own_namespace_makes_none() {
    let Some(helm) = Helm::for_test() else {
        return;
    };
    let values = standard();
    let rendered = rendered(&helm, &values.to_yaml(), HOME);
    let mut filled = filled(&values);
    filled.retain(|place, _| place.kind != "Namespace");
    assert_eq!(rendered, filled);
}

#[test]
fn an_authority_is_made_where_none_is_given_and_everything_knows_the_same() {
    let Some(helm) = Helm::for_test() else {
        return;
    };
    let values = Values {
        ca: Authority::default(),
        ..standard()
    };
    let rendered = rendered(&helm, &values.to_yaml(), "default");
    let of = |kind: &str, name: &str| {
        let is = |place: &&Place| place.kind == kind && place.name == name;
        &rendered[rendered.keys().find(is).unwrap()]
    };
    let secret = of("Secret", &format!("{HOME}-ca"));
    let hook = of("MutatingWebhookConfiguration", HOME);
    let certificate = &secret["data"]["tls.crt"];
    assert_eq!(
        &hook["webhooks"][0]["clientConfig"]["caBundle"],
        certificate
    );
    // The agent signs with it.
    let key = install_support::decoded(&secret["data"]["tls.key"]);
    rcgen::KeyPair::from_pem(&key).unwrap();
    assert!(install_support::decoded(certificate).starts_with("-----BEGIN CERTIFICATE-----\n"));
}

#[test]
fn values_that_do_not_fit_are_refused() {
    let Some(helm) = Helm::for_test() else {
        return;
    };
    let refused = |change: &Value, words: &str| {
        let mut values = serde_json::to_value(standard()).unwrap();
        values.as_object_mut().unwrap().remove("instance");
        for (name, value) in change.as_object().unwrap() {
            values[name] = value.clone();
        }
        let file = file(&helm, &values.to_string());
        let output = helm.run(
            None,
            &["template", "release-1", &chart(), "--values", &file],
        );
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{change} was taken");
        assert!(said.contains(words), "{change}: {said}");
        assert_eq!(giveaway(&said.replace(&chart(), "")), None, "{said}");
    };
    for (change, words) in [
        (json!({ "name": "" }), "name"),
        (json!({ "name": "Agent" }), "name"),
        (json!({ "name": "a\"b" }), "name"),
        (json!({ "name": "a".repeat(39) }), "name"),
        (json!({ "namespace": "kube-system" }), "namespace"),
        (json!({ "image": "" }), "image"),
        (json!({ "image": "a: {{ b }}" }), "image"),
        (json!({ "replicas": 1 }), "replicas"),
        (json!({ "replicas": "2" }), "replicas"),
        (json!({ "covered": [] }), "covered"),
        (
            json!({ "covered": [{ "namespace": "kube-public" }] }),
            "covered",
        ),
        (
            json!({ "covered": [{ "namespace": "shop", "acount": "x" }] }),
            "acount",
        ),
        (
            json!({ "covered": [{ "namespace": "shop", "account": "x']" }] }),
            "account",
        ),
        (json!({ "allPods": "yes" }), "allPods"),
        (json!({ "audiences": ["a'b"] }), "audiences"),
        (json!({ "egress": ["everywhere"] }), "egress"),
        (json!({ "config": "not base64!" }), "config"),
        (json!({ "key": "" }), "key"),
        (
            json!({ "certManager": { "issuer": { "name": "x" } } }),
            "kind",
        ),
        (json!({ "resources": { "request": {} } }), "request"),
        (json!({ "imagePullPolicy": "Sometimes" }), "imagePullPolicy"),
        (json!({ "replica": 3 }), "replica"),
    ] {
        refused(&change, words);
    }
    // Nothing is said: what is required is told.
    let empty = file(&helm, "{}");
    let output = helm.run(
        None,
        &["template", "release-1", &chart(), "--values", &empty],
    );
    assert!(!output.status.success());
}

/// With the controllers, which empty namespaces, and the namespaces that are covered.
fn cluster() -> Option<ControlPlane> {
    let options = Options {
        controllers: true,
        ..Options::default()
    };
    let cluster = ControlPlane::for_test_alone(&options)?;
    for name in ["shop", "web", "other"] {
        let body = json!({ "metadata": { "name": name } });
        cluster.admin("POST", "/api/v1/namespaces", Some(&body));
    }
    // What the controllers give every namespace comes some moments later.
    for name in ["shop", "web", "other", "default"] {
        for of_controllers in ["serviceaccounts/default", "configmaps/kube-root-ca.crt"] {
            let path = format!("/api/v1/namespaces/{name}/{of_controllers}");
            until("what every namespace has", || {
                let answer = cluster.request("admin", "GET", &path, None);
                answer.is_some_and(|answer| answer.status == 200)
            });
        }
    }
    Some(cluster)
}

/// Long enough for a loaded machine; waiting ends as soon as it is so.
#[track_caller]
fn until(what: &str, is: impl Fn() -> bool) {
    let began = Instant::now();
    while !is() {
        assert!(began.elapsed() < Duration::from_secs(120), "never: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn it_is_installed_upgraded_and_uninstalled_and_leaves_nothing() {
    let Some(helm) = Helm::for_test() else {
        return;
    };
    let Some(cluster) = cluster() else {
        return;
    };
    let before = cluster.inventory();
    let kubeconfig = cluster.kubeconfig("admin", None);
    let run = |args: &[&str]| done(helm.run(Some(&kubeconfig), args));
    let hook =
        format!("/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/{HOME}");
    let bundle = || {
        let hook = cluster.admin("GET", &hook, None);
        hook["webhooks"][0]["clientConfig"]["caBundle"].clone()
    };
    for (namespace, own) in [("default", false), (HOME, true)] {
        let mut values = Values {
            ca: Authority::default(),
            ..standard()
        };
        let path = file(&helm, &values.to_yaml());
        let chart = chart();
        let common = [HOME, &chart, "--namespace", namespace, "--values", &path];
        run(&[
            &["install"][..],
            &common,
            if own { &["--create-namespace"] } else { &[] },
        ]
        .concat());
        let first = bundle();
        assert!(first.is_string());

        values.covered[0].namespace = "other".into();
        values.replicas = 3;
        file(&helm, &values.to_yaml());
        run(&[&["upgrade"][..], &common].concat());
        assert_eq!(bundle(), first, "an upgrade keeps the authority");
        let there = cluster.inventory();
        let bindings = "/apis/rbac.authorization.k8s.io/v1/rolebindings";
        assert!(there.contains_key(&format!("{bindings} other/{HOME}")));
        assert!(!there.contains_key(&format!("{bindings} shop/{HOME}")));

        run(&["uninstall", HOME, "--namespace", namespace]);
        if own {
            // Helm makes namespaces and does not remove them.
            let path = format!("/api/v1/namespaces/{HOME}");
            cluster.admin("DELETE", &path, None);
        }
        until("nothing is left", || cluster.inventory() == before);
    }
}
