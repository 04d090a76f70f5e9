//! From grants to notes.

use std::collections::{BTreeMap, BTreeSet};

use canary_core::check::{Note, Severity, Topic};
use canary_core::graph::{Address, Handle};
use canary_core::observe::{Given, Grant, Grantee, Rule};

use super::discovery::beyond;
use super::who::grantees;
use super::words;

/// What these accounts are given beyond discovery: one note for each account and binding.
pub(in crate::catalog) fn notes(
    identities: &BTreeMap<Address, Handle>,
    grants: &BTreeSet<Grant>,
) -> Vec<Note> {
    let mut notes: Vec<Note> = identities
        .iter()
        .flat_map(|(address, handle)| {
            grants
                .iter()
                .filter_map(move |grant| note(address, handle, grant))
        })
        .collect();
    notes.sort();
    notes
}

fn note(address: &Address, handle: &Handle, grant: &Grant) -> Option<Note> {
    let through: Vec<Grantee> = grantees(handle)
        .into_iter()
        .filter(|grantee| grant.to.contains(grantee))
        .collect();
    let first = through.first()?;
    let (severity, what) = match &grant.given {
        Given::Unseen => return None,
        Given::Missing => {
            let role = thing(&grant.role);
            let what = format!("would be given what {role} says as soon as somebody makes it");
            (Severity::Warning, what)
        }
        Given::Rules(rules) => {
            let everywhere = grant.scope.is_none();
            let beyond: Vec<Rule> = rules
                .iter()
                .filter_map(|rule| beyond(rule, everywhere))
                .collect();
            if beyond.is_empty() {
                return None;
            }
            let what = words::rules(&beyond, grant.scope.as_deref());
            (Severity::Error, format!("may {what}"))
        }
    };
    let retired = address.retired().is_some();
    let who = if retired {
        format!("its retired {} ", thing(handle))
    } else {
        String::new()
    };
    let by = thing(&grant.by);
    let to: Vec<String> = through.iter().map(words::grantee).collect();
    Some(Note {
        severity,
        topic: Topic::BlastRadius,
        canary: address.canary().clone(),
        address: Some(address.clone()),
        message: format!("{who}{what}, through {by} to {}", words::listed(&to)),
        help: Some(help(&by, first, handle, retired)),
    })
}

/// Another name or namespace helps where the binding names that; every account is in the other groups.
fn help(by: &str, through: &Grantee, handle: &Handle, retired: bool) -> String {
    let own_namespace = &grantees(handle)[1];
    match through {
        _ if retired => format!("remove {by}, or narrow it to the accounts that need it"),
        Grantee::Principal(_) => format!("remove {by}, or give the canary another name"),
        group if group == own_namespace => {
            format!("remove {by}, or choose another namespace for the canary")
        }
        Grantee::Group(_) => format!(
            "remove {by}, or narrow it to the accounts that need it: every service account is in that group"
        ),
    }
}

