//! Sealed files: what is kept beside the ledger and names canaries.
//!
//! ```text
//! 8 magic · 2 version · 24 nonce · sealed text
//! ```

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};

use super::{Digester, Key, Purpose};

const NONCE: usize = 24;

/// What a kind of sealed file looks like from outside.
#[derive(Clone, Copy, Debug)]
pub struct SealForm {
    /// Its first bytes.
    pub magic: &'static [u8; 8],
    /// The version that is written, and the latest that is read.
    pub version: u16,
    /// A word of its own, so that no two kinds share a nonce.
    pub word: &'static str,
}

/// Why a sealed file cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// It does not begin as one does.
    #[error("this is no such file")]
    Other,
    /// It was written by a newer program.
    #[error("it has version {found}, and this program reads up to {reads}")]
    Newer {
        /// Its version.
        found: u16,
        /// What can be read.
        reads: u16,
    },
    /// It does not open: another key, or it was changed.
    #[error("it does not open: it was changed, or sealed with another key")]
    Sealed,
}

fn cipher(key: &Key) -> XChaCha20Poly1305 {
    let sealing = key.siteless(Purpose::Sealing);
    XChaCha20Poly1305::new(sealing.as_slice().try_into().unwrap_or(&[0; 32]).into())
}

/// Seals a text. The same text gives the same bytes.
///
/// # Errors
/// Only when it is longer than the cipher can take (256 GiB).
pub fn seal(key: &Key, form: &SealForm, text: &[u8]) -> Result<Vec<u8>, SealError> {
    let digester = Digester::new(&key.siteless(Purpose::Digests));
    let seed = digester.digest(&[form.word.as_bytes(), b"\0", text].concat());
    let nonce: [u8; NONCE] = seed.as_bytes()[..NONCE]
        .try_into()
        .map_err(|_| SealError::Sealed)?;
    let payload = Payload {
        msg: text,
        aad: form.magic,
    };
    let sealed = cipher(key)
        .encrypt(&XNonce::from(nonce), payload)
        .map_err(|_| SealError::Sealed)?;
    let version = form.version.to_be_bytes();
    Ok([form.magic.as_slice(), &version, &nonce, &sealed].concat())
}

/// Opens what was sealed.
///
/// # Errors
/// See [`SealError`].
pub fn open(key: &Key, form: &SealForm, bytes: &[u8]) -> Result<Vec<u8>, SealError> {
    let rest = bytes.strip_prefix(form.magic).ok_or(SealError::Other)?;
    let (version, rest) = rest.split_at_checked(2).ok_or(SealError::Other)?;
    let found = u16::from_be_bytes([version[0], version[1]]);
    if found > form.version {
        return Err(SealError::Newer {
            found,
            reads: form.version,
        });
    }
    let (nonce, sealed) = rest.split_at_checked(NONCE).ok_or(SealError::Sealed)?;
    let nonce: [u8; NONCE] = nonce.try_into().map_err(|_| SealError::Sealed)?;
    let payload = Payload {
        msg: sealed,
        aad: form.magic,
    };
    cipher(key)
        .decrypt(&XNonce::from(nonce), payload)
        .map_err(|_| SealError::Sealed)
}
