//! The JSON Patch (RFC 6902) that a pod gets: additions and nothing else.

use canary_core::bait::PodHandle;
use canary_core::graph::CanaryId;
use serde::Serialize;

/// What is added to one pod.
#[derive(Clone, Debug)]
pub struct Patch {
    /// For which canary.
    pub canary: CanaryId,
    /// The Secret that the pod then waits for.
    pub handle: PodHandle,
    /// How many mounts were left out, because something else is mounted where the bait would lie.
    pub left_out: usize,
    pub(super) operations: Vec<Operation>,
}

impl Patch {
    /// Its text.
    ///
    /// # Errors
    /// Never in practice: it is made of texts and lists.
    pub fn json(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(&self.operations)
    }
}

/// One addition.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Operation {
    op: &'static str,
    path: String,
    value: Value,
}

#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
enum Value {
    Volume(Volume),
    Volumes(Vec<Volume>),
    Mount(Mount),
    Mounts(Vec<Mount>),
}

/// A volume as it is written. What is left out is as the server has it by default, so that it looks like others.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Volume {
    pub(super) name: String,
    pub(super) secret: SecretSource,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SecretSource {
    pub(super) secret_name: PodHandle,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) items: Vec<Item>,
    /// A pod never waits for its bait.
    pub(super) optional: bool,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Item {
    pub(super) key: String,
    pub(super) path: String,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Mount {
    pub(super) name: String,
    pub(super) read_only: bool,
    pub(super) mount_path: String,
}

/// Adds volumes to `/spec/volumes`.
pub(super) fn add_volumes(list_exists: bool, volumes: Vec<Volume>) -> Vec<Operation> {
    let path = "/spec/volumes";
    add(path, list_exists, volumes, Value::Volume, Value::Volumes)
}

/// Adds mounts to the container at an index of a list of the spec.
pub(super) fn add_mounts(
    containers: &str,
    index: usize,
    list_exists: bool,
    mounts: Vec<Mount>,
) -> Vec<Operation> {
    let path = format!("/spec/{containers}/{index}/volumeMounts");
    add(&path, list_exists, mounts, Value::Mount, Value::Mounts)
}

/// To the end of a list, or as the list: adding where there is null replaces it.
fn add<T>(
    path: &str,
    list_exists: bool,
    members: Vec<T>,
    one: impl Fn(T) -> Value,
    all: impl Fn(Vec<T>) -> Value,
) -> Vec<Operation> {
    let operation = |path: String, value| Operation {
        op: "add",
        path,
        value,
    };
    if members.is_empty() {
        Vec::new()
    } else if list_exists {
        members
            .into_iter()
            .map(|member| operation(format!("{path}/-"), one(member)))
            .collect()
    } else {
        vec![operation(path.to_owned(), all(members))]
    }
}
