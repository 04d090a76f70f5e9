//! What there is to say about a graph.

use std::collections::BTreeMap;

use canary_core::catalog::Checking;
use canary_core::check::{Note, Severity, Topic};
use canary_core::disguise::giveaway;
use canary_core::graph::{CanaryId, Input, Lifetime, Resource};
use canary_core::observe::{Observed, Scope};

use super::aws::is_listener;
use super::handles::{OBJECT, ROLE, USER};
use super::s3_object::LOGGED;
use super::{listener, pod_role};
use crate::provider;

/// Notes on every resource of ours.
pub(super) fn notes(cx: &Checking<'_>) -> Vec<Note> {
    let (desired, observed) = (cx.desired, cx.observed);
    let ours: Vec<&Resource> = desired
        .in_order()
        .map(AsRef::as_ref)
        .filter(|resource| {
            resource.provider == provider() && resource.lifetime == Lifetime::Current
        })
        .collect();
    let mut notes: Vec<Note> = ours.iter().copied().flat_map(telling).collect();
    notes.extend(ours.iter().filter_map(|resource| alike(resource, observed)));
    notes.extend(activity(&ours));
    notes.extend(ours.iter().copied().filter_map(pod_role::short_sessions));
    notes.extend(listener::notes(desired, observed));
    // Where somebody listens, the trails were looked at, and it is told exactly.
    if !ours
        .iter()
        .any(|resource| is_listener(resource.address.canary()))
    {
        notes.extend(ours.iter().copied().filter_map(unlogged));
    }
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

/// A telling word in a name, a path, a tag or a policy is there for every reader.
fn telling(resource: &Resource) -> Vec<Note> {
    let public = resource.fields.iter().flat_map(|(name, input)| {
        let value = match input {
            Input::Public(text) => Some(text.as_str()),
            Input::Secret(_) | Input::Join(_) => None,
        };
        [Some(name.as_str()), value].into_iter().flatten()
    });
    let found = public
        .chain([resource.handle.name.as_str()])
        .filter_map(|text| Some((text, giveaway(text)?)));
    found
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

/// IAM does not tell capital letters from small ones: another that is called so has the name.
fn alike(resource: &Resource, observed: &Observed) -> Option<Note> {
    let handle = &resource.handle;
    if !matches!(handle.kind.as_str(), USER | ROLE) {
        return None;
    }
    let scope = Scope::of(handle);
    let mut there = observed.in_scope(&resource.provider, &scope);
    let (other, _) = there.find(|(other, _)| {
        other.name != handle.name && other.name.eq_ignore_ascii_case(&handle.name)
    })?;
    let message =
        format!("{other} is there, and IAM does not tell capital letters from small ones");
    let help = Some("choose another name");
    Some(note(resource, Severity::Error, Topic::Other, message, help))
}

fn activity(ours: &[&Resource]) -> Vec<Note> {
    let mut active: BTreeMap<&CanaryId, (bool, &Resource)> = BTreeMap::new();
    let canaries = ours
        .iter()
        .filter(|resource| !is_listener(resource.address.canary()));
    for resource in canaries {
        let entry = active
            .entry(resource.address.canary())
            .or_insert((false, resource));
        entry.0 |= resource.active;
    }
    active
        .into_values()
        .map(|(active, resource)| {
            let is_content = matches!(
                resource.address.canary().kind(),
                "ssm_parameter" | "secretsmanager_secret" | "s3_object"
            );
            let message = match (active, is_content) {
                (true, false) => "its use is logged, also where it is refused; calls that AWS does not log are not seen",
                (false, false) => "a user without keys cannot be used: only that somebody gives it a key is seen",
                (true, true) => "read and use: it holds a key whose use is logged",
                (false, true) => "read-only: a copy, as in the state of a tool that manages it, is not seen",
            };
            note(resource, Severity::Info, Topic::Activity, message.into(), None)
        })
        .collect()
}

/// Reads of objects are data events, which no trail records unasked.
fn unlogged(resource: &Resource) -> Option<Note> {
    let is_said = resource.remarks.contains_key(LOGGED);
    (resource.handle.kind == OBJECT && !is_said).then(|| {
        let message = "reads of it are logged only where a trail selects data events of its bucket";
        note(
            resource,
            Severity::Error,
            Topic::Unwatched,
            message.into(),
            Some("[aws.listener] looks whether one does, or makes one; logged = true says that you know of one"),
        )
    })
}
