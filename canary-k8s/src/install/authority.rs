//! The authority that signs the webhook's certificates.

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, KeyPair, KeyUsagePurpose,
};
use serde::{Deserialize, Serialize};

/// Ten years, as Helm's own helpers and kubeadm make them: nobody renews it, only the certificates under it.
const LIFE: SignedDuration = SignedDuration::from_hours(10 * 365 * 24);
/// Clocks of nodes may be off by an hour.
const EARLIER: SignedDuration = SignedDuration::from_hours(1);

/// An authority's certificate and key, PEM. Cannot be printed.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authority {
    /// The certificate. Empty: there is none.
    pub certificate: String,
    /// Its key.
    pub key: String,
}

/// Why no authority could be made.
#[derive(Debug, thiserror::Error)]
#[error("no certificate could be made")]
pub struct AuthorityError(#[source] rcgen::Error);

impl Authority {
    /// A new one, P-256.
    ///
    /// # Errors
    /// When there is no randomness to be had.
    pub fn make(name: &str, now: Timestamp) -> Result<Self, AuthorityError> {
        let key = KeyPair::generate().map_err(AuthorityError)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_before = date(now.saturating_sub(EARLIER));
        params.not_after = date(now.saturating_add(LIFE));
        let certificate = params.self_signed(&key).map_err(AuthorityError)?.pem();
        Ok(Self {
            certificate,
            key: key.serialize_pem(),
        })
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authority(secret)")
    }
}

fn date(moment: Result<Timestamp, jiff::Error>) -> time::OffsetDateTime {
    let second = moment.map_or(0, Timestamp::as_second);
    time::OffsetDateTime::from_unix_timestamp(second).unwrap_or(time::OffsetDateTime::UNIX_EPOCH)
}
