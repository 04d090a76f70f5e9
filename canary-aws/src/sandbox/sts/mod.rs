//! STS.

mod borrow;

use serde_json::json;

use super::access::{Session, Sessions};
use super::call::{Answer, Call};
use super::entropy::Entropy;
use super::iam::Iam;

/// Carries an operation out; none when it is not spoken here.
pub(super) fn run(
    iam: &Iam,
    sessions: &mut Sessions,
    call: &Call<'_>,
    entropy: &mut Entropy,
) -> Option<Answer> {
    Some(match call.operation {
        "GetCallerIdentity" => Ok(json!({
            "UserId": call.caller.who.principal_id(call.account),
            "Account": call.account,
            "Arn": call.caller.who.arn(call.account),
        })),
        "AssumeRole" => borrow::assume_role(iam, sessions, call, entropy),
        "GetSessionToken" => borrow::session_token(sessions, call, entropy),
        "GetFederationToken" => borrow::federation_token(sessions, call, entropy),
        _ => return None,
    })
}

/// Sessions that are kept: beyond this, those that ended first are forgotten.
const SESSIONS: usize = 10_000;

/// Keeps a session under its key.
fn keep(sessions: &mut Sessions, key_id: String, session: Session) {
    if sessions.len() >= SESSIONS {
        let first = sessions.iter().min_by_key(|(_, session)| session.expires);
        if let Some(first) = first.map(|(key_id, _)| key_id.clone()) {
            sessions.remove(&first);
        }
    }
    sessions.insert(key_id, session);
}
