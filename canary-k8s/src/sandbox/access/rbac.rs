//! What who may: roles and bindings, evaluated (`k8s.io/kubernetes/pkg/registry/rbac`).

use serde_json::Value;

use super::identity::{Identity, MASTERS};
use crate::sandbox::kinds::{CLUSTER_ROLE, CLUSTER_ROLE_BINDING, Kind, RBAC, ROLE, ROLE_BINDING};
use crate::sandbox::status::{Status, quoted};
use crate::sandbox::store::Store;

/// What somebody wants to do. Empty texts where there is nothing of the sort.
#[derive(Clone, Debug)]
pub(in crate::sandbox) struct Attributes<'a> {
    pub(in crate::sandbox) user: &'a Identity,
    pub(in crate::sandbox) verb: &'a str,
    pub(in crate::sandbox) group: &'a str,
    pub(in crate::sandbox) resource: &'a str,
    pub(in crate::sandbox) subresource: &'a str,
    pub(in crate::sandbox) namespace: &'a str,
    pub(in crate::sandbox) name: &'a str,
    /// Of a request that is about no resource.
    pub(in crate::sandbox) path: &'a str,
}

impl<'a> Attributes<'a> {
    pub(in crate::sandbox) fn of(user: &'a Identity) -> Self {
        Self {
            user,
            verb: "",
            group: "",
            resource: "",
            subresource: "",
            namespace: "",
            name: "",
            path: "",
        }
    }

    fn combined(&self) -> String {
        match self.subresource {
            "" => self.resource.to_owned(),
            subresource => format!("{}/{subresource}", self.resource),
        }
    }
}

/// Yes or no, with the reason that the audit log has.
#[derive(Debug, PartialEq)]
pub(in crate::sandbox) enum Decision {
    Allow(String),
    Forbid(String),
}

pub(in crate::sandbox) fn authorize(attributes: &Attributes<'_>, store: &Store) -> Decision {
    if is_master(attributes.user) {
        return Decision::Allow(String::new());
    }
    let mut errors = Vec::new();
    for grant in grants(attributes.user, attributes.namespace, store) {
        match grant {
            Ok((rules, source)) => {
                if rules.iter().any(|rule| allows(rule, attributes)) {
                    return Decision::Allow(format!("RBAC: allowed by {source}"));
                }
            }
            Err(error) => errors.push(error),
        }
    }
    Decision::Forbid(match errors.as_slice() {
        [] => String::new(),
        [one] => format!("RBAC: {one}"),
        many => format!("RBAC: [{}]", many.join(", ")),
    })
}

/// The refusal of a request.
pub(in crate::sandbox) fn forbidden(attributes: &Attributes<'_>, reason: &str) -> Status {
    let user = quoted(&attributes.user.name);
    let verb = attributes.verb;
    let what = if attributes.resource.is_empty() {
        format!("User {user} cannot {verb} path {}", quoted(attributes.path))
    } else {
        let place = match attributes.namespace {
            "" => "at the cluster scope".to_owned(),
            namespace => format!("in the namespace {}", quoted(namespace)),
        };
        format!(
            "User {user} cannot {verb} resource {} in API group {} {place}",
            quoted(&attributes.combined()),
            quoted(attributes.group)
        )
    };
    let what = what
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let why = match reason {
        "" => what,
        reason => format!("{what}: {reason}"),
    };
    Status::forbidden(attributes.group, attributes.resource, attributes.name, &why)
}

pub(super) fn is_master(user: &Identity) -> bool {
    user.groups.iter().any(|group| group == MASTERS)
}

/// The rules that somebody has in a namespace and everywhere, with where they come from.
pub(super) type Grant = Result<(Vec<Value>, String), String>;

pub(super) fn grants(user: &Identity, namespace: &str, store: &Store) -> Vec<Grant> {
    let mut out = bound(&CLUSTER_ROLE_BINDING, user, "", store);
    if !namespace.is_empty() {
        out.extend(bound(&ROLE_BINDING, user, namespace, store));
    }
    out
}

