//! Inline and attached policies of users and roles.

use serde_json::{Value, json};

use super::entities::{Kind, known_policy};
use super::state::{Entity, Iam, quota};
use super::{managed, names};
use crate::sandbox::call::{Answer, Call};
use crate::sandbox::entropy::Entropy;
use crate::sandbox::failure::Failure;
use crate::sandbox::page::page;

/// Attached to one user or role.
const ATTACHED: usize = 10;

pub(super) fn put<K: Kind>(iam: &mut Iam, call: &Call<'_>, _: &mut Entropy) -> Answer {
    let name = names::name(call, "PolicyName", 128)?;
    let document = names::document(call, "PolicyDocument")?;
    let entity = K::of_mut(iam, call)?;
    let mut inline = entity.inline.clone();
    inline.insert(name.to_owned(), document.to_owned());
    if names::weight(inline.values()) > K::POLICY_WEIGHT {
        let message = format!(
            "Maximum policy size of {} bytes exceeded for {} {}",
            K::POLICY_WEIGHT,
            K::WORD,
            entity.name
        );
        return Err(Failure::new(409, "LimitExceeded", message));
    }
    entity.inline = inline;
    Ok(Value::Null)
}

fn unknown<K: Kind>(name: &str) -> Failure {
    let message = format!("The {} policy with name {name} cannot be found.", K::WORD);
    Failure::new(404, "NoSuchEntity", message)
}

pub(super) fn get<K: Kind>(iam: &Iam, call: &Call<'_>) -> Answer {
    let entity = K::of(iam, call)?;
    let name = call.required("PolicyName")?;
    let document = entity.inline.get(name).ok_or_else(|| unknown::<K>(name))?;
    let mut answer = json!({
        "PolicyName": name,
        "PolicyDocument": names::percent_encoded(document),
    });
    answer[K::PARAMETER] = json!(entity.name);
    Ok(answer)
}

pub(super) fn delete<K: Kind>(iam: &mut Iam, call: &Call<'_>, _: &mut Entropy) -> Answer {
    let name = call.required("PolicyName")?;
    let removed = K::of_mut(iam, call)?.inline.remove(name);
    removed
        .map(|_| Value::Null)
        .ok_or_else(|| unknown::<K>(name))
}

pub(super) fn list<K: Kind>(iam: &Iam, call: &Call<'_>) -> Answer {
    let (size, after) = call.page("Marker", "MaxItems")?;
    let inline = &K::of(iam, call)?.inline;
    let names = inline.keys().map(|name| (name.clone(), name.clone()));
    let page = page(names, after.as_deref(), size);
    Ok(
        json!({ "PolicyNames": page.items, "IsTruncated": page.next.is_some(), "Marker": page.next }),
    )
}

pub(super) fn attach<K: Kind>(iam: &mut Iam, call: &Call<'_>, _: &mut Entropy) -> Answer {
    let arn = known_policy(call.required("PolicyArn")?)?;
    let entity = K::of_mut(iam, call)?;
    if entity.attached.len() >= ATTACHED && !entity.attached.contains(&arn) {
        let word = if K::WORD == "user" { "User" } else { "Role" };
        return Err(quota(&format!("PoliciesPer{word}"), ATTACHED));
    }
    entity.attached.insert(arn);
    Ok(Value::Null)
}

pub(super) fn detach<K: Kind>(iam: &mut Iam, call: &Call<'_>, _: &mut Entropy) -> Answer {
    let arn = call.required("PolicyArn")?;
    let entity = K::of_mut(iam, call)?;
    match entity.attached.remove(arn) {
        true => Ok(Value::Null),
        false => {
            let message = format!("Policy {arn} was not found.");
            Err(Failure::new(404, "NoSuchEntity", message))
        }
    }
}

pub(super) fn attached<K: Kind>(iam: &Iam, call: &Call<'_>) -> Answer {
    let (size, after) = call.page("Marker", "MaxItems")?;
    let items = attached_shapes(K::of(iam, call)?);
    let page = page(items, after.as_deref(), size);
    Ok(json!({
        "AttachedPolicies": page.items,
        "IsTruncated": page.next.is_some(),
        "Marker": page.next,
    }))
}

/// Attached policies as answers have them, by ARN.
pub(super) fn attached_shapes(entity: &Entity) -> impl Iterator<Item = (String, Value)> {
    entity.attached.iter().map(|arn| {
        let shape = json!({ "PolicyName": managed::name(arn), "PolicyArn": arn });
        (arn.clone(), shape)
    })
}

/// Inline policies with their documents.
pub(super) fn inline_shapes(entity: &Entity) -> Value {
    entity
        .inline
        .iter()
        .map(|(name, document)| {
            json!({
                "PolicyName": name,
                "PolicyDocument": names::percent_encoded(document),
            })
        })
        .collect()
}
