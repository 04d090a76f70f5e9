//! The roles and bindings that every cluster begins with, as far as they say something about the kinds served here
//! (`plugin/pkg/auth/authorizer/rbac/bootstrappolicy`).

use serde_json::{Value, json};

use crate::sandbox::kinds::{CLUSTER_ROLE, CLUSTER_ROLE_BINDING, Kind, RBAC};

/// Objects in the order in which they are made.
pub(in crate::sandbox) fn objects() -> Vec<(&'static Kind, Value)> {
    let urls = |urls: &[&str]| json!([{ "nonResourceURLs": urls, "verbs": ["get"] }]);
    let roles = [
        (
            "cluster-admin",
            "system:masters",
            json!([
                { "apiGroups": ["*"], "resources": ["*"], "verbs": ["*"] },
                { "nonResourceURLs": ["*"], "verbs": ["*"] },
            ]),
        ),
        (
            "system:basic-user",
            "system:authenticated",
            json!([
                { "apiGroups": ["authorization.k8s.io"], "verbs": ["create"],
                  "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"] },
                { "apiGroups": ["authentication.k8s.io"], "verbs": ["create"],
                  "resources": ["selfsubjectreviews"] },
            ]),
        ),
        (
            "system:discovery",
            "system:authenticated",
            urls(&[
                "/api",
                "/api/*",
                "/apis",
                "/apis/*",
                "/healthz",
                "/livez",
                "/openapi",
                "/openapi/*",
                "/readyz",
                "/version",
                "/version/",
            ]),
        ),
        (
            "system:public-info-viewer",
            "system:authenticated system:unauthenticated",
            urls(&["/healthz", "/livez", "/readyz", "/version", "/version/"]),
        ),
        (
            "system:service-account-issuer-discovery",
            "system:serviceaccounts",
            urls(&[
                "/.well-known/openid-configuration",
                "/.well-known/openid-configuration/",
                "/openid/v1/jwks",
                "/openid/v1/jwks/",
            ]),
        ),
    ];
    let manager = (
        "system:kube-controller-manager",
        "system:kube-controller-manager",
        json!([
            { "apiGroups": [""], "resources": ["secrets", "serviceaccounts"], "verbs": ["create"] },
            { "apiGroups": [""], "resources": ["secrets"], "verbs": ["delete"] },
            { "apiGroups": [""], "resources": ["configmaps", "namespaces", "secrets", "serviceaccounts"],
              "verbs": ["get"] },
            { "apiGroups": [""], "resources": ["secrets", "serviceaccounts"], "verbs": ["update"] },
            { "apiGroups": ["*"], "resources": ["*"], "verbs": ["list", "watch"] },
            { "apiGroups": [""], "resources": ["serviceaccounts/token"], "verbs": ["create"] },
        ]),
    );
    let metadata = |name: &str| {
        json!({
            "name": name,
            "annotations": { "rbac.authorization.kubernetes.io/autoupdate": "true" },
            "labels": { "kubernetes.io/bootstrapping": "rbac-defaults" },
        })
    };
    roles
        .into_iter()
        .chain([manager])
        .flat_map(|(name, subjects, rules)| {
            let subjects: Vec<Value> = subjects
                .split(' ')
                .map(|subject| {
                    // The controller manager is a user; everybody else here is a group.
                    let kind = if subject == name { "User" } else { "Group" };
                    json!({ "apiGroup": RBAC, "kind": kind, "name": subject })
                })
                .collect();
            let role = json!({ "metadata": metadata(name), "rules": rules });
            let binding = json!({
                "metadata": metadata(name),
                "roleRef": { "apiGroup": RBAC, "kind": "ClusterRole", "name": name },
                "subjects": subjects,
            });
            [(&CLUSTER_ROLE, role), (&CLUSTER_ROLE_BINDING, binding)]
        })
        .collect()
}
