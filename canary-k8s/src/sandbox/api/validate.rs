//! What an object must be like (`k8s.io/kubernetes/pkg/apis/core/validation`, `…/rbac/validation`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::object::can_be_immutable;
use crate::sandbox::kinds::{Kind, RBAC};
use crate::sandbox::status::Cause;

/// etcd takes 1.5 MiB; the server lets data have one (`MaxSecretSize`).
const MAX_DATA: usize = 1024 * 1024;

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const DATA_KEY: &str = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const QUALIFIED_NAME: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

/// What is wrong with a new object.
pub(super) fn new(kind: &Kind, object: &Value) -> Vec<Cause> {
    let mut causes = name(kind, &object["metadata"]["name"]);
    causes.extend(labels(&object["metadata"]["labels"]));
    causes.extend(content(kind, object));
    causes
}

fn name(kind: &Kind, name: &Value) -> Vec<Cause> {
    let field = "metadata.name";
    let Some(text) = name.as_str().filter(|text| !text.is_empty()) else {
        return vec![Cause::required(field, "name or generateName is required")];
    };
    let invalid = |detail: &str| Cause::invalid(field, name, detail);
    let mut causes = Vec::new();
    if kind.group == RBAC {
        for forbidden in ["/", "%"] {
            if text.contains(forbidden) {
                causes.push(invalid(&format!("may not contain '{forbidden}'")));
            }
        }
        if text == "." || text == ".." {
            causes.push(invalid(&format!("may not be '{text}'")));
        }
        return causes;
    }
    let (longest, form, words) = match kind.plural {
        "namespaces" => (63, is_label as fn(&str) -> bool, LABEL),
        _ => (253, is_subdomain as fn(&str) -> bool, SUBDOMAIN),
    };
    if text.len() > longest {
        causes.push(invalid(&format!("must be no more than {longest} bytes")));
    }
    if kind.plural == "namespaces" && text.contains('.') {
        causes.push(invalid("must not contain dots"));
    } else if !form(text) {
        causes.push(invalid(words));
    }
    causes
}

fn is_label(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.starts_with(fits) && text.ends_with(fits) && text.chars().all(|c| fits(c) || c == '-')
}

fn is_subdomain(text: &str) -> bool {
    text.split('.').all(is_label)
}

fn is_label_value(text: &str) -> bool {
    let ends = |c: char| c.is_ascii_alphanumeric();
    text.is_empty()
        || text.starts_with(ends)
            && text.ends_with(ends)
            && text.chars().all(|c| ends(c) || "-_.".contains(c))
}

fn labels(labels: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    for (key, value) in labels.as_object().into_iter().flatten() {
        let name = key.rsplit('/').next().unwrap_or(key);
        if name.is_empty() || !is_label_value(name) {
            causes.push(Cause::invalid(
                "metadata.labels",
                &key.clone().into(),
                QUALIFIED_NAME,
            ));
        }
        let text = value.as_str().unwrap_or_default();
        if text.len() > 63 {
            causes.push(Cause::invalid(
                "metadata.labels",
                value,
                "must be no more than 63 bytes",
            ));
        }
        if !is_label_value(text) {
            causes.push(Cause::invalid("metadata.labels", value, LABEL_VALUE));
        }
    }
    causes
}

fn content(kind: &Kind, object: &Value) -> Vec<Cause> {
    match kind.plural {
        "secrets" | "configmaps" => data(kind, object),
        "rolebindings" | "clusterrolebindings" => binding(kind, object),
        "roles" | "clusterroles" => rules(kind, object),
        _ => Vec::new(),
    }
}

fn data(kind: &Kind, object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let mut size = 0;
    for map in ["data", "binaryData"] {
        for (key, value) in object[map].as_object().into_iter().flatten() {
            let field = format!("{map}[{key}]");
            let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            if key.len() > 253 {
                let shown = key.clone().into();
                causes.push(Cause::invalid(
                    field.clone(),
                    &shown,
                    "must be no more than 253 characters",
                ));
            }
            if key.is_empty() || !key.chars().all(fits) {
                causes.push(Cause::invalid(field, &key.clone().into(), DATA_KEY));
            } else if key == "." || key == ".." {
                causes.push(Cause::invalid(
                    field,
                    &key.clone().into(),
                    &format!("must not be '{key}'"),
                ));
            }
            let text = value.as_str().unwrap_or_default();
            size += match (kind.plural, map) {
                ("configmaps", "data") => text.len(),
                _ => STANDARD.decode(text).map_or(0, |bytes| bytes.len()),
            };
        }
    }
    if size > MAX_DATA {
        let field = if kind.plural == "secrets" { "data" } else { "" };
        let message = format!("Too long: may not be more than {MAX_DATA} bytes");
        causes.push(Cause::new("FieldValueTooLong", field, message));
    }
    if kind.plural == "secrets" {
        causes.extend(typed(object));
    }
    causes
}