/// `RoleBinding ci/deployer`.
fn thing(handle: &Handle) -> String {
    words::clean(&handle.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(texts: &[&str]) -> BTreeSet<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    fn reading(resources: &[&str]) -> Given {
        Given::Rules(BTreeSet::from([Rule {
            verbs: set(&["list"]),
            apis: set(&[""]),
            resources: set(resources),
            ..Rule::default()
        }]))
    }

    fn cluster_wide(to: &[Grantee], given: Given) -> Grant {
        let of = |kind: &str, name: &str| Handle {
            kind: kind.into(),
            scope: None,
            name: name.into(),
        };
        Grant {
            by: of("ClusterRoleBinding", "dev-access"),
            role: of("ClusterRole", "dev"),
            to: to.iter().cloned().collect(),
            scope: None,
            given,
        }
    }

    fn in_namespace(namespace: &str, to: &[Grantee], given: Given) -> Grant {
        Grant {
            by: Handle::scoped("RoleBinding", namespace, "deploys"),
            role: Handle::scoped("Role", namespace, "deployer"),
            scope: Some(namespace.into()),
            ..cluster_wide(to, given)
        }
    }

    fn group(name: &str) -> Grantee {
        Grantee::Group(name.into())
    }

    fn user(name: &str) -> Grantee {
        Grantee::Principal(name.into())
    }

    fn told(address: &str, grant: Grant) -> Vec<(Severity, String, String)> {
        let account = Handle::scoped("ServiceAccount", "ci", "deployer");
        let identities = BTreeMap::from([(address.parse().unwrap(), account)]);
        notes(&identities, &BTreeSet::from([grant]))
            .into_iter()
            .map(|note| (note.severity, note.message, note.help.unwrap()))
            .collect()
    }

    #[test]
    fn a_group_that_every_account_is_in_gives_it_rights() {
        assert_eq!(
            told(
                "service_account.ci",
                cluster_wide(&[group("system:authenticated")], reading(&["secrets"]))
            ),
            [(
                Severity::Error,
                "may list secrets in the whole cluster, through ClusterRoleBinding dev-access to group \
                 system:authenticated"
                    .into(),
                "remove ClusterRoleBinding dev-access, or narrow it to the accounts that need it: every service \
                 account is in that group"
                    .into()
            )]
        );
    }

    #[test]
    fn the_group_of_its_namespace_gives_it_rights() {
        let group = group("system:serviceaccounts:ci");
        assert_eq!(
            told(
                "service_account.ci",
                in_namespace("shop", &[group], reading(&["pods"]))
            ),
            [(
                Severity::Error,
                "may list pods in namespace shop, through RoleBinding shop/deploys to group \
                 system:serviceaccounts:ci"
                    .into(),
                "remove RoleBinding shop/deploys, or choose another namespace for the canary"
                    .into()
            )]
        );
    }

    #[test]
    fn a_binding_that_named_it_before_it_was_there_gives_it_rights() {
        let user = user("system:serviceaccount:ci:deployer");
        let told = told(
            "service_account.ci",
            in_namespace("ci", &[user], reading(&["pods"])),
        );
        assert_eq!(
            told[0].1,
            "may list pods in namespace ci, through RoleBinding ci/deploys to system:serviceaccount:ci:deployer"
        );
        assert_eq!(
            told[0].2,
            "remove RoleBinding ci/deploys, or give the canary another name"
        );
    }

    #[test]
    fn what_names_others_gives_it_nothing() {
        for to in [
            group("system:serviceaccounts:shop"),
            group("system:masters"),
            group("system:unauthenticated"),
            user("system:serviceaccount:ci:deployer-2"),
            user("system:serviceaccount:shop:deployer"),
            user("system:authenticated"),
        ] {
            let grant = cluster_wide(std::slice::from_ref(&to), reading(&["secrets"]));
            assert_eq!(told("service_account.ci", grant), [], "{to:?}");
        }
    }

    #[test]
    fn a_role_that_is_not_there_is_a_warning() {
        let group = group("system:serviceaccounts");
        let told = told("service_account.ci", cluster_wide(&[group], Given::Missing));
        assert_eq!(told[0].0, Severity::Warning);
        assert_eq!(
            told[0].1,
            "would be given what ClusterRole dev says as soon as somebody makes it, through ClusterRoleBinding \
             dev-access to group system:serviceaccounts"
        );
    }

    #[test]
    fn a_role_that_nobody_could_read_or_that_gives_nothing_is_no_note() {
        let to = [group("system:authenticated")];
        for given in [Given::Unseen, Given::Rules(BTreeSet::new())] {
            assert_eq!(told("service_account.ci", cluster_wide(&to, given)), []);
        }
    }

    #[test]
    fn a_retired_account_is_told_apart() {
        let grant = cluster_wide(&[group("system:authenticated")], reading(&["secrets"]));
        let told = told("service_account.ci@1", grant);
        assert!(
            told[0]
                .1
                .starts_with("its retired ServiceAccount ci/deployer may list secrets"),
            "{told:?}"
        );
    }

    #[test]
    fn one_binding_to_several_of_its_names_is_one_note() {
        let to = [
            group("system:authenticated"),
            user("system:serviceaccount:ci:deployer"),
        ];
        let told = told("service_account.ci", cluster_wide(&to, reading(&["pods"])));
        assert_eq!(told.len(), 1);
        assert!(
            told[0]
                .1
                .ends_with("to system:serviceaccount:ci:deployer and group system:authenticated")
        );
    }
}
