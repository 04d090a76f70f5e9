//! Bodies, where the policy logs them: what is kept of them and whom they speak of.

use std::collections::BTreeSet;

use canary_core::detect::{Action, Mention};
use serde_json::{Map, Value};

use super::read::CREDENTIAL_ID;
use super::record::Raw;

/// A body longer than this is not kept. etcd takes no object above 1.5 MiB, and reading a body costs up to some thirty
/// times its length in memory.
const MAX_BODY: usize = 1536 * 1024;

/// What became of a body.
pub(super) enum Body {
    /// There is none, or nothing of it may be kept.
    Absent,
    /// It is there.
    Kept(Value),
    /// The source left it out, as it says itself.
    LeftOut,
    /// It is too long or too deep to be read.
    Unread,
}

/// Azure puts this in place of bodies that are too long for it.
const LEFT_OUT: &str = "skipped-too-big-size-object";

/// Reads a body. Secret values never leave this function: of Secrets only what identifies them is kept, of token
/// requests and reviews the token is dropped.
pub(super) fn read(raw: &Raw<'_>, action: &Action) -> Body {
    let Some(raw) = raw.0.map(|raw| raw.get()) else {
        return Body::Absent;
    };
    if raw.len() > MAX_BODY {
        return Body::Unread;
    }
    match serde_json::from_str(raw) {
        Ok(Value::Null) => Body::Absent,
        Ok(Value::String(text)) if text == LEFT_OUT => Body::LeftOut,
        Ok(value) => redact(value, action).map_or(Body::Absent, Body::Kept),
        Err(_) => Body::Unread,
    }
}

fn redact(mut value: Value, action: &Action) -> Option<Value> {
    match (action.resource.as_str(), action.subresource.as_str()) {
        ("secrets", _) => identifying(&value),
        ("serviceaccounts", "token") => {
            remove(&mut value, "/status", "token");
            Some(value)
        }
        ("tokenreviews", _) => {
            remove(&mut value, "/spec", "token");
            Some(value)
        }
        // What a damaged record is about may be unknown: it could be a Secret.
        ("", _) => None,
        _ => Some(value),
    }
}

fn remove(value: &mut Value, parent: &str, key: &str) {
    if let Some(Value::Object(parent)) = value.pointer_mut(parent) {
        parent.remove(key);
    }
}

/// Annotations are left out: `kubectl apply` puts the whole object into one.
fn identifying(secret: &Value) -> Option<Value> {
    const KEEP: [&str; 3] = ["kind", "apiVersion", "type"];
    const KEEP_META: [&str; 5] = ["name", "namespace", "uid", "resourceVersion", "labels"];
    let keep = |from: &Value, keys: &[&str]| -> Map<String, Value> {
        let entry = |key: &&str| Some(((*key).to_owned(), from.get(*key)?.clone()));
        keys.iter().filter_map(entry).collect()
    };
    secret.as_object()?;
    let mut kept = keep(secret, &KEEP);
    if let Some(meta) = secret.get("metadata") {
        kept.insert("metadata".to_owned(), Value::Object(keep(meta, &KEEP_META)));
    }
    Some(Value::Object(kept))
}

/// Resources whose bodies speak of principals; the scan takes a full look at these.
pub(super) const SPEAKS: [&str; 14] = [
    "tokenreviews",
    "subjectaccessreviews",
    "localsubjectaccessreviews",
    "pods",
    "replicationcontrollers",
    "podtemplates",
    "deployments",
    "replicasets",
    "statefulsets",
    "daemonsets",
    "jobs",
    "cronjobs",
    "rolebindings",
    "clusterrolebindings",
];

