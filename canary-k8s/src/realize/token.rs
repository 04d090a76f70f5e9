//! Tokens of service accounts: issued on request, or filled into a Secret by the cluster.

use canary_core::apply::{Call, Content, Made};
use canary_core::ledger::OutputValue;
use canary_core::value::SecretBytes;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::observe::claims;

/// The type of a Secret that the cluster fills with a token that does not expire.
pub(crate) const LEGACY: &str = "kubernetes.io/service-account-token";

/// The body of a TokenRequest.
pub(super) fn request(call: &Call) -> Value {
    let text = |name: &str| {
        call.content
            .get(name)
            .map(|content| String::from_utf8_lossy(content.expose()).into_owned())
    };
    let mut spec = json!({});
    if let Some(seconds) = text("expirationSeconds").and_then(|text| text.parse::<i64>().ok()) {
        spec["expirationSeconds"] = seconds.into();
    }
    if let Some(audience) = text("audience") {
        spec["audiences"] = json!([audience]);
    }
    json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec })
}

/// What a TokenRequest gave: the token, its identifier, and its end as granted. `None`: it gave no token.
pub(super) fn made(body: &Value) -> Option<(Made, Option<String>)> {
    let token = body["status"]["token"].as_str()?;
    let claims = claims(token)?;
    let uid = claims["kubernetes.io"]["serviceaccount"]["uid"].as_str();
    let jti = claims["jti"].as_str()?;
    let expires: Option<Timestamp> = body["status"]["expirationTimestamp"]
        .as_str()
        .and_then(|text| text.parse().ok());
    let made = Made {
        expires,
        ..Made::default()
    }
    .with("jti", OutputValue::Public(jti.to_owned()))
    .with("token", OutputValue::Secret(SecretBytes::from(token)));
    Some((made, uid.map(str::to_owned)))
}

/// The account that the token was to be for, as the plan saw it.
pub(super) fn wanted_account(call: &Call) -> Option<String> {
    let uid = call.content.get("account")?;
    Some(String::from_utf8_lossy(uid.expose()).into_owned())
}

/// Whether a call makes a Secret that the cluster fills.
pub(super) fn is_legacy(call: &Call) -> bool {
    call.handle.kind == "Secret"
        && call.content.get("type").map(Content::expose) == Some(LEGACY.as_bytes())
}
