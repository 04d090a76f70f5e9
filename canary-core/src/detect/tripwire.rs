//! Exact identifiers that mean that a canary was touched.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::graph::Address;

/// An identifier in an audit record.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mention {
    /// One object. An empty namespace is a cluster-wide object.
    Object {
        /// API group or service.
        group: String,
        /// Resource, plural.
        resource: String,
        /// Namespace.
        namespace: String,
        /// Name.
        name: String,
    },
    /// All objects of a resource in a namespace; an empty namespace means all namespaces.
    Collection {
        /// API group or service.
        group: String,
        /// Resource, plural.
        resource: String,
        /// Namespace.
        namespace: String,
    },
    /// All objects whose names begin with a path, as in `/prod` and `/prod/db/password`; an empty path is all of them.
    Under {
        /// API group or service.
        group: String,
        /// Resource, plural.
        resource: String,
        /// Namespace or region.
        namespace: String,
        /// The path, without a slash at its end.
        path: String,
        /// How far it reaches.
        #[serde(default)]
        extent: Extent,
    },
    /// A principal that acts, is impersonated, or is spoken of, by its full name.
    Principal(String),
    /// A credential's identifier, as in `JTI=…`.
    Credential(String),
}

/// How far it reaches what is [under](Mention::Under) a path.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Extent {
    /// To everything behind a slash: `/prod/db/password` is below `/prod`.
    #[default]
    Below,
    /// To what has no further slash: `/prod/login`.
    Directly,
    /// To whatever begins so: `/production`, too.
    Beginning,
}

/// What it means when a tripwire's identifier is mentioned.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Meaning {
    /// The object itself: reads and writes by name, and collections that cover it.
    Content,
    /// The object itself, of a kind that is listed and watched all day: of collections that cover it only those count that
    /// delete it.
    Listed,
    /// An object where only writes and the like count; a read is weak.
    Behaviour,
    /// The canary's own identity: any use.
    Identity,
}

/// An identifier that means that a canary was touched.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tripwire {
    /// The identifier. A collection never stands here: it covers objects.
    pub mention: Mention,
    /// What its mention means.
    pub meaning: Meaning,
    /// Whose it is.
    pub address: Address,
    /// The object's labels, for selectors; `None` when they are not known, which covers.
    pub labels: Option<BTreeMap<String, String>>,
    /// The object's other selectable fields, as in `type`.
    pub fields: BTreeMap<String, String>,
}
