//! Key pairs and certificates that parse and verify, the same for the same place every time.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use canary_core::disguise::Filler;
use canary_core::value::SecretBytes;
use jiff::{SignedDuration, Timestamp};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey as EcdsaKey};
use p256::elliptic_curve::sec1::ToSec1Point as _;
use p256::pkcs8::{EncodePrivateKey as _, LineEnding};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyUsagePurpose, PublicKeyData, SerialNumber, SignatureAlgorithm, SigningKey,
};

/// A P-256 key. Signs deterministically (RFC 6979), so that a certificate is the same every time.
pub(super) struct KeyPair {
    secret: p256::SecretKey,
    point: Vec<u8>,
}

impl KeyPair {
    /// The key of a place and topic.
    pub(super) fn derive(filler: &Filler<'_>, topic: &str) -> Option<Self> {
        // One in 2^32 values is no key; the next one is tried.
        let secret = (0..4).find_map(|round| {
            let bytes = filler.bytes(&format!("{topic}#{round}"), 32);
            p256::SecretKey::from_slice(&bytes).ok()
        })?;
        let point = secret.public_key().to_sec1_point(false).as_bytes().to_vec();
        Some(Self { secret, point })
    }

    /// PKCS#8 PEM.
    pub(super) fn to_pem(&self) -> Option<SecretBytes> {
        let pem = self.secret.to_pkcs8_pem(LineEnding::LF).ok()?;
        Some(SecretBytes::from(pem.as_str()))
    }
}

impl PublicKeyData for KeyPair {
    fn der_bytes(&self) -> &[u8] {
        &self.point
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

impl SigningKey for KeyPair {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let signature: Signature = EcdsaKey::from(&self.secret).sign(message);
        Ok(signature.to_der().as_bytes().to_vec())
    }
}

/// A server's certificate with its key and the authority that signed it, all PEM.
pub(super) struct Certificate {
    pub(super) certificate: SecretBytes,
    pub(super) key: SecretBytes,
    pub(super) authority: SecretBytes,
}

/// An authority lives ten years, as cert-manager's and kubeadm's do.
const AUTHORITY: SignedDuration = SignedDuration::from_hours(10 * 365 * 24);
/// A certificate lives a year, as those made by hand do.
const LEAF: SignedDuration = SignedDuration::from_hours(365 * 24);

/// The certificate of a host. Dates count from the day of `born`.
pub(super) fn certificate(
    filler: &Filler<'_>,
    host: &str,
    authority: &str,
    born: Timestamp,
) -> Option<Certificate> {
    let day = Timestamp::from_second(born.as_second().div_euclid(86_400) * 86_400).ok()?;
    let root_key = KeyPair::derive(filler, "authority key")?;
    let mut root = params(filler, authority, "authority serial", day, AUTHORITY)?;
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    root.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let root_pem = root.self_signed(&root_key).ok()?.pem();
    let issuer = Issuer::new(root, root_key);
    let key = KeyPair::derive(filler, "key")?;
    let mut leaf = params(filler, host, "serial", day, LEAF)?;
    leaf.subject_alt_names = vec![rcgen::SanType::DnsName(host.try_into().ok()?)];
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    leaf.use_authority_key_identifier_extension = true;
    let certificate = leaf.signed_by(&key, &issuer).ok()?.pem();
    Some(Certificate {
        certificate: certificate.into(),
        key: key.to_pem()?,
        authority: root_pem.into(),
    })
}

fn params(
    filler: &Filler<'_>,
    name: &str,
    serial: &str,
    day: Timestamp,
    life: SignedDuration,
) -> Option<CertificateParams> {
    let mut params = CertificateParams::default();
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, name);
    params.distinguished_name = subject;
    let mut number = filler.bytes(serial, 16).to_vec();
    // A serial number is positive (RFC 5280).
    number[0] &= 0x7f;
    params.serial_number = Some(SerialNumber::from_slice(&number));
    params.not_before = date(day)?;
    params.not_after = date(day.checked_add(life).ok()?)?;
    Some(params)
}

fn date(moment: Timestamp) -> Option<time::OffsetDateTime> {
    time::OffsetDateTime::from_unix_timestamp(moment.as_second()).ok()
}

