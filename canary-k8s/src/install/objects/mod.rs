//! The objects themselves, as templates.

mod ground;
mod policies;
mod rights;
mod webhook;
mod workload;

use serde_json::{Value, json};

use super::template::fill_all;
use super::{Unfit, Values, check};

/// The objects of one installation.
#[derive(Clone)]
pub struct Objects {
    /// In the order to apply. The other way round they are removed: at any point pods start.
    pub in_order: Vec<Value>,
}

impl Objects {
    /// With these values.
    ///
    /// # Errors
    /// What does not fit of them.
    pub fn of(values: &Values) -> Result<Self, Vec<Unfit>> {
        check::check(values)?;
        let data = values.to_data();
        let files = files();
        let in_order = files.iter().flat_map(|file| fill_all(&file.objects, &data));
        Ok(Self {
            in_order: in_order.collect(),
        })
    }
}

impl std::fmt::Debug for Objects {
    /// There is a key among them.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Objects({})", self.in_order.len())
    }
}

/// What belongs together, and is one file of the chart.
pub(super) struct File {
    pub(super) name: &'static str,
    pub(super) objects: Vec<Value>,
}

/// All of it. Policies are there before the rights that they hold in, and the webhook comes when there is who answers.
pub(super) fn files() -> Vec<File> {
    vec![
        File {
            name: "namespace",
            objects: vec![ground::namespace()],
        },
        File {
            name: "policies",
            objects: policies::all(),
        },
        File {
            name: "settings",
            objects: vec![ground::account(), ground::settings()],
        },
        File {
            name: "rights",
            objects: rights::all(),
        },
        File {
            name: "service",
            objects: workload::around(),
        },
        File {
            name: "deployment",
            objects: vec![workload::deployment()],
        },
        File {
            name: "webhook",
            objects: webhook::all(),
        },
    ]
}

/// What an object is called and known again by.
fn meta(name: &str) -> Value {
    json!({ "name": name, "labels": labels() })
}

/// The same in our own namespace.
fn meta_at_home(name: &str) -> Value {
    json!({ "name": name, "namespace": "$(namespace)", "labels": labels() })
}

