//! Passwords for the console.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::state::Iam;
use super::users::named;
use crate::sandbox::call::{Answer, Call, iso};
use crate::sandbox::entropy::Entropy;
use crate::sandbox::failure::Failure;

fn shape(user: &str, since: Timestamp) -> Value {
    let profile = json!({
        "UserName": user,
        "CreateDate": iso(since),
        "PasswordResetRequired": false,
    });
    json!({ "LoginProfile": profile })
}

fn none(user: &str) -> Failure {
    let message = format!("Login Profile for User {user} cannot be found.");
    Failure::new(404, "NoSuchEntity", message)
}

pub(super) fn create(iam: &mut Iam, call: &Call<'_>, _: &mut Entropy) -> Answer {
    let user = iam.user_mut(&named(call)?)?;
    let name = user.entity.name.clone();
    if user.login.is_some() {
        let message = format!("Login Profile for user {name} already exists.");
        return Err(Failure::new(409, "EntityAlreadyExists", message));
    }
    user.login = Some(call.now);
    Ok(shape(&name, call.now))
}

pub(super) fn get(iam: &Iam, call: &Call<'_>) -> Answer {
    let user = iam.known_user(&named(call)?)?;
    let name = &user.entity.name;
    let since = user.login.ok_or_else(|| none(name))?;
    Ok(shape(name, since))
}

pub(super) fn delete(iam: &mut Iam, call: &Call<'_>, _: &mut Entropy) -> Answer {
    let user = iam.user_mut(&named(call)?)?;
    match user.login.take() {
        Some(_) => Ok(Value::Null),
        None => Err(none(&user.entity.name)),
    }
}
