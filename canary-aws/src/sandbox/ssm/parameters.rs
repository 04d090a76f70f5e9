//! What SSM knows.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;

use crate::sandbox::failure::Failure;
use crate::sandbox::tags::Tags;

/// Parameters of a region by name.
#[derive(Clone, Default)]
pub(in crate::sandbox) struct Ssm {
    pub(super) parameters: BTreeMap<String, Arc<Parameter>>,
}

#[derive(Clone)]
pub(super) struct Parameter {
    pub(super) kind: String,
    pub(super) description: Option<String>,
    pub(super) tier: String,
    pub(super) key: Option<String>,
    pub(super) tags: Tags,
    /// Never empty; the last is the current one.
    pub(super) versions: VecDeque<Version>,
}

#[derive(Clone)]
pub(super) struct Version {
    pub(super) number: i64,
    pub(super) value: String,
    pub(super) at: Timestamp,
    pub(super) by: String,
}

pub(super) fn missing() -> Failure {
    Failure::bad("ParameterNotFound", "")
}

impl Ssm {
    pub(super) fn find(&self, name: &str) -> Result<&Parameter, Failure> {
        let parameter = self.parameters.get(name);
        parameter.map(Arc::as_ref).ok_or_else(missing)
    }
}
