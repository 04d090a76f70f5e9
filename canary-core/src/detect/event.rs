//! A provider's audit record in our terms. Complete for every record, so that behaviour signals can come through the
//! same door later.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::Mention;
use crate::graph::ProviderId;

/// One audit record.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Event {
    /// Whose record it is.
    pub provider: ProviderId,
    /// The identifier that the source gave it, as in an audit id. The client may have chosen it, at any length: hash it
    /// before it is a key, trust it for nothing.
    pub id: String,
    /// Which stage of the request this is.
    pub stage: Stage,
    /// When the request came in, by the source's clock. Missing only in damaged records.
    pub at: Option<Timestamp>,
    /// When this stage was reached.
    pub stage_at: Option<Timestamp>,
    /// Who really asked.
    pub actor: Actor,
    /// Whom it acted as, when it impersonated.
    pub acting_as: Option<Identity>,
    /// What was asked for.
    pub action: Action,
    /// What came of it.
    pub outcome: Outcome,
    /// Every identifier it mentions, covering ones too.
    pub mentions: BTreeSet<Mention>,
    /// What the server added, as in the authorizer's reason.
    pub annotations: BTreeMap<String, String>,
    /// The request's body, where it was logged.
    pub request_body: Option<serde_json::Value>,
    /// Identities that the answer gave out, as a session's key: whoever asked for them with a canary's identity goes on
    /// with these.
    #[serde(default)]
    pub gives: BTreeSet<Mention>,
    /// The response's body, where it was logged. Never shown: it can hold secrets.
    pub response_body: Option<serde_json::Value>,
    /// What is wrong with the record itself.
    pub defects: Vec<Defect>,
}

/// Names one request, whichever stage of it.
pub type RequestKey = [u8; 16];

impl Event {
    /// Names the request of this event, whichever stage it is. The id alone is the client's to choose.
    #[must_use]
    pub fn request(&self) -> RequestKey {
        let text = format!(
            "{}\0{:?}\0{}\0{}",
            self.id, self.at, self.action.uri, self.actor.identity.name
        );
        let digest = Sha256::digest(text.as_bytes());
        let mut key = [0; 16];
        key.copy_from_slice(&digest[..16]);
        key
    }

    /// Whether the record may hide a touch from whoever reads it: it is cut, or too long to be read.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        let hides = |defect: &Defect| matches!(defect, Defect::Cut | Defect::Oversize);
        self.defects.iter().any(hides)
    }
}

/// A stage of a request.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// It came in; nothing is known of its end.
    Received,
    /// A long answer began, as of a watch.
    Started,
    /// It is over.
    Complete,
    /// The server failed over it.
    Panic,
    /// The record does not say.
    Unknown,
}

/// A name with what belongs to it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub struct Identity {
    /// The user name. Empty for a refused, unknown caller.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// Its groups.
    pub groups: BTreeSet<String>,
    /// Everything else the authenticator said.
    pub extra: BTreeMap<String, Vec<String>>,
}

impl Identity {
    /// Whether nobody is named: by Kubernetes, and by a bucket that anybody may ask.
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        matches!(
            self.name.as_str(),
            "" | "system:anonymous" | "ANONYMOUS_PRINCIPAL"
        )
    }
}

/// Who really asked.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub struct Actor {
    /// Authenticated name.
    pub identity: Identity,
    /// The credential it came with.
    pub credential: Credential,
    /// The pod that the credential was issued to.
    pub pod: Option<PodRef>,
    /// The node that the credential was issued on.
    pub node: Option<NodeRef>,
    /// The last source address: the only one the client cannot choose.
    pub address: Option<IpAddr>,
    /// The addresses before it, as the client claims them.
    pub claimed_addresses: Vec<String>,
    /// As the client claims it.
    pub user_agent: String,
}

/// The form of a credential, with its identifier.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Credential {
    /// A token with an identifier (a JTI).
    Token(String),
    /// A client certificate, by its SHA-256 in hex.
    Certificate(String),
    /// A cloud access key.
    AccessKey(String),
    /// The record does not tell.
    #[default]
    Unknown,
}

/// A pod.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub struct PodRef {
    /// Its namespace, where it is known.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
}

/// A node.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub struct NodeRef {
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
}

/// What was asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Action {
    /// What kind of doing it is: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`, as
    /// Kubernetes has them, or another word of the provider's.
    pub verb: String,
    /// The provider's name for it where the verb is not that, as in `iam:CreateAccessKey`.
    #[serde(default)]
    pub operation: String,
    /// API group; empty for the core group.
    pub group: String,
    /// API version, as in `v1`.
    pub version: String,
    /// Resource, plural, as in `secrets`. Empty when the request is not about a resource.
    pub resource: String,
    /// Subresource, as in `token`.
    pub subresource: String,
    /// Namespace; empty for all of them or for none.
    pub namespace: String,
    /// Name; empty for a collection.
    pub name: String,
    /// What the request narrows a collection by.
    pub selectors: Selectors,
    /// It was asked to do nothing.
    pub dry_run: bool,
    /// The request's path with its query, as the client wrote it.
    pub uri: String,
}

/// What narrows a collection. Kept as written: what cannot be parsed covers everything.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub struct Selectors {
    /// The label selector, decoded.
    pub label: Option<String>,
    /// The field selector, decoded.
    pub field: Option<String>,
}

/// What came of a request.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// The status code; `None` where the stage has none.
    pub code: Option<u16>,
    /// The server's reason, as in `Forbidden`.
    pub reason: String,
    /// The server's message.
    pub message: String,
}

/// Outcomes as far as they make different alerts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeClass {
    /// It was let through, or nothing says that it was not.
    Allowed,
    /// It was refused (401, 403).
    Denied,
}

impl Outcome {
    /// Allowed or denied.
    #[must_use]
    pub fn class(&self) -> OutcomeClass {
        match self.code {
            Some(401 | 403) => OutcomeClass::Denied,
            _ => OutcomeClass::Allowed,
        }
    }
}

/// What is wrong with a record.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Defect {
    /// It ends in the middle; read as far as it goes.
    Cut,
    /// It is longer than a record may be; read as far as it goes.
    Oversize,
    /// It is not UTF-8 in places.
    Encoding,
    /// The source left parts of it out, as it says itself.
    Truncated,
}

/// A weak indication (unusual, risky, denied). Stands beside a sighting in the same fold and never pages alone.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Signal {
    /// What it is, as in `denied-enumeration`.
    pub name: String,
    /// The entities it is about: principal, credential, pod uid, address, each by id. The first is the partition key.
    pub entities: Vec<String>,
    /// When, in event time.
    pub at: Timestamp,
    /// One sentence.
    pub sentence: String,
}
