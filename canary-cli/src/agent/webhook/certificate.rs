//! Which certificate is shown, and when it is another.

use std::fmt;
use std::hash::{Hash as _, Hasher as _};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use canary_core::value::SecretBytes;
use jiff::{SignedDuration, Timestamp};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

use super::leaf::Authority;

/// Something in PEM.
#[derive(Clone, Debug)]
pub enum Pem {
    /// As it is.
    Bytes(SecretBytes),
    /// In a file, which is read again and again: a mounted Secret changes.
    File(PathBuf),
}

/// Where the server's certificate comes from.
#[derive(Clone, Debug)]
pub enum CertificateSource {
    /// It is given, as by cert-manager, and taken anew when it changes.
    Given {
        /// With those above it, the server's own first.
        certificate: Pem,
        /// Its key.
        key: Pem,
    },
    /// It is made, and made anew when a third of its life is left or the authority changes.
    Signed {
        /// The authority's certificate, with those above it where it is not the root.
        certificate: Pem,
        /// The authority's key.
        key: Pem,
        /// DNS names and addresses that the server is called by.
        names: Vec<String>,
    },
}

/// Why there is no certificate to show.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("{path} cannot be read")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// No PEM, or nothing of what it should be in it.
    #[error("{0} cannot be read")]
    Unreadable(&'static str),
    /// A certificate that may not sign others.
    #[error("the certificate is none of an authority")]
    NoAuthority,
    /// Certificate and key belong to two pairs.
    #[error("the key does not belong to the certificate")]
    OtherKey,
    /// No certificate can be made for the names.
    #[error("no certificate can be made: {0}")]
    Making(String),
    /// TLS has no use for the key.
    #[error("the key cannot be used")]
    Unusable(#[source] rustls::Error),
}

/// From when until when a certificate is good.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Validity {
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
}

impl Validity {
    pub(super) fn of(certificate: &X509Certificate<'_>) -> Result<Self, CertificateError> {
        let validity = certificate.validity();
        let moment = |seconds| {
            Timestamp::from_second(seconds)
                .map_err(|_| CertificateError::Unreadable("the certificate's time"))
        };
        Ok(Self {
            from: moment(validity.not_before.timestamp())?,
            until: moment(validity.not_after.timestamp())?,
        })
    }

    /// What of it is also in another.
    pub(super) fn within(self, other: &Self) -> Self {
        Self {
            from: self.from.max(other.from),
            until: self.until.min(other.until),
        }
    }

    /// A third of the life is left, or it has not begun by a clock that went back.
    fn is_due(self, now: Timestamp) -> bool {
        let life: SignedDuration = self.until.duration_since(self.from);
        now < self.from || self.until.duration_since(now) <= life / 3
    }
}

/// A certificate with its key, ready for TLS.
#[derive(Clone)]
pub(super) struct Certificate {
    pub(super) key: Arc<CertifiedKey>,
    pub(super) validity: Validity,
}

impl Certificate {
    pub(super) fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
        validity: Validity,
    ) -> Result<Self, CertificateError> {
        let key = CertifiedKey::from_der(chain, key, &provider()).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => CertificateError::OtherKey,
            error => CertificateError::Unusable(error),
        })?;
        Ok(Self {
            key: Arc::new(key),
            validity,
        })
    }

    fn given(certificate: &[u8], key: &SecretBytes) -> Result<Self, CertificateError> {
        let what = "the certificate";
        let chain: Vec<_> = CertificateDer::pem_slice_iter(certificate)
            .collect::<Result<_, _>>()
            .map_err(|_| CertificateError::Unreadable(what))?;
        let first = chain.first().ok_or(CertificateError::Unreadable(what))?;
        let (_, own) =
            X509Certificate::from_der(first).map_err(|_| CertificateError::Unreadable(what))?;
        let validity = Validity::of(&own)?;
        let key = PrivateKeyDer::from_pem_slice(key.expose())
            .map_err(|_| CertificateError::Unreadable("the key"))?;
        Self::new(chain, key, validity)
    }
}

/// The one provider of cryptography, whatever a process has installed.
pub(super) fn provider() -> CryptoProvider {
    rustls::crypto::aws_lc_rs::default_provider()
}

/// What is made of a source, as long as it is to be shown.
pub(super) struct Current {
    pub(super) certificate: Certificate,
    /// Of what it was made from.
    made_from: u64,
}

impl Current {
    /// The certificate that a source gives now, where it is another than the one at hand.
    pub(super) fn next(
        source: &CertificateSource,
        at_hand: Option<&Self>,
        now: Timestamp,
    ) -> Result<Option<Self>, CertificateError> {
        let (certificate, key, names) = match source {
            CertificateSource::Given { certificate, key } => (certificate, key, None),
            CertificateSource::Signed {
                certificate,
                key,
                names,
            } => (certificate, key, Some(names)),
        };
        let (certificate, key) = (certificate.read()?, key.read()?);
        let made_from = fingerprint(&certificate, &key);
        // One that is given is shown for as long as it is given: another cannot be made.
        let is_due = |current: &Self| names.is_some() && current.certificate.validity.is_due(now);
        if at_hand.is_some_and(|current| current.made_from == made_from && !is_due(current)) {
            return Ok(None);
        }
        let certificate = match names {
            None => Certificate::given(certificate.expose(), &key)?,
            Some(names) => Authority::read(certificate.expose(), &key)?.sign(names, now)?,
        };
        Ok(Some(Self {
            certificate,
            made_from,
        }))
    }
}