fn bound(kind: &Kind, user: &Identity, namespace: &str, store: &Store) -> Vec<Grant> {
    let mut out = Vec::new();
    for binding in store.all(kind, namespace) {
        let subjects = binding["subjects"].as_array();
        let subject = subjects
            .into_iter()
            .flatten()
            .find(|subject| is_subject(subject, user, namespace));
        let Some(subject) = subject else {
            continue;
        };
        let name = text(&binding["metadata"]["name"]);
        let name = match namespace {
            "" => name.to_owned(),
            namespace => format!("{name}/{namespace}"),
        };
        let role = &binding["roleRef"];
        let source = format!(
            "{} {} of {} {} to {}",
            kind.name,
            quoted(&name),
            text(&role["kind"]),
            quoted(text(&role["name"])),
            describe(subject, namespace)
        );
        out.push(rules_of(role, namespace, store).map(|rules| (rules, source)));
    }
    out
}

pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn is_subject(subject: &Value, user: &Identity, namespace: &str) -> bool {
    let name = text(&subject["name"]);
    match text(&subject["kind"]) {
        "User" => user.name == name,
        "Group" => user.groups.iter().any(|group| group == name),
        "ServiceAccount" => {
            let inside = match text(&subject["namespace"]) {
                "" => namespace,
                inside => inside,
            };
            !inside.is_empty() && user.name == format!("system:serviceaccount:{inside}:{name}")
        }
        _ => false,
    }
}

fn describe(subject: &Value, namespace: &str) -> String {
    let (kind, name) = (text(&subject["kind"]), text(&subject["name"]));
    if kind != "ServiceAccount" {
        return format!("{kind} {}", quoted(name));
    }
    let inside = match text(&subject["namespace"]) {
        "" => namespace,
        inside => inside,
    };
    format!("{kind} {}", quoted(&format!("{name}/{inside}")))
}

pub(super) fn rules_of(role: &Value, namespace: &str, store: &Store) -> Result<Vec<Value>, String> {
    let (kind, namespace) = match text(&role["kind"]) {
        "Role" => (&ROLE, namespace),
        "ClusterRole" => (&CLUSTER_ROLE, ""),
        other => {
            return Err(format!(
                "unsupported role reference kind: {}",
                quoted(other)
            ));
        }
    };
    let name = text(&role["name"]);
    match store.get(kind, namespace, name) {
        Some(role) => Ok(role["rules"].as_array().cloned().unwrap_or_default()),
        None => Err(format!(
            "{}.{RBAC} {} not found",
            kind.name.to_lowercase(),
            quoted(name)
        )),
    }
}

pub(super) fn texts<'a>(rule: &'a Value, field: &str) -> Vec<&'a str> {
    let items = rule[field].as_array();
    items
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

fn allows(rule: &Value, attributes: &Attributes<'_>) -> bool {
    let any = |field: &str, value: &str| {
        let texts = texts(rule, field);
        texts.contains(&"*") || texts.contains(&value)
    };
    if !any("verbs", attributes.verb) {
        return false;
    }
    if attributes.resource.is_empty() {
        return texts(rule, "nonResourceURLs")
            .into_iter()
            .any(|url| covers_url(url, attributes.path));
    }
    let names = texts(rule, "resourceNames");
    any("apiGroups", attributes.group)
        && texts(rule, "resources")
            .into_iter()
            .any(|resource| covers_resource(resource, &attributes.combined()))
        && (names.is_empty() || names.contains(&attributes.name))
}

pub(super) fn covers_url(url: &str, path: &str) -> bool {
    let prefix = url.strip_suffix('*');
    url == path || prefix.is_some_and(|prefix| path.starts_with(prefix.trim_end_matches('*')))
}

pub(super) fn covers_resource(rule: &str, asked: &str) -> bool {
    let of_any = asked
        .split_once('/')
        .map(|(_, subresource)| format!("*/{subresource}"));
    rule == "*" || rule == asked || of_any.is_some_and(|of_any| rule == of_any)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_rule_covers_what_it_names_and_its_subresources_only_by_name() {
        let user = Identity::default();
        let asks = |resource, subresource, name| Attributes {
            verb: "get",
            resource,
            subresource,
            name,
            ..Attributes::of(&user)
        };
        let rule = json!({ "apiGroups": [""], "resources": ["secrets"], "verbs": ["get"], "resourceNames": ["a"] });
        assert!(allows(&rule, &asks("secrets", "", "a")));
        assert!(!allows(&rule, &asks("secrets", "", "b")));
        assert!(!allows(&rule, &asks("secrets", "", "")));
        assert!(!allows(&rule, &asks("secrets", "x", "a")));
    }
}
