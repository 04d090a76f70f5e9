//! A plan in a file: sealed, versioned, and tied to the configuration it was made from.

use serde::{Deserialize, Serialize};

use super::Plan;
use crate::disguise::{Digester, Key, Purpose, SealError, SealForm, open, seal};
use crate::value::Digest;

const FORM: SealForm = SealForm {
    magic: b"\x89SPLAN\r\n",
    version: 1,
    word: "plan",
};

/// Why a saved plan cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SavedError {
    /// It does not begin as one does.
    #[error("this is not a saved plan")]
    NotAPlan,
    /// It was written by a newer program.
    #[error("the plan has version {found}, and this program reads up to {}", FORM.version)]
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

impl From<SealError> for SavedError {
    fn from(error: SealError) -> Self {
        match error {
            SealError::Other => Self::NotAPlan,
            SealError::Newer { found, .. } => Self::Newer { found },
            SealError::Sealed => Self::Sealed,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Inside {
    config: Digest,
    plan: Plan,
}

fn digest(key: &Key, config: &str) -> Digest {
    Digester::new(&key.siteless(Purpose::Digests)).digest(config.as_bytes())
}

/// The bytes of a plan file.
///
/// # Errors
/// None in practice: every plan has a JSON form.
pub fn seal_saved(key: &Key, config: &str, plan: &Plan) -> Result<Vec<u8>, SavedError> {
    let inside = Inside {
        config: digest(key, config),
        plan: plan.clone(),
    };
    let text = serde_json::to_vec(&inside).map_err(|_| SavedError::NotAPlan)?;
    Ok(seal(key, &FORM, &text)?)
}

/// Opens a plan file. With `config`, it must have been made from that text.
///
/// # Errors
/// See [`SavedError`].
pub fn open_saved(key: &Key, config: Option<&str>, bytes: &[u8]) -> Result<Plan, SavedError> {
    let text = open(key, &FORM, bytes)?;
    let inside: Inside = serde_json::from_slice(&text).map_err(|_| SavedError::Sealed)?;
    if config.is_some_and(|config| digest(key, config) != inside.config) {
        return Err(SavedError::OtherConfig);
    }
    Ok(inside.plan)
}
