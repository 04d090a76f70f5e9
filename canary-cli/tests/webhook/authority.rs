//! An authority as an installer makes one.

use std::fs;
use std::path::Path;

use canary_cli::agent::webhook::{CertificateSource, Pem};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair};

/// Its certificate and key, PEM.
pub(crate) struct Authority {
    pub(crate) certificate: String,
    key: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, "settings");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self {
            certificate: params.self_signed(&key).unwrap().pem(),
            key: key.serialize_pem(),
        }
    }

    /// As a mounted Secret has it.
    pub(crate) fn write(&self, folder: &Path) {
        fs::write(folder.join("tls.key"), &self.key).unwrap();
        fs::write(folder.join("tls.crt"), &self.certificate).unwrap();
    }

    pub(crate) fn in_files(folder: &Path) -> CertificateSource {
        let file = |name: &str| Pem::File(folder.join(name));
        signed(file("tls.crt"), file("tls.key"))
    }

    pub(crate) fn source(&self) -> CertificateSource {
        let bytes = |text: &str| Pem::Bytes(text.into());
        signed(bytes(&self.certificate), bytes(&self.key))
    }
}

fn signed(certificate: Pem, key: Pem) -> CertificateSource {
    CertificateSource::Signed {
        certificate,
        key,
        // The first as the API server calls it in these tests, the second as their own client does.
        names: vec!["127.0.0.1".into(), "localhost".into()],
    }
}
