//! Where the records of pods are kept: small objects that are made once and never changed.
//!
//! ```text
//! commit     0000000042          what happened in one write
//! snapshot   0000000042-1-3      the first of three parts of everything up to commit 42
//!
//! bytes      8 magic · 2 version · 16 key id · 24 nonce · sealed entries, under the object's name
//! ```
//!
//! A commit is made only where none of its number is, so that of two writers one is refused. A snapshot counts once all its
//! parts are there, and then what it holds may go.

use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use super::PodEntry;
use crate::disguise::{Digester, Purpose, SiteKeys};

/// Says nothing of what it is for.
const MAGIC: &[u8; 8] = b"\x89SEGMT\r\n";
const VERSION: u16 = 1;
const KEY_ID: usize = 16;
const NONCE: usize = 24;
const HEADER: usize = 8 + 2 + KEY_ID + NONCE;
/// What Poly1305 adds.
const TAG: usize = 16;
/// An object of etcd is at most 1.5 MiB, and one of this size is read and written without notice.
pub(super) const LARGEST: usize = 64 * 1024;

/// Which object of the log it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum SegmentName {
    /// One write.
    Commit(u64),
    /// A part of everything up to a commit.
    Snapshot {
        /// The last commit that it holds.
        upto: u64,
        /// Which part, from 1.
        part: u32,
        /// Of how many.
        parts: u32,
    },
}

impl fmt::Display for SegmentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Commit(number) => write!(f, "{number:010}"),
            Self::Snapshot { upto, part, parts } => write!(f, "{upto:010}-{part}-{parts}"),
        }
    }
}

/// A text that is no name of a segment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no name of a segment")]
pub struct SegmentNameError(pub String);

impl FromStr for SegmentName {
    type Err = SegmentNameError;

    fn from_str(text: &str) -> Result<Self, SegmentNameError> {
        let refused = || SegmentNameError(text.to_owned());
        let mut parts = text.split('-');
        let number = parts.next().and_then(|digits| digits.parse().ok());
        let number = number.ok_or_else(refused)?;
        let rest: Vec<u32> = parts
            .map(|digits| digits.parse().map_err(|_| refused()))
            .collect::<Result<_, _>>()?;
        let name = match rest[..] {
            [] => Self::Commit(number),
            [part, parts] => Self::Snapshot {
                upto: number,
                part,
                parts,
            },
            _ => return Err(refused()),
        };
        // Written one way only, so that no two names mean one object.
        (name.to_string() == text)
            .then_some(name)
            .ok_or_else(refused)
    }
}

/// Why the place where segments are kept failed.
#[derive(Debug, thiserror::Error)]
pub enum SegmentsError {
    /// One of that name is there already: somebody else writes, or an answer of ours was lost.
    #[error("segment {0} is there already")]
    Exists(SegmentName),
    /// It may not be used by us.
    #[error("{place} is refused to us")]
    Denied {
        /// Where.
        place: String,
        /// What was answered.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It cannot be read or written now.
    #[error("{place} cannot be reached")]
    Unreachable {
        /// Where.
        place: String,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Keeps segments. Knows nothing of what they mean.
#[async_trait]
pub trait Segments: Send + Sync {
    /// Where, for people.
    fn place(&self) -> String;

    /// All that are there, in any order.
    ///
    /// # Errors
    /// When they cannot be read.
    async fn load(&self) -> Result<Vec<(SegmentName, Vec<u8>)>, SegmentsError>;

    /// Makes one where none of that name is.
    ///
    /// # Errors
    /// [`SegmentsError::Exists`] where one is; else when it could not be written, and perhaps was.
    async fn create(&self, name: SegmentName, bytes: &[u8]) -> Result<(), SegmentsError>;

    /// Removes one; one that is not there is no error.
    ///
    /// # Errors
    /// When it could not be removed, and perhaps was.
    async fn remove(&self, name: SegmentName) -> Result<(), SegmentsError>;
}

/// Why a segment cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SegmentError {
    /// It does not begin as one does.
    #[error("this is no segment")]
    Other,
    /// It was written by a newer program.
    #[error("it has version {found}, and this program reads up to {VERSION}")]
    Newer {
        /// Its version.
        found: u16,
    },
    /// It was sealed with another key.
    #[error("it was sealed with another key")]
    OtherKey,
    /// It does not open: it was changed or renamed.
    #[error("it is damaged")]
    Damaged,
}

/// Makes and reads the bytes of segments.
pub struct Seal {
    cipher: XChaCha20Poly1305,
    nonces: Digester,
    key_id: [u8; KEY_ID],
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal(secret)")
    }
}

impl Seal {
    /// Under the key of a site.
    #[must_use]
    pub fn new(keys: &SiteKeys) -> Self {
        let sealing = keys.sub_key(Purpose::Sealing);
        let nonces = keys.digester();
        let mut key_id = [0; KEY_ID];
        key_id.copy_from_slice(&nonces.digest(b"segment key id").as_bytes()[..KEY_ID]);
        Self {
            cipher: XChaCha20Poly1305::new(
                sealing.as_slice().try_into().unwrap_or(&[0; 32]).into(),
            ),
            nonces,
            key_id,
        }
    }

