//! Bindings and roles as grants. Pure.

use std::collections::BTreeSet;

use canary_core::graph::Handle;
use canary_core::observe::{Given, Grant, Grantee, Rule};
use serde_json::Value;

use crate::catalog::account;

/// What holds rules in one namespace, and everywhere.
pub(crate) const ROLES: [&str; 2] = ["Role", "ClusterRole"];
/// What gives them in one namespace, and everywhere.
pub(crate) const BINDINGS: [&str; 2] = ["RoleBinding", "ClusterRoleBinding"];

/// A binding as a grant; what its role says is not seen yet. `None` for what is no binding.
pub(crate) fn grant(kind: &str, item: &Value) -> Option<Grant> {
    let by = handle(kind, item)?;
    let scope = by.scope.clone();
    let reference = &item["roleRef"];
    let role_kind = reference["kind"].as_str()?;
    if !ROLES.contains(&role_kind) {
        return None;
    }
    let role = Handle {
        kind: role_kind.to_owned(),
        scope: scope.clone().filter(|_| role_kind == "Role"),
        name: reference["name"].as_str()?.to_owned(),
    };
    let subjects = item["subjects"].as_array();
    let to = subjects
        .into_iter()
        .flatten()
        .filter_map(|subject| grantee(subject, scope.as_deref()))
        .collect();
    Some(Grant {
        by,
        role,
        to,
        scope,
        given: Given::Unseen,
    })
}

/// The rules of a role as they stand: those of an aggregated one were filled in by its controller.
pub(crate) fn rules(role: &Value) -> BTreeSet<Rule> {
    let rules = role["rules"].as_array();
    let rule = |rule: &Value| Rule {
        verbs: texts(&rule["verbs"]),
        apis: texts(&rule["apiGroups"]),
        resources: texts(&rule["resources"]),
        names: texts(&rule["resourceNames"]),
        paths: texts(&rule["nonResourceURLs"]),
    };
    rules.into_iter().flatten().map(rule).collect()
}

/// The handle of an RBAC object.
pub(crate) fn handle(kind: &str, item: &Value) -> Option<Handle> {
    let metadata = &item["metadata"];
    Some(Handle {
        kind: kind.to_owned(),
        scope: metadata["namespace"].as_str().map(str::to_owned),
        name: metadata["name"].as_str()?.to_owned(),
    })
}

/// As the authorizer reads a subject (`appliesToUser`): an account without a namespace is of the binding's.
fn grantee(subject: &Value, scope: Option<&str>) -> Option<Grantee> {
    let name = subject["name"].as_str()?;
    match subject["kind"].as_str()? {
        "User" => Some(Grantee::Principal(name.to_owned())),
        "Group" => Some(Grantee::Group(name.to_owned())),
        "ServiceAccount" => {
            let namespace = subject["namespace"]
                .as_str()
                .filter(|text| !text.is_empty());
            Some(account(namespace.or(scope)?, name))
        }
        _ => None,
    }
}

fn texts(value: &Value) -> BTreeSet<String> {
    let items = value.as_array().into_iter().flatten();
    items
        .filter_map(|item| item.as_str().map(str::to_owned))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn binding(subjects: &Value) -> Value {
        json!({
            "metadata": { "name": "b", "namespace": "n" },
            "roleRef": { "kind": "Role", "name": "r" },
            "subjects": subjects,
        })
    }

    #[test]
    fn subjects_are_read_as_the_authorizer_reads_them() {
        let item = binding(&json!([
            { "kind": "User", "name": "system:serviceaccount:ci:deployer" },
            { "kind": "ServiceAccount", "name": "here" },
            { "kind": "ServiceAccount", "namespace": "m", "name": "there" },
            { "kind": "Group", "name": "system:authenticated" },
            { "kind": "Robot", "name": "r2" },
        ]));
        let grant = grant("RoleBinding", &item).unwrap();
        assert_eq!(
            grant.to,
            BTreeSet::from([
                Grantee::Principal("system:serviceaccount:ci:deployer".into()),
                account("n", "here"),
                account("m", "there"),
                Grantee::Group("system:authenticated".into()),
            ])
        );
        assert_eq!(grant.role, Handle::scoped("Role", "n", "r"));
        assert_eq!(grant.scope.as_deref(), Some("n"));
    }

    #[test]
    fn a_cluster_role_that_is_bound_in_a_namespace_holds_there_only() {
        let mut item = binding(&json!([]));
        item["roleRef"]["kind"] = "ClusterRole".into();
        let grant = grant("RoleBinding", &item).unwrap();
        assert_eq!(grant.role.scope, None);
        assert_eq!(grant.scope.as_deref(), Some("n"));
        assert_eq!(grant.to, BTreeSet::new());
    }

    #[test]
    fn what_is_no_binding_is_passed_over() {
        let nameless = json!({ "roleRef": { "kind": "Role", "name": "r" } });
        let referring_to_nothing = json!({ "metadata": { "name": "b" } });
        for item in [json!(0), json!({}), nameless, referring_to_nothing] {
            assert_eq!(grant("ClusterRoleBinding", &item), None);
        }
        assert_eq!(rules(&json!({ "rules": [0, "x"] })).len(), 1);
        assert_eq!(rules(&json!({ "rules": null })), BTreeSet::new());
    }

    #[test]
    fn rules_of_every_form_are_read() {
        let role = json!({ "rules": [
            { "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["db"], "verbs": ["get"] },
            { "nonResourceURLs": ["/metrics"], "verbs": ["get"] },
        ]});
        let set = |text: &str| BTreeSet::from([text.to_owned()]);
        let named = Rule {
            verbs: set("get"),
            apis: set(""),
            resources: set("secrets"),
            names: set("db"),
            ..Rule::default()
        };
        let path = Rule {
            verbs: set("get"),
            paths: set("/metrics"),
            ..Rule::default()
        };
        assert_eq!(rules(&role), BTreeSet::from([named, path]));
    }
}
