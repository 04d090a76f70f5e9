//! Tokens of service accounts: JWTs with the claims that the API server gives them (`pkg/serviceaccount`).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::{Signer as _, Verifier as _};
use p256::ecdsa::{Signature, SigningKey, VerifyingKey};
use p256::pkcs8::EncodePublicKey as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::sandbox::entropy::Entropy;

/// The name of the server in tokens, and whom they are for unless they say.
pub(in crate::sandbox) const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";
const LEGACY_ISSUER: &str = "kubernetes/serviceaccount";

/// Signs and verifies.
pub(in crate::sandbox) struct Issuer {
    key: SigningKey,
    id: String,
}

/// When a token is made and ends, in Unix seconds.
#[derive(Clone, Copy, Debug)]
pub(in crate::sandbox) struct Lifetime {
    pub(in crate::sandbox) from: i64,
    pub(in crate::sandbox) until: i64,
}

/// What a token says, once its signature is right.
pub(super) struct Claims {
    pub(super) namespace: String,
    pub(super) account: String,
    pub(super) account_uid: String,
    /// The Secret that it is bound to with its uid, or that holds it.
    pub(super) secret: Option<(String, Option<String>)>,
    pub(super) jti: Option<String>,
    pub(super) expires: Option<i64>,
    pub(super) is_for_this_server: bool,
}

impl Issuer {
    /// An issuer with a key from chance. `None` where chance gave no key, which is one in 2^32.
    pub(in crate::sandbox) fn new(entropy: &mut Entropy) -> Option<Self> {
        let secret = (0..4).find_map(|_| p256::SecretKey::from_slice(&entropy.bytes()).ok())?;
        let der = secret.public_key().to_public_key_der().ok()?;
        Some(Self {
            key: SigningKey::from(&secret),
            id: URL_SAFE_NO_PAD.encode(Sha256::digest(der.as_bytes())),
        })
    }

    /// A token that ends.
    pub(in crate::sandbox) fn issue(
        &self,
        account: &Value,
        secret: Option<&Value>,
        audiences: &[String],
        life: Lifetime,
        jti: &str,
    ) -> String {
        let of = |object: &Value| json!({ "name": object["metadata"]["name"], "uid": object["metadata"]["uid"] });
        let metadata = &account["metadata"];
        let mut bound = json!({
            "namespace": metadata["namespace"],
            "serviceaccount": of(account),
        });
        if let Some(secret) = secret {
            bound["secret"] = of(secret);
        }
        self.sign(&json!({
            "aud": audiences,
            "exp": life.until,
            "iat": life.from,
            "iss": ISSUER,
            "jti": jti,
            "kubernetes.io": bound,
            "nbf": life.from,
            "sub": subject(metadata),
        }))
    }

    /// A token that does not end.
    pub(in crate::sandbox) fn issue_legacy(&self, account: &Value, secret: &Value) -> String {
        let metadata = &account["metadata"];
        self.sign(&json!({
            "iss": LEGACY_ISSUER,
            "kubernetes.io/serviceaccount/namespace": metadata["namespace"],
            "kubernetes.io/serviceaccount/secret.name": secret["metadata"]["name"],
            "kubernetes.io/serviceaccount/service-account.name": metadata["name"],
            "kubernetes.io/serviceaccount/service-account.uid": metadata["uid"],
            "sub": subject(metadata),
        }))
    }

    fn sign(&self, claims: &Value) -> String {
        // The order of a header is that of the server's: it is what every token begins with.
        let header = format!(r#"{{"alg":"ES256","kid":"{}"}}"#, self.id);
        let signed = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header),
            URL_SAFE_NO_PAD.encode(claims.to_string())
        );
        let signature: Signature = self.key.sign(signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }

    /// What a token of ours says.
    pub(super) fn verify(&self, token: &str) -> Option<Claims> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (_, payload) = signed.split_once('.')?;
        let signature = Signature::from_slice(&URL_SAFE_NO_PAD.decode(signature).ok()?).ok()?;
        VerifyingKey::from(&self.key)
            .verify(signed.as_bytes(), &signature)
            .ok()?;
        let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        if claims["iss"] == LEGACY_ISSUER {
            let claim = |name: &str| text(&claims[format!("kubernetes.io/serviceaccount/{name}")]);
            return Some(Claims {
                namespace: claim("namespace")?,
                account: claim("service-account.name")?,
                account_uid: claim("service-account.uid")?,
                secret: Some((claim("secret.name")?, None)),
                jti: None,
                expires: None,
                is_for_this_server: true,
            });
        }
        let bound = &claims["kubernetes.io"];
        let secret = &bound["secret"];
        let audiences = claims["aud"].as_array();
        Some(Claims {
            namespace: text(&bound["namespace"])?,
            account: text(&bound["serviceaccount"]["name"])?,
            account_uid: text(&bound["serviceaccount"]["uid"])?,
            secret: text(&secret["name"]).map(|name| (name, text(&secret["uid"]))),
            jti: text(&claims["jti"]),
            expires: claims["exp"].as_i64(),
            is_for_this_server: audiences
                .into_iter()
                .flatten()
                .any(|audience| audience == ISSUER),
        })
    }
}

fn subject(metadata: &Value) -> String {
    format!(
        "system:serviceaccount:{}:{}",
        metadata["namespace"].as_str().unwrap_or_default(),
        metadata["name"].as_str().unwrap_or_default()
    )
}
