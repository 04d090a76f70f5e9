//! Who made pods. A node reads a Secret because a pod names it: whoever may create pods can have any Secret read, so
//! what a node did goes on to the pod and to who made it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use canary_core::detect::{Event, Touches};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::is_done;

/// Namespaces of which something is remembered.
const NAMESPACES: usize = 10_000;
/// What was made in one namespace, the latest.
const MADE: usize = 32;
/// A pod's Secrets are read within seconds of its start; its image may take minutes to come.
const RECENT: SignedDuration = SignedDuration::from_mins(10);
/// As many are told with one alert.
const TOLD: usize = 4;

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
struct Made {
    at: Timestamp,
    what: String,
    /// Empty where the server chose it.
    name: String,
    who: String,
    address: Option<IpAddr>,
    /// Secrets and ConfigMaps that it names; `None` where its body was not logged.
    names: Option<BTreeSet<String>>,
}

/// What was made where, the latest of it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Makers {
    made: BTreeMap<String, BTreeSet<Made>>,
}

impl Makers {
    pub(super) fn learn(&mut self, event: &Event) {
        let action = &event.action;
        let Some(what) = workload(&action.resource) else {
            return;
        };
        let makes = match action.verb.as_str() {
            "create" => true,
            "update" | "patch" => what != "Pod",
            _ => false,
        };
        let Some(at) = event.at.filter(|_| {
            makes && action.subresource.is_empty() && !action.dry_run && is_done(&event.outcome)
        }) else {
            return;
        };
        if self.made.len() >= NAMESPACES && !self.made.contains_key(&action.namespace) {
            self.made.pop_first();
        }
        let all = self.made.entry(action.namespace.clone()).or_default();
        all.insert(Made {
            at,
            what: what.to_owned(),
            name: action.name.clone(),
            who: event.actor.identity.name.clone(),
            address: event.actor.address,
            names: event.request_body.as_ref().map(names),
        });
        while all.len() > MADE {
            all.pop_first();
        }
    }

    /// For what a node read, the pods and workloads made shortly before it in the same namespace.
    pub(super) fn context(&self, event: &Event, touches: &Touches) -> Vec<String> {
        let identity = &event.actor.identity.name;
        let Some(at) = event
            .at
            .filter(|_| identity.starts_with("system:node:") && !touches.is_empty())
        else {
            return Vec::new();
        };
        let action = &event.action;
        let recent = |made: &&Made| {
            made.at <= at && at.duration_since(made.at) <= RECENT && may_name(made, &action.name)
        };
        let all = self.made.get(&action.namespace);
        let mut told: Vec<String> = all
            .into_iter()
            .flatten()
            .rev()
            .filter(recent)
            .take(TOLD)
            .map(|made| sentence(made, &action.namespace, at))
            .collect();
        if told.is_empty() {
            told.push(format!(
                "a node reads for a pod of {}; none was made there in the ten minutes before, as far as the log goes",
                action.namespace
            ));
        }
        told
    }
}

fn workload(resource: &str) -> Option<&'static str> {
    Some(match resource {
        "pods" => "Pod",
        "deployments" => "Deployment",
        "statefulsets" => "StatefulSet",
        "daemonsets" => "DaemonSet",
        "replicasets" => "ReplicaSet",
        "replicationcontrollers" => "ReplicationController",
        "jobs" => "Job",
        "cronjobs" => "CronJob",
        _ => return None,
    })
}

fn may_name(made: &Made, name: &str) -> bool {
    made.names.as_ref().is_none_or(|names| names.contains(name))
}

fn sentence(made: &Made, namespace: &str, at: Timestamp) -> String {
    let name = match made.name.as_str() {
        "" => format!("a {} in {namespace}", made.what),
        name => format!("{} {namespace}/{name}", made.what),
    };
    let from = made
        .address
        .map_or_else(String::new, |address| format!(" from {address}"));
    let names = if made.names.is_some() {
        ", naming it"
    } else {
        ""
    };
    let before = at.duration_since(made.at).as_secs();
    format!(
        "a node read it for a pod: {name} was made by {}{from} {before} s before{names}",
        made.who
    )
}

/// The Secrets and ConfigMaps that a workload's body names, wherever in it.
fn names(body: &Value) -> BTreeSet<String> {
    fn walk(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    let named = match key.as_str() {
                        "secretName" | "serviceAccountName" => value.as_str(),
                        "secretKeyRef" | "secretRef" | "configMapKeyRef" | "configMapRef"
                        | "configMap" | "secret" => value["name"].as_str(),
                        _ => None,
                    };
                    found.extend(named.map(str::to_owned));
                    if key == "imagePullSecrets" {
                        let items = value.as_array().into_iter().flatten();
                        found.extend(
                            items.filter_map(|item| Some(item["name"].as_str()?.to_owned())),
                        );
                    }
                    walk(value, found);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut found = BTreeSet::new();
    walk(body, &mut found);
    found
}
