//! What the agent may do, and no more.
//!
//! No list or get of a Secret outside of its own namespace, no patch of one anywhere (a patch without a change shows it),
//! nothing in the whole cluster but looking at pods, and that only where it is wanted. What `create`, `update` and `delete`
//! of Secrets would still give is taken back by the policies.

use serde_json::{Value, json};

use super::{labels, meta, meta_at_home};
use crate::install::template::{each, unless, when};

const GROUP: &str = "rbac.authorization.k8s.io";
const API: &str = "rbac.authorization.k8s.io/v1";

pub(super) fn all() -> Vec<Value> {
    vec![
        at_home(),
        bound_at_home(),
        where_covered(),
        each(
            "covered",
            json!([
                bound_in_one(),
                when("one.account", json!([tokens_in_one(), bound_to_tokens()])),
            ]),
        ),
        when("allPods", json!([everywhere(), bound_everywhere()])),
    ]
}

/// The lease by which one of the replicas leads, and what it keeps: Secrets beside its own.
fn at_home() -> Value {
    json!({
        "apiVersion": API, "kind": "Role", "metadata": meta_at_home("$(name)"),
        "rules": [
            rule("coordination.k8s.io", "leases", &["create"]),
            named("coordination.k8s.io", "leases", &["get", "update"], "$(name)"),
            rule("", "secrets", &["get", "list", "create", "update", "delete"]),
        ],
    })
}

fn bound_at_home() -> Value {
    binding(&meta_at_home("$(name)"), "RoleBinding", "Role", "$(name)")
}

/// Bound in each covered namespace by itself.
fn where_covered() -> Value {
    json!({
        "apiVersion": API, "kind": "ClusterRole", "metadata": meta("$(name)"),
        "rules": [
            rule("", "secrets", &["create", "update", "delete"]),
            rule("", "resourcequotas", &["list"]),
            unless("allPods", rule("", "pods", &["list", "watch"])),
            when("annotatePods", rule("", "pods", &["patch"])),
        ],
    })
}

fn bound_in_one() -> Value {
    binding(
        &meta_in_one("$(name)"),
        "RoleBinding",
        "ClusterRole",
        "$(name)",
    )
}

/// A Role of the namespace's own: one for all would name every account to whoever may read any.
fn tokens_in_one() -> Value {
    json!({
        "apiVersion": API, "kind": "Role", "metadata": meta_in_one("$(name)-tokens"),
        "rules": [named("", "serviceaccounts/token", &["create"], "$(one.account)")],
    })
}

fn bound_to_tokens() -> Value {
    let meta = meta_in_one("$(name)-tokens");
    binding(&meta, "RoleBinding", "Role", "$(name)-tokens")
}

/// Looking alone, where namespaces are named by patterns.
fn everywhere() -> Value {
    json!({
        "apiVersion": API, "kind": "ClusterRole", "metadata": meta("$(name)-watch"),
        "rules": [rule("", "pods", &["list", "watch"]), rule("", "namespaces", &["list", "watch"])],
    })
}

fn bound_everywhere() -> Value {
    let meta = meta("$(name)-watch");
    binding(&meta, "ClusterRoleBinding", "ClusterRole", "$(name)-watch")
}

fn meta_in_one(name: &str) -> Value {
    json!({ "name": name, "namespace": "$(one.namespace)", "labels": labels() })
}

fn rule(group: &str, resource: &str, verbs: &[&str]) -> Value {
    json!({ "apiGroups": [group], "resources": [resource], "verbs": verbs })
}

fn named(group: &str, resource: &str, verbs: &[&str], name: &str) -> Value {
    let mut rule = rule(group, resource, verbs);
    rule["resourceNames"] = json!([name]);
    rule
}

fn binding(meta: &Value, kind: &str, role_kind: &str, role: &str) -> Value {
    json!({
        "apiVersion": API, "kind": kind, "metadata": meta,
        "roleRef": { "apiGroup": GROUP, "kind": role_kind, "name": role },
        "subjects": [{ "kind": "ServiceAccount", "name": "$(name)", "namespace": "$(namespace)" }],
    })
}