/// An OpenSSH key pair: the private key file, and the line for `authorized_keys`.
pub(super) fn ssh_key(filler: &Filler<'_>, comment: &str) -> Option<(SecretBytes, String)> {
    let pair = KeyPair::derive(filler, "ssh key")?;
    let kind = b"ecdsa-sha2-nistp256";
    let mut public = Vec::new();
    for part in [&kind[..], b"nistp256", &pair.point] {
        string(&mut public, part);
    }
    let mut private = Vec::new();
    let check = filler.bytes("ssh check", 4);
    private.extend_from_slice(&check);
    private.extend_from_slice(&check);
    private.extend_from_slice(&public);
    string(&mut private, &positive(&pair.secret.to_bytes()));
    string(&mut private, comment.as_bytes());
    // PROTOCOL.key of OpenSSH: padded with 1, 2, 3, … to the block size, which is 8 without a cipher.
    for byte in 1..=8 {
        if private.len() % 8 == 0 {
            break;
        }
        private.push(byte);
    }
    let mut file = b"openssh-key-v1\0".to_vec();
    for part in [&b"none"[..], b"none", b""] {
        string(&mut file, part);
    }
    file.extend_from_slice(&1_u32.to_be_bytes());
    string(&mut file, &public);
    string(&mut file, &private);
    let mut text = String::from("-----BEGIN OPENSSH PRIVATE KEY-----\n");
    for line in STANDARD.encode(file).as_bytes().chunks(70) {
        text.push_str(std::str::from_utf8(line).ok()?);
        text.push('\n');
    }
    text.push_str("-----END OPENSSH PRIVATE KEY-----\n");
    let line = format!(
        "ecdsa-sha2-nistp256 {} {comment}\n",
        STANDARD.encode(public)
    );
    Some((text.into(), line))
}

/// SSH's string: its length in four bytes, then itself (RFC 4251).
fn string(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(bytes);
}

/// SSH's mpint of a positive number: no leading zeros but one where the first bit is set (RFC 4251).
fn positive(number: &[u8]) -> Vec<u8> {
    let first = number
        .iter()
        .position(|byte| *byte != 0)
        .unwrap_or(number.len());
    let mut out = number[first..].to_vec();
    if out.first().is_some_and(|byte| byte & 0x80 != 0) {
        out.insert(0, 0);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use canary_core::disguise::Key;
    use canary_core::graph::{Handle, ProviderId};
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    fn with_filler(test: impl Fn(&Filler<'_>)) {
        let keys = Key::from_bytes([5; 32]).at_site(&ProviderId::new("kubernetes"), "site");
        for i in 0..8 {
            let handle = Handle::scoped("Secret", "a", &format!("b{i}"));
            test(&Filler::new(&keys, &handle, 1));
        }
    }

    fn born() -> Timestamp {
        "2026-11-01T12:34:56Z".parse().unwrap()
    }

    #[test]
    fn a_certificate_verifies_under_its_authority_and_is_the_same_every_time() {
        with_filler(|filler| {
            let made = certificate(filler, "db.payments.svc", "payments-ca", born()).unwrap();
            let again = certificate(filler, "db.payments.svc", "payments-ca", born()).unwrap();
            assert_eq!(made.certificate, again.certificate);
            assert_eq!(made.key, again.key);
            let folder = std::env::temp_dir().join(format!("verify-{}", std::process::id()));
            std::fs::create_dir_all(&folder).unwrap();
            let file = |name: &str, content: &SecretBytes| {
                let path = folder.join(name);
                std::fs::write(&path, content.expose()).unwrap();
                path
            };
            let ca = file("ca.crt", &made.authority);
            let leaf = file("tls.crt", &made.certificate);
            let verified = Command::new("openssl")
                .args(["verify", "-attime", "1793577600", "-CAfile"])
                .args([&ca, &leaf])
                .output();
            let Ok(verified) = verified else {
                eprintln!("SKIPPED: there is no openssl to verify with");
                return;
            };
            assert!(verified.status.success(), "{verified:?}");
            std::fs::remove_dir_all(&folder).unwrap();
        });
    }

    #[test]
    fn an_ssh_key_is_read_by_openssh_and_gives_its_public_line() {
        with_filler(|filler| {
            let (private, public) = ssh_key(filler, "deploy@ci").unwrap();
            let path = std::env::temp_dir().join(format!("ssh-{}", std::process::id()));
            std::fs::write(&path, private.expose()).unwrap();
            std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))
                .unwrap();
            let read = Command::new("ssh-keygen")
                .arg("-y")
                .arg("-f")
                .arg(&path)
                .output();
            std::fs::remove_file(&path).unwrap();
            let Ok(read) = read else {
                eprintln!("SKIPPED: there is no ssh-keygen to read with");
                return;
            };
            assert!(read.status.success(), "{read:?}");
            assert_eq!(
                String::from_utf8(read.stdout).unwrap().trim(),
                public.trim()
            );
        });
    }

    #[test]
    fn a_private_key_is_read_by_openssl() {
        with_filler(|filler| {
            let pem = KeyPair::derive(filler, "key").unwrap().to_pem().unwrap();
            let child = Command::new("openssl")
                .args(["pkey", "-noout", "-check"])
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .spawn();
            let Ok(mut child) = child else {
                eprintln!("SKIPPED: there is no openssl to read with");
                return;
            };
            child.stdin.take().unwrap().write_all(pem.expose()).unwrap();
            assert!(child.wait().unwrap().success());
        });
    }
}
