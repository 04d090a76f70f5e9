//! A cluster whose API server calls a webhook.

use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use canary_fixtures::{ControlPlane, Options};
use serde_json::{Value, json};

use crate::hook::until;

const CONFIGURATIONS: &str = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";

/// A cluster of the test's own, with its controllers.
pub(crate) fn with_controllers() -> Option<ControlPlane> {
    ControlPlane::for_test_alone(&Options {
        controllers: true,
        ..Options::default()
    })
}

/// As the installer writes it, but for the address.
pub(crate) fn configuration(port: u16, ca_pem: &str) -> Value {
    let rule = |operation: &str, resource: &str| {
        json!({
            "apiGroups": [""], "apiVersions": ["v1"], "operations": [operation], "resources": [resource],
        })
    };
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
        "metadata": { "name": "settings" },
        "webhooks": [{
            "name": "settings.example.com",
            "clientConfig": {
                "url": format!("https://127.0.0.1:{port}/"), "caBundle": STANDARD.encode(ca_pem),
            },
            "rules": [rule("CREATE", "pods"), rule("UPDATE", "pods/ephemeralcontainers")],
            "failurePolicy": "Ignore", "timeoutSeconds": 1, "sideEffects": "None",
            "reinvocationPolicy": "IfNeeded", "admissionReviewVersions": ["v1"],
            "namespaceSelector": { "matchExpressions": [{
                "key": "kubernetes.io/metadata.name", "operator": "NotIn",
                "values": ["kube-system", "kube-public", "kube-node-lease"],
            }] },
        }],
    })
}

/// Puts the configuration in place of the one that is there.
pub(crate) fn configure(cluster: &ControlPlane, configuration: &Value) {
    let path = format!("{CONFIGURATIONS}/settings");
    let gone = cluster.request("admin", "DELETE", &path, None).unwrap();
    assert!([200, 404].contains(&gone.status), "{gone:?}");
    cluster.admin("POST", CONFIGURATIONS, Some(configuration));
}

/// A namespace whose pods can be made.
pub(crate) fn namespace(cluster: &ControlPlane) -> String {
    let namespace = cluster.namespace("web");
    let account = format!("/api/v1/namespaces/{namespace}/serviceaccounts/default");
    until("the namespace has its account", || {
        cluster
            .request("admin", "GET", &account, None)
            .is_some_and(|answer| answer.status == 200)
    });
    namespace
}

pub(crate) fn pods_path(namespace: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/pods")
}

pub(crate) fn pod(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": name }, "spec": template()["spec"],
    })
}

/// What a workload makes its pods of.
pub(crate) fn template() -> Value {
    json!({
        "metadata": { "labels": { "app": "shop" } },
        "spec": {
            "containers": [{ "name": "app", "image": "app" }],
            "tolerations": [{ "operator": "Exists" }],
        },
    })
}

/// Waits until the API server calls the webhook: it hears of a configuration some moments later.
pub(crate) fn until_called(cluster: &ControlPlane, namespace: &str) {
    let path = format!("{}?dryRun=All", pods_path(namespace));
    until("the webhook is called", || {
        let tried = cluster.admin("POST", &path, Some(&pod("try")));
        handle(&tried).is_some()
    });
}

/// The Secret that a pod waits for.
pub(crate) fn handle(pod: &Value) -> Option<String> {
    let volumes = pod["spec"]["volumes"].as_array()?;
    let secrets = volumes
        .iter()
        .filter_map(|volume| volume["secret"]["secretName"].as_str());
    let namespace = pod["metadata"]["namespace"].as_str()?;
    let handles = crate::hook::handles();
    let mut ours = secrets.filter(|name| handles.read(namespace, name).is_some());
    ours.next().map(str::to_owned)
}

/// Makes so many pods, as fast as the server takes them. Each must be made.
pub(crate) fn flood(cluster: &ControlPlane, namespace: &str, count: usize, made: &AtomicUsize) {
    /// More than the calls that wait for a webhook at once would be few enough to be no flood.
    const AT_ONCE: usize = 50;
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return;
                    }
                    let pod = pod(&format!("flood-{number}"));
                    cluster.admin("POST", &pods_path(namespace), Some(&pod));
                    made.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
}

pub(crate) fn pods(cluster: &ControlPlane, namespace: &str) -> Vec<Value> {
    let list = cluster.admin("GET", &pods_path(namespace), None);
    list["items"].as_array().unwrap().clone()
}
