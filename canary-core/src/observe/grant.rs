//! Who is given what: rights that others give, as plain data.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::graph::Handle;

/// Something that gives rights to somebody: a binding, an attached policy.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Debug)]
pub struct Grant {
    /// What gives them, as in `ClusterRoleBinding dev-access`.
    pub by: Handle,
    /// What holds the rules, as in `ClusterRole view`.
    pub role: Handle,
    /// Whom it names.
    pub to: BTreeSet<Grantee>,
    /// Where the rules hold; `None` for everywhere.
    pub scope: Option<String>,
    /// What is given.
    pub given: Given,
}

/// Whom a grant names, in the provider's words.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Debug)]
#[serde(rename_all = "snake_case")]
pub enum Grantee {
    /// One principal.
    Principal(String),
    /// Everybody in a group.
    Group(String),
}

/// What a grant gives.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Debug)]
#[serde(rename_all = "snake_case")]
pub enum Given {
    /// These rules, as they stand now.
    Rules(BTreeSet<Rule>),
    /// Nothing now: what would hold the rules is not there. Whoever makes it gives them.
    Missing,
    /// Nobody could look; a gap says why.
    Unseen,
}

/// One rule, in the provider's words. It allows every combination of what it lists.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Debug, Default)]
#[serde(default)]
pub struct Rule {
    /// What may be done.
    pub verbs: BTreeSet<String>,
    /// The parts of the API that the resources belong to.
    pub apis: BTreeSet<String>,
    /// The kinds of things that it may be done to.
    pub resources: BTreeSet<String>,
    /// Only to the things of these names; empty for all.
    pub names: BTreeSet<String>,
    /// Paths of the API that are no resources.
    pub paths: BTreeSet<String>,
}
