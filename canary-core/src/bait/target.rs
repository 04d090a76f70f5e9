//! Which pods get a bait, which, and where.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Pattern;
use crate::graph::CanaryId;

/// The kind of canary that gives pods baits: the table `[pod_credentials.LABEL]`.
pub const KIND: &str = "pod_credentials";

/// What kind of credential.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BaitKind {
    /// A session of a decoy role of AWS, in a credentials file under a named profile, with the config beside it.
    Aws,
    /// A token of a decoy service account, in a kubeconfig.
    Kubeconfig,
}

/// What makes a pod, as its owner reference says.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Workload {
    /// A ReplicaSet, of a Deployment or by itself.
    Deployment,
    /// A StatefulSet.
    StatefulSet,
    /// A DaemonSet.
    DaemonSet,
    /// A Job, of a CronJob or by itself.
    Job,
    /// Another controller, as of a custom resource.
    Other,
    /// Nobody: a bare pod.
    Bare,
}

/// Which containers of a pod get the mount.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Containers {
    /// By name; empty for all.
    pub names: Vec<Pattern>,
    /// Init containers that end before the others start, too.
    pub init: bool,
    /// Init containers that go on beside the others (`restartPolicy: Always`), too.
    pub sidecars: bool,
    /// Ephemeral containers, as `kubectl debug` adds them, too.
    pub ephemeral: bool,
}

impl Default for Containers {
    /// Those that a thief lands in: the ones that run as long as the pod does.
    fn default() -> Self {
        Self {
            names: Vec::new(),
            init: false,
            sidecars: true,
            ephemeral: false,
        }
    }
}

/// Where one kind of bait lies in a pod.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Files {
    /// The directory, absolute. `{workload}` stands for the name of what made the pod.
    pub directory: String,
    /// Its files: the key in the Secret (which is the file's name) by what is in it: `credentials` and `config` for
    /// [`BaitKind::Aws`], `kubeconfig` for [`BaitKind::Kubeconfig`].
    pub names: BTreeMap<String, String>,
}

/// One `[pod_credentials.LABEL]`, every choice made.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Target {
    /// Its address.
    pub canary: CanaryId,
    /// Namespaces, any of them.
    pub namespaces: Vec<Pattern>,
    /// Namespaces that are left out whatever else matches.
    pub except: Vec<Pattern>,
    /// A label selector in the grammar of Kubernetes; `None` for all pods.
    pub selector: Option<String>,
    /// What made the pod; empty for anything.
    pub workloads: BTreeSet<Workload>,
    /// Which containers.
    pub containers: Containers,
    /// Of a hundred pods that match, so many get a bait.
    pub share: u8,
    /// What the names of the Secrets begin with. `{workload}` stands for the name of what made the pod.
    pub base: String,
    /// Which baits, and where each lies.
    pub baits: BTreeMap<BaitKind, Files>,
}

impl Target {
    /// Whether a namespace is covered. Those of the cluster itself never are.
    #[must_use]
    pub fn covers(&self, namespace: &str) -> bool {
        !namespace.starts_with("kube-")
            && self.namespaces.iter().any(|one| one.matches(namespace))
            && !self.except.iter().any(|one| one.matches(namespace))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_namespaces_of_the_cluster_itself_are_never_covered() {
        let target = Target {
            canary: CanaryId::new("pod_credentials", "all"),
            namespaces: vec![Pattern::new("*")],
            except: vec![Pattern::new("ci-*")],
            selector: None,
            workloads: BTreeSet::new(),
            containers: Containers::default(),
            share: 100,
            base: "{workload}-settings".into(),
            baits: BTreeMap::new(),
        };
        for (namespace, covered) in [
            ("shop", true),
            ("ci-runner", false),
            ("kube-system", false),
            ("kube-public", false),
            ("kube-node-lease", false),
        ] {
            assert_eq!(target.covers(namespace), covered, "{namespace}");
        }
    }
}
