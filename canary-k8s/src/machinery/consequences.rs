//! What others did, of which the machinery's own doings are the consequence. All of it raises alerts of its own.

use std::collections::BTreeMap;

use canary_core::detect::{Credential, Event, Grade, OutcomeClass, Touch, Touches};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::control_plane::GARBAGE_COLLECTOR;
use super::is_done;

/// Objects, namespaces, accounts of which something is remembered: a cluster's canaries and their namespaces.
const REMEMBERED: usize = 20_000;
/// Moments of one thing that are remembered.
const MOMENTS: usize = 16;
/// A node is told of a new pod, and a used token is dated, within a second; a loaded server takes longer.
const NEAR: SignedDuration = SignedDuration::from_mins(1);

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Consequences {
    /// Namespaces that somebody deleted.
    namespaces: BTreeMap<String, Timestamp>,
    /// Accounts that somebody deleted, as `NAMESPACE/NAME`.
    accounts: BTreeMap<String, Timestamp>,
    /// Canaries that somebody wrote to: since then they may have an owner.
    written: BTreeMap<String, Timestamp>,
    /// When identities of canaries were used, by canary.
    uses: BTreeMap<String, Vec<Timestamp>>,
    /// Objects that a node with a credential from an address was given.
    given: BTreeMap<String, Vec<Timestamp>>,
}

impl Consequences {
    pub(super) fn learn(&mut self, event: &Event, touches: &Touches) {
        let Some(at) = event.at else {
            return;
        };
        let action = &event.action;
        let place = format!("{}/{}", action.namespace, action.name);
        if is_done(&event.outcome) && action.subresource.is_empty() && !action.dry_run {
            match (action.verb.as_str(), action.resource.as_str()) {
                ("delete", "namespaces") => first(&mut self.namespaces, &action.name, at),
                ("delete", "serviceaccounts") => first(&mut self.accounts, &place, at),
                // The collector's own patch follows what somebody wrote, and is not that.
                ("update" | "patch", _)
                    if touches.iter().any(|t| t.grade == Grade::Named)
                        && event.actor.identity.name != GARBAGE_COLLECTOR =>
                {
                    first(&mut self.written, &object(event), at);
                }
                _ => {}
            }
        }
        if touches.nearest() == Some(Grade::Use) {
            for touch in touches.iter().filter(|touch| touch.grade == Grade::Use) {
                push(&mut self.uses, &touch.address.canary().to_string(), at);
            }
        }
        if is_node(event) && is_done(&event.outcome) && !touches.is_empty() {
            push(&mut self.given, &reading(event), at);
        }
    }

    pub(super) fn is_being_deleted(&self, event: &Event) -> bool {
        happened(&self.namespaces, &event.action.namespace, event.at)
    }

    pub(super) fn account_is_gone(
        &self,
        namespace: &str,
        name: &str,
        at: Option<Timestamp>,
    ) -> bool {
        happened(&self.accounts, &format!("{namespace}/{name}"), at)
    }

    pub(super) fn was_written(&self, event: &Event) -> bool {
        happened(&self.written, &object(event), event.at)
    }

    /// The identity of the touched canary was used at that moment.
    pub(super) fn was_used(&self, touch: &Touch, at: Timestamp) -> bool {
        near(self.uses.get(&touch.address.canary().to_string()), at)
    }

    /// The same node, with the same credential from the same address, was given at that moment what it was refused.
    pub(super) fn was_given(&self, event: &Event, at: Timestamp) -> bool {
        near(self.given.get(&reading(event)), at)
    }
}

/// A node's agent that reads by name.
pub(super) fn is_node(event: &Event) -> bool {
    let identity = &event.actor.identity;
    identity.name.starts_with("system:node:")
        && identity.groups.contains("system:nodes")
        && event.acting_as.is_none()
        && matches!(event.action.verb.as_str(), "get" | "list" | "watch")
        && !event.action.name.is_empty()
}

pub(super) fn is_refused(event: &Event) -> bool {
    event.outcome.class() == OutcomeClass::Denied
}

fn object(event: &Event) -> String {
    let action = &event.action;
    format!("{}/{}/{}", action.resource, action.namespace, action.name)
}

fn reading(event: &Event) -> String {
    let credential = match &event.actor.credential {
        Credential::Token(id) => format!("token {id}"),
        Credential::Certificate(sha) => format!("certificate {sha}"),
        Credential::AccessKey(id) => format!("key {id}"),
        Credential::Unknown => String::new(),
    };
    let address = event.actor.address.map(|address| address.to_string());
    format!(
        "{}\0{credential}\0{}\0{}",
        event.actor.identity.name,
        address.unwrap_or_default(),
        object(event)
    )
}

fn first(known: &mut BTreeMap<String, Timestamp>, what: &str, at: Timestamp) {
    if known.len() < REMEMBERED || known.contains_key(what) {
        let since = known.entry(what.to_owned()).or_insert(at);
        *since = (*since).min(at);
    }
}

fn push(known: &mut BTreeMap<String, Vec<Timestamp>>, what: &str, at: Timestamp) {
    if known.len() >= REMEMBERED && !known.contains_key(what) {
        known.pop_first();
    }
    let moments = known.entry(what.to_owned()).or_default();
    if !moments.contains(&at) {
        moments.push(at);
    }
    if moments.len() > MOMENTS {
        moments.remove(0);
    }
}

fn happened(known: &BTreeMap<String, Timestamp>, what: &str, at: Option<Timestamp>) -> bool {
    known
        .get(what)
        .is_some_and(|since| at.is_some_and(|at| at >= *since))
}

fn near(moments: Option<&Vec<Timestamp>>, at: Timestamp) -> bool {
    moments
        .into_iter()
        .flatten()
        .any(|moment| moment.duration_since(at).abs() <= NEAR)
}
