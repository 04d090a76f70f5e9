//! Temporary credentials: how long, for whom, narrowed to what.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::keep;
use crate::sandbox::access::{self, Session, Sessions, Who};
use crate::sandbox::call::{Answer, Call, iso};
use crate::sandbox::clock::later;
use crate::sandbox::entropy::Entropy;
use crate::sandbox::failure::Failure;
use crate::sandbox::iam::Iam;

/// Seconds: the shortest session, an hour, twelve, and a day and a half.
const SHORTEST: i64 = 900;
const HOUR: i64 = 3600;
const TWELVE_HOURS: i64 = 12 * HOUR;
const LONGEST: i64 = 36 * HOUR;

/// `[\w+=,.@-]{2,n}`.
fn name<'a>(call: &Call<'a>, parameter: &str, longest: usize) -> Result<&'a str, Failure> {
    let name = call.required(parameter)?;
    let fits = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte));
    if fits && (2..=longest).contains(&name.len()) {
        return Ok(name);
    }
    let shown: String = name.chars().take(longest).collect();
    Err(call.invalid(format!(
        "1 validation error detected: Value '{shown}' at '{}' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*",
        crate::sandbox::trail::camel(parameter)
    )))
}

/// What a session is narrowed to.
fn policy(call: &Call<'_>) -> Result<Option<Value>, Failure> {
    let Some(text) = call.text("Policy") else {
        return Ok(None);
    };
    match access::parse(text).filter(|_| text.len() <= 2048) {
        Some(policy) => Ok(Some(policy)),
        None => Err(Failure::bad(
            "MalformedPolicyDocument",
            "Syntax errors in policy.",
        )),
    }
}

/// Makes a session, and shows its credentials.
fn begin(
    sessions: &mut Sessions,
    call: &Call<'_>,
    entropy: &mut Entropy,
    seconds: i64,
    session: impl FnOnce(String) -> Session,
) -> Value {
    let about = call.caller.key_id.as_str();
    let key_id = entropy.key_id("ASIA", call.account, about);
    let secret = entropy.secret_key(&key_id);
    // As long as AWS's: about 350 characters.
    let token = format!(
        "IQoJb3JpZ2luX2Vj{}",
        entropy.token("session token", &key_id, 8)
    );
    let mut session = session(token.clone());
    session.issued = call.now;
    session.expires = later(call.now, SignedDuration::from_secs(seconds));
    let credentials = json!({
        "AccessKeyId": key_id,
        "SecretAccessKey": secret,
        "SessionToken": token,
        "Expiration": iso(session.expires),
    });
    keep(sessions, key_id, session);
    credentials
}

pub(super) fn assume_role(
    iam: &Iam,
    sessions: &mut Sessions,
    call: &Call<'_>,
    entropy: &mut Entropy,
) -> Answer {
    let arn = call.required("RoleArn")?;
    let session_name = name(call, "RoleSessionName", 64)?.to_owned();
    let seconds = call.number_within("DurationSeconds", SHORTEST, TWELVE_HOURS)?;
    let policy = policy(call)?;
    let source_identity = match call.text("SourceIdentity") {
        Some(_) => Some(name(call, "SourceIdentity", 64)?.to_owned()),
        None => call.caller.source_identity.clone(),
    };
    // Whoever may not, or names what is not there, was refused before.
    let role = arn.rsplit('/').next().and_then(|name| iam.role(name));
    let role = role.ok_or_else(|| Failure::denied(call.service, "Access denied".to_owned()))?;
    let seconds = seconds.unwrap_or(HOUR);
    if seconds > role.longest {
        return Err(call.invalid(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ));
    }
    let chained = matches!(call.caller.who, Who::Role { .. });
    if chained && seconds > HOUR {
        return Err(call.invalid(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
        ));
    }
    let who = Who::Role {
        name: role.entity.name.clone(),
        path: role.entity.path.clone(),
        id: role.entity.id.clone(),
        session: session_name,
    };
    let user = json!({
        "AssumedRoleId": who.principal_id(call.account),
        "Arn": who.arn(call.account),
    });
    let told = call.text("SourceIdentity").map(ToOwned::to_owned);
    let credentials = begin(sessions, call, entropy, seconds, |token| Session {
        token,
        who,
        issued: call.now,
        expires: call.now,
        policy,
        source_identity,
    });
    Ok(json!({
        "Credentials": credentials,
        "AssumedRoleUser": user,
        "SourceIdentity": told,
    }))
}

pub(super) fn session_token(
    sessions: &mut Sessions,
    call: &Call<'_>,
    entropy: &mut Entropy,
) -> Answer {
    if matches!(call.caller.who, Who::Role { .. }) {
        let message = "Cannot call GetSessionToken with session credentials".to_owned();
        return Err(Failure::denied(call.service, message));
    }
    let seconds = call.number_within("DurationSeconds", SHORTEST, LONGEST)?;
    let who = call.caller.who.clone();
    let credentials = begin(
        sessions,
        call,
        entropy,
        seconds.unwrap_or(TWELVE_HOURS),
        |token| Session {
            token,
            who,
            issued: call.now,
            expires: call.now,
            policy: None,
            source_identity: None,
        },
    );
    Ok(json!({ "Credentials": credentials }))
}

pub(super) fn federation_token(
    sessions: &mut Sessions,
    call: &Call<'_>,
    entropy: &mut Entropy,
) -> Answer {
    let Who::User {
        name: user,
        path,
        id,
    } = &call.caller.who
    else {
        let message = "Cannot call GetFederationToken with session credentials".to_owned();
        return Err(Failure::denied(call.service, message));
    };
    let federated = name(call, "Name", 32)?.to_owned();
    let policy = policy(call)?;
    let seconds = call.number_within("DurationSeconds", SHORTEST, LONGEST)?;
    let who = Who::Federated {
        name: federated,
        user: user.clone(),
        user_path: path.clone(),
        user_id: id.clone(),
    };
    let shown = json!({
        "FederatedUserId": who.principal_id(call.account),
        "Arn": who.arn(call.account),
    });
    let credentials = begin(
        sessions,
        call,
        entropy,
        seconds.unwrap_or(TWELVE_HOURS),
        |token| Session {
            token,
            who,
            issued: call.now,
            expires: call.now,
            policy,
            source_identity: None,
        },
    );
    Ok(json!({ "Credentials": credentials, "FederatedUser": shown, "PackedPolicySize": 0 }))
}
