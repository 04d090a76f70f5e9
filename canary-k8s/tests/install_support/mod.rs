//! An installation on a real API server, and a token of the account that it makes.

#![allow(dead_code, reason = "each test file uses its part of this")]

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use canary_fixtures::{ControlPlane, Options, Response};
use canary_k8s::install::{Authority, Covered, Objects, Place, Values};
use serde_json::{Value, json};

/// What the installation and its namespace are called.
pub(crate) const HOME: &str = "settings-agent";
/// As a handle is called, but labelled as somebody's.
pub(crate) const LOOK_ALIKE: &str = "api-settings-fedcba9876543210";

/// Two namespaces, one of them with an account.
pub(crate) fn standard() -> Values {
    let covered = |namespace: &str, account: &str| Covered {
        namespace: namespace.into(),
        account: account.into(),
    };
    Values {
        name: HOME.into(),
        image: "registry.local/settings-agent:1.0".into(),
        covered: vec![covered("shop", "deployer"), covered("web", "")],
        config: STANDARD.encode(b"sealed"),
        key: STANDARD.encode([7; 32]),
        ca: Authority::make(HOME, jiff::Timestamp::now()).unwrap(),
        ..Values::standard()
    }
}

/// A control plane with the objects of these values in it, beside what others have in every namespace.
pub(crate) fn installed(values: &Values) -> Option<ControlPlane> {
    let cluster = ground()?;
    for object in &Objects::of(values).unwrap().in_order {
        let place = Place::of(object).unwrap();
        cluster.admin("POST", &place.collection(), Some(object));
    }
    for namespace in EVERYWHERE {
        others(&cluster, namespace);
    }
    Some(cluster)
}

const EVERYWHERE: [&str; 6] = ["shop", "web", "other", "kube-system", "default", HOME];

/// A control plane with the namespaces that are covered and one that is not.
pub(crate) fn ground() -> Option<ControlPlane> {
    let cluster = ControlPlane::for_test_alone(&Options::default())?;
    for name in ["shop", "web", "other"] {
        let body = json!({ "metadata": { "name": name } });
        cluster.admin("POST", "/api/v1/namespaces", Some(&body));
    }
    for (namespace, name) in [("shop", "deployer"), ("shop", "default")] {
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts");
        let body = json!({ "metadata": { "name": name } });
        cluster.admin("POST", &path, Some(&body));
    }
    Some(cluster)
}

fn others(cluster: &ControlPlane, namespace: &str) {
    let at = format!("/api/v1/namespaces/{namespace}");
    for (name, labels) in [
        ("payments-db", json!(null)),
        (LOOK_ALIKE, json!({ "app": "theirs" })),
    ] {
        let body = json!({
            "metadata": { "name": name, "labels": labels }, "data": { "theirs": "c2VjcmV0" },
        });
        cluster.admin("POST", &format!("{at}/secrets"), Some(&body));
    }
    let body = json!({ "metadata": { "name": "builder" } });
    cluster.admin("POST", &format!("{at}/serviceaccounts"), Some(&body));
}

/// Whoever has a token of the agent's account.
pub(crate) struct Agent<'a> {
    cluster: &'a ControlPlane,
    token: String,
}

/// Long enough for a loaded machine; waiting ends as soon as it is so.
const PATIENCE: Duration = Duration::from_secs(60);

impl<'a> Agent<'a> {
    /// Its rights, and what it is held to, are in force when this returns.
    pub(crate) fn of(cluster: &'a ControlPlane) -> Self {
        let path = format!("/api/v1/namespaces/{HOME}/serviceaccounts/{HOME}/token");
        let asked = cluster.admin("POST", &path, Some(&json!({ "spec": {} })));
        let agent = Self {
            cluster,
            token: asked["status"]["token"].as_str().unwrap().to_owned(),
        };
        agent.wait_until("rights", || {
            let path = "/api/v1/namespaces/shop/resourcequotas";
            agent.asks("GET", path, None, &[]).status == 200
        });
        // Another type than ours: refused by the policy alone.
        let body = json!({
            "metadata": { "name": "a-0123456789abcdef" }, "type": "example.com/other",
        });
        agent.wait_until("policy on Secrets", || {
            let path = "/api/v1/namespaces/shop/secrets?dryRun=All";
            agent.asks("POST", path, Some(&body), &[]).status == 403
        });
        let bound = json!({ "spec": { "boundObjectRef": {
            "apiVersion": "v1", "kind": "Secret", "name": "payments-db",
        } } });
        agent.wait_until("policy on tokens", || {
            let path = "/api/v1/namespaces/shop/serviceaccounts/deployer/token";
            agent.asks("POST", path, Some(&bound), &[]).status == 403
        });
        agent
    }

    /// What the server has watched comes into force some moments after it was written.
    pub(crate) fn wait_until(&self, what: &str, is: impl Fn() -> bool) {
        let began = Instant::now();
        while !is() {
            assert!(began.elapsed() < PATIENCE, "no {what} yet");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// One request with its token.
    pub(crate) fn asks(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        headers: &[(&str, &str)],
    ) -> Response {
        let answer = self
            .cluster
            .request_with(&self.token, method, path, body, headers);
        answer.unwrap()
    }
}

/// Of base64, as Secrets have it.
pub(crate) fn decoded(value: &Value) -> String {
    let bytes = STANDARD.decode(value.as_str().unwrap()).unwrap();
    String::from_utf8(bytes).unwrap()
}
