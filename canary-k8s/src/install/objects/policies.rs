//! What the agent's own account is held to beyond its rights. Nobody else is restricted by any of it.
//!
//! Rights know names of Secrets or none; handles are new for each pod. So these tell by the name's pattern, and by what an
//! object of ours never has. They cannot tell a foreign Secret that is in a covered namespace, ends as a handle does (a
//! hyphen and 16 hex digits), is of type Opaque and has no label, annotation, owner or finalizer: such a one could be
//! overwritten or removed with the agent's token, though not read.

use canary_core::bait::PodHandles;
use serde_json::{Value, json};

use super::meta;
use crate::install::template::when;

pub(super) fn all() -> Vec<Value> {
    let mut all = policy("$(name)-secrets", &secrets());
    all.extend(policy("$(name)-tokens", &tokens()));
    all.push(when("annotatePods", policy("$(name)-pods", &pods()).into()));
    all
}

/// What is matched, and what must be true of it.
struct Held {
    resource: &'static str,
    operations: &'static [&'static str],
    validations: Vec<Value>,
}

fn must(expression: impl Into<String>) -> Value {
    json!({ "expression": expression.into(), "reason": "Forbidden" })
}

/// `failurePolicy: Fail` for our account alone: what cannot be judged is refused to it.
fn policy(name: &str, held: &Held) -> Vec<Value> {
    const API: &str = "admissionregistration.k8s.io/v1";
    let ours = "has(request.userInfo.username) && \
                request.userInfo.username == 'system:serviceaccount:$(namespace):$(name)'";
    vec![
        json!({
            "apiVersion": API, "kind": "ValidatingAdmissionPolicy", "metadata": meta(name),
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": { "resourceRules": [{
                    "apiGroups": [""], "apiVersions": ["v1"], "operations": held.operations,
                    "resources": [held.resource],
                }] },
                "matchConditions": [{ "name": "account", "expression": ours }],
                "validations": held.validations,
            },
        }),
        json!({
            "apiVersion": API, "kind": "ValidatingAdmissionPolicyBinding", "metadata": meta(name),
            "spec": { "policyName": name, "validationActions": ["Deny"] },
        }),
    ]
}

fn secrets() -> Held {
    // At home everything that begins with the name, but for what the installer has put there.
    let at_home =
        "request.name.startsWith('$(name)-') && !(request.name in ['$(name)-ca', '$(name)-tls'])";
    let elsewhere = format!(
        "request.namespace in $(covered.namespace:list) && request.name.matches('{}')",
        PodHandles::pattern()
    );
    Held {
        resource: "secrets",
        operations: &["CREATE", "UPDATE", "DELETE"],
        validations: vec![
            must(format!(
                "request.namespace == '$(namespace)' ? ({at_home}) : ({elsewhere})"
            )),
            must(plain("object")),
            must(plain("oldObject")),
            // A removal that waits for dependents answers with the object, and with all that is in it.
            must(
                "request.operation != 'DELETE' || request.options == null || \
                 ((!has(request.options.propagationPolicy) || request.options.propagationPolicy == 'Background') && \
                 !has(request.options.orphanDependents))",
            ),
        ],
    }
}

/// As ours are: what has a type, a label, an annotation, an owner or a finalizer is somebody's.
fn plain(object: &str) -> String {
    let without: Vec<String> = ["annotations", "labels", "ownerReferences", "finalizers"]
        .iter()
        .map(|field| format!("!has({object}.metadata.{field})"))
        .collect();
    format!(
        "{object} == null || (has({object}.type) && {object}.type == 'Opaque' && {})",
        without.join(" && ")
    )
}

/// One that is bound to an object dies with it, and a dead token tells nobody when it is used.
fn tokens() -> Held {
    Held {
        resource: "serviceaccounts/token",
        operations: &["CREATE"],
        validations: vec![
            must("request.namespace + '/' + request.name in $(covered.namespace/account:list)"),
            // What is not bound has a null there.
            must("!has(object.spec.boundObjectRef) || object.spec.boundObjectRef == null"),
            // Where none is asked for, the API server has filled in its own before it asks here.
            when(
                "audiences",
                must("object.spec.audiences.all(one, one in $(audiences:list))"),
            ),
        ],
    }
}

/// The annotation that a refresh touches.
pub(super) const ANNOTATION: &str = "$(name)/synced-at";

fn pods() -> Held {
    let same = |field: &str, none: &str| {
        must(format!(
            "object.metadata.?{field}.orValue({none}) == oldObject.metadata.?{field}.orValue({none})"
        ))
    };
    let (new, old) = (
        "object.metadata.?annotations.orValue({})",
        "oldObject.metadata.?annotations.orValue({})",
    );
    Held {
        resource: "pods",
        operations: &["UPDATE"],
        validations: vec![
            must("object.spec == oldObject.spec"),
            same("labels", "{}"),
            same("ownerReferences", "[]"),
            same("finalizers", "[]"),
            must(format!(
                "{new}.all(key, key == '{ANNOTATION}' || (key in {old} && {old}[key] == {new}[key]))"
            )),
            must(format!(
                "{old}.all(key, key == '{ANNOTATION}' || key in {new})"
            )),
        ],
    }
}
