//! Which namespaces are covered, as targets say.

use std::collections::BTreeMap;

use canary_core::bait::{Containers, Target, Workload};

use super::{Condition, Covered, Values};

/// What the targets ask of an installation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Coverage {
    /// The namespaces that are there and meant.
    pub covered: Vec<Covered>,
    /// Some are named by a pattern: more may come.
    pub all_pods: bool,
    /// Some want ephemeral containers.
    pub ephemeral_containers: bool,
    /// What spares calls.
    pub match_conditions: Vec<Condition>,
}

impl Coverage {
    /// Of targets, in a cluster with these namespaces. `accounts` are those that tokens are asked for, by namespace.
    #[must_use]
    pub fn of(
        targets: &[Target],
        namespaces: &[String],
        accounts: &BTreeMap<String, String>,
        home: &str,
    ) -> Self {
        let covered = |namespace: &&String| {
            namespace.as_str() != home && targets.iter().any(|target| target.covers(namespace))
        };
        let patterns = |target: &Target| target.namespaces.iter().any(|one| one.exact().is_none());
        let ephemeral = |containers: &Containers| containers.ephemeral;
        Self {
            covered: namespaces
                .iter()
                .filter(covered)
                .map(|namespace| Covered {
                    namespace: namespace.clone(),
                    account: accounts.get(namespace).cloned().unwrap_or_default(),
                })
                .collect(),
            all_pods: targets.iter().any(patterns),
            ephemeral_containers: targets.iter().any(|target| ephemeral(&target.containers)),
            match_conditions: owners(targets).into_iter().collect(),
        }
    }

    /// Puts it into values.
    pub fn put_into(self, values: &mut Values) {
        values.covered = self.covered;
        values.all_pods = self.all_pods;
        values.ephemeral_containers = self.ephemeral_containers;
        values.match_conditions = self.match_conditions;
    }
}

/// What the owner of a pod may be, where all targets name that. Each kind is asked for by itself: an owner of another kind
/// is one of a custom resource.
fn owners(targets: &[Target]) -> Option<Condition> {
    if targets.is_empty() || targets.iter().any(|target| target.workloads.is_empty()) {
        return None;
    }
    const KNOWN: [(Workload, &str); 4] = [
        (Workload::Deployment, "ReplicaSet"),
        (Workload::StatefulSet, "StatefulSet"),
        (Workload::DaemonSet, "DaemonSet"),
        (Workload::Job, "Job"),
    ];
    let wanted = |workload| {
        targets
            .iter()
            .any(|target| target.workloads.contains(&workload))
    };
    let quoted = |kinds: Vec<&str>| {
        let quoted: Vec<String> = kinds.iter().map(|kind| format!("'{kind}'")).collect();
        quoted.join(", ")
    };
    let kinds: Vec<&str> = KNOWN
        .iter()
        .filter(|(one, _)| wanted(*one))
        .map(|(_, kind)| *kind)
        .collect();
    let controller = "has(object.metadata.ownerReferences) && object.metadata.ownerReferences.exists(one, \
                      has(one.controller) && one.controller";
    let mut any = Vec::new();
    if !kinds.is_empty() {
        any.push(format!(
            "({controller} && one.kind in [{}]))",
            quoted(kinds)
        ));
    }
    if wanted(Workload::Other) {
        let known = quoted(KNOWN.iter().map(|(_, kind)| *kind).collect());
        any.push(format!("({controller} && !(one.kind in [{known}])))"));
    }
    if wanted(Workload::Bare) {
        any.push(format!("!({controller}))"));
    }
    Some(Condition {
        name: "owners".into(),
        expression: any.join(" || "),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use canary_core::bait::Pattern;
    use canary_core::graph::CanaryId;

    use super::*;

    fn target(namespaces: &[&str], workloads: &[Workload]) -> Target {
        Target {
            canary: CanaryId::new("pod_credentials", "all"),
            namespaces: namespaces.iter().map(|one| Pattern::new(*one)).collect(),
            except: vec![Pattern::new("ci")],
            selector: None,
            workloads: workloads.iter().copied().collect(),
            containers: Containers::default(),
            share: 100,
            base: "{workload}-settings".into(),
            baits: BTreeMap::new(),
        }
    }

    fn of(targets: &[Target]) -> Coverage {
        let namespaces = ["shop", "web", "ci", "kube-system", "agent"].map(str::to_owned);
        let accounts = BTreeMap::from([("web".to_owned(), "deployer".to_owned())]);
        Coverage::of(targets, &namespaces, &accounts, "agent")
    }

    #[test]
    fn what_is_there_and_meant_is_covered_with_its_account() {
        let seen = of(&[target(&["web", "gone"], &[]), target(&["shop"], &[])]);
        let covered: Vec<(&str, &str)> = seen
            .covered
            .iter()
            .map(|one| (one.namespace.as_str(), one.account.as_str()))
            .collect();
        assert_eq!(covered, [("shop", ""), ("web", "deployer")]);
        assert!(!seen.all_pods);
    }

    #[test]
    fn a_pattern_covers_neither_the_clusters_own_namespaces_nor_ours() {
        let seen = of(&[target(&["*"], &[])]);
        assert!(seen.all_pods);
        let covered: BTreeSet<&str> = seen
            .covered
            .iter()
            .map(|one| one.namespace.as_str())
            .collect();
        assert_eq!(covered, BTreeSet::from(["shop", "web"]));
    }

    #[test]
    fn calls_are_spared_only_where_every_target_names_what_it_wants() {
        assert_eq!(of(&[target(&["web"], &[])]).match_conditions, []);
        let both = [
            target(&["web"], &[Workload::Deployment, Workload::Bare]),
            target(&["shop"], &[Workload::Job]),
        ];
        let conditions = of(&both).match_conditions;
        assert_eq!(
            conditions[0].expression,
            "(has(object.metadata.ownerReferences) && object.metadata.ownerReferences.exists(one, \
             has(one.controller) && one.controller && one.kind in ['ReplicaSet', 'Job'])) || \
             !(has(object.metadata.ownerReferences) && object.metadata.ownerReferences.exists(one, \
             has(one.controller) && one.controller))"
        );
        let one_open = [both[0].clone(), target(&["shop"], &[])];
        assert_eq!(of(&one_open).match_conditions, []);
    }
}
