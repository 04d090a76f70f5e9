//! Identities inside a value: whose token is in a kubeconfig.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use canary_core::graph::Handle;
use serde_json::Value;

/// A token is some kilobytes at most; anything longer is not looked at.
const LONGEST_TOKEN: usize = 16 * 1024;

/// The claims of a token, unverified: they tell what it says, not whether it is so.
pub(crate) fn claims(token: &str) -> Option<Value> {
    let mut parts = token.split('.');
    let (_, payload, _) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || token.len() > LONGEST_TOKEN {
        return None;
    }
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}

/// The service accounts named by tokens in a text, with their uids.
pub(super) fn reaches(bytes: &[u8]) -> Vec<(Handle, String)> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Vec::new();
    };
    let is_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    text.split(|c| !is_token(c))
        // Every token begins with an encoded `{"`.
        .filter(|word| word.starts_with("eyJ"))
        .filter_map(|word| account(&claims(word)?))
        .collect()
}

fn account(claims: &Value) -> Option<(Handle, String)> {
    let bound = &claims["kubernetes.io"];
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let of_bound = || {
        let account = &bound["serviceaccount"];
        Some((
            text(&bound["namespace"])?,
            text(&account["name"])?,
            text(&account["uid"])?,
        ))
    };
    let of_legacy = || {
        let claim = |name: &str| text(&claims[format!("kubernetes.io/serviceaccount/{name}")]);
        Some((
            claim("namespace")?,
            claim("service-account.name")?,
            claim("service-account.uid")?,
        ))
    };
    let (namespace, name, uid) = of_bound().or_else(of_legacy)?;
    Some((Handle::scoped("ServiceAccount", &namespace, &name), uid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_in_a_kubeconfig_names_its_account() {
        let payload = URL_SAFE_NO_PAD.encode(
            r#"{"kubernetes.io":{"namespace":"ci","serviceaccount":{"name":"deployer","uid":"u1"}}}"#,
        );
        let text = format!("users:\n- user:\n    token: \"eyJh.{payload}.c2ln\"\n");
        assert_eq!(
            reaches(text.as_bytes()),
            [(
                Handle::scoped("ServiceAccount", "ci", "deployer"),
                "u1".to_owned()
            )]
        );
    }

    #[test]
    fn what_only_looks_like_a_token_names_nobody() {
        for text in ["eyJ", "eyJ.eyJ.eyJ", "eyJ....", "eyJh.bm90IGpzb24.x"] {
            assert_eq!(reaches(text.as_bytes()), []);
        }
    }
}
