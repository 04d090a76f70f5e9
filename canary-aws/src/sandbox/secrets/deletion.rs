//! How secrets go, and come back.

use jiff::SignedDuration;
use serde_json::json;

use super::secret::{Secrets, marked};
use crate::sandbox::call::{Answer, Call, epoch};
use crate::sandbox::clock::later;
use crate::sandbox::entropy::Entropy;

/// Days until a secret is gone.
const SHORTEST: i64 = 7;
const LONGEST: i64 = 30;

pub(super) fn delete(secrets: &mut Secrets, call: &Call<'_>, _: &mut Entropy) -> Answer {
    let id = call.required("SecretId")?;
    let forced = call.flag("ForceDeleteWithoutRecovery");
    let days = call.number("RecoveryWindowInDays");
    if forced && days.is_some() {
        return Err(call.invalid(
            "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.",
        ));
    }
    let days = days.unwrap_or(LONGEST);
    if !(SHORTEST..=LONGEST).contains(&days) {
        return Err(call
            .invalid("The RecoveryWindowInDays value must be between 7 and 30 days (inclusive)."));
    }
    let found = secrets
        .of(call)
        .map(|secret| (secret.name.clone(), secret.arn.clone(), secret.deletion));
    if forced {
        // What is not there is deleted already.
        let (name, arn) = match found {
            Ok((name, arn, _)) => (name, arn),
            Err(_) => (id.to_owned(), id.to_owned()),
        };
        secrets.secrets.remove(&name);
        return Ok(json!({ "ARN": arn, "Name": name, "DeletionDate": epoch(call.now) }));
    }
    let (name, arn, deletion) = found?;
    if deletion.is_some() {
        return Err(marked());
    }
    let until = later(call.now, SignedDuration::from_hours(24 * days));
    secrets.named_mut(&name)?.deletion = Some((call.now, until));
    Ok(json!({ "ARN": arn, "Name": name, "DeletionDate": epoch(until) }))
}

pub(super) fn restore(secrets: &mut Secrets, call: &Call<'_>, _: &mut Entropy) -> Answer {
    let name = secrets.of(call)?.name.clone();
    let secret = secrets.named_mut(&name)?;
    secret.deletion = None;
    Ok(json!({ "ARN": secret.arn, "Name": secret.name }))
}
