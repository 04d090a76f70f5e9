//! What there is to say about credentials of pods.

use canary_core::bait::BaitKind;
use canary_core::catalog::Checking;
use canary_core::check::{Note, Severity, Topic};
use canary_core::config::Canary;

use super::PodCredentials;
use super::account::found;
use super::read::in_order;

/// Notes on all that are declared.
pub(in crate::catalog) fn notes(cx: &Checking<'_>) -> Vec<Note> {
    let all: Vec<(&Canary, PodCredentials)> = in_order(cx.config)
        .into_iter()
        .filter_map(|canary| Some((canary, PodCredentials::read(canary, cx.keys).ok()?)))
        .collect();
    let mut notes: Vec<Note> = all
        .iter()
        .map(|(canary, read)| files(canary, read))
        .collect();
    notes.extend(
        all.iter()
            .filter_map(|(canary, read)| empty(canary, read, cx)),
    );
    for (at, (canary, read)) in all.iter().enumerate() {
        let before = all.iter().take(at);
        notes.extend(before.filter_map(|(first, other)| shared(canary, read, first, other)));
    }
    notes
}

fn note(
    canary: &Canary,
    severity: Severity,
    topic: Topic,
    message: String,
    help: Option<&str>,
) -> Note {
    Note {
        severity,
        topic,
        canary: canary.id.clone(),
        address: None,
        message,
        help: help.map(str::to_owned),
    }
}

/// What a pod has, as far as it is chosen.
fn files(canary: &Canary, read: &PodCredentials) -> Note {
    let mut parts = Vec::new();
    if let Some(aws) = &read.aws {
        let paths = read.paths(BaitKind::Aws).join(" and ");
        parts.push(format!("{paths} with the profile {}", aws.profile));
    }
    parts.extend(read.paths(BaitKind::Kubeconfig));
    let message = format!(
        "a pod has {}, from a Secret {}-…",
        parts.join(", and "),
        read.target.base
    );
    note(canary, Severity::Info, Topic::Chosen, message, None)
}

/// Patterns that match nothing that is there.
fn empty(canary: &Canary, read: &PodCredentials, cx: &Checking<'_>) -> Option<Note> {
    let target = &read.target;
    let found = found(target, cx.observed)?;
    let names_one = target
        .namespaces
        .iter()
        .any(|one| one.exact().is_some_and(|name| target.covers(name)));
    (found.is_empty() && !names_one).then(|| {
        let message = "no namespace that is there matches, so no pod has one".to_owned();
        let help = Some("namespaces that come later are covered by the next apply");
        note(canary, Severity::Warning, Topic::Unwatched, message, help)
    })
}

/// Namespaces that two name: a pod there that matches both has what the first says.
fn shared(
    canary: &Canary,
    read: &PodCredentials,
    first: &Canary,
    other: &PodCredentials,
) -> Option<Note> {
    let names = |read: &PodCredentials| {
        let exact = read.target.namespaces.iter().filter_map(|one| one.exact());
        let covered = exact.filter(|name| read.target.covers(name));
        covered.map(str::to_owned).collect::<Vec<_>>()
    };
    let theirs = names(other);
    let both: Vec<String> = names(read)
        .into_iter()
        .filter(|name| theirs.contains(name))
        .collect();
    (!both.is_empty()).then(|| {
        let message = format!(
            "{} covers {} too: a pod that matches both has what that says, which is first in the file",
            first.id,
            both.join(", ")
        );
        note(canary, Severity::Info, Topic::Other, message, None)
    })
}
