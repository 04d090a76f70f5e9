//! What the chart's values may be. Nothing that is not known is taken.

use serde_json::{Map, Value, json};

use crate::install::check::{
    ACCOUNT, AUDIENCE, BASE64, CIDR, IMAGE, NAMESPACE, OF_THE_CLUSTER, PULL, pattern_of_name,
};

pub(super) fn schema() -> Value {
    let properties: Map<String, Value> = properties()
        .into_iter()
        .map(|(name, property)| (name.to_owned(), property))
        .collect();
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "additionalProperties": false,
        "required": ["name", "image", "config", "key"],
        "properties": properties,
        "anyOf": [
            { "properties": { "covered": { "minItems": 1 } } },
            { "properties": { "allPods": { "const": true } } },
        ],
    })
}

/// In the order of the values file.
pub(super) fn properties() -> Vec<(&'static str, Value)> {
    let mut all = vec![
        (
            "name",
            json!({
                "description": "What everything is called by. Required; as the other workloads of the site are called.",
                "type": "string", "pattern": pattern_of_name(),
            }),
        ),
        (
            "namespace",
            json!({
                "description": "A namespace of its own; empty for one that is called as it is. It is made unless the release is in it.",
                "type": "string",
                "anyOf": [{ "const": "" }, namespace()],
            }),
        ),
        (
            "image",
            json!({ "description": "The image. Required.", "type": "string", "pattern": IMAGE }),
        ),
        (
            "imagePullPolicy",
            json!({ "description": "When the image is pulled.", "type": "string", "enum": PULL }),
        ),
        (
            "replicas",
            json!({ "description": "Two at least.", "type": "integer", "minimum": 2, "maximum": 100 }),
        ),
        ("covered", covered()),
        (
            "allPods",
            flag("Pods are watched in the whole cluster, and namespaces listed."),
        ),
        (
            "ephemeralContainers",
            flag("Ephemeral containers get their mount, too."),
        ),
        (
            "objectSelector",
            object(
                "Pods whose labels do not match are not asked about.",
                &json!({ "matchLabels": texts(), "matchExpressions": { "type": "array", "items": { "type": "object" } } }),
            ),
        ),
        (
            "matchConditions",
            json!({
                "description": "Pods of which one of these expressions (CEL) is false are not asked about.",
                "type": "array",
                "items": strict(
                    &json!({ "name": { "type": "string" }, "expression": { "type": "string" } }),
                    &["name", "expression"],
                ),
            }),
        ),
        (
            "annotatePods",
            flag(
                "A refresh touches an annotation of the pod, so that it arrives at once. The right to patch pods comes with it.",
            ),
        ),
        (
            "audiences",
            json!({
                "description": "What tokens may be for; empty for what the API server gives.",
                "type": "array", "items": { "type": "string", "pattern": AUDIENCE },
            }),
        ),
        (
            "config",
            json!({ "description": "What it is to do. Required.", "type": "string", "pattern": BASE64 }),
        ),
        (
            "key",
            json!({ "description": "Its key. Required.", "type": "string", "pattern": BASE64 }),
        ),
        (
            "ca",
            object(
                "The authority of its certificates, PEM; empty for one that is made once and kept.",
                &json!({ "certificate": { "type": "string" }, "key": { "type": "string" } }),
            ),
        ),
        ("certManager", cert_manager()),
        (
            "accountAnnotations",
            described("Annotations of its account.", texts()),
        ),
        (
            "resources",
            object(
                "What a replica asks for.",
                &json!({ "requests": { "type": "object" }, "limits": { "type": "object" } }),
            ),
        ),
        (
            "nodeSelector",
            described("The nodes that it may run on.", texts()),
        ),
        (
            "tolerations",
            json!({
                "description": "The taints that it tolerates.",
                "type": "array",
                "items": strict(
                    &json!({
                        "key": { "type": "string" }, "operator": { "enum": ["Exists", "Equal"] },
                        "value": { "type": "string" }, "effect": { "type": "string" },
                        "tolerationSeconds": { "type": "integer" },
                    }),
                    &[],
                ),
            }),
        ),
        (
            "egress",
            json!({
                "description": "Whom it may talk to, as CIDRs; empty for anybody.",
                "type": "array", "items": { "type": "string", "pattern": CIDR },
            }),
        ),
    ];
    // Helm hands it to every chart that is part of another.
    all.push(("global", json!({ "type": "object" })));
    all
}

fn covered() -> Value {
    let account = json!({ "type": "string", "anyOf": [{ "const": "" }, { "pattern": ACCOUNT }] });
    json!({
        "description": "The namespaces whose pods are served, each with the account there that tokens are asked for, if any.",
        "type": "array",
        "items": strict(&json!({ "namespace": namespace(), "account": account }), &["namespace"]),
    })
}

fn cert_manager() -> Value {
    let issuer = strict(
        &json!({ "name": { "type": "string", "pattern": ACCOUNT }, "kind": { "enum": ["Issuer", "ClusterIssuer"] } }),
        &["name", "kind"],
    );
    object(
        "Where cert-manager gives the certificate: its issuer, with name and kind.",
        &json!({ "issuer": issuer }),
    )
}

fn namespace() -> Value {
    json!({ "type": "string", "pattern": NAMESPACE, "not": { "pattern": OF_THE_CLUSTER } })
}

fn texts() -> Value {
    json!({ "type": "object", "additionalProperties": { "type": "string" } })
}

fn flag(about: &str) -> Value {
    json!({ "description": about, "type": "boolean" })
}

fn strict(properties: &Value, required: &[&str]) -> Value {
    json!({
        "type": "object", "additionalProperties": false,
        "required": required, "properties": properties,
    })
}

fn object(about: &str, properties: &Value) -> Value {
    described(about, strict(properties, &[]))
}

fn described(about: &str, mut schema: Value) -> Value {
    schema["description"] = about.into();
    schema
}
