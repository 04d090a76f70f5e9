//! Who is asked when a pod is made, and by which authority the answer is known to be ours.

use serde_json::{Value, json};

use super::{meta, meta_at_home};
use crate::install::template::{each, raw, unless, when};

/// Namespaces of the cluster itself: without them nothing else comes up.
const NEVER: [&str; 3] = ["kube-system", "kube-public", "kube-node-lease"];

pub(super) fn all() -> Vec<Value> {
    vec![
        unless("certManager.issuer", authority()),
        when("certManager.issuer", certificate()),
        configuration(),
    ]
}

/// The agent signs its certificates with it and renews those; this one lasts.
fn authority() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
        "metadata": meta_at_home("$(name)-ca"),
        "data": { "tls.crt": "$(ca.certificate:b64)", "tls.key": "$(ca.key:b64)" },
    })
}

fn certificate() -> Value {
    json!({
        "apiVersion": "cert-manager.io/v1", "kind": "Certificate",
        "metadata": meta_at_home("$(name)-tls"),
        "spec": {
            "secretName": "$(name)-tls",
            "dnsNames": ["$(name).$(namespace).svc"],
            "issuerRef": {
                "name": "$(certManager.issuer.name)", "kind": "$(certManager.issuer.kind)",
            },
        },
    })
}

fn configuration() -> Value {
    let mut meta = meta("$(name)");
    meta["annotations"] = when(
        "certManager.issuer",
        json!({ "cert-manager.io/inject-ca-from": "$(namespace)/$(name)-tls" }),
    );
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
        "metadata": meta,
        "webhooks": [{
            "name": "$(name).$(namespace).svc",
            "admissionReviewVersions": ["v1"],
            "clientConfig": {
                "service": { "name": "$(name)", "namespace": "$(namespace)", "path": "/", "port": 443 },
                "caBundle": unless("certManager.issuer", "$(ca.certificate:b64)".into()),
            },
            // Pods start whatever becomes of us.
            "failurePolicy": "Ignore",
            // The least there is: one that hangs is called twice, by the rule below.
            "timeoutSeconds": 1,
            "sideEffects": "None",
            "reinvocationPolicy": "IfNeeded",
            "matchPolicy": "Equivalent",
            "namespaceSelector": { "matchExpressions": [namespaces(), unless("allPods", covered())] },
            "objectSelector": when("objectSelector", raw("objectSelector")),
            "matchConditions": [
                condition(
                    "no-mirror",
                    "!has(object.metadata.annotations) || \
                     !('kubernetes.io/config.mirror' in object.metadata.annotations)",
                ),
                condition("linux", "!has(object.spec.os) || object.spec.os.name != 'windows'"),
                each("matchConditions", raw("one")),
            ],
            "rules": [
                rule("pods", "CREATE"),
                when("ephemeralContainers", rule("pods/ephemeralcontainers", "UPDATE")),
            ],
        }],
    })
}

/// By the label that the API server itself keeps on every namespace.
const BY_NAME: &str = "kubernetes.io/metadata.name";

fn namespaces() -> Value {
    let values: Vec<&str> = NEVER.into_iter().chain(["$(namespace)"]).collect();
    json!({ "key": BY_NAME, "operator": "NotIn", "values": values })
}

fn covered() -> Value {
    json!({ "key": BY_NAME, "operator": "In", "values": [each("covered", "$(one.namespace)".into())] })
}

fn condition(name: &str, expression: &str) -> Value {
    json!({ "name": name, "expression": expression })
}

fn rule(resource: &str, operation: &str) -> Value {
    json!({
        "apiGroups": [""], "apiVersions": ["v1"], "operations": [operation],
        "resources": [resource], "scope": "Namespaced",
    })
}
