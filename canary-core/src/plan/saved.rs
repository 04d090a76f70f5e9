//! A plan in a file: sealed, versioned, and tied to the configuration it was made from.
//!
//! ```text
//! 8 magic · 2 version · 24 nonce · sealed JSON
//! ```

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};

use super::Plan;
use crate::disguise::{Digester, Key, Purpose};
use crate::value::Digest;

const MAGIC: &[u8; 8] = b"\x89SPLAN\r\n";
const VERSION: u16 = 1;
const NONCE: usize = 24;

/// Why a saved plan cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SavedError {
    /// It does not begin as one does.
    #[error("this is not a saved plan")]
    NotAPlan,
    /// It was written by a newer program.
    #[error("the plan has version {found}, and this program reads up to {VERSION}")]
    Newer {
        /// Its version.
        found: u16,
    },
    /// It does not open: another key, or it was changed.
    #[error("the plan does not open: it was changed, or sealed with another key")]
    Sealed,
    /// It was made from another configuration.
    #[error("the plan was made from another configuration")]
    OtherConfig,
}

#[derive(Serialize, Deserialize)]
struct Inside {
    config: Digest,
    plan: Plan,
}

fn cipher(key: &Key) -> XChaCha20Poly1305 {
    let sealing = key.siteless(Purpose::Sealing);
    XChaCha20Poly1305::new(sealing.as_slice().try_into().unwrap_or(&[0; 32]).into())
}

fn digester(key: &Key) -> Digester {
    Digester::new(&key.siteless(Purpose::Digests))
}

/// The bytes of a plan file.
///
/// # Errors
/// None in practice: every plan has a JSON form.
pub fn seal_saved(key: &Key, config: &str, plan: &Plan) -> Result<Vec<u8>, SavedError> {
    let digester = digester(key);
    let inside = Inside {
        config: digester.digest(config.as_bytes()),
        plan: plan.clone(),
    };
    let text = serde_json::to_vec(&inside).map_err(|_| SavedError::NotAPlan)?;
    let mut bytes = MAGIC.to_vec();
    bytes.extend(VERSION.to_be_bytes());
    // Derived from the content, with a word of its own so that no ledger entry shares a nonce.
    let seed = digester.digest(&[b"plan\0", text.as_slice()].concat());
    let nonce: [u8; NONCE] = seed.as_bytes()[..NONCE]
        .try_into()
        .map_err(|_| SavedError::Sealed)?;
    let payload = Payload {
        msg: &text,
        aad: MAGIC,
    };
    let sealed = cipher(key)
        .encrypt(&XNonce::from(nonce), payload)
        .map_err(|_| SavedError::Sealed)?;
    bytes.extend(nonce);
    bytes.extend(sealed);
    Ok(bytes)
}

/// Opens a plan file. With `config`, it must have been made from that text.
///
/// # Errors
/// See [`SavedError`].
pub fn open_saved(key: &Key, config: Option<&str>, bytes: &[u8]) -> Result<Plan, SavedError> {
    let rest = bytes.strip_prefix(MAGIC).ok_or(SavedError::NotAPlan)?;
    let (version, rest) = rest.split_at_checked(2).ok_or(SavedError::NotAPlan)?;
    let found = u16::from_be_bytes([version[0], version[1]]);
    if found > VERSION {
        return Err(SavedError::Newer { found });
    }
    let (nonce, sealed) = rest.split_at_checked(NONCE).ok_or(SavedError::Sealed)?;
    let nonce: [u8; NONCE] = nonce.try_into().map_err(|_| SavedError::Sealed)?;
    let payload = Payload {
        msg: sealed,
        aad: MAGIC,
    };
    let text = cipher(key)
        .decrypt(&XNonce::from(nonce), payload)
        .map_err(|_| SavedError::Sealed)?;
    let inside: Inside = serde_json::from_slice(&text).map_err(|_| SavedError::Sealed)?;
    if config.is_some_and(|config| digester(key).digest(config.as_bytes()) != inside.config) {
        return Err(SavedError::OtherConfig);
    }
    Ok(inside.plan)
}
