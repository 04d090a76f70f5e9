//! The rules. Pure.

use canary_core::bait::PodNumber;
use canary_core::detect::{Event, Grade, Ground, Planted, Ruling, Touch, Touches};
use jiff::SignedDuration;

use super::consequences::{Consequences, is_node, is_refused};
use super::control_plane::ControlPlane;
use crate::catalog::pod_baits::{NODE, SHARED};

/// What a refusal or a dating is the consequence of comes within a second (measured: a node is given within 200 ms what
/// it was refused); ten cover a loaded server.
const WAIT: SignedDuration = SignedDuration::from_secs(10);
/// The token controller fills a new token Secret within seconds; a minute covers one that is restarted.
const FILLING: SignedDuration = SignedDuration::from_mins(1);

const TOKEN_SECRET: &str = "kubernetes.io/service-account-token";
const ACCOUNT: &str = "metadata.annotations.kubernetes.io/service-account.name";

pub(super) fn rule(
    event: &Event,
    touches: &Touches,
    ground: &Ground,
    who: &ControlPlane,
    what: &Consequences,
) -> Ruling {
    if is_of_its_own_pod(event, touches, ground) {
        return Ruling::ByRule;
    }
    let by_rule = if touches.is_covering() {
        watches_all(event, who) || empties_a_namespace(event, who, what)
    } else {
        fills_a_token_secret(event, touches, ground, who)
            || removes_a_token_secret(event, touches, ground, who, what)
            || collects_garbage(event, who, what)
    };
    if by_rule {
        return Ruling::ByRule;
    }
    let Some(at) = event.at else {
        return Ruling::Unruled;
    };
    let until = at.checked_add(WAIT).unwrap_or(at);
    if is_node(event) && is_refused(event) {
        return after(what.was_given(event, at), until);
    }
    if dates_a_token_secret(event, who) {
        let used = touches.iter().all(|touch| what.was_used(touch, at));
        return after(used, until);
    }
    Ruling::Unruled
}

fn after(came: bool, until: jiff::Timestamp) -> Ruling {
    if came {
        Ruling::ByRule
    } else {
        Ruling::Waits(until)
    }
}

/// The node that a pod runs on reads what the pod waits for, and by name, or is refused while it does not know of the pod
/// yet.
///
/// Where the pod runs is not recorded before it runs, and where a copy of it runs never: until then any node may. The API
/// server itself gives a node only what a pod on it names, and whoever makes such a pod made a copy, which is recorded. A
/// node that turns out to be another's is told as a reader with each use of the bait.
///
/// From where it reads is not looked at: between a node and the API server addresses are translated as it pleases the
/// network, and whoever has the node's credential has its disk.
fn is_of_its_own_pod(event: &Event, touches: &Touches, ground: &Ground) -> bool {
    let Some(node) = event.actor.identity.name.strip_prefix("system:node:") else {
        return false;
    };
    let is_named = |touch: &Touch| touch.grade == Grade::Named;
    let is_of_bait = |touch: &Touch| {
        let all = ground.get(&touch.address);
        all.is_some_and(|all| all.iter().all(is_bait))
    };
    let runs_there = |planted: &Planted| {
        let own = planted.fields.get(NODE);
        own.is_none_or(|own| own == node) || planted.fields.contains_key(SHARED)
    };
    // A name that a buried pod had, too, touches both.
    let own = touches
        .iter()
        .filter_map(|touch| ground.get(&touch.address));
    is_node(event)
        && event.action.resource == "secrets"
        && touches
            .iter()
            .all(|touch| is_named(touch) && is_of_bait(touch))
        && own.flatten().any(runs_there)
}

fn is_bait(planted: &Planted) -> bool {
    PodNumber::of(&planted.address).is_some()
}

/// The API server and the controller manager list and watch everything.
fn watches_all(event: &Event, who: &ControlPlane) -> bool {
    matches!(event.action.verb.as_str(), "list" | "watch")
        && (who.is_api_server(event) || who.is_controller_manager(event))
}

/// The namespace controller empties a namespace that somebody deleted.
fn empties_a_namespace(event: &Event, who: &ControlPlane, what: &Consequences) -> bool {
    matches!(event.action.verb.as_str(), "list" | "deletecollection")
        && !event.action.namespace.is_empty()
        && who.is_controller("namespace-controller", event)
        && what.is_being_deleted(event)
}

/// The token controller reads and fills a token Secret that was just made.
fn fills_a_token_secret(
    event: &Event,
    touches: &Touches,
    ground: &Ground,
    who: &ControlPlane,
) -> bool {
    let Some(at) = event.at else {
        return false;
    };
    let just_made = |planted: &Planted| {
        planted
            .since
            .is_some_and(|since| at.duration_since(since).abs() <= FILLING)
    };
    matches!(event.action.verb.as_str(), "get" | "update")
        && event.action.resource == "secrets"
        && who.is_controller_manager(event)
        && every(touches, ground, |planted| {
            may_hold_a_token(planted) && just_made(planted)
        })
}

/// The token controller removes the token Secrets of an account that somebody deleted, by itself or with its namespace.
fn removes_a_token_secret(
    event: &Event,
    touches: &Touches,
    ground: &Ground,
    who: &ControlPlane,
    what: &Consequences,
) -> bool {
    let account_is_gone = |planted: &Planted| {
        let namespace = planted.handle.scope.as_deref().unwrap_or_default();
        planted.fields.get(ACCOUNT).is_some_and(|name| {
            what.account_is_gone(namespace, name, event.at) || what.is_being_deleted(event)
        })
    };
    matches!(event.action.verb.as_str(), "get" | "delete")
        && event.action.resource == "secrets"
        && who.is_controller_manager(event)
        && every(touches, ground, account_is_gone)
}

/// The garbage collector looks at what somebody gave an owner, and removes it when the owner is gone. No canary has an
/// owner of its own: somebody must have written to it.
fn collects_garbage(event: &Event, who: &ControlPlane, what: &Consequences) -> bool {
    matches!(event.action.verb.as_str(), "get" | "patch" | "delete")
        && who.is_controller("generic-garbage-collector", event)
        && (what.was_written(event) || what.is_being_deleted(event))
}

/// The API server writes into a token Secret when its token was last used, which is the only trace of some uses.
fn dates_a_token_secret(event: &Event, who: &ControlPlane) -> bool {
    event.action.verb == "patch" && event.action.resource == "secrets" && who.is_api_server(event)
}

/// Whether each touched thing is so. Of a name that was planted twice, one of them.
fn every(touches: &Touches, ground: &Ground, is: impl Fn(&Planted) -> bool) -> bool {
    touches.iter().all(|touch| {
        ground
            .get(&touch.address)
            .is_some_and(|all| all.iter().any(&is))
    })
}

/// It is a token Secret, or as configured only, where the type is not known.
fn may_hold_a_token(planted: &Planted) -> bool {
    planted.uid.is_none()
        || planted
            .fields
            .get("type")
            .is_some_and(|kind| kind == TOKEN_SECRET)
}
