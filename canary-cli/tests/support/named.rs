//! Secrets of given names, and what is there by name.

use std::collections::BTreeSet;

use canary_fixtures::ControlPlane;
use serde_json::Value;

use super::Project;

/// A Secret of that label and name.
pub(crate) fn secret(namespace: &str, label: &str, name: &str) -> String {
    format!(
        "[secret.{label}]\nnamespace = \"{namespace}\"\nname = \"{name}\"\ntemplate = \"basic-auth\"\n"
    )
}

pub(crate) fn config(parts: &[String]) -> String {
    format!("[kubernetes]\n{}", parts.concat())
}

/// A planted Secret `secret.a` with the name `mine`, and its namespace. `None`: skip the test.
pub(crate) fn planted(prefix: &str) -> Option<(&'static ControlPlane, String, Project)> {
    let cluster = ControlPlane::for_test()?;
    let namespace = cluster.namespace(prefix);
    let text = config(&[secret(&namespace, "a", "mine")]);
    let project = Project::new(cluster, "admin", &text);
    project.settles();
    Some((cluster, namespace, project))
}

/// The names of a kind in a namespace, without those that are in each.
pub(crate) fn names(cluster: &ControlPlane, namespace: &str, kind: &str) -> BTreeSet<String> {
    let path = format!("/api/v1/namespaces/{namespace}/{kind}");
    let list = cluster.admin("GET", &path, None);
    let items = list["items"].as_array().unwrap();
    let name = |item: &Value| item["metadata"]["name"].as_str().unwrap().to_owned();
    items
        .iter()
        .map(name)
        .filter(|name| !["default", "kube-root-ca.crt"].contains(&name.as_str()))
        .collect()
}
