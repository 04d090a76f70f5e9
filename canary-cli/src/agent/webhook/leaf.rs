//! The certificate that the server shows, made from an authority.
//!
//! The authority lives for years and is what the webhook's configuration trusts; the agent has its key and makes only the
//! leaf, which lives in memory: nobody has to write a certificate anywhere.

use std::net::IpAddr;

use canary_core::value::SecretBytes;
use jiff::{SignedDuration, Timestamp};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData as _, SanType,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use time::OffsetDateTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

use super::certificate::{Certificate, CertificateError, Validity};

/// Our clock may be an hour before the API server's, and the minutes of making and of asking come on top.
const BACKDATED: SignedDuration = SignedDuration::from_hours(2);
/// As long as certificates of public authorities and of cert-manager live. A stolen one dies in weeks, and a clock that is
/// wrong by days breaks nothing.
const LIFE: SignedDuration = SignedDuration::from_hours(90 * 24);
/// A common name has at most so many characters (RFC 5280, `ub-common-name`).
const LONGEST_COMMON_NAME: usize = 64;

/// Who signs.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate and those above it that a client does not have: all that did not sign themselves.
    chain: Vec<CertificateDer<'static>>,
    validity: Validity,
}

impl Authority {
    /// Reads an authority: its certificate, with those above it where it is not the root, and its key; both PEM.
    pub(super) fn read(certificate: &[u8], key: &SecretBytes) -> Result<Self, CertificateError> {
        let unreadable = |what| move |_| CertificateError::Unreadable(what);
        let what = "the authority's certificate";
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(certificate)
            .collect::<Result<_, _>>()
            .map_err(|_| CertificateError::Unreadable(what))?;
        let first = certificates
            .first()
            .ok_or(CertificateError::Unreadable(what))?;
        let (_, own) = X509Certificate::from_der(first).map_err(unreadable(what))?;
        if !own.is_ca() {
            return Err(CertificateError::NoAuthority);
        }
        let validity = Validity::of(&own)?;
        let key = PrivateKeyDer::from_pem_slice(key.expose())
            .map_err(|_| CertificateError::Unreadable("the authority's key"))?;
        let key = KeyPair::try_from(&key)
            .map_err(|_| CertificateError::Unreadable("the authority's key"))?;
        if *own.public_key().subject_public_key.data != *key.der_bytes() {
            return Err(CertificateError::OtherKey);
        }
        let issuer =
            Issuer::from_ca_cert_der(first, key).map_err(|_| CertificateError::Unreadable(what))?;
        let chain = certificates
            .into_iter()
            .filter(|one| !is_self_issued(one))
            .collect();
        Ok(Self {
            issuer,
            chain,
            validity,
        })
    }

    /// Makes a certificate with a new key for DNS names and addresses.
    pub(super) fn sign(
        &self,
        names: &[String],
        now: Timestamp,
    ) -> Result<Certificate, CertificateError> {
        let failed = |error: rcgen::Error| CertificateError::Making(error.to_string());
        let wanted = Validity {
            from: now - BACKDATED,
            until: now + LIFE,
        };
        // Nothing that an authority signed is good for longer than the authority.
        let validity = wanted.within(&self.validity);
        let mut params = CertificateParams::default();
        params.not_before = moment(validity.from);
        params.not_after = moment(validity.until);
        params.distinguished_name = distinguished(names);
        params.subject_alt_names = names
            .iter()
            .map(|name| subject(name))
            .collect::<Result<_, _>>()
            .map_err(failed)?;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
        let leaf = params.signed_by(&key, &self.issuer).map_err(failed)?;
        let chain = std::iter::once(leaf.der().clone()).chain(self.chain.iter().cloned());
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        Certificate::new(chain.collect(), key, validity)
    }
}

fn is_self_issued(certificate: &CertificateDer<'_>) -> bool {
    X509Certificate::from_der(certificate).is_ok_and(|(_, one)| one.subject() == one.issuer())
}

fn distinguished(names: &[String]) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    let fits = |one: &&String| one.len() <= LONGEST_COMMON_NAME;
    if let Some(common) = names.first().filter(fits) {
        name.push(DnType::CommonName, common.as_str());
    }
    name
}

fn subject(name: &str) -> Result<SanType, rcgen::Error> {
    Ok(match name.parse::<IpAddr>() {
        Ok(address) => SanType::IpAddress(address),
        Err(_) => SanType::DnsName(name.try_into()?),
    })
}