fn labels() -> Value {
    json!({ "app.kubernetes.io/name": "$(name)", "app.kubernetes.io/instance": "$(instance)" })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use canary_core::disguise::giveaway;

    use super::*;
    use crate::install::{Authority, CertManager, Condition, Covered, Issuer, Place};

    fn values() -> Values {
        let covered = |namespace: &str, account: &str| Covered {
            namespace: namespace.into(),
            account: account.into(),
        };
        Values {
            name: "settings-agent".into(),
            image: "registry.local/settings-agent:1".into(),
            covered: vec![covered("shop", "deployer"), covered("web", "")],
            config: "QUJD".into(),
            key: "a2V5".into(),
            // Chance would spell every word at times.
            ca: Authority {
                certificate: "certificate".into(),
                key: "key".into(),
            },
            ..Values::standard()
        }
    }

    /// With everything that can be switched on.
    fn full() -> Values {
        Values {
            all_pods: true,
            ephemeral_containers: true,
            annotate_pods: true,
            audiences: vec!["https://issuer".into()],
            object_selector: json!({ "matchLabels": { "tier": "web" } }),
            match_conditions: vec![Condition {
                name: "jobs".into(),
                expression: "has(object.metadata.ownerReferences)".into(),
            }],
            cert_manager: CertManager {
                issuer: Some(Issuer {
                    name: "internal".into(),
                    kind: "ClusterIssuer".into(),
                }),
            },
            egress: vec!["10.0.0.0/8".into()],
            ..values()
        }
    }

    fn of(values: &Values) -> Vec<Value> {
        Objects::of(values).unwrap().in_order
    }

    fn kinds(objects: &[Value]) -> Vec<String> {
        let place = |object: &Value| Place::of(object).unwrap().to_string();
        objects.iter().map(place).collect()
    }

    #[test]
    fn nothing_in_them_says_what_it_is() {
        for values in [values(), full()] {
            for object in of(&values) {
                let text = object.to_string();
                assert_eq!(giveaway(&text), None, "{text}");
                assert!(!text.contains("$("), "a hole was left open: {text}");
            }
        }
    }

    #[test]
    fn the_policies_come_before_the_rights_and_the_webhook_comes_last() {
        for values in [values(), full()] {
            let kinds = kinds(&of(&values));
            let at = |kind: &str| {
                let is = |place: &&String| place.starts_with(kind);
                kinds.iter().position(|place| is(&place)).unwrap()
            };
            assert!(kinds[0].starts_with("Namespace "));
            assert!(at("ValidatingAdmissionPolicyBinding ") < at("RoleBinding "));
            assert!(at("Secret ") < at("Deployment "));
            assert_eq!(at("MutatingWebhookConfiguration "), kinds.len() - 1);
            let different: BTreeSet<_> = kinds.iter().collect();
            assert_eq!(different.len(), kinds.len(), "{kinds:?}");
        }
    }

    #[test]
    fn no_rule_gives_a_secret_to_read_but_at_home_and_none_in_the_whole_cluster() {
        for values in [values(), full()] {
            let objects = of(&values);
            let bound_everywhere: BTreeSet<&str> = objects
                .iter()
                .filter(|object| object["kind"] == "ClusterRoleBinding")
                .filter_map(|object| object["roleRef"]["name"].as_str())
                .collect();
            for role in &objects {
                let Some(rules) = role["rules"].as_array() else {
                    continue;
                };
                let is_home = role["metadata"]["namespace"] == "settings-agent";
                let name = role["metadata"]["name"].as_str().unwrap();
                for rule in rules {
                    let all = rule.to_string();
                    assert!(!all.contains('*') && !all.contains("exec"), "{all}");
                    if !all.contains("\"secrets\"") {
                        continue;
                    }
                    assert!(!bound_everywhere.contains(name), "{all}");
                    for verb in ["get", "list", "watch", "patch", "deletecollection"] {
                        let given = rule["verbs"].as_array().unwrap().contains(&json!(verb));
                        let fits = is_home && matches!(verb, "get" | "list");
                        assert!(!given || fits, "{name}: {all}");
                    }
                }
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_told_before_anything_is_made() {
        let told = |change: fn(&mut Values)| {
            let mut values = values();
            change(&mut values);
            let unfit = Objects::of(&values).unwrap_err();
            let words: Vec<String> = unfit.iter().map(ToString::to_string).collect();
            words.join("; ")
        };
        for (change, words) in [
            (
                (|v| v.name = "Agent".into()) as fn(&mut Values),
                "lowercase",
            ),
            (|v| v.name = String::new(), "lowercase"),
            (|v| v.name = "a".repeat(39), "lowercase"),
            (|v| v.name = "my-canary".into(), "says what it is"),
            (|v| v.namespace = "kube-system".into(), "the cluster's own"),
            (|v| v.namespace = "default".into(), "the cluster's own"),
            (|v| v.image = "registry/honey:1".into(), "says what it is"),
            (|v| v.image = "a\"{{ b }}".into(), "the image is not valid"),
            (|v| v.image = String::new(), "the image is missing"),
            (|v| v.key = String::new(), "the key is missing"),
            (|v| v.replicas = 1, "two at least"),
            (
                |v| v.covered[0].namespace = "kube-public".into(),
                "the cluster's own",
            ),
            (
                |v| v.covered[0].namespace = "settings-agent".into(),
                "cannot be covered",
            ),
            (|v| v.covered[0].namespace = "web".into(), "covered twice"),
            (|v| v.covered[0].namespace = "a'b".into(), "lowercase"),
            (|v| v.covered[0].account = "x'] || ['".into(), "account"),
            (|v| v.covered.clear(), "a covered namespace is missing"),
            (|v| v.audiences = vec!["a'b".into()], "an audience"),
            (|v| v.egress = vec!["\"x\"".into()], "a network"),
            (|v| v.ca = Authority::default(), "an authority is missing"),
        ] {
            let told = told(change);
            assert!(told.contains(words), "{words}: {told}");
        }
    }
}