/// What a type of Secret must have.
fn typed(object: &Value) -> Vec<Cause> {
    let has = |key: &str| object["data"][key].is_string();
    let missing = |key: &str| Cause::required(format!("data[{key}]"), "");
    let json = |key: &str| {
        let bytes = STANDARD.decode(object["data"][key].as_str().unwrap_or_default());
        let parsed = serde_json::from_slice::<Value>(&bytes.unwrap_or_default());
        parsed.is_err().then(|| {
            Cause::new(
                "FieldValueInvalid",
                format!("data[{key}]"),
                "Invalid value: \"<secret contents redacted>\": invalid character",
            )
        })
    };
    match object["type"].as_str().unwrap_or_default() {
        "kubernetes.io/service-account-token" => {
            let name = "kubernetes.io/service-account.name";
            let given = object["metadata"]["annotations"][name].as_str();
            match given.unwrap_or_default() {
                "" => vec![Cause::required(format!("metadata.annotations[{name}]"), "")],
                _ => Vec::new(),
            }
        }
        "kubernetes.io/dockerconfigjson" if !has(".dockerconfigjson") => {
            vec![missing(".dockerconfigjson")]
        }
        "kubernetes.io/dockerconfigjson" => json(".dockerconfigjson").into_iter().collect(),
        "kubernetes.io/dockercfg" if !has(".dockercfg") => vec![missing(".dockercfg")],
        "kubernetes.io/basic-auth" if !has("username") && !has("password") => {
            vec![missing("username"), missing("password")]
        }
        "kubernetes.io/ssh-auth" if !has("ssh-privatekey") => vec![missing("ssh-privatekey")],
        "kubernetes.io/tls" => ["tls.crt", "tls.key"]
            .into_iter()
            .filter(|key| !has(key))
            .map(missing)
            .collect(),
        _ => Vec::new(),
    }
}

fn binding(kind: &Kind, object: &Value) -> Vec<Cause> {
    let role = &object["roleRef"];
    let mut causes = Vec::new();
    let allowed = match kind.plural {
        "rolebindings" => "\"Role\", \"ClusterRole\"",
        _ => "\"ClusterRole\"",
    };
    let named = role["kind"].as_str().unwrap_or_default();
    if !allowed.contains(&format!("\"{named}\"")) {
        let message = format!("Unsupported value: {named:?}: supported values: {allowed}");
        causes.push(Cause::new(
            "FieldValueNotSupported",
            "roleRef.kind",
            message,
        ));
    }
    if role["name"].as_str().unwrap_or_default().is_empty() {
        causes.push(Cause::required("roleRef.name", ""));
    }
    let subjects = object["subjects"].as_array();
    for (at, subject) in subjects.into_iter().flatten().enumerate() {
        if subject["name"].as_str().unwrap_or_default().is_empty() {
            causes.push(Cause::required(format!("subjects[{at}].name"), ""));
        }
        let kind = subject["kind"].as_str().unwrap_or_default();
        if !matches!(kind, "User" | "Group" | "ServiceAccount") {
            let message = format!(
                "Unsupported value: {kind:?}: supported values: \"Group\", \"ServiceAccount\", \"User\""
            );
            let field = format!("subjects[{at}].kind");
            causes.push(Cause::new("FieldValueNotSupported", field, message));
        }
    }
    causes
}

fn rules(kind: &Kind, object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let rules = object["rules"].as_array();
    for (at, rule) in rules.into_iter().flatten().enumerate() {
        let empty = |field: &str| rule[field].as_array().is_none_or(Vec::is_empty);
        if empty("verbs") {
            let field = format!("rules[{at}].verbs");
            causes.push(Cause::required(
                field,
                "verbs must contain at least one value",
            ));
        }
        if !empty("nonResourceURLs") {
            if kind.namespaced {
                causes.push(Cause::invalid(
                    format!("rules[{at}].nonResourceURLs"),
                    &rule["nonResourceURLs"],
                    "namespaced rules cannot apply to non-resource URLs",
                ));
            }
            continue;
        }
        for (field, detail) in [
            (
                "apiGroups",
                "resource rules must supply at least one api group",
            ),
            (
                "resources",
                "resource rules must supply at least one resource",
            ),
        ] {
            if empty(field) {
                causes.push(Cause::required(format!("rules[{at}].{field}"), detail));
            }
        }
    }
    causes
}

/// What is wrong with an object in place of another.
pub(super) fn change(kind: &Kind, before: &Value, after: &Value) -> Vec<Cause> {
    let mut causes = labels(&after["metadata"]["labels"]);
    let uid = &after["metadata"]["uid"];
    if *uid != before["metadata"]["uid"] {
        // Two validations say so, one after the other.
        let cause = Cause::invalid("metadata.uid", uid, "field is immutable");
        causes.extend([cause.clone(), cause]);
    }
    if kind.plural == "secrets" && before["type"] != after["type"] {
        causes.push(Cause::invalid("type", &after["type"], "field is immutable"));
    }
    if before["roleRef"] != after["roleRef"] {
        let shown = super::call::go_role_ref(&after["roleRef"]);
        let message = format!("Invalid value: {shown}: cannot change roleRef");
        causes.push(Cause::new("FieldValueInvalid", "roleRef", message));
    }
    if can_be_immutable(kind) && before["immutable"] == true {
        let detail = "field is immutable when `immutable` is set";
        if after["immutable"] != true {
            causes.push(Cause::forbidden("immutable", detail));
        }
        for map in ["data", "binaryData"] {
            if before[map] != after[map] {
                causes.push(Cause::forbidden(map, detail));
            }
        }
    }
    causes.extend(content(kind, after));
    causes
}
