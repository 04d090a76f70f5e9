//! The decoy account of each namespace that is covered.

use std::collections::{BTreeMap, BTreeSet};

use canary_core::bait::{BaitKind, Pattern, Target, covers};
use canary_core::catalog::{LowerError, Lowering};
use canary_core::config::Canary;
use canary_core::graph::{Address, CanaryId, Handle, Input, Resource};
use canary_core::observe::{Observed, Scope};

use super::PodCredentials;
use crate::catalog::kubernetes::{Naming, named_in, placed, wrong};
use crate::catalog::templates;
use crate::observe::provider;

const ACCOUNT: &str = "ServiceAccount";
const NAMESPACE: &str = "Namespace";

/// Where the plan and the ledger have the account of a namespace. Parts of other names are other things: a role, and pods
/// by their numbers.
pub(in crate::catalog) fn address(canary: &CanaryId, namespace: &str) -> Address {
    let number = namespace.strip_prefix('p').unwrap_or_default();
    let is_number = !number.is_empty() && number.bytes().all(|c| c.is_ascii_digit());
    match namespace == "role" || is_number {
        // No namespace has such a character.
        true => Address::part_of(canary.clone(), &format!("{namespace}_")),
        false => Address::part_of(canary.clone(), namespace),
    }
}

fn namespaces() -> Scope {
    Scope {
        kind: NAMESPACE.to_owned(),
        scope: None,
    }
}

fn accounts(namespace: Option<&str>) -> Scope {
    Scope {
        kind: ACCOUNT.to_owned(),
        scope: namespace.map(str::to_owned),
    }
}

/// What is listed: which namespaces there are, where patterns are to be matched with them, and the accounts in them.
pub(in crate::catalog) fn scopes(canary: &Canary) -> BTreeSet<Scope> {
    let texts = canary.table.texts("namespaces");
    let has_accounts = BaitKind::declared(canary).contains(&BaitKind::Kubeconfig);
    let mut scopes = BTreeSet::new();
    if texts.iter().any(|text| text.contains('*')) {
        scopes.insert(namespaces());
        // In one request for all of them, whichever they are.
        scopes.extend(has_accounts.then(|| accounts(None)));
    } else if has_accounts {
        scopes.extend(texts.into_iter().map(|name| accounts(Some(name))));
    }
    scopes
}

/// Namespaces that are there and covered; `None` where nobody could tell which there are.
pub(super) fn found(target: &Target, observed: &Observed) -> Option<BTreeSet<String>> {
    let listed = observed.listed.get(&provider())?;
    if !listed.contains(&namespaces()) {
        return None;
    }
    let provider = provider();
    let scope = namespaces();
    let there = observed.in_scope(&provider, &scope);
    let covered = there
        // Nothing can be made in one that is on its way out.
        .filter(|(_, object)| !object.deleting)
        .map(|(handle, _)| handle.name.clone())
        .filter(|name| target.covers(name));
    Some(covered.collect())
}

/// The namespaces that have an account: those that are named, and those that are there. What nobody could look at is taken
/// to be as it was.
fn covered(target: &Target, cx: &Lowering<'_>) -> BTreeSet<String> {
    let exact = target.namespaces.iter().filter_map(|one| one.exact());
    let mut covered: BTreeSet<String> = exact
        .filter(|name| target.covers(name))
        .map(str::to_owned)
        .collect();
    match found(target, cx.observed) {
        Some(found) => covered.extend(found),
        None => covered.extend(planted(target, cx)),
    }
    covered
}

/// The namespaces in which an account was made before.
fn planted<'a>(target: &'a Target, cx: &'a Lowering<'_>) -> impl Iterator<Item = String> + 'a {
    let ours = cx.pinned.iter().filter(|(address, pinned)| {
        *address.canary() == target.canary && pinned.handle.kind == ACCOUNT
    });
    ours.filter_map(|(_, pinned)| pinned.handle.scope.clone())
        .filter(|name| target.covers(name))
}

/// An account that is to be adopted.
pub(in crate::catalog) fn handle(
    canary: &Canary,
    namespace: &str,
    name: &str,
) -> Result<Handle, String> {
    let patterns = |field| -> Vec<Pattern> {
        let texts = canary.table.texts(field).into_iter();
        texts.map(Pattern::new).collect()
    };
    let is_covered = covers(&patterns("namespaces"), &patterns("except"), namespace);
    if !is_covered {
        return Err(format!("it does not cover namespace {namespace}"));
    }
    match canary.table.text("account") {
        Some(declared) if declared != name => {
            Err(format!("its account is declared with the name {declared}"))
        }
        _ => Ok(Handle::scoped(ACCOUNT, namespace, name)),
    }
}

/// The accounts.
pub(in crate::catalog) fn lower(
    canary: &Canary,
    cx: &Lowering<'_>,
) -> Result<Vec<Resource>, Vec<LowerError>> {
    let read = PodCredentials::read(canary, cx.keys);
    let mut errors: Vec<LowerError> = unjoined(canary, cx).into_iter().collect();
    let read = match read {
        Ok(read) if errors.is_empty() => read,
        Ok(_) => return Err(errors),
        Err(wrong) => {
            errors.extend(wrong);
            return Err(errors);
        }
    };
    if read.kubeconfig.is_none() {
        return Ok(Vec::new());
    }
    let mut resources = Vec::new();
    for namespace in covered(&read.target, cx) {
        resources.push(account(canary, &namespace, cx)?);
    }
    Ok(resources)
}

/// A session is of a role in an account of AWS.
fn unjoined(canary: &Canary, cx: &Lowering<'_>) -> Option<LowerError> {
    let needs_role =
        BaitKind::declared(canary).contains(&BaitKind::Aws) && canary.table.canary("of").is_none();
    let mut joining = cx.catalogs.iter().filter(|(_, other)| other.joins(canary));
    let is_joined = joining.any(|(id, _)| cx.config.providers.contains_key(id));
    (needs_role && !is_joined).then(|| {
        let message = "the bait \"aws\" needs an account of AWS, and there is no [aws] table";
        let help = "[aws] with `account`, `region`, and who issues: `agent_principal`, or `agent_oidc` and `agent_subject`";
        wrong(canary, "bait", message, Some(help))
    })
}

fn account(
    canary: &Canary,
    namespace: &str,
    cx: &Lowering<'_>,
) -> Result<Resource, Vec<LowerError>> {
    let address = address(&canary.id, namespace);
    let handle = named_in(
        canary,
        &Naming {
            address: &address,
            kind: ACCOUNT,
            namespace,
            name: canary.table.text("account"),
        },
        &templates::style("service_account"),
        cx,
    )?;
    let mut account = placed(canary, address, handle, cx);
    // Its tokens are made for the pods, and their use is logged.
    account.active = true;
    account.fields = BTreeMap::from([(
        "automountServiceAccountToken".to_owned(),
        Input::Public("false".to_owned()),
    )]);
    Ok(account)
}
