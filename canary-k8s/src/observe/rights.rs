//! Who gives our accounts rights: bindings, and the roles that the relevant ones refer to.

use std::collections::{BTreeMap, BTreeSet};

use canary_core::graph::Handle;
use canary_core::observe::{Given, Grant, Grantee, Observed, Place, Reason};
use futures::future::join;
use futures::stream::{self, StreamExt as _};

use super::cluster::{CONCURRENCY, KubernetesObserve, gap};
use super::grants::{grant, handle, rules};
use super::pages::{self, PAGE};
use super::patience::ask;
use super::provider;
use crate::catalog::grantees;
use crate::client::CallError;
use crate::client::request::{self, Request};

/// Roles by what they give.
type Roles = BTreeMap<Handle, Given>;

impl KubernetesObserve {
    /// Puts everything that gives one of these accounts rights into what was seen.
    pub(super) async fn look_at_rights(&self, accounts: &BTreeSet<Handle>, seen: &mut Observed) {
        let whom: BTreeSet<Grantee> = accounts.iter().flat_map(grantees).collect();
        let (cluster_wide, namespaced) = join(
            self.bindings("ClusterRoleBinding", None, &whom),
            self.bindings("RoleBinding", None, &whom),
        )
        .await;
        let mut grants = Vec::new();
        match cluster_wide {
            Ok(found) => grants.extend(found),
            Err(error) => unseen(seen, "rights that ClusterRoleBindings give", &error),
        }
        match namespaced {
            Ok(found) => grants.extend(found),
            Err(error) if error.status() == Some(403) => {
                grants.extend(self.nearest_bindings(accounts, &whom, &error, seen).await);
            }
            Err(error) => unseen(seen, "rights that RoleBindings give", &error),
        }
        let mut roles = Roles::new();
        for kind in super::grants::ROLES {
            let wanted = grants.iter().map(|grant| &grant.role);
            let wanted = wanted.filter(|role| role.kind == kind).cloned().collect();
            roles.extend(self.roles(kind, wanted, seen).await);
        }
        let known = grants.into_iter().map(|grant| Grant {
            given: roles.get(&grant.role).cloned().unwrap_or(Given::Unseen),
            ..grant
        });
        seen.grants.entry(provider()).or_default().extend(known);
    }

    /// Whoever may not read all RoleBindings may often read those beside the account, where most that name it are.
    async fn nearest_bindings(
        &self,
        accounts: &BTreeSet<Handle>,
        whom: &BTreeSet<Grantee>,
        refused: &CallError,
        seen: &mut Observed,
    ) -> Vec<Grant> {
        let namespaces: BTreeSet<String> = accounts
            .iter()
            .filter_map(|account| account.scope.clone())
            .collect();
        let looks = stream::iter(namespaces).map(|namespace| async move {
            let found = self.bindings("RoleBinding", Some(&namespace), whom).await;
            (namespace, found)
        });
        let mut looks = looks.buffered(CONCURRENCY);
        let mut grants = Vec::new();
        let mut looked = Vec::new();
        while let Some((namespace, found)) = looks.next().await {
            if let Ok(found) = found {
                grants.extend(found);
                looked.push(namespace);
            }
        }
        let place = match looked.as_slice() {
            [] => "rights that RoleBindings give".to_owned(),
            looked => format!(
                "rights that RoleBindings outside {} give",
                looked.join(", ")
            ),
        };
        unseen(seen, &place, refused);
        grants
    }

    /// The bindings that name any of these.
    async fn bindings(
        &self,
        kind: &str,
        namespace: Option<&str>,
        whom: &BTreeSet<Grantee>,
    ) -> Result<Vec<Grant>, CallError> {
        let Some(path) = request::rbac(kind, namespace) else {
            return Ok(Vec::new());
        };
        let concerns = |grant: &Grant| !grant.to.is_disjoint(whom);
        pages::all(&self.client, &path, Request::get, |item| {
            grant(kind, item).filter(concerns)
        })
        .await
    }

    /// What these roles give: from a list as long as its next page saves requests, by name from then on.
    async fn roles(&self, kind: &str, wanted: BTreeSet<Handle>, seen: &mut Observed) -> Roles {
        let mut found = Roles::new();
        let mut missing = wanted;
        let Some(path) = request::rbac(kind, None) else {
            return found;
        };
        let mut next: Option<String> = None;
        let mut pages_left = 1;
        while is_list_cheaper(pages_left, missing.len()) {
            // Whoever may not list may still read by name.
            let Ok(page) = pages::page(&self.client, &path, next.as_deref(), Request::get).await
            else {
                break;
            };
            for item in &page.items {
                if let Some(role) = handle(kind, item)
                    && missing.remove(&role)
                {
                    found.insert(role, Given::Rules(rules(item)));
                }
            }
            if page.next.is_none() {
                let absent = missing.into_iter().map(|role| (role, Given::Missing));
                found.extend(absent);
                return found;
            }
            next = page.next;
            pages_left = page.remaining.div_ceil(PAGE).max(1);
        }
        found.extend(self.named_roles(missing, seen).await);
        found
    }

    async fn named_roles(&self, wanted: BTreeSet<Handle>, seen: &mut Observed) -> Roles {
        let looks = stream::iter(wanted).map(|role| async move {
            let given = self.role(&role).await;
            (role, given)
        });
        let mut looks = looks.buffered(CONCURRENCY);
        let mut found = Roles::new();
        let mut refused: BTreeMap<(Reason, String), (Vec<String>, CallError)> = BTreeMap::new();
        while let Some((role, given)) = looks.next().await {
            match given {
                Ok(given) => {
                    found.insert(role, given);
                }
                Err(error) => {
                    let why = (error.gap_reason(), error.message.clone());
                    let (roles, _) = refused.entry(why).or_insert((Vec::new(), error));
                    roles.push(role.to_string());
                }
            }
        }
        for (roles, error) in refused.into_values() {
            let give = if roles.len() == 1 { "gives" } else { "give" };
            let what = format!("rights that {} {give}", roles.join(", "));
            unseen(seen, &what, &error);
        }
        found
    }

    async fn role(&self, role: &Handle) -> Result<Given, CallError> {
        let Some(path) = request::rbac(&role.kind, role.scope.as_deref()) else {
            return Ok(Given::Unseen);
        };
        let request = Request::get(format!("{path}/{}", request::escaped(&role.name)));
        match ask(&self.client, request).await {
            Ok(answer) => Ok(Given::Rules(rules(&answer.body))),
            Err(error) if error.status() == Some(404) => Ok(Given::Missing),
            Err(error) => Err(error),
        }
    }
}

/// Whether the rest of a list takes fewer requests than what is wanted of it by name.
fn is_list_cheaper(pages_left: u64, wanted: usize) -> bool {
    u64::try_from(wanted).is_ok_and(|wanted| pages_left < wanted)
}

fn unseen(seen: &mut Observed, what: &str, error: &CallError) {
    seen.gaps.push(gap(Place::Rights(what.to_owned()), error));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_on_only_while_that_saves_requests() {
        for (pages_left, wanted, list) in [
            (1, 0, false),
            (1, 1, false),
            (1, 2, true),
            (2, 2, false),
            (2, 3, true),
        ] {
            assert_eq!(is_list_cheaper(pages_left, wanted), list);
        }
    }
}
