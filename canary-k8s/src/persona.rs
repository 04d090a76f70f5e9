//! What of us shows in the cluster: how objects are written.

use std::collections::BTreeMap;

use canary_core::catalog::Lowering;
use canary_core::graph::{Handle, Written};
use canary_core::observe::{Object, Scope};

use crate::observe::provider;

/// The ways of writing that a configuration can name.
pub(crate) const PERSONAS: &[&str] = &["auto", "kubectl", "helm", "argocd", "terraform"];

/// The field manager and operation of a persona as its tool leaves them (kubectl 1.36 create, Helm 4, Argo CD with
/// server-side apply, the Terraform provider).
fn of_tool(persona: &str) -> Option<(&'static str, &'static str)> {
    Some(match persona {
        "kubectl" => ("kubectl-create", "Update"),
        "helm" => ("helm", "Apply"),
        "argocd" => ("argocd-controller", "Apply"),
        "terraform" => ("HashiCorp", "Update"),
        _ => return None,
    })
}

/// How an object of a kind is written there: as configured, or as most neighbours were made.
///
/// The neighbours of the same kind and namespace decide, and our own are none; where there are none, those of the same
/// kind anywhere that was looked at; where there are none either, what a tool keeps for itself; and last `kubectl create`.
pub(crate) fn choose(persona: &str, scope: &Scope, cx: &Lowering<'_>) -> Written {
    if let Some((manager, operation)) = of_tool(persona) {
        return Written {
            manager: manager.into(),
            operation: operation.into(),
            like: None,
        };
    }
    let provider = provider();
    let near = || cx.observed.in_scope(&provider, scope);
    let all = || {
        let objects = cx.observed.objects.get(&provider).into_iter().flatten();
        objects.filter(|(handle, _)| handle.kind == scope.kind)
    };
    let theirs = |(handle, _): &(&Handle, &Object)| !cx.ours.contains(*handle);
    let plain = |seen: &(&Handle, &Object)| theirs(seen) && !is_bookkeeping(seen.0);
    let counted = [
        count(near().filter(plain)),
        count(all().filter(plain)),
        count(near().filter(theirs)),
        count(all().filter(theirs)),
    ];
    let counted = counted.into_iter().find(|counted| !counted.is_empty());
    let counted = counted.unwrap_or_default();
    let total: u32 = counted.values().sum();
    let most = counted
        .into_iter()
        .max_by_key(|(way, n)| (!leaves_a_copy(way.0), *n, std::cmp::Reverse(*way)));
    match most {
        Some(((manager, operation), n)) => Written {
            manager: manager.to_owned(),
            operation: operation.to_owned(),
            like: Some((n, total)),
        },
        None => Written {
            manager: "kubectl-create".into(),
            operation: "Update".into(),
            like: None,
        },
    }
}

/// A client-side apply leaves what it applied in an annotation, which our objects do not have: where there is any other
/// way of writing, that one is less of a sign.
fn leaves_a_copy(manager: &str) -> bool {
    manager == "kubectl-client-side-apply"
}

/// What Helm keeps its releases in. It writes them as it writes nothing else, so that an ordinary object that was
/// written so would stand out.
fn is_bookkeeping(handle: &Handle) -> bool {
    handle.name.starts_with("sh.helm.release.")
}

/// How many objects were first written how. What the cluster's own controllers made is not counted: people and tools
/// are who a planted object must look like.
fn count<'a>(
    objects: impl Iterator<Item = (&'a Handle, &'a Object)>,
) -> BTreeMap<(&'a str, &'a str), u32> {
    let mut counted = BTreeMap::new();
    for (_, object) in objects {
        if let Some(first) = object.written.first()
            && first.manager != "kube-controller-manager"
        {
            let key = (first.manager.as_str(), first.operation.as_str());
            *counted.entry(key).or_default() += 1;
        }
    }
    counted
}
