//! What is not said is chosen: by the site's key, the same on every run, another for every canary.

use canary_core::config::Canary;
use canary_core::disguise::{Filler, SiteKeys};
use canary_core::graph::Handle;

/// What belongs together: what a directory, a Secret and a profile are called for a task that a workload may well have.
pub(super) struct Story {
    /// Behind the workload's name.
    ending: &'static str,
    /// A profile that goes with it.
    pub(super) profile: &'static str,
}

/// Tasks that need an account of AWS.
const OF_AWS: [Story; 6] = [
    story("-sync", "s3-sync"),
    story("-backup", "backup"),
    story("-archive", "archive-writer"),
    story("-export", "data-export"),
    story("-upload", "uploads"),
    story("-reports", "reporting"),
];

/// Tasks that need an account of a cluster.
const OF_CLUSTER: [Story; 5] = [
    story("-deploy", ""),
    story("-rollout", ""),
    story("-release", ""),
    story("-jobs", ""),
    story("-maintenance", ""),
];

const fn story(ending: &'static str, profile: &'static str) -> Story {
    Story { ending, profile }
}

/// Directories of the Filesystem Hierarchy Standard in which packages have one of their own, and images little.
const PARENTS: [&str; 2] = ["/etc", "/opt"];

/// Names of kubeconfigs. `config`, as in `~/.kube`, is what the file beside AWS' credentials is called.
const KUBECONFIGS: [&str; 3] = ["kubeconfig", "kubeconfig.yaml", "cluster.kubeconfig"];

/// Chooses for one canary.
pub(super) struct Defaults<'a> {
    keys: &'a SiteKeys,
    place: Handle,
}

impl<'a> Defaults<'a> {
    pub(super) fn new(canary: &Canary, keys: &'a SiteKeys) -> Self {
        let place = Handle {
            kind: canary.id.kind().to_owned(),
            scope: None,
            name: canary.id.label().to_owned(),
        };
        Self { keys, place }
    }

    /// One of some words. Pods that run keep what they have: a rotation moves nothing.
    fn choose(&self, topic: &str, words: &[&'static str]) -> &'static str {
        Filler::new(self.keys, &self.place, 1).choose(topic, words)
    }

    fn story(&self, topic: &str, stories: &'static [Story]) -> &'static Story {
        let endings: Vec<&'static str> = stories.iter().map(|story| story.ending).collect();
        let chosen = self.choose(topic, &endings);
        let mut stories = stories.iter();
        stories
            .find(|story| story.ending == chosen)
            .unwrap_or(&OF_AWS[0])
    }

    pub(super) fn of_aws(&self) -> &'static Story {
        self.story("task of aws", &OF_AWS)
    }

    pub(super) fn of_cluster(&self) -> &'static Story {
        self.story("task of cluster", &OF_CLUSTER)
    }

    pub(super) fn directory(&self, story: &Story) -> String {
        let parent = self.choose(&format!("parent of {}", story.ending), &PARENTS);
        format!("{parent}/{{workload}}{}", story.ending)
    }

    pub(super) fn kubeconfig(&self) -> &'static str {
        self.choose("kubeconfig", &KUBECONFIGS)
    }
}

impl Story {
    /// What names of Secrets begin with.
    pub(super) fn base(&self) -> String {
        format!("{{workload}}{}", self.ending)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::pod_credentials::checks;

    #[test]
    fn every_default_passes_what_a_configured_text_must_pass() {
        for story in OF_AWS.iter().chain(&OF_CLUSTER) {
            assert_eq!(checks::base(&story.base()), Ok(()));
            for parent in PARENTS {
                let directory = format!("{parent}/{{workload}}{}", story.ending);
                assert_eq!(checks::directory(&directory), Ok(()));
            }
        }
        for story in &OF_AWS {
            assert_eq!(checks::profile(story.profile), Ok(()));
        }
        for name in KUBECONFIGS {
            assert_eq!(checks::file(name), Ok(()));
        }
    }
}