/// Adds the principals that a request's body speaks of: a pod (or a template of one) that runs as a service account, a
/// binding that gives rights to a principal, a question what a principal may do. Patches name only what they change, and
/// are read the same way.
pub(super) fn mentions(action: &Action, body: &Value, into: &mut BTreeSet<Mention>) {
    match action.resource.as_str() {
        "rolebindings" | "clusterrolebindings" => bound(action, body, into),
        "subjectaccessreviews" | "localsubjectaccessreviews" => {
            let spec = body.get("spec");
            let name = spec.and_then(|spec| text(spec, "user"));
            into.extend(name.map(|name| Mention::Principal(name.to_owned())));
        }
        resource if SPEAKS.contains(&resource) => {
            const SPECS: [&str; 4] = [
                "/spec",
                "/spec/template/spec",
                "/template/spec",
                "/spec/jobTemplate/spec/template/spec",
            ];
            let runs_as = SPECS
                .iter()
                .filter_map(|path| body.pointer(path))
                .flat_map(|spec| ACCOUNT.map(|key| text(spec, key)));
            let namespace = action.namespace.as_str();
            into.extend(
                runs_as
                    .chain(patched(body))
                    .flatten()
                    .map(|name| service_account(namespace, name)),
            );
        }
        _ => {}
    }
}

/// The accounts that a JSON patch has a workload run as: a list of operations, each with a path and what is put there.
fn patched(body: &Value) -> impl Iterator<Item = Option<&str>> {
    const WITHIN: [&str; 4] = ["", "/spec", "/template/spec", "/spec/template/spec"];
    let operations = body.as_array().into_iter().flatten();
    let values = operations
        .filter_map(|operation| Some((text(operation, "path")?, operation.get("value")?)));
    values.flat_map(|(path, value)| {
        let is_name = ACCOUNT.iter().any(|key| path.ends_with(key));
        let inside = WITHIN.iter().filter_map(|path| value.pointer(path));
        let inside = inside.flat_map(|spec| ACCOUNT.map(|key| text(spec, key)));
        inside.chain([value.as_str().filter(|_| is_name)])
    })
}

/// Where a workload says whom it runs as; the second is the old name of the first.
const ACCOUNT: [&str; 2] = ["serviceAccountName", "serviceAccount"];

/// Adds whom a binding names, wherever in it: a JSON patch has its subjects in the values of its operations. The depth
/// of what was read as JSON is bounded.
pub(super) fn bound(action: &Action, body: &Value, into: &mut BTreeSet<Mention>) {
    if !matches!(
        action.resource.as_str(),
        "rolebindings" | "clusterrolebindings"
    ) {
        return;
    }
    match body {
        Value::Object(map) => {
            into.extend(subject(body));
            map.values().for_each(|value| bound(action, value, into));
        }
        Value::Array(items) => items.iter().for_each(|item| bound(action, item, into)),
        _ => {}
    }
}

/// Adds whom a token turned out to belong to: another server (a webhook, a metrics proxy) was shown it and asked.
pub(super) fn reviewed(action: &Action, answer: &Value, into: &mut BTreeSet<Mention>) {
    if action.resource != "tokenreviews" {
        return;
    }
    let Some(user) = answer.pointer("/status/user") else {
        return;
    };
    into.extend(text(user, "username").map(|name| Mention::Principal(name.to_owned())));
    let ids = user
        .get("extra")
        .and_then(|extra| extra.get(CREDENTIAL_ID)?.as_array());
    let ids = ids.into_iter().flatten().filter_map(Value::as_str);
    into.extend(ids.map(|id| Mention::Credential(id.to_owned())));
}

fn subject(subject: &Value) -> Option<Mention> {
    let name = text(subject, "name")?;
    match text(subject, "kind")? {
        "ServiceAccount" => Some(service_account(text(subject, "namespace")?, name)),
        "User" => Some(Mention::Principal(name.to_owned())),
        _ => None,
    }
}

fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key).and_then(Value::as_str)
}

/// The principal that a service account is.
pub(super) fn service_account(namespace: &str, name: &str) -> Mention {
    Mention::Principal(format!("{SERVICE_ACCOUNT}{namespace}:{name}"))
}

/// How the names of service accounts begin (`k8s.io/apiserver/pkg/authentication/serviceaccount`).
pub(super) const SERVICE_ACCOUNT: &str = "system:serviceaccount:";
