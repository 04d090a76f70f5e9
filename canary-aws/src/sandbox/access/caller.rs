//! Callers, from the key that a request names.

use jiff::Timestamp;
use serde_json::Value;

use super::session::{Session, Sessions};
use crate::sandbox::failure::Failure;
use crate::sandbox::iam::Iam;
use crate::sandbox::protocol::Request;
use crate::sandbox::service::Service;

/// Who somebody is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sandbox) enum Who {
    /// A user, by a key of their own or by a session of `GetSessionToken`.
    User {
        name: String,
        path: String,
        id: String,
    },
    /// A session of a role.
    Role {
        name: String,
        path: String,
        id: String,
        session: String,
    },
    /// A session of `GetFederationToken`, with the user who asked for it.
    Federated {
        name: String,
        user: String,
        user_path: String,
        user_id: String,
    },
}

/// Somebody who was authenticated.
#[derive(Clone, Debug)]
pub(in crate::sandbox) struct Caller {
    pub(in crate::sandbox) key_id: String,
    pub(in crate::sandbox) who: Who,
    /// When the session began; none for long-term keys.
    pub(in crate::sandbox) session_since: Option<Timestamp>,
    pub(in crate::sandbox) session_policy: Option<Value>,
    pub(in crate::sandbox) source_identity: Option<String>,
}

impl Who {
    /// `arn:aws:iam::…:user/path/name`, `arn:aws:sts::…:assumed-role/name/session`, `arn:aws:sts::…:federated-user/name`.
    pub(in crate::sandbox) fn arn(&self, account: &str) -> String {
        match self {
            Self::User { name, path, .. } => format!("arn:aws:iam::{account}:user{path}{name}"),
            Self::Role { name, session, .. } => {
                format!("arn:aws:sts::{account}:assumed-role/{name}/{session}")
            }
            Self::Federated { name, .. } => {
                format!("arn:aws:sts::{account}:federated-user/{name}")
            }
        }
    }

    /// `AIDA…`, `AROA…:session`, `ACCOUNT:name`: also what `aws:userid` is.
    pub(in crate::sandbox) fn principal_id(&self, account: &str) -> String {
        match self {
            Self::User { id, .. } => id.clone(),
            Self::Role { id, session, .. } => format!("{id}:{session}"),
            Self::Federated { name, .. } => format!("{account}:{name}"),
        }
    }
}

/// Whose key a request names.
///
/// # Errors
/// When the key is not known, not active, or its session is over.
pub(in crate::sandbox) fn authenticate(
    iam: &Iam,
    sessions: &Sessions,
    request: &Request,
    now: Timestamp,
) -> Result<Caller, Failure> {
    let service = request.service;
    let unknown = || Failure::unknown_key(service);
    let Some(session) = sessions.get(&request.key_id) else {
        let user = iam.user_of_key(&request.key_id).ok_or_else(unknown)?;
        return Ok(Caller {
            key_id: request.key_id.clone(),
            who: Who::User {
                name: user.entity.name.clone(),
                path: user.entity.path.clone(),
                id: user.entity.id.clone(),
            },
            session_since: None,
            session_policy: None,
            source_identity: None,
        });
    };
    let known = request.session_token.as_deref() == Some(session.token.as_str());
    if !known || !still_there(iam, session) {
        return Err(unknown());
    }
    if now >= session.expires {
        return Err(Failure::expired(service));
    }
    // Such sessions are of no use for IAM, and for STS but to assume a role or to ask who they are.
    let borrowed = !matches!(session.who, Who::Role { .. });
    if borrowed && service == Service::Iam {
        return Err(unknown());
    }
    if borrowed
        && service == Service::Sts
        && matches!(
            request.operation.as_str(),
            "GetSessionToken" | "GetFederationToken"
        )
    {
        let message = format!("Cannot call {} with session credentials", request.operation);
        return Err(Failure::denied(service, message));
    }
    Ok(Caller {
        key_id: request.key_id.clone(),
        who: session.who.clone(),
        session_since: Some(session.issued),
        session_policy: session.policy.clone(),
        source_identity: session.source_identity.clone(),
    })
}

/// Whether what a session stands for is still the same.
fn still_there(iam: &Iam, session: &Session) -> bool {
    match &session.who {
        Who::User { name, id, .. }
        | Who::Federated {
            user: name,
            user_id: id,
            ..
        } => iam.user(name).is_some_and(|user| user.entity.id == *id),
        Who::Role { name, id, .. } => iam.role(name).is_some_and(|role| role.entity.id == *id),
    }
}
