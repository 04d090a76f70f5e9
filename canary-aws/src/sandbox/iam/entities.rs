//! What is done to users and roles alike.

use serde_json::{Value, json};

use super::managed;
use super::names;
use super::state::{Entity, Iam};
use crate::sandbox::call::{Answer, Call, iso};
use crate::sandbox::entropy::Entropy;
use crate::sandbox::failure::Failure;
use crate::sandbox::page::page;
use crate::sandbox::tags;

/// Users or roles.
pub(super) trait Kind {
    /// The parameter that names one.
    const PARAMETER: &'static str;
    /// Inline policies of one together, in characters that are not white space.
    const POLICY_WEIGHT: usize;
    /// In messages.
    const WORD: &'static str;
    fn get<'a>(iam: &'a Iam, name: &str) -> Result<&'a Entity, Failure>;
    fn get_mut<'a>(iam: &'a mut Iam, name: &str) -> Result<&'a mut Entity, Failure>;

    fn of<'a>(iam: &'a Iam, call: &Call<'_>) -> Result<&'a Entity, Failure> {
        Self::get(iam, call.required(Self::PARAMETER)?)
    }

    fn of_mut<'a>(iam: &'a mut Iam, call: &Call<'_>) -> Result<&'a mut Entity, Failure> {
        Self::get_mut(iam, call.required(Self::PARAMETER)?)
    }
}

pub(super) struct Users;

impl Kind for Users {
    const PARAMETER: &'static str = "UserName";
    const POLICY_WEIGHT: usize = 2048;
    const WORD: &'static str = "user";

    fn get<'a>(iam: &'a Iam, name: &str) -> Result<&'a Entity, Failure> {
        iam.known_user(name).map(|user| &user.entity)
    }

    fn get_mut<'a>(iam: &'a mut Iam, name: &str) -> Result<&'a mut Entity, Failure> {
        iam.user_mut(name).map(|user| &mut user.entity)
    }
}

pub(super) struct Roles;

impl Kind for Roles {
    const PARAMETER: &'static str = "RoleName";
    const POLICY_WEIGHT: usize = 10240;
    const WORD: &'static str = "role";

    fn get<'a>(iam: &'a Iam, name: &str) -> Result<&'a Entity, Failure> {
        iam.known_role(name).map(|role| &role.entity)
    }

    fn get_mut<'a>(iam: &'a mut Iam, name: &str) -> Result<&'a mut Entity, Failure> {
        iam.role_mut(name).map(|role| &mut role.entity)
    }
}

/// One that is to be made.
pub(super) fn new(
    call: &Call<'_>,
    entropy: &mut Entropy,
    parameter: &str,
    prefix: &str,
) -> Result<Entity, Failure> {
    let name = names::name(call, parameter, 64)?;
    let path = names::path(call)?;
    let tags = tags::parse(call.list("Tags")).map_err(|wrong| call.invalid(wrong))?;
    let mut kept = tags::Tags::new();
    tags::add(&mut kept, tags).map_err(|wrong| Failure::new(409, "LimitExceeded", wrong))?;
    let boundary = call
        .text("PermissionsBoundary")
        .map(known_policy)
        .transpose()?;
    Ok(Entity {
        name: name.to_owned(),
        path: path.to_owned(),
        id: entropy.unique_id(prefix, call.account, name),
        created: call.now,
        tags: kept,
        inline: Default::default(),
        attached: Default::default(),
        boundary,
    })
}

/// A policy that can be attached.
pub(super) fn known_policy(arn: &str) -> Result<String, Failure> {
    match managed::document(arn) {
        Some(_) => Ok(arn.to_owned()),
        None => Err(Failure::new(
            404,
            "NoSuchEntity",
            format!("Policy {arn} does not exist or is not attachable."),
        )),
    }
}

/// A boundary as answers have it.
pub(super) fn boundary(entity: &Entity) -> Value {
    match &entity.boundary {
        None => Value::Null,
        Some(arn) => json!({
            "PermissionsBoundaryType": "Policy",
            "PermissionsBoundaryArn": arn,
        }),
    }
}

/// The time that something was made.
pub(super) fn created(entity: &Entity) -> String {
    iso(entity.created)
}

pub(super) fn tag<K: Kind>(iam: &mut Iam, call: &Call<'_>, _: &mut Entropy) -> Answer {
    let added = tags::parse(call.list("Tags")).map_err(|wrong| call.invalid(wrong))?;
    let entity = K::of_mut(iam, call)?;
    tags::add(&mut entity.tags, added)
        .map_err(|wrong| Failure::new(409, "LimitExceeded", wrong))?;
    Ok(Value::Null)
}

pub(super) fn untag<K: Kind>(iam: &mut Iam, call: &Call<'_>, _: &mut Entropy) -> Answer {
    let entity = K::of_mut(iam, call)?;
    for key in call.texts("TagKeys") {
        entity.tags.remove(key);
    }
    Ok(Value::Null)
}

pub(super) fn tags<K: Kind>(iam: &Iam, call: &Call<'_>) -> Answer {
    let entity = K::of(iam, call)?;
    let (size, after) = call.page("Marker", "MaxItems")?;
    let items = entity.tags.iter().map(|(key, value)| {
        let tag = json!({ "Key": key, "Value": value });
        (key.clone(), tag)
    });
    let page = page(items, after.as_deref(), size);
    Ok(json!({ "Tags": page.items, "IsTruncated": page.next.is_some(), "Marker": page.next }))
}

pub(super) fn put_boundary<K: Kind>(iam: &mut Iam, call: &Call<'_>, _: &mut Entropy) -> Answer {
    let arn = call.required("PermissionsBoundary")?;
    let entity = K::of_mut(iam, call)?;
    entity.boundary = Some(known_policy(arn)?);
    Ok(Value::Null)
}

pub(super) fn delete_boundary<K: Kind>(iam: &mut Iam, call: &Call<'_>, _: &mut Entropy) -> Answer {
    let entity = K::of_mut(iam, call)?;
    match entity.boundary.take() {
        Some(_) => Ok(Value::Null),
        None => {
            let message = format!(
                "The {} {} does not have a permissions boundary.",
                K::WORD,
                entity.name
            );
            Err(Failure::new(404, "NoSuchEntity", message))
        }
    }
}