/// A certificate's moments are whole seconds of a range that every timestamp is in.
fn moment(timestamp: Timestamp) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(timestamp.as_second()).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{BasicConstraints, IsCa, PKCS_RSA_SHA256, RsaKeySize};
    use rustls::RootCertStore;
    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::ServerCertVerifier as _;
    use rustls::pki_types::{ServerName, UnixTime};
    use std::sync::Arc;
    use std::time::Duration;

    const HOUR: SignedDuration = SignedDuration::from_hours(1);

    fn now() -> Timestamp {
        "2026-11-01T12:00:00Z".parse().unwrap()
    }

    fn years(count: i64) -> SignedDuration {
        SignedDuration::from_hours(count * 365 * 24)
    }

    struct Made {
        certificate: String,
        key: KeyPair,
    }

    fn authority_with(key: KeyPair, life: SignedDuration, is_ca: bool) -> Made {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "root");
        if is_ca {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        params.not_before = moment(now() - years(1));
        params.not_after = moment(now() + life);
        let certificate = params.self_signed(&key).unwrap().pem();
        Made { certificate, key }
    }

    fn authority() -> Made {
        authority_with(KeyPair::generate().unwrap(), years(10), true)
    }

    fn read(certificate: &str, key: &str) -> Result<Authority, CertificateError> {
        Authority::read(certificate.as_bytes(), &SecretBytes::from(key))
    }

    fn names() -> Vec<String> {
        vec!["web.ops.svc".into(), "127.0.0.1".into()]
    }

    fn is_trusted(root: &str, shown: &Certificate, name: &str, at: Timestamp) -> bool {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(root.as_bytes()).unwrap())
            .unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .unwrap();
        let seconds = u64::try_from(at.as_second()).unwrap();
        let at = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let (leaf, above) = shown.key.cert.split_first().unwrap();
        verifier
            .verify_server_cert(leaf, above, &name, &[], at)
            .is_ok()
    }

    #[test]
    fn a_leaf_is_trusted_for_its_names_also_by_a_clock_that_is_an_hour_off() {
        let made = authority();
        let authority = read(&made.certificate, &made.key.serialize_pem()).unwrap();
        let leaf = authority.sign(&names(), now()).unwrap();
        for at in [now() - HOUR, now(), now() + HOUR, now() + LIFE - HOUR] {
            assert!(is_trusted(&made.certificate, &leaf, "web.ops.svc", at));
            assert!(is_trusted(&made.certificate, &leaf, "127.0.0.1", at));
        }
        assert!(!is_trusted(
            &made.certificate,
            &leaf,
            "other.ops.svc",
            now()
        ));
        let late = now() + LIFE + HOUR;
        assert!(!is_trusted(&made.certificate, &leaf, "web.ops.svc", late));
    }

    #[test]
    fn a_leaf_ends_with_its_authority_at_the_latest() {
        let made = authority_with(KeyPair::generate().unwrap(), HOUR * 48, true);
        let authority = read(&made.certificate, &made.key.serialize_pem()).unwrap();
        let leaf = authority.sign(&names(), now()).unwrap();
        assert_eq!(leaf.validity.until, now() + HOUR * 48);
    }

    #[test]
    fn an_authority_below_another_is_shown_with_the_leaf() {
        let root = authority();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "below");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_after = moment(now() + years(5));
        let key = KeyPair::generate().unwrap();
        let issuer = Issuer::from_ca_cert_pem(&root.certificate, root.key).unwrap();
        let below = params.signed_by(&key, &issuer).unwrap().pem();
        let both = format!("{below}{}", root.certificate);
        let authority = read(&both, &key.serialize_pem()).unwrap();
        let leaf = authority.sign(&names(), now()).unwrap();
        assert_eq!(leaf.key.cert.len(), 2);
        assert!(is_trusted(&root.certificate, &leaf, "web.ops.svc", now()));
    }

    /// As Helm's `genCA` writes keys.
    fn pkcs1_pem(key: &KeyPair) -> String {
        use base64::Engine as _;
        // A key of RSA 2048 in PKCS#8 is a header of 26 bytes and the key in PKCS#1.
        let body = base64::engine::general_purpose::STANDARD.encode(&key.serialize_der()[26..]);
        let lines: Vec<&str> = body
            .as_bytes()
            .chunks(64)
            .map(|line| std::str::from_utf8(line).unwrap())
            .collect();
        let kind = "RSA PRIVATE KEY";
        format!(
            "-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n",
            lines.join("\n")
        )
    }

    #[test]
    fn an_authority_with_a_key_of_rsa_signs_too() {
        let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
        let made = authority_with(key, years(10), true);
        for pem in [made.key.serialize_pem(), pkcs1_pem(&made.key)] {
            let authority = read(&made.certificate, &pem).unwrap();
            let leaf = authority.sign(&names(), now()).unwrap();
            assert!(is_trusted(&made.certificate, &leaf, "web.ops.svc", now()));
        }
    }

    #[test]
    fn what_cannot_sign_is_told_without_its_key() {
        let made = authority();
        let (certificate, key) = (made.certificate.as_str(), made.key.serialize_pem());
        let other = KeyPair::generate().unwrap().serialize_pem();
        let plain = authority_with(KeyPair::generate().unwrap(), years(1), false);
        let plain_key = plain.key.serialize_pem();
        for (certificate, key, expected) in [
            (
                "",
                key.as_str(),
                "the authority's certificate cannot be read",
            ),
            (
                "nonsense",
                &key,
                "the authority's certificate cannot be read",
            ),
            (certificate, "", "the authority's key cannot be read"),
            (
                certificate,
                certificate,
                "the authority's key cannot be read",
            ),
            (
                certificate,
                &other,
                "the key does not belong to the certificate",
            ),
            (
                &plain.certificate,
                &plain_key,
                "the certificate is none of an authority",
            ),
        ] {
            let error = read(certificate, key).err().unwrap().to_string();
            assert_eq!(error, expected);
        }
        let authority = read(certificate, &key).unwrap();
        let bad = authority.sign(&["no name".into(), "é".into()], now());
        assert!(matches!(bad, Err(CertificateError::Making(_))));
    }
}
