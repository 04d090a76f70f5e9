//! Who asks.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::tokens::{Claims, Issuer};
use crate::sandbox::kinds::{SECRET, SERVICE_ACCOUNT};
use crate::sandbox::store::Store;

/// A user as requests and audit events know it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::sandbox) struct Identity {
    pub(in crate::sandbox) name: String,
    pub(in crate::sandbox) uid: String,
    pub(in crate::sandbox) groups: Vec<String>,
    pub(in crate::sandbox) extra: BTreeMap<String, Vec<String>>,
}

pub(super) const AUTHENTICATED: &str = "system:authenticated";
pub(super) const UNAUTHENTICATED: &str = "system:unauthenticated";
pub(super) const ANONYMOUS: &str = "system:anonymous";
/// Members may do anything.
pub(super) const MASTERS: &str = "system:masters";

impl Identity {
    pub(in crate::sandbox) fn new(name: &str, uid: &str, groups: &[String]) -> Self {
        let mut groups = groups.to_vec();
        groups.push(AUTHENTICATED.into());
        Self {
            name: name.to_owned(),
            uid: uid.to_owned(),
            groups,
            extra: BTreeMap::new(),
        }
    }

    fn anonymous() -> Self {
        Self {
            name: ANONYMOUS.into(),
            groups: vec![UNAUTHENTICATED.into()],
            ..Self::default()
        }
    }

    /// As `userInfo` has it.
    pub(in crate::sandbox) fn to_json(&self) -> Value {
        let mut user = json!({ "username": self.name });
        if !self.uid.is_empty() {
            user["uid"] = self.uid.clone().into();
        }
        if !self.groups.is_empty() {
            user["groups"] = json!(self.groups);
        }
        if !self.extra.is_empty() {
            user["extra"] = json!(self.extra);
        }
        user
    }
}

/// The user that a service account is.
pub(in crate::sandbox) fn of_service_account(namespace: &str, name: &str, uid: &str) -> Identity {
    Identity::new(
        &format!("system:serviceaccount:{namespace}:{name}"),
        uid,
        &service_account_groups(namespace),
    )
}

pub(super) fn service_account_groups(namespace: &str) -> [String; 2] {
    [
        "system:serviceaccounts".to_owned(),
        format!("system:serviceaccounts:{namespace}"),
    ]
}

/// The users given at the start, by token.
pub(in crate::sandbox) type Users = BTreeMap<String, Identity>;

/// What came of a credential.
pub(in crate::sandbox) struct Authenticated {
    pub(in crate::sandbox) user: Identity,
    /// The Secret whose token was used, where it does not expire.
    pub(in crate::sandbox) legacy: Option<(String, String)>,
}

/// Tells who brings a credential. `None`: it is nobody's.
pub(in crate::sandbox) fn authenticate(
    authorization: Option<&str>,
    users: &Users,
    issuer: &Issuer,
    store: &Store,
    now: Timestamp,
) -> Option<Authenticated> {
    let parts: Vec<&str> = authorization
        .unwrap_or_default()
        .trim()
        .split(' ')
        .collect();
    let known = |user| Authenticated { user, legacy: None };
    let token = match parts.as_slice() {
        [scheme, token, ..] if scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() => *token,
        // A scheme that nobody asks about is no credential.
        _ => return Some(known(Identity::anonymous())),
    };
    if let Some(user) = users.get(token) {
        return Some(known(user.clone()));
    }
    of_claims(&issuer.verify(token)?, token, store, now)
}

/// The server lets clocks differ by this much (`go-jose/jwt`, DefaultLeeway).
const LEEWAY: i64 = 60;

fn of_claims(claims: &Claims, token: &str, store: &Store, now: Timestamp) -> Option<Authenticated> {
    let account = store.get(&SERVICE_ACCOUNT, &claims.namespace, &claims.account)?;
    if account["metadata"]["uid"] != claims.account_uid {
        return None;
    }
    if claims
        .expires
        .is_some_and(|end| end + LEEWAY < now.as_second())
        || !claims.is_for_this_server
    {
        return None;
    }
    let mut user = of_service_account(&claims.namespace, &claims.account, &claims.account_uid);
    if let Some(jti) = &claims.jti {
        let id = vec![format!("JTI={jti}")];
        user.extra
            .insert("authentication.kubernetes.io/credential-id".into(), id);
    }
    let mut legacy = None;
    if let Some((name, uid)) = &claims.secret {
        let secret = store.get(&SECRET, &claims.namespace, name)?;
        match uid {
            Some(uid) if secret["metadata"]["uid"] != uid.as_str() => return None,
            Some(_) => {}
            None => {
                use base64::Engine as _;
                let held = base64::engine::general_purpose::STANDARD.encode(token);
                if secret["data"]["token"] != held.as_str() {
                    return None;
                }
                legacy = Some((claims.namespace.clone(), name.clone()));
            }
        }
    }
    Some(Authenticated { user, legacy })
}
