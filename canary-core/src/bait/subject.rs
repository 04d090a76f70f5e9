//! The pod that a bait is made for, reduced to what says who it was.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::seconds;

/// What made a pod.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Owner {
    /// As in `Deployment`.
    pub kind: String,
    /// Its name.
    pub name: String,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}

/// A pod.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Subject {
    /// Its uid.
    pub uid: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The workload that it belongs to; `None` for a bare pod.
    pub owner: Option<Owner>,
    /// The account it runs as.
    pub service_account: String,
    /// Where it runs, once that is decided.
    pub node: Option<String>,
    /// Its node's address.
    pub node_address: Option<IpAddr>,
    /// Its own addresses; those of the node where it uses its network.
    pub addresses: Vec<IpAddr>,
    /// What its containers run, by their names: image ids with digests, once they run.
    pub images: BTreeMap<String, String>,
    /// When it was made.
    #[serde(with = "seconds")]
    pub created: Timestamp,
}

impl Subject {
    /// Whether an address is the pod's own or its node's.
    #[must_use]
    pub fn is_at(&self, address: IpAddr) -> bool {
        self.addresses.contains(&address) || self.node_address == Some(address)
    }

    /// Whether everything is known that says who it was: it runs, or ran.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.node.is_some() && !self.addresses.is_empty() && !self.images.is_empty()
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}
