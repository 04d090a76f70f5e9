//! What makes a pod, and the name that people know it by. Pure.

use canary_core::bait::Workload;

/// Set by a Deployment on its ReplicaSets and by these on their pods, and the end of the ReplicaSet's name.
pub(crate) const TEMPLATE_HASH: &str = "pod-template-hash";
/// A CronJob ends its Jobs' names with the minutes since 1970, which have eight digits from 1989 to 2160. What people
/// number by hand has fewer.
const MINUTES: usize = 8;

/// Who controls a pod, as its owner reference says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Controller<'a> {
    pub(crate) api_version: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) name: &'a str,
}

/// The workload that people made: not the ReplicaSet or the Job in between, as far as names tell.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Made<'a> {
    pub(crate) workload: Workload,
    /// As in `CronJob`.
    pub(crate) kind: &'a str,
    pub(crate) name: &'a str,
}

impl<'a> Controller<'a> {
    /// What people made. `template_hash` is the pod's label of that name.
    pub(crate) fn made(self, template_hash: Option<&str>) -> Made<'a> {
        let Self { kind, name, .. } = self;
        let by_itself = |workload| Made {
            workload,
            kind,
            name,
        };
        match self.workload() {
            Workload::Deployment => {
                let deployment =
                    template_hash.and_then(|hash| name.strip_suffix(hash)?.strip_suffix('-'));
                match deployment {
                    Some(name) => Made {
                        workload: Workload::Deployment,
                        kind: "Deployment",
                        name,
                    },
                    None => by_itself(Workload::Deployment),
                }
            }
            Workload::Job => match without_minutes(name) {
                Some(name) => Made {
                    workload: Workload::Job,
                    kind: "CronJob",
                    name,
                },
                None => by_itself(Workload::Job),
            },
            other => by_itself(other),
        }
    }

    fn workload(self) -> Workload {
        let group = self.api_version.split_once('/').map(|(group, _)| group);
        match (group, self.kind) {
            (Some("apps"), "ReplicaSet") => Workload::Deployment,
            (Some("apps"), "StatefulSet") => Workload::StatefulSet,
            (Some("apps"), "DaemonSet") => Workload::DaemonSet,
            (Some("batch"), "Job") => Workload::Job,
            _ => Workload::Other,
        }
    }
}

fn without_minutes(job: &str) -> Option<&str> {
    let (name, end) = job.rsplit_once('-')?;
    let is_minutes = end.len() >= MINUTES && end.bytes().all(|digit| digit.is_ascii_digit());
    is_minutes.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_is_known_by_the_workload_that_people_made() {
        for (api_version, kind, name, hash, expected) in [
            (
                "apps/v1",
                "ReplicaSet",
                "api-v2-5d9c",
                Some("5d9c"),
                (Workload::Deployment, "Deployment", "api-v2"),
            ),
            (
                "apps/v1",
                "ReplicaSet",
                "api-v2",
                None,
                (Workload::Deployment, "ReplicaSet", "api-v2"),
            ),
            (
                "apps/v1",
                "ReplicaSet",
                "5d9c",
                Some("5d9c"),
                (Workload::Deployment, "ReplicaSet", "5d9c"),
            ),
            (
                "apps/v1",
                "StatefulSet",
                "db",
                None,
                (Workload::StatefulSet, "StatefulSet", "db"),
            ),
            (
                "apps/v1",
                "DaemonSet",
                "logs",
                None,
                (Workload::DaemonSet, "DaemonSet", "logs"),
            ),
            (
                "batch/v1",
                "Job",
                "nightly-29741760",
                None,
                (Workload::Job, "CronJob", "nightly"),
            ),
            (
                "batch/v1",
                "Job",
                "migrate-2",
                None,
                (Workload::Job, "Job", "migrate-2"),
            ),
            (
                "v1",
                "ReplicationController",
                "old",
                None,
                (Workload::Other, "ReplicationController", "old"),
            ),
            (
                "apps.kruise.io/v1",
                "StatefulSet",
                "x",
                None,
                (Workload::Other, "StatefulSet", "x"),
            ),
        ] {
            let controller = Controller {
                api_version,
                kind,
                name,
            };
            let made = controller.made(hash);
            assert_eq!(
                (made.workload, made.kind, made.name),
                expected,
                "{kind} {name}"
            );
        }
    }
}
