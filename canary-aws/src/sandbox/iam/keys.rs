//! Access keys.

use serde_json::{Value, json};

use super::state::{Iam, Key, folded, quota};
use super::users::named;
use crate::sandbox::call::{Answer, Call, iso};
use crate::sandbox::entropy::Entropy;
use crate::sandbox::failure::Failure;
use crate::sandbox::page::page;

/// Keys of one user.
const KEYS: usize = 2;

fn status(key: &Key) -> &'static str {
    if key.active { "Active" } else { "Inactive" }
}

fn shape(user: &str, key: &Key) -> Value {
    json!({
        "UserName": user,
        "AccessKeyId": key.id,
        "Status": status(key),
        "CreateDate": iso(key.created),
    })
}

pub(super) fn create(iam: &mut Iam, call: &Call<'_>, entropy: &mut Entropy) -> Answer {
    let name = named(call)?;
    let user = iam.user_mut(&name)?;
    if user.keys.len() >= KEYS {
        return Err(quota("AccessKeysPerUser", KEYS));
    }
    let key = Key {
        id: entropy.key_id("AKIA", call.account, &user.entity.name),
        active: true,
        created: call.now,
    };
    let mut shape = shape(&user.entity.name, &key);
    shape["SecretAccessKey"] = json!(entropy.secret_key(&key.id));
    iam.keys.insert(key.id.clone(), folded(&name));
    // Looked up again: the index above is another field.
    iam.user_mut(&name)?.keys.push(key);
    Ok(json!({ "AccessKey": shape }))
}

pub(super) fn list(iam: &Iam, call: &Call<'_>) -> Answer {
    let (size, after) = call.page("Marker", "MaxItems")?;
    let user = iam.known_user(&named(call)?)?;
    let mut keys: Vec<&Key> = user.keys.iter().collect();
    keys.sort_by(|left, right| left.id.cmp(&right.id));
    let keys = keys
        .into_iter()
        .map(|key| (key.id.clone(), shape(&user.entity.name, key)));
    let page = page(keys, after.as_deref(), size);
    Ok(json!({
        "AccessKeyMetadata": page.items,
        "IsTruncated": page.next.is_some(),
        "Marker": page.next,
    }))
}

fn unknown(id: &str) -> Failure {
    let message = format!("The Access Key with id {id} cannot be found.");
    Failure::new(404, "NoSuchEntity", message)
}

pub(super) fn update(iam: &mut Iam, call: &Call<'_>, _: &mut Entropy) -> Answer {
    let id = call.required("AccessKeyId")?;
    let active = match call.required("Status")? {
        "Active" => true,
        "Inactive" => false,
        other => {
            let shown: String = other.chars().take(64).collect();
            return Err(call.invalid(format!(
                "1 validation error detected: Value '{shown}' at 'status' failed to satisfy constraint: Member must satisfy enum value set: [Active, Inactive]"
            )));
        }
    };
    let user = iam.user_mut(&named(call)?)?;
    let key = user.keys.iter_mut().find(|key| key.id == id);
    key.ok_or_else(|| unknown(id))?.active = active;
    Ok(Value::Null)
}

pub(super) fn delete(iam: &mut Iam, call: &Call<'_>, _: &mut Entropy) -> Answer {
    let id = call.required("AccessKeyId")?;
    let user = iam.user_mut(&named(call)?)?;
    let at = user.keys.iter().position(|key| key.id == id);
    user.keys.remove(at.ok_or_else(|| unknown(id))?);
    iam.keys.remove(id);
    Ok(Value::Null)
}

pub(super) fn last_used(iam: &Iam, call: &Call<'_>) -> Answer {
    let id = call.required("AccessKeyId")?;
    let user = iam.keys.get(id).and_then(|name| iam.user(name));
    // AWS does not tell keys that are not there from those of other accounts.
    let user = user.ok_or_else(|| {
        let caller = call.caller.who.arn(call.account);
        let message = format!("User: {caller} is not authorized to perform: iam:GetAccessKeyLastUsed on resource: access key {id}");
        Failure::new(403, "AccessDenied", message)
    })?;
    let used = match call.uses.get(id) {
        None => json!({ "ServiceName": "N/A", "Region": "N/A" }),
        Some(used) => json!({
            "LastUsedDate": iso(used.at),
            "ServiceName": used.service.prefix(),
            "Region": used.region,
        }),
    };
    Ok(json!({ "UserName": user.entity.name, "AccessKeyLastUsed": used }))
}
