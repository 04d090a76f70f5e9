//! How far a file was read, in a form that outlives a rotation and a restart.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The form's version. A later one may hold more; one that this program does not know is refused.
const VERSION: u32 = 1;

/// So much of a file's beginning is kept to know it again.
pub(super) const HEAD: usize = 256;
/// Fewer bytes do not tell one file from another: a record's audit id ends at its 121st byte at the latest.
pub(super) const TELLING: usize = 128;

/// Where reading goes on, in every file that is not read to its end for good; the newest is the last.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Position {
    version: u32,
    pub(super) files: Vec<Place>,
}

/// A place in a file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Place {
    /// The device and the inode the file had.
    pub(super) device: u64,
    pub(super) inode: u64,
    /// Where the first line begins that was not handed out, in bytes of the (unpacked) text.
    pub(super) offset: u64,
    /// What the file begins with.
    pub(super) head: HeadHash,
}

/// What a file begins with, hashed: the position is kept where an audit log is not.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct HeadHash {
    /// So many bytes were hashed, at most [`HEAD`].
    pub(super) length: usize,
    /// Their SHA-256 in hex.
    pub(super) sha256: String,
}

impl HeadHash {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let hash = Sha256::digest(bytes);
        Self {
            length: bytes.len(),
            sha256: hash.iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }

    /// Whether a file that begins with `head` is that file, grown or not. An empty beginning says nothing.
    pub(super) fn fits(&self, head: &[u8]) -> bool {
        self.length > 0
            && head
                .get(..self.length)
                .is_some_and(|head| Self::of(head) == *self)
    }
}

/// Why a position cannot be gone on from.
#[derive(Debug, thiserror::Error)]
#[error("the kept position of the audit log cannot be used: {problem}")]
pub struct PositionError {
    problem: String,
    #[source]
    source: Option<serde_json::Error>,
}

impl Position {
    pub(super) fn new(files: Vec<Place>) -> Self {
        Self {
            version: VERSION,
            files,
        }
    }

    /// The form that is kept.
    pub(super) fn write(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    pub(super) fn parse(text: &str) -> Result<Self, PositionError> {
        let position: Self = serde_json::from_str(text).map_err(|source| PositionError {
            problem: "it is not one of ours".to_owned(),
            source: Some(source),
        })?;
        if position.version == VERSION {
            return Ok(position);
        }
        Err(PositionError {
            problem: format!("its form {} is newer than {VERSION}", position.version),
            source: None,
        })
    }
}
