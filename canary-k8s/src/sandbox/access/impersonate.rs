//! Acting as somebody else (`k8s.io/apiserver/pkg/endpoints/filters/impersonation`): the modes that are constrained to
//! single requests are tried first, then the old one. What is refused is refused in the words of the first mode tried.

use std::collections::BTreeMap;

use axum::http::HeaderMap;

use super::identity::{
    ANONYMOUS, AUTHENTICATED, Identity, MASTERS, UNAUTHENTICATED, service_account_groups,
};
use super::rbac::{Attributes, Decision, authorize, forbidden};
use crate::audit::uri::unescape;
use crate::sandbox::status::{Status, quoted};
use crate::sandbox::store::Store;

/// Somebody else, and the constraint under which it was allowed; empty in the old mode.
pub(in crate::sandbox) struct Impersonated {
    pub(in crate::sandbox) user: Identity,
    pub(in crate::sandbox) constraint: String,
}

/// Whom a request is to be made as, where it says so and the asker may.
pub(in crate::sandbox) fn impersonate(
    headers: &HeaderMap,
    request: &Attributes<'_>,
    store: &Store,
    modes: &mut Modes,
) -> Result<Option<Impersonated>, Status> {
    let wanted = read(headers);
    if wanted.name.is_empty() {
        if wanted == Identity::default() {
            return Ok(None);
        }
        return Err(Status::bad_request(format!(
            "requested {} without impersonating a user name",
            go_syntax(&wanted)
        )));
    }
    let known = modes.get(&request.user.name).copied();
    let others = MODES.into_iter().filter(|mode| Some(*mode) != known);
    let mut refusal = None;
    for mode in known.into_iter().chain(others) {
        match try_mode(mode, &wanted, request, store) {
            None => {}
            Some(Ok(done)) => {
                modes.insert(request.user.name.clone(), mode);
                return Ok(Some(done));
            }
            Some(Err(error)) => refusal = refusal.or(Some(error)),
        }
    }
    Err(refusal.unwrap_or_else(|| Status::unknown("all impersonation modes failed")))
}

/// In the order in which they are tried; the last one is the old one.
const MODES: [&str; 4] = ["arbitrary-node", "serviceaccount", "user-info", LEGACY];
const LEGACY: &str = "";

/// The mode by which somebody succeeded last, which is tried first.
pub(in crate::sandbox) type Modes = BTreeMap<String, &'static str>;

/// What a mode says; `None`: it is not for that.
fn try_mode(
    mode: &str,
    wanted: &Identity,
    request: &Attributes<'_>,
    store: &Store,
) -> Option<Result<Impersonated, Status>> {
    let plain = wanted.uid.is_empty() && wanted.groups.is_empty() && wanted.extra.is_empty();
    let is_account = service_account(&wanted.name).is_some();
    let is_node = node(&wanted.name).is_some();
    let fits = match mode {
        "arbitrary-node" => plain && is_node,
        "serviceaccount" => plain && is_account,
        "user-info" => !is_node && !is_account,
        _ => return Some(as_user(wanted, request.user, "impersonate", store)),
    };
    if !fits {
        return None;
    }
    let verb = format!("impersonate-on:{mode}:{}", request.verb);
    let on = Attributes {
        verb: &verb,
        ..request.clone()
    };
    let permitted = check(&on, store);
    Some(
        permitted
            .and_then(|()| as_user(wanted, request.user, &format!("impersonate:{mode}"), store)),
    )
}

fn read(headers: &HeaderMap) -> Identity {
    let one = |name: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let groups = headers.get_all("impersonate-group").iter();
    let mut extra: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in headers {
        if let Some(key) = name.as_str().strip_prefix("impersonate-extra-")
            && let Ok(value) = value.to_str()
        {
            let key = unescape(key, false).unwrap_or_else(|| key.to_owned());
            extra.entry(key).or_default().push(value.to_owned());
        }
    }
    Identity {
        name: one("impersonate-user"),
        uid: one("impersonate-uid"),
        groups: groups
            .filter_map(|value| value.to_str().ok().map(str::to_owned))
            .collect(),
        extra,
    }
}

