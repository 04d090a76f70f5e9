//! What there is to say about a graph.

use std::collections::BTreeMap;

use canary_core::catalog::Checking;
use canary_core::check::{Note, Severity, Topic};
use canary_core::disguise::giveaway;
use canary_core::graph::{CanaryId, Input, Lifetime, Resource};

use super::pod_credentials;
use crate::observe::provider;

/// Notes on every resource of ours.
pub(super) fn notes(cx: &Checking<'_>) -> Vec<Note> {
    let ours: Vec<&Resource> = cx
        .desired
        .in_order()
        .map(AsRef::as_ref)
        .filter(|resource| {
            resource.provider == provider() && resource.lifetime == Lifetime::Current
        })
        .collect();
    let mut notes: Vec<Note> = ours.iter().copied().flat_map(telling).collect();
    notes.extend(activity(&ours));
    notes.extend(ours.iter().copied().filter_map(endless));
    notes.extend(pod_credentials::notes(cx));
    notes.sort();
    notes
}

fn note(
    resource: &Resource,
    severity: Severity,
    topic: Topic,
    message: String,
    help: Option<&str>,
) -> Note {
    Note {
        severity,
        topic,
        canary: resource.address.canary().clone(),
        address: Some(resource.address.clone()),
        message,
        help: help.map(str::to_owned),
    }
}

/// A telling word in a name, a key or any metadata is there for every reader.
fn telling(resource: &Resource) -> Vec<Note> {
    let public = resource.fields.iter().flat_map(|(name, input)| {
        let value = match input {
            Input::Public(text) => Some(text.as_str()),
            Input::Secret(_) | Input::Join(_) => None,
        };
        [Some(name.as_str()), value].into_iter().flatten()
    });
    public
        .chain([resource.handle.name.as_str()])
        .filter_map(|text| Some((text, giveaway(text)?)))
        .map(|(text, word)| {
            let message =
                format!("`{text}` has the word `{word}` in it, which tells everybody what it is");
            note(
                resource,
                Severity::Error,
                Topic::Giveaway,
                message,
                Some("choose another name"),
            )
        })
        .collect()
}

fn activity(ours: &[&Resource]) -> Vec<Note> {
    let mut active: BTreeMap<&CanaryId, (bool, &Resource)> = BTreeMap::new();
    for resource in ours {
        let entry = active
            .entry(resource.address.canary())
            .or_insert((false, resource));
        entry.0 |= resource.active;
    }
    active
        .into_values()
        .map(|(active, resource)| {
            let message = if active {
                "read and use: its content is an identity whose use is logged"
            } else {
                "read-only: a copy taken from etcd, a backup or a node's disk is not seen"
            };
            note(
                resource,
                Severity::Info,
                Topic::Activity,
                message.into(),
                None,
            )
        })
        .collect()
}

fn endless(resource: &Resource) -> Option<Note> {
    let kind = resource.fields.get("type")?;
    (*kind == Input::Public("kubernetes.io/service-account-token".into())).then(|| {
        let message =
            "its token does not expire; while unused for a year the cluster may remove it";
        note(resource, Severity::Info, Topic::Other, message.into(), None)
    })
}
