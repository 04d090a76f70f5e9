//! Which pod something points to: a credential, a Secret, a caller.

use std::collections::BTreeSet;

use super::{Actor, Credential, Touch, Touches};
use crate::bait::{PodNumber, PodRecord, Pods, Resolved, Sessions};
use crate::graph::{Address, CanaryId};

/// What is known of pods, for whoever judges events and tells alerts.
#[derive(Clone, Debug)]
pub struct Attribution {
    pods: Pods,
    sessions: Sessions,
    /// Those that have pods.
    canaries: BTreeSet<CanaryId>,
}

/// The extra of EKS that names the session whose access key a caller of the cluster came with.
const SESSION: &str = "sessionName";

impl Attribution {
    /// By these records; `sessions` reads the names of sessions.
    #[must_use]
    pub fn new(pods: Pods, sessions: Sessions) -> Self {
        Self {
            canaries: pods.all().map(|record| record.canary.clone()).collect(),
            pods,
            sessions,
        }
    }

    /// The records.
    #[must_use]
    pub fn pods(&self) -> &Pods {
        &self.pods
    }

    /// Whose credential somebody came with, where it was a pod's bait.
    #[must_use]
    pub fn of_credential(&self, actor: &Actor) -> Option<Resolved<'_>> {
        let identity = &actor.identity;
        match &actor.credential {
            Credential::Token(id) => self.pods.of_token(id),
            Credential::AccessKey(_) | Credential::Unknown => {
                let of_id = identity.uid.split_once(':').map(|(_, session)| session);
                let extra = identity.extra.get(SESSION).and_then(|names| names.first());
                let mut names = of_id.into_iter().chain(extra.map(String::as_str));
                names.find_map(|name| self.pods.of_session(&self.sessions, name))
            }
            Credential::Certificate(_) => None,
        }
    }

    /// The pod that a caller is, by what the server says of its credential.
    #[must_use]
    pub fn of_caller(&self, actor: &Actor) -> Option<&PodRecord> {
        let pod = actor.pod.as_ref().filter(|pod| !pod.uid.is_empty())?;
        self.pods.of_pod(&pod.uid)
    }

    /// The record that an address names.
    #[must_use]
    pub fn of_address(&self, address: &Address) -> Option<&PodRecord> {
        let record = self.pods.get(PodNumber::of(address)?)?;
        (record.canary == *address.canary()).then_some(record)
    }

    /// The pods' baits among what was touched. What else was touched, however much, is not looked at.
    pub fn baits<'a>(
        &'a self,
        touches: &'a Touches,
    ) -> impl Iterator<Item = (&'a Touch, &'a PodRecord)> {
        let of_canary = |canary: &'a CanaryId| {
            let first = Address::of(canary.clone());
            let from = touches.partition_point(|touch| touch.address < first);
            let rest = touches.get(from..).unwrap_or_default().iter();
            rest.take_while(move |touch| touch.address.canary() == canary)
        };
        let all = self.canaries.iter().flat_map(of_canary);
        all.filter_map(|touch| Some((touch, self.of_address(&touch.address)?)))
    }
}
