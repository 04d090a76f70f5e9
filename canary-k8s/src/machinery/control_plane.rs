//! Who the control plane's own are: pinned to the credential and the address that they first came with; controllers
//! also by who had their tokens issued.

use std::collections::BTreeMap;
use std::net::IpAddr;

use canary_core::detect::{Credential, Event};
use serde::{Deserialize, Serialize};

use super::is_done;

pub(super) const API_SERVER: &str = "system:apiserver";
pub(super) const CONTROLLER_MANAGER: &str = "system:kube-controller-manager";
pub(super) const GARBAGE_COLLECTOR: &str =
    "system:serviceaccount:kube-system:generic-garbage-collector";
const CONTROLLERS: &str = "system:serviceaccount:kube-system:";
const ISSUED: &str = "authentication.kubernetes.io/issued-credential-id";

/// A control plane has some forty principals; what is beyond is somebody else's.
const PINS: usize = 1024;
/// Some twenty controllers have a new token every hour; a month of them.
const TOKENS: usize = 20_000;

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct ControlPlane {
    pins: BTreeMap<String, (Credential, Option<IpAddr>)>,
    /// Tokens of accounts in kube-system: whether the controller manager had them issued.
    tokens: BTreeMap<String, bool>,
}

impl ControlPlane {
    pub(super) fn learn(&mut self, event: &Event) {
        let name = &event.actor.identity.name;
        let is_own = [API_SERVER, CONTROLLER_MANAGER].contains(&name.as_str())
            || name.starts_with(CONTROLLERS);
        if is_own && self.pins.len() < PINS && !self.pins.contains_key(name) {
            let first = (event.actor.credential.clone(), event.actor.address);
            self.pins.insert(name.clone(), first);
        }
        let action = &event.action;
        if action.resource == "serviceaccounts"
            && action.subresource == "token"
            && action.namespace == "kube-system"
            && is_done(&event.outcome)
            && let Some(id) = event.annotations.get(ISSUED)
        {
            let own = name == CONTROLLER_MANAGER && self.comes_as_pinned(event);
            if self.tokens.len() >= TOKENS {
                self.tokens.pop_first();
            }
            self.tokens.entry(id.clone()).or_insert(own);
        }
    }

    /// With the credential and from the address that it first came with.
    fn comes_as_pinned(&self, event: &Event) -> bool {
        let now = (event.actor.credential.clone(), event.actor.address);
        self.pins.get(&event.actor.identity.name) == Some(&now) && event.acting_as.is_none()
    }

    /// The API server itself speaks over the loopback interface.
    pub(super) fn is_api_server(&self, event: &Event) -> bool {
        event.actor.identity.name == API_SERVER
            && event.actor.address.is_some_and(|at| at.is_loopback())
            && self.comes_as_pinned(event)
    }

    pub(super) fn is_controller_manager(&self, event: &Event) -> bool {
        event.actor.identity.name == CONTROLLER_MANAGER && self.comes_as_pinned(event)
    }

    /// One of its controllers, with a token that the controller manager had issued, from where the controller manager is.
    pub(super) fn is_controller(&self, controller: &str, event: &Event) -> bool {
        let name = &event.actor.identity.name;
        let Credential::Token(id) = &event.actor.credential else {
            return false;
        };
        if name.strip_prefix(CONTROLLERS) != Some(controller) || event.acting_as.is_some() {
            return false;
        }
        let pin = self.pins.get(name);
        let issued = match self.tokens.get(&format!("JTI={id}")) {
            Some(own) => *own,
            // Issued before the log began: the one that it first came with.
            None => pin.is_some_and(|(first, _)| *first == event.actor.credential),
        };
        let home = self.pins.get(CONTROLLER_MANAGER).or(pin);
        issued && home.is_some_and(|(_, address)| *address == event.actor.address)
    }
}
