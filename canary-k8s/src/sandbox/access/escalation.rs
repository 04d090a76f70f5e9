//! Nobody gives rights that he has not (`k8s.io/kubernetes/pkg/registry/rbac`, escalation_check.go).

use std::collections::BTreeSet;

use serde_json::Value;

use super::identity::Identity;
use super::rbac::{
    Attributes, Decision, authorize, covers_resource, covers_url, grants, is_master, rules_of,
    text, texts,
};
use crate::sandbox::kinds::{CLUSTER_ROLE, Kind, RBAC, ROLE};
use crate::sandbox::status::{Status, quoted};
use crate::sandbox::store::Store;

/// Refuses a role or a binding that would give rights which its maker has not, unless the maker may `escalate` roles or
/// `bind` that one.
pub(in crate::sandbox) fn escalates(
    user: &Identity,
    kind: &Kind,
    namespace: &str,
    object: &Value,
    store: &Store,
) -> Option<Status> {
    if kind.group != RBAC || is_master(user) {
        return None;
    }
    let name = text(&object["metadata"]["name"]);
    let role = &object["roleRef"];
    let wanted = Attributes {
        group: RBAC,
        namespace,
        ..Attributes::of(user)
    };
    let (granted, excuse) = if role.is_null() {
        let excuse = Attributes {
            verb: "escalate",
            resource: kind.plural,
            name,
            ..wanted
        };
        (
            Ok(object["rules"].as_array().cloned().unwrap_or_default()),
            excuse,
        )
    } else {
        let excuse = Attributes {
            verb: "bind",
            resource: match text(&role["kind"]) {
                "Role" => ROLE.plural,
                _ => CLUSTER_ROLE.plural,
            },
            name: text(&role["name"]),
            ..wanted
        };
        (rules_of(role, namespace, store), excuse)
    };
    if matches!(authorize(&excuse, store), Decision::Allow(_)) {
        return None;
    }
    let Ok(granted) = granted else {
        return Some(Status::not_found(kind, text(&role["name"])));
    };
    let held: Vec<Value> = grants(user, namespace, store)
        .into_iter()
        .flatten()
        .flat_map(|(rules, _)| rules)
        .collect();
    let missing = missing(&granted, &held);
    if missing.is_empty() {
        return None;
    }
    let groups: Vec<String> = user.groups.iter().map(|group| quoted(group)).collect();
    let why = format!(
        "user {} (groups=[{}]) is attempting to grant RBAC permissions not currently held:\n{}",
        quoted(&user.name),
        groups.join(" "),
        missing.into_iter().collect::<Vec<_>>().join("\n")
    );
    Some(Status::forbidden(RBAC, kind.plural, name, &why))
}

/// The granted rules that no held one covers, taken apart and put together by resource, as they are shown.
fn missing(granted: &[Value], held: &[Value]) -> BTreeSet<String> {
    let mut apart: Vec<([String; 4], Vec<String>)> = Vec::new();
    let mut note = |place: [&str; 4], verb: &str| {
        let place = place.map(str::to_owned);
        match apart.iter_mut().find(|(at, _)| *at == place) {
            Some((_, verbs)) => verbs.push(verb.to_owned()),
            None => apart.push((place, vec![verb.to_owned()])),
        }
    };
    for rule in granted {
        let names = match texts(rule, "resourceNames") {
            names if names.is_empty() => vec![""],
            names => names,
        };
        for group in texts(rule, "apiGroups") {
            for resource in texts(rule, "resources") {
                for verb in texts(rule, "verbs") {
                    for name in &names {
                        if !held
                            .iter()
                            .any(|held| holds(held, group, resource, verb, name))
                        {
                            note([group, resource, name, ""], verb);
                        }
                    }
                }
            }
        }
        for url in texts(rule, "nonResourceURLs") {
            for verb in texts(rule, "verbs") {
                let has = |held: &Value| {
                    let verbs = texts(held, "verbs");
                    (verbs.contains(&"*") || verbs.contains(&verb))
                        && texts(held, "nonResourceURLs")
                            .into_iter()
                            .any(|own| covers_url(own, url))
                };
                if !held.iter().any(has) {
                    note(["", "", "", url], verb);
                }
            }
        }
    }
    apart
        .iter()
        .map(|([group, resource, name, url], verbs)| {
            let mut parts = Vec::new();
            if url.is_empty() {
                parts.push(format!("APIGroups:[{}]", quoted(group)));
                parts.push(format!("Resources:[{}]", quoted(resource)));
            } else {
                parts.push(format!("NonResourceURLs:[{}]", quoted(url)));
            }
            if !name.is_empty() {
                parts.push(format!("ResourceNames:[{}]", quoted(name)));
            }
            let verbs: Vec<String> = verbs.iter().map(|verb| quoted(verb)).collect();
            parts.push(format!("Verbs:[{}]", verbs.join(" ")));
            format!("{{{}}}", parts.join(", "))
        })
        .collect()
}

fn holds(held: &Value, group: &str, resource: &str, verb: &str, name: &str) -> bool {
    let any = |field: &str, value: &str| {
        let texts = texts(held, field);
        texts.contains(&"*") || texts.contains(&value)
    };
    let names = texts(held, "resourceNames");
    any("verbs", verb)
        && any("apiGroups", group)
        && texts(held, "resources")
            .into_iter()
            .any(|own| covers_resource(own, resource))
        && (names.is_empty() || names.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rights_that_are_not_held_are_put_together_by_resource() {
        let granted = json!([{ "apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list", "create"] }]);
        let held = json!([{ "apiGroups": ["*"], "resources": ["*"], "verbs": ["get"] }]);
        let missing = missing(granted.as_array().unwrap(), held.as_array().unwrap());
        assert_eq!(
            missing.into_iter().collect::<Vec<_>>(),
            [r#"{APIGroups:[""], Resources:["secrets"], Verbs:["list" "create"]}"#]
        );
    }
}
