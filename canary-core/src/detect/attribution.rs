//! Which pod something points to: a credential, a Secret, a caller.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Actor, BaitSessions, Credential, Touch, Touches};
use crate::bait::{PodNumber, PodRecord, Pods, Resolved, Sessions};
use crate::graph::{Address, CanaryId};

/// What is known of pods, for whoever judges events and tells alerts.
#[derive(Clone, Debug)]
pub struct Attribution {
    pods: Arc<Pods>,
    sessions: Sessions,
    /// Those that have pods.
    canaries: BTreeSet<CanaryId>,
    /// Networks that pods' tokens come from, too.
    egress: Vec<String>,
}

/// The extra of EKS that names the session whose access key a caller of the cluster came with.
const SESSION: &str = "sessionName";

impl Attribution {
    /// By these records; `sessions` reads the names of sessions.
    #[must_use]
    pub fn new(pods: Pods, sessions: Sessions) -> Self {
        Self {
            canaries: pods.all().map(|record| record.canary.clone()).collect(),
            pods: Arc::new(pods),
            sessions,
            egress: Vec::new(),
        }
    }

    /// The same, where pods' tokens come from these networks, too: `ADDRESS/BITS`, or an address.
    #[must_use]
    pub fn with_egress(mut self, networks: Vec<String>) -> Self {
        self.egress = networks;
        self
    }

    /// Networks that pods' tokens come from, too.
    #[must_use]
    pub fn egress(&self) -> &[String] {
        &self.egress
    }

    /// What tells the sessions that pods are given.
    #[must_use]
    pub fn sessions(&self) -> BaitSessions {
        BaitSessions {
            sessions: self.sessions.clone(),
            pods: self.pods.clone(),
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

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::bait::{PodEntry, PodHandles, Subject};
    use crate::detect::{Grade, Identity};
    use crate::disguise::{Key, SiteKeys};
    use crate::graph::ProviderId;

    fn keys() -> SiteKeys {
        Key::from_bytes([3; 32]).at_site(&ProviderId::new("kubernetes"), "cluster")
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_793_491_200 + seconds).unwrap()
    }

    fn attribution() -> Attribution {
        let opened = |n: u32| PodEntry::Opened {
            number: PodNumber::new(n).unwrap(),
            canary: CanaryId::new("pod_credentials", "web"),
            handle: PodHandles::new(&keys()).make("web", "api", &n.to_be_bytes()),
            subject: Box::new(Subject {
                uid: format!("uid-{n}"),
                namespace: "web".to_owned(),
                name: format!("api-{n}"),
                owner: None,
                service_account: "default".to_owned(),
                node: None,
                node_address: None,
                addresses: Vec::new(),
                images: [].into(),
                created: at(0),
            }),
            at: at(0),
        };
        let buried = PodEntry::Buried {
            number: PodNumber::new(3).unwrap(),
            at: at(9000),
        };
        let entries = (0..200).map(opened).chain([buried]);
        Attribution::new(Pods::from_entries(entries), Sessions::new(&keys()))
    }

    /// Somebody with a session of a role, as a trail has it.
    fn session(name: &str) -> Actor {
        Actor {
            identity: Identity {
                name: format!("arn:aws:sts::123456789012:assumed-role/backup/{name}"),
                uid: format!("AROAEXAMPLE:{name}"),
                ..Identity::default()
            },
            credential: Credential::AccessKey("ASIAEXAMPLE".to_owned()),
            ..Actor::default()
        }
    }

    #[test]
    fn each_session_is_that_of_its_own_pod_also_when_it_was_replaced_twice_and_the_pod_is_gone() {
        let (pods, sessions) = (attribution(), Sessions::new(&keys()));
        for n in 0..200 {
            for since in [60, 3600, 7200] {
                let number = PodNumber::new(n).unwrap();
                let actor = session(&sessions.name(number, at(since)));
                let resolved = pods.of_credential(&actor).unwrap();
                assert_eq!(resolved.record.subject.uid, format!("uid-{n}"));
                assert_eq!(resolved.issued, Some(at(since)));
            }
        }
    }

    #[test]
    fn a_session_of_a_time_when_the_pod_was_not_there_is_nobodys() {
        let (pods, sessions) = (attribution(), Sessions::new(&keys()));
        let number = PodNumber::new(3).unwrap();
        for since in [-60, 9001] {
            let actor = session(&sessions.name(number, at(since)));
            assert_eq!(pods.of_credential(&actor), None);
        }
        assert_eq!(pods.of_credential(&session("i-0123456789")), None);
    }

    #[test]
    fn the_session_of_a_key_that_comes_to_a_cluster_is_told_by_its_extra() {
        let (pods, sessions) = (attribution(), Sessions::new(&keys()));
        let mut actor = session("");
        let name = sessions.name(PodNumber::new(7).unwrap(), at(60));
        actor.identity.extra.insert(SESSION.to_owned(), vec![name]);
        let resolved = pods.of_credential(&actor).unwrap();
        assert_eq!(resolved.record.subject.uid, "uid-7");
    }

    #[test]
    fn baits_are_found_among_whatever_else_was_touched() {
        let pods = attribution();
        let all = [
            "secret.a",
            "pod_credentials.web/P7",
            "pod_credentials.web/web",
            "pod_credentials.web2/P8",
            "pod_credentials.web/P999",
            "service_account.z",
        ];
        let touch = |text: &str| Touch {
            address: text.parse().unwrap(),
            grade: Grade::Covering,
        };
        let touches: Touches = all.map(touch).into_iter().collect();
        let found: Vec<&str> = pods
            .baits(&touches)
            .map(|(_, record)| record.subject.uid.as_str())
            .collect();
        assert_eq!(found, ["uid-7"]);
    }
}
