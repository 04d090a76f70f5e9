//! A node of the desired graph: every choice made, so that applying has none left.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Address;
use crate::value::SecretBytes;

/// Which provider a resource belongs to, as in `kubernetes`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Debug)]
#[serde(transparent)]
pub struct ProviderId(pub String);

impl ProviderId {
    /// Names a provider.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }
}

impl fmt::Display for ProviderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The provider's name for a thing: what it is, in which scope, and what it is called there.
///
/// Kubernetes: kind, namespace, name. AWS: service resource, no scope, ARN. What has no object of its own (a token)
/// has a handle under the name of what it belongs to.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Debug)]
pub struct Handle {
    /// The provider's word for the kind, as in `Secret`.
    pub kind: String,
    /// The scope, as in a namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The name within that scope.
    pub name: String,
}

impl Handle {
    /// A handle in a scope.
    #[must_use]
    pub fn scoped(kind: &str, scope: &str, name: &str) -> Self {
        Self {
            kind: kind.into(),
            scope: Some(scope.into()),
            name: name.into(),
        }
    }

    /// `SCOPE/NAME`, or the name alone where there is no scope: how people and `import` write it.
    #[must_use]
    pub fn path(&self) -> String {
        match &self.scope {
            Some(scope) => format!("{scope}/{}", self.name),
            None => self.name.clone(),
        }
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.path())
    }
}

/// One field of a resource: known now, or known once other resources are made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Input {
    /// May be shown in a plan.
    Public(String),
    /// Is never shown; compared by digest.
    Secret(SecretBytes),
    /// Known text with outputs of other resources in it, as a token inside a kubeconfig. Never shown.
    Join(Vec<Piece>),
}

/// A piece of an [`Input::Join`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Piece {
    /// Text that is known now.
    Known(SecretBytes),
    /// What another resource gives when it is made.
    Output {
        /// The resource that gives it.
        of: Address,
        /// Which of its outputs.
        name: String,
    },
}

impl Input {
    /// A single output of another resource.
    #[must_use]
    pub fn output(of: &Address, name: &str) -> Self {
        Self::Join(vec![Piece::Output {
            of: of.clone(),
            name: name.into(),
        }])
    }

    /// The resources whose outputs are in it.
    pub fn sources(&self) -> impl Iterator<Item = &Address> {
        let pieces: &[Piece] = match self {
            Self::Join(pieces) => pieces,
            Self::Public(_) | Self::Secret(_) => &[],
        };
        pieces.iter().filter_map(|piece| match piece {
            Piece::Output { of, .. } => Some(of),
            Piece::Known(_) => None,
        })
    }
}

/// How a resource is written, as seen in the world afterwards (for Kubernetes: `managedFields`).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Debug)]
pub struct Written {
    /// The writer's name, as in the field manager `helm`.
    pub manager: String,
    /// The kind of write, as in `Apply` or `Update`.
    pub operation: String,
    /// How many neighbours were written this way, and how many there are: why it was chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub like: Option<(u32, u32)>,
}

/// Whether a resource is one of today or is kept only so that a stolen copy still fires.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Debug)]
#[serde(rename_all = "snake_case")]
pub enum Lifetime {
    /// Declared, of the present generation.
    Current,
    /// Of an earlier generation or place, kept until then.
    Retired {
        /// When it may go.
        until: Timestamp,
    },
}

/// A node of the desired graph. Nothing is left to choose: name, way of writing, values.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Resource {
    /// Our name.
    pub address: Address,
    /// Whose it is.
    pub provider: ProviderId,
    /// The provider's name, chosen when lowering, never when applying.
    pub handle: Handle,
    /// The generation of the canary's values. Raising it rotates.
    pub generation: u32,
    /// Field by field, by the provider's own dotted paths. Empty for a retired resource: it is left as it is.
    pub fields: BTreeMap<String, Input>,
    /// Resources that must be there first although none of their outputs is used.
    pub after: BTreeSet<Address>,
    /// How it is written; `None` for what leaves no such trace.
    pub written: Option<Written>,
    /// Of today, or kept.
    pub lifetime: Lifetime,
    /// True when its content is itself an identity whose use is logged.
    pub active: bool,
    /// Remarks for the person who reads the plan, as in `like 7 of 9 neighbours`, by field or topic.
    pub remarks: BTreeMap<String, String>,
}

impl Resource {
    /// The resources that must be made before this one.
    #[must_use]
    pub fn needs(&self) -> BTreeSet<Address> {
        let sources = self.fields.values().flat_map(Input::sources);
        self.after.iter().chain(sources).cloned().collect()
    }
}
