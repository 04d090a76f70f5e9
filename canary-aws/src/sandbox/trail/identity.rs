//! `userIdentity`.

use serde_json::{Value, json};

use crate::sandbox::access::{Caller, Who};
use crate::sandbox::call::iso;

/// Who called, as a record has it.
pub(super) fn identity(caller: &Caller, account: &str) -> Value {
    let who = &caller.who;
    let mut identity = json!({
        "type": match who {
            Who::User { .. } => "IAMUser",
            Who::Role { .. } => "AssumedRole",
            Who::Federated { .. } => "FederatedUser",
        },
        "principalId": who.principal_id(account),
        "arn": who.arn(account),
        "accountId": account,
        "accessKeyId": caller.key_id,
    });
    if let Who::User { name, .. } = who {
        identity["userName"] = json!(name);
    }
    if let Some(since) = caller.session_since {
        let mut context = json!({
            "attributes": { "creationDate": iso(since), "mfaAuthenticated": "false" },
        });
        let issuer = issuer(who, account);
        if !issuer.is_null() {
            context["sessionIssuer"] = issuer;
        }
        if let Some(source) = &caller.source_identity {
            context["sourceIdentity"] = json!(source);
        }
        identity["sessionContext"] = context;
    }
    identity
}

/// The role behind a session, or the user behind a federated one.
fn issuer(who: &Who, account: &str) -> Value {
    match who {
        Who::User { .. } => Value::Null,
        Who::Role { name, path, id, .. } => json!({
            "type": "Role",
            "principalId": id,
            "arn": format!("arn:aws:iam::{account}:role{path}{name}"),
            "accountId": account,
            "userName": name,
        }),
        Who::Federated {
            user,
            user_path,
            user_id,
            ..
        } => json!({
            "type": "IAMUser",
            "principalId": user_id,
            "arn": format!("arn:aws:iam::{account}:user{user_path}{user}"),
            "accountId": account,
            "userName": user,
        }),
    }
}