    /// So many bytes a segment with these entries has at most.
    pub(super) fn room(entries: &[PodEntry]) -> usize {
        HEADER + TAG + 5 + entries.iter().map(size).sum::<usize>()
    }

    /// The bytes of a segment.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "every entry has a stored form, and sealing fails only beyond 256 GiB"
    )]
    pub fn seal(&self, name: SegmentName, entries: &[PodEntry]) -> Vec<u8> {
        let text =
            Zeroizing::new(postcard::to_allocvec(entries).expect("every entry has a stored form"));
        let name = name.to_string();
        // Derived from name and content: the same segment has the same bytes, and two contents never share a nonce.
        let seed = self
            .nonces
            .digest(&[name.as_bytes(), b"\0", &text].concat());
        let nonce: [u8; NONCE] = seed.as_bytes()[..NONCE].try_into().expect("24 of 32 bytes");
        let payload = Payload {
            msg: &text,
            aad: name.as_bytes(),
        };
        let sealed = self
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .expect("sealing fails only beyond 256 GiB");
        [
            MAGIC,
            &VERSION.to_be_bytes()[..],
            &self.key_id,
            &nonce,
            &sealed,
        ]
        .concat()
    }

    /// What is in a segment.
    ///
    /// # Errors
    /// See [`SegmentError`].
    pub fn open(&self, name: SegmentName, bytes: &[u8]) -> Result<Vec<PodEntry>, SegmentError> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(SegmentError::Other)?;
        let (version, rest) = rest.split_first_chunk::<2>().ok_or(SegmentError::Other)?;
        let found = u16::from_be_bytes(*version);
        if found > VERSION {
            return Err(SegmentError::Newer { found });
        }
        let (key_id, rest) = rest
            .split_first_chunk::<KEY_ID>()
            .ok_or(SegmentError::Damaged)?;
        if *key_id != self.key_id {
            return Err(SegmentError::OtherKey);
        }
        let (nonce, sealed) = rest
            .split_first_chunk::<NONCE>()
            .ok_or(SegmentError::Damaged)?;
        let name = name.to_string();
        let payload = Payload {
            msg: sealed,
            aad: name.as_bytes(),
        };
        let text = self
            .cipher
            .decrypt(&XNonce::from(*nonce), payload)
            .map(Zeroizing::new)
            .map_err(|_| SegmentError::Damaged)?;
        postcard::from_bytes(&text).map_err(|_| SegmentError::Damaged)
    }
}

/// How long the stored form of an entry is.
pub(super) fn size(entry: &PodEntry) -> usize {
    // An entry without a stored form does not exist; it would be refused when it is sealed.
    postcard::experimental::serialized_size(entry).unwrap_or(LARGEST)
}