impl Pem {
    fn read(&self) -> Result<SecretBytes, CertificateError> {
        match self {
            Self::Bytes(bytes) => Ok(bytes.clone()),
            Self::File(path) => match std::fs::read(path) {
                Ok(bytes) => Ok(SecretBytes::new(bytes)),
                Err(source) => Err(CertificateError::File {
                    path: path.clone(),
                    source,
                }),
            },
        }
    }
}

/// Tells whether files have changed; within this process, and nobody chooses them who could gain by its staying the same.
fn fingerprint(certificate: &SecretBytes, key: &SecretBytes) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    certificate.expose().hash(&mut hasher);
    key.expose().hash(&mut hasher);
    hasher.finish()
}

/// The certificate that new connections are shown. Those that are open go on as they began.
pub(super) struct Shown(RwLock<Arc<CertifiedKey>>);

impl Shown {
    pub(super) fn new(certificate: &Certificate) -> Self {
        Self(RwLock::new(certificate.key.clone()))
    }

    pub(super) fn show(&self, certificate: &Certificate) {
        // Whoever held it did nothing but clone or replace an `Arc`: it is whole.
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = certificate.key.clone();
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shown")
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let shown = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Some(shown.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
    use std::fs;
    use std::path::Path;

    const DAY: SignedDuration = SignedDuration::from_hours(24);

    fn now() -> Timestamp {
        "2026-11-01T12:00:00Z".parse().unwrap()
    }

    fn write_pair(folder: &Path, is_ca: bool) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["web.ops.svc".to_owned()]).unwrap();
        if is_ca {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        let certificate = params.self_signed(&key).unwrap();
        fs::write(folder.join("tls.crt"), certificate.pem()).unwrap();
        fs::write(folder.join("tls.key"), key.serialize_pem()).unwrap();
    }

    fn pair(folder: &Path) -> (Pem, Pem) {
        let file = |name: &str| Pem::File(folder.join(name));
        (file("tls.crt"), file("tls.key"))
    }

    fn signed(folder: &Path) -> CertificateSource {
        let (certificate, key) = pair(folder);
        CertificateSource::Signed {
            certificate,
            key,
            names: vec!["web.ops.svc".into()],
        }
    }

    fn given(folder: &Path) -> CertificateSource {
        let (certificate, key) = pair(folder);
        CertificateSource::Given { certificate, key }
    }

    fn first(source: &CertificateSource) -> Current {
        Current::next(source, None, now()).unwrap().unwrap()
    }

    #[test]
    fn a_leaf_is_made_anew_when_a_third_of_its_life_is_left() {
        let folder = tempfile::tempdir().unwrap();
        write_pair(folder.path(), true);
        let source = signed(folder.path());
        let current = first(&source);
        for (days, expected) in [(0, false), (59, false), (61, true), (100, true), (-1, true)] {
            let at = now() + DAY * days;
            let next = Current::next(&source, Some(&current), at).unwrap();
            assert_eq!(next.is_some(), expected, "after {days} days");
        }
    }

    #[test]
    fn another_authority_or_another_given_certificate_is_taken_at_once() {
        for source in [signed, given] {
            let folder = tempfile::tempdir().unwrap();
            write_pair(folder.path(), true);
            let source = source(folder.path());
            let current = first(&source);
            assert!(
                Current::next(&source, Some(&current), now())
                    .unwrap()
                    .is_none()
            );
            write_pair(folder.path(), true);
            assert!(
                Current::next(&source, Some(&current), now())
                    .unwrap()
                    .is_some()
            );
        }
    }

    #[test]
    fn a_given_certificate_is_shown_however_old_it_is() {
        let folder = tempfile::tempdir().unwrap();
        write_pair(folder.path(), false);
        let source = given(folder.path());
        let current = first(&source);
        let late = current.certificate.validity.until + DAY;
        assert!(
            Current::next(&source, Some(&current), late)
                .unwrap()
                .is_none()
        );
    }

    #[test]
    fn a_pair_that_was_half_written_is_refused() {
        for source in [signed, given] {
            let folder = tempfile::tempdir().unwrap();
            write_pair(folder.path(), true);
            let source = source(folder.path());
            let current = first(&source);
            let key = KeyPair::generate().unwrap().serialize_pem();
            fs::write(folder.path().join("tls.key"), key).unwrap();
            let next = Current::next(&source, Some(&current), now());
            assert!(matches!(next, Err(CertificateError::OtherKey)));
            fs::remove_file(folder.path().join("tls.key")).unwrap();
            let next = Current::next(&source, Some(&current), now());
            assert!(matches!(next, Err(CertificateError::File { .. })));
        }
    }

    #[test]
    fn what_is_told_of_a_source_holds_no_key() {
        let source = CertificateSource::Signed {
            certificate: Pem::Bytes(SecretBytes::from("certificate")),
            key: Pem::Bytes(SecretBytes::from("the key itself")),
            names: Vec::new(),
        };
        assert!(!format!("{source:?}").contains("the key itself"));
    }
}
