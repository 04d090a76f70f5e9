//! Bodies without what opens something.

use serde_json::Value;

/// Ends of the names of fields that hold secrets, in lower case: session tokens, secret keys, passwords, secret values, data
/// keys, private keys. CloudTrail hides most of them itself; session tokens it does not.
const SECRET: [&str; 12] = [
    "sessiontoken",
    "securitytoken",
    "secretaccesskey",
    "password",
    "passworddata",
    "secretstring",
    "secretbinary",
    "plaintext",
    "privatekey",
    "privatekeyplaintext",
    "authorizationtoken",
    "keymaterial",
];

/// Takes every secret out of a body.
pub(super) fn without_secrets(body: &mut Value) {
    match body {
        Value::Object(entries) => {
            entries.retain(|key, value| !(is_secret(key) && holds_text(value)));
            entries.values_mut().for_each(without_secrets);
        }
        Value::Array(list) => list.iter_mut().for_each(without_secrets),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn is_secret(key: &str) -> bool {
    let plain: String = key
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    SECRET.iter().any(|secret| plain.ends_with(secret))
}

/// `withSessionToken: true` says something and holds nothing.
fn holds_text(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_taken_out_wherever_they_stand() {
        let mut body = serde_json::json!({
            "credentials": {"accessKeyId": "ASIA1", "sessionToken": "x", "secretAccessKey": "y"},
            "list": [{"masterUserPassword": "z", "passwordResetRequired": true}],
            "NewPassword": {"nested": "w"},
            "secretId": "prod/db",
        });
        without_secrets(&mut body);
        assert_eq!(
            body,
            serde_json::json!({
                "credentials": {"accessKeyId": "ASIA1"},
                "list": [{"passwordResetRequired": true}],
                "secretId": "prod/db",
            })
        );
    }
}
