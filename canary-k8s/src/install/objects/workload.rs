//! The agent's own workload and what is around it.

use serde_json::{Value, json};

use super::{labels, meta_at_home};
use crate::install::template::{each, raw, unless, when};

/// Where reviews are answered.
const HTTPS: u16 = 8443;
/// Where it tells how it is.
const METRICS: u16 = 9090;
/// `nonroot` of the common base images.
const USER: u32 = 65532;
/// 0440: for its user's group alone.
const READABLE: u16 = 0o440;
/// What the kubelet asks for itself: an hour, and room to renew it.
const TOKEN_SECONDS: u16 = 3607;

/// Its service, its network, and how many of it may be away.
pub(super) fn around() -> Vec<Value> {
    vec![service(), network(), disruption()]
}

fn service() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": meta_at_home("$(name)"),
        "spec": {
            "selector": labels(),
            "ports": [{ "name": "https", "port": 443, "targetPort": "https", "protocol": "TCP" }],
        },
    })
}

fn disruption() -> Value {
    json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": meta_at_home("$(name)"),
        "spec": { "maxUnavailable": 1, "selector": { "matchLabels": labels() } },
    })
}

/// Reviews come from the API server, whose addresses no selector names; it is also who is talked to.
fn network() -> Value {
    let port = |port: u16, protocol: &str| json!({ "port": port, "protocol": protocol });
    let servers = json!([port(443, "TCP"), port(6443, "TCP")]);
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": meta_at_home("$(name)"),
        "spec": {
            "podSelector": { "matchLabels": labels() },
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [
                { "ports": [port(HTTPS, "TCP")] },
                { "ports": [port(METRICS, "TCP")], "from": [{ "namespaceSelector": {} }] },
            ],
            "egress": [
                { "ports": [port(53, "UDP"), port(53, "TCP")] },
                when("egress", json!({
                    "ports": servers, "to": [each("egress", json!({ "ipBlock": { "cidr": "$(one)" } }))],
                })),
                unless("egress", json!({ "ports": servers })),
            ],
        },
    })
}

pub(super) fn deployment() -> Value {
    let mut pod_labels = json!({ "labels": labels() });
    // Other settings are another generation of it.
    pod_labels["annotations"] = json!({ "checksum/config": "$(config:sha256)" });
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta_at_home("$(name)"),
        "spec": {
            "replicas": raw("replicas"),
            "selector": { "matchLabels": labels() },
            // Never fewer than there should be.
            "strategy": { "type": "RollingUpdate", "rollingUpdate": { "maxSurge": 1, "maxUnavailable": 0 } },
            "template": { "metadata": pod_labels, "spec": pod() },
        },
    })
}

fn pod() -> Value {
    let spread = |key: &str| {
        json!({
            "maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": { "matchLabels": labels() },
        })
    };
    json!({
        "serviceAccountName": "$(name)",
        "automountServiceAccountToken": false,
        "securityContext": {
            "runAsNonRoot": true, "runAsUser": USER, "runAsGroup": USER, "fsGroup": USER,
            "seccompProfile": { "type": "RuntimeDefault" },
        },
        "containers": [container()],
        "volumes": [
            secret("settings", "$(name)"),
            unless("certManager.issuer", secret("ca", "$(name)-ca")),
            when("certManager.issuer", secret("tls", "$(name)-tls")),
            token(),
        ],
        "nodeSelector": when("nodeSelector", raw("nodeSelector")),
        "tolerations": when("tolerations", raw("tolerations")),
        // On a cluster of one node both run there.
        "topologySpreadConstraints": [
            spread("kubernetes.io/hostname"), spread("topology.kubernetes.io/zone"),
        ],
    })
}

fn container() -> Value {
    let field = |name: &str, path: &str| json!({ "name": name, "valueFrom": { "fieldRef": { "fieldPath": path } } });
    let mount =
        |name: &str, path: &str| json!({ "name": name, "mountPath": path, "readOnly": true });
    let probe = |path: &str, seconds: u8| json!({ "httpGet": { "path": path, "port": "metrics" }, "periodSeconds": seconds });
    json!({
        "name": "$(name)",
        "image": "$(image)",
        "imagePullPolicy": "$(imagePullPolicy)",
        // The image has it under this name, so that the process is called so, too.
        "command": ["/usr/local/bin/$(name)"],
        "args": [
            "run", "--name", "$(name)", "--namespace", "$(namespace)", "--config", "/etc/$(name)",
            unless("certManager.issuer", json!(["--ca", "/etc/$(name)-ca"])),
            when("certManager.issuer", json!(["--certificate", "/etc/$(name)-tls"])),
            "--listen", format!("0.0.0.0:{HTTPS}"), "--metrics", format!("0.0.0.0:{METRICS}"),
        ],
        "env": [
            field("POD_NAME", "metadata.name"),
            field("POD_IP", "status.podIP"),
            field("NODE_NAME", "spec.nodeName"),
        ],
        "ports": [
            { "name": "https", "containerPort": HTTPS, "protocol": "TCP" },
            { "name": "metrics", "containerPort": METRICS, "protocol": "TCP" },
        ],
        // One that is not ready is asked no more within two seconds; one that is dead is replaced within half a minute.
        "readinessProbe": probe("/readyz", 2),
        "livenessProbe": probe("/healthz", 10),
        "resources": raw("resources"),
        "securityContext": {
            "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
            "capabilities": { "drop": ["ALL"] },
        },
        "volumeMounts": [
            mount("settings", "/etc/$(name)"),
            unless("certManager.issuer", mount("ca", "/etc/$(name)-ca")),
            when("certManager.issuer", mount("tls", "/etc/$(name)-tls")),
            mount("token", "/var/run/secrets/kubernetes.io/serviceaccount"),
        ],
    })
}

fn secret(volume: &str, name: &str) -> Value {
    json!({ "name": volume, "secret": { "secretName": name, "defaultMode": READABLE } })
}

/// As the kubelet mounts it by itself, where clients look for it.
fn token() -> Value {
    let namespace =
        json!({ "path": "namespace", "fieldRef": { "fieldPath": "metadata.namespace" } });
    json!({
        "name": "token",
        "projected": { "defaultMode": READABLE, "sources": [
            { "serviceAccountToken": { "path": "token", "expirationSeconds": TOKEN_SECONDS } },
            { "configMap": { "name": "kube-root-ca.crt", "items": [{ "key": "ca.crt", "path": "ca.crt" }] } },
            { "downwardAPI": { "items": [namespace] } },
        ] },
    })
}
