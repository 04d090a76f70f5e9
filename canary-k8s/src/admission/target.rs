//! Targets, made ready for deciding.

use std::collections::BTreeMap;

use canary_core::bait::{BaitKind, Files, Target, Workload};
use canary_core::graph::CanaryId;

use crate::labels::LabelSelector;

/// The API server takes no longer key of a Secret.
const LONGEST_KEY: usize = 253;

/// A target whose patch could harm a pod, or that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{canary}: {wrong}")]
pub struct InvalidTarget {
    /// Which.
    pub canary: CanaryId,
    /// Why.
    pub wrong: Wrong,
}

/// What is wrong with a target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// No label selector in the grammar of Kubernetes.
    #[error("{0:?} is no label selector")]
    Selector(String),
    /// A directory where nothing can be mounted.
    #[error("{0:?} is no absolute path of a directory that a volume can be mounted at")]
    Directory(String),
    /// A name that no key of a Secret can have.
    #[error("{0:?} cannot be the name of a file")]
    File(String),
    /// Baits of several kinds lie in one Secret.
    #[error("two files are called {0:?}")]
    TwoFiles(String),
    /// It has nothing to give.
    #[error("it has no bait, or one without a file")]
    NoBait,
}

/// A target with its selector read.
#[derive(Clone, Debug)]
pub(crate) struct Ready {
    pub(crate) target: Target,
    selector: LabelSelector,
}

impl Ready {
    pub(crate) fn new(target: Target) -> Result<Self, InvalidTarget> {
        match check(&target) {
            Ok(selector) => Ok(Self { target, selector }),
            Err(wrong) => Err(InvalidTarget {
                canary: target.canary,
                wrong,
            }),
        }
    }

    /// Whether it means a pod of that namespace and workload, whose labels are asked for by key.
    pub(crate) fn means<'a>(
        &self,
        namespace: &str,
        workload: Workload,
        label: impl Fn(&str) -> Option<&'a str>,
    ) -> bool {
        let workloads = &self.target.workloads;
        self.target.covers(namespace)
            && (workloads.is_empty() || workloads.contains(&workload))
            && self.selector.matches(label)
    }

    /// What picks one kind's files out of the Secret; nothing where they are all that is in it.
    pub(super) fn keys<'a>(&'a self, files: &'a Files) -> impl Iterator<Item = &'a str> {
        let several = self.target.baits.len() > 1;
        files
            .names
            .values()
            .filter(move |_| several)
            .map(String::as_str)
    }

    /// The bait that a volume of ours holds, by a key that is picked out for it.
    pub(super) fn bait_of(&self, first_key: Option<&str>) -> Option<&Files> {
        let mut baits = self.target.baits.values();
        match first_key {
            Some(key) => baits.find(|files| self.keys(files).any(|one| one == key)),
            None => baits.next().filter(|_| self.target.baits.len() == 1),
        }
    }
}

fn check(target: &Target) -> Result<LabelSelector, Wrong> {
    let empty = |files: &Files| files.names.is_empty();
    if target.baits.is_empty() || target.baits.values().any(empty) {
        return Err(Wrong::NoBait);
    }
    let mut keys: BTreeMap<&str, BaitKind> = BTreeMap::new();
    for (kind, files) in &target.baits {
        if !is_mountable(&files.directory) {
            return Err(Wrong::Directory(files.directory.clone()));
        }
        for key in files.names.values() {
            if !is_key(key) {
                return Err(Wrong::File(key.clone()));
            }
            if keys.insert(key, *kind).is_some() {
                return Err(Wrong::TwoFiles(key.clone()));
            }
        }
    }
    let text = target.selector.as_deref().unwrap_or_default();
    LabelSelector::parse(text).ok_or_else(|| Wrong::Selector(text.to_owned()))
}

/// A colon is refused by the API server, the root and a path that goes up would hide what is not ours.
fn is_mountable(path: &str) -> bool {
    let mut parts = path.split('/').filter(|part| !part.is_empty()).peekable();
    path.starts_with('/')
        && parts.peek().is_some()
        && parts.all(|part| part != "." && part != "..")
        && path.chars().all(|c| !c.is_control() && c != ':')
}

/// `IsConfigMapKey` of the API machinery.
fn is_key(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= LONGEST_KEY
        && name != "."
        && !name.starts_with("..")
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}