/// As Go's `%#v` shows it.
fn go_syntax(user: &Identity) -> String {
    let texts = |texts: &[String]| {
        let texts: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
        format!("[]string{{{}}}", texts.join(", "))
    };
    let groups = match user.groups.as_slice() {
        [] => "[]string(nil)".to_owned(),
        groups => texts(groups),
    };
    let extra: Vec<String> = user
        .extra
        .iter()
        .map(|(key, values)| format!("{}:{}", quoted(key), texts(values)))
        .collect();
    let extra = match extra.as_slice() {
        [] => "map[string][]string(nil)".to_owned(),
        pairs => format!("map[string][]string{{{}}}", pairs.join(", ")),
    };
    format!(
        "&user.DefaultInfo{{Name:{}, UID:{}, Groups:{groups}, Extra:{extra}}}",
        quoted(&user.name),
        quoted(&user.uid)
    )
}

fn service_account(name: &str) -> Option<(&str, &str)> {
    let (namespace, name) = name
        .strip_prefix("system:serviceaccount:")?
        .split_once(':')?;
    (!namespace.is_empty() && !name.is_empty()).then_some((namespace, name))
}

fn node(name: &str) -> Option<&str> {
    name.strip_prefix("system:node:")
        .filter(|name| !name.is_empty())
}

fn check(attributes: &Attributes<'_>, store: &Store) -> Result<(), Status> {
    match authorize(attributes, store) {
        Decision::Allow(_) => Ok(()),
        Decision::Forbid(reason) => Err(forbidden(attributes, &reason)),
    }
}

const AUTHENTICATION: &str = "authentication.k8s.io";

fn as_user(
    wanted: &Identity,
    asker: &Identity,
    verb: &str,
    store: &Store,
) -> Result<Impersonated, Status> {
    let constrained = verb != "impersonate";
    let base = Attributes {
        verb,
        group: if constrained { AUTHENTICATION } else { "" },
        ..Attributes::of(asker)
    };
    let mut user = wanted.clone();
    let mut named = Attributes {
        resource: "users",
        name: &wanted.name,
        ..base.clone()
    };
    if let Some(node) = node(&wanted.name).filter(|_| constrained) {
        (named.resource, named.name) = ("nodes", node);
        user.groups = vec!["system:nodes".into()];
    }
    if let Some((namespace, name)) = service_account(&wanted.name) {
        (named.resource, named.namespace, named.name) = ("serviceaccounts", namespace, name);
        if wanted.groups.is_empty() {
            user.groups = service_account_groups(namespace).to_vec();
        }
    }
    check(&named, store)?;
    if !wanted.uid.is_empty() {
        let uid = Attributes {
            group: AUTHENTICATION,
            resource: "uids",
            name: &wanted.uid,
            ..base.clone()
        };
        check(&uid, store)?;
    }
    for group in &wanted.groups {
        let group = Attributes {
            resource: "groups",
            name: group,
            ..base.clone()
        };
        if constrained && group.name == MASTERS {
            return Err(forbidden(
                &group,
                "impersonating the system:masters group is not allowed",
            ));
        }
        check(&group, store)?;
    }
    for (key, values) in &wanted.extra {
        for value in values {
            let extra = Attributes {
                group: AUTHENTICATION,
                resource: "userextras",
                subresource: key,
                name: value,
                ..base.clone()
            };
            check(&extra, store)?;
        }
    }
    let has = |group: &str| user.groups.iter().any(|held| held == group);
    let missing = match wanted.name.as_str() {
        ANONYMOUS => Some(UNAUTHENTICATED).filter(|group| !has(group)),
        _ if has(UNAUTHENTICATED) => None,
        _ => Some(AUTHENTICATED).filter(|group| !has(group)),
    };
    user.groups.extend(missing.map(str::to_owned));
    Ok(Impersonated {
        user,
        constraint: if constrained {
            verb.to_owned()
        } else {
            String::new()
        },
    })
}
