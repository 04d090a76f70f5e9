//! What is to be done about each object. Pure.

use std::collections::BTreeSet;

use serde_json::Value;

use super::settled;
use crate::install::Place;

/// What is to be done about one object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// It is not there.
    Create,
    /// It is there, and these fields are not as they are to be. Never what is in them.
    Update(BTreeSet<String>),
    /// It is ours and no longer wanted.
    Remove,
    /// It is as it is to be.
    Keep,
}

/// One object, and what is to be done about it.
#[derive(Clone)]
pub struct Step {
    /// Where it is.
    pub place: Place,
    /// What is to be done.
    pub change: Change,
    /// As it is to be; holds secrets.
    pub(super) wanted: Value,
    /// As it was seen: uid and revision.
    pub(super) seen: Option<Seen>,
}

impl std::fmt::Debug for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {}", self.change, self.place)
    }
}

/// An object as it was seen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Seen {
    pub(super) uid: String,
    pub(super) revision: String,
}

impl Seen {
    pub(super) fn of(meta: &Value) -> Option<Self> {
        Some(Self {
            uid: meta["uid"].as_str()?.to_owned(),
            revision: meta["resourceVersion"].as_str()?.to_owned(),
        })
    }
}

/// Everything that is to be done, in order.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Object by object.
    pub steps: Vec<Step>,
}

impl Changes {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.steps.iter().all(|step| step.change == Change::Keep)
    }
}

/// What an apply that is only tried tells to change.
pub(super) fn of_trial(there: &Value, tried: &Value) -> Change {
    let fields = settled::differing(there, tried);
    if fields.is_empty() {
        Change::Keep
    } else {
        Change::Update(fields)
    }
}

/// The order in which kinds are removed. The webhook goes first: from then on no pod is touched. Then whoever writes, and
/// its right to write; what it wrote is swept then, in the places that the bindings tell, and only then do they go. The
/// policies outlive the rights, and the namespace goes last: as long as it is there, what is left is found by its name.
pub(super) fn rank(kind: &str) -> u8 {
    match kind {
        "MutatingWebhookConfiguration" => 0,
        "Deployment" => 1,
        "ClusterRole" => 2,
        SWEEP_BEFORE => 3,
        "Role" | "ClusterRoleBinding" => 4,
        "ValidatingAdmissionPolicyBinding" => 6,
        "ValidatingAdmissionPolicy" => 7,
        "Namespace" => 8,
        _ => 5,
    }
}

/// These tell where there is something to sweep.
pub(super) const SWEEP_BEFORE: &str = "RoleBinding";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_webhook_is_removed_first_and_the_namespace_last() {
        let mut kinds = [
            "Namespace",
            "RoleBinding",
            "Secret",
            "Deployment",
            "ValidatingAdmissionPolicy",
            "MutatingWebhookConfiguration",
            "ClusterRole",
        ];
        kinds.sort_by_key(|kind| rank(kind));
        assert_eq!(
            kinds,
            [
                "MutatingWebhookConfiguration",
                "Deployment",
                "ClusterRole",
                "RoleBinding",
                "Secret",
                "ValidatingAdmissionPolicy",
                "Namespace",
            ]
        );
    }
}
