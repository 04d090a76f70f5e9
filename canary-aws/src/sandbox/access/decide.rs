//! Whether a caller may.

use serde_json::Value;

use super::caller::{Caller, Who};
use super::policy::{Context, Effect, Trust, evaluate, trust};
use super::resource::Place;
use crate::sandbox::call::iso;
use crate::sandbox::iam::{Entity, Iam, managed};

/// What is asked for.
pub(in crate::sandbox) struct Asked<'a> {
    /// `iam:CreateUser`.
    pub(in crate::sandbox) action: &'a str,
    /// The ARN that policies are compared with; `*` where an action has none.
    pub(in crate::sandbox) resource: &'a str,
    pub(in crate::sandbox) place: Place<'a>,
}

/// Why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sandbox) enum Refused {
    /// Nothing allows it.
    Nothing,
    /// A policy denies it.
    Explicitly,
    /// The boundary leaves it out.
    Boundary,
    /// What the session was narrowed to leaves it out.
    Session,
}

/// Actions that need no permission: who has a key may ask whose it is, and may borrow from himself.
fn free(action: &str) -> bool {
    matches!(action, "sts:GetCallerIdentity" | "sts:GetSessionToken")
}

/// Whether a caller may.
///
/// # Errors
/// Why not.
pub(in crate::sandbox) fn decide(
    iam: &Iam,
    caller: &Caller,
    asked: &Asked<'_>,
) -> Result<(), Refused> {
    if free(asked.action) {
        return Ok(());
    }
    let values = values(caller, asked);
    let context = Context {
        action: asked.action,
        resource: asked.resource,
        values: &values,
    };
    let Some(entity) = entity(iam, &caller.who) else {
        return Err(Refused::Nothing);
    };
    let mut documents = documents(entity);
    if let Who::User { name, .. } | Who::Federated { user: name, .. } = &caller.who {
        documents.extend(iam.groups_of(name).flat_map(|group| {
            group
                .attached
                .iter()
                .filter_map(|arn| managed::document(arn))
        }));
    }
    let effects: Vec<Effect> = documents
        .iter()
        .map(|document| evaluate(document, &context))
        .collect();
    let boundary = entity.boundary.as_deref().and_then(managed::document);
    let bounded = boundary.map(|document| evaluate(&document, &context));
    let session = match (&caller.who, &caller.session_policy) {
        // Federated users have what both give, so without a policy nothing.
        (Who::Federated { .. }, None) => Some(Effect::Silent),
        (_, policy) => policy.as_ref().map(|policy| evaluate(policy, &context)),
    };
    let denies = |effect: &Option<Effect>| *effect == Some(Effect::Deny);
    if effects.contains(&Effect::Deny) || denies(&bounded) || denies(&session) {
        return Err(Refused::Explicitly);
    }
    if !effects.contains(&Effect::Allow) {
        return Err(Refused::Nothing);
    }
    if bounded == Some(Effect::Silent) {
        return Err(Refused::Boundary);
    }
    if session == Some(Effect::Silent) {
        return Err(Refused::Session);
    }
    Ok(())
}

/// Whether a role may be assumed by a caller whose own policies say this.
pub(in crate::sandbox) fn trusts(
    role_trust: &Value,
    caller: &Caller,
    asked: &Asked<'_>,
    allowed: Result<(), Refused>,
) -> bool {
    let values = values(caller, asked);
    let context = Context {
        action: asked.action,
        resource: asked.resource,
        values: &values,
    };
    let mut arns = vec![caller.who.arn(asked.place.account)];
    if let Who::Role { name, path, .. } = &caller.who {
        arns.push(format!(
            "arn:aws:iam::{}:role{path}{name}",
            asked.place.account
        ));
    }
    match trust(role_trust, &arns, asked.place.account, &context) {
        Trust::Named => matches!(allowed, Ok(()) | Err(Refused::Nothing)),
        Trust::Account => allowed.is_ok(),
        Trust::Not => false,
    }
}

fn entity<'a>(iam: &'a Iam, who: &Who) -> Option<&'a Entity> {
    match who {
        Who::User { name, .. } | Who::Federated { user: name, .. } => {
            iam.user(name).map(|user| &user.entity)
        }
        Who::Role { name, .. } => iam.role(name).map(|role| &role.entity),
    }
}

fn documents(entity: &Entity) -> Vec<Value> {
    let inline = entity.inline.values();
    let inline = inline.filter_map(|text| serde_json::from_str(text).ok());
    let attached = entity.attached.iter();
    inline
        .chain(attached.filter_map(|arn| managed::document(arn)))
        .collect()
}

fn values<'a>(caller: &Caller, asked: &Asked<'_>) -> Vec<(&'a str, String)> {
    let mut values = vec![
        ("aws:userid", caller.who.principal_id(asked.place.account)),
        ("aws:PrincipalArn", principal(caller, asked.place.account)),
        ("aws:PrincipalAccount", asked.place.account.to_owned()),
        ("aws:RequestedRegion", asked.place.region.to_owned()),
        ("aws:MultiFactorAuthPresent", "false".to_owned()),
    ];
    if let Who::User { name, .. } = &caller.who {
        values.push(("aws:username", name.clone()));
    }
    if let Some(since) = caller.session_since {
        values.push(("aws:TokenIssueTime", iso(since)));
    }
    values
}

/// The role behind a session.
fn principal(caller: &Caller, account: &str) -> String {
    match &caller.who {
        Who::Role { name, path, .. } => format!("arn:aws:iam::{account}:role{path}{name}"),
        who => who.arn(account),
    }
}
