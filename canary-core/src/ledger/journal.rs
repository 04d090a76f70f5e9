//! The bytes of a journal: a header, then sealed frames.
//!
//! ```text
//! header   8 magic · 2 version · 16 key id                                     = 26 bytes
//! frame    4 length (big endian) · 24 nonce · sealed JSON of one [`Entry`]
//! ```
//!
//! Each frame is sealed with its own position in the journal as associated data and a nonce derived from key, position
//! and content, so frames cannot be swapped, left out or moved. A journal that ends in the middle of a frame is *torn*:
//! that write was never acknowledged, and what stands before it is whole.

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use super::Entry;
use crate::disguise::{Digester, Key, Purpose};

/// Marks the file; says nothing of what it is for.
const MAGIC: &[u8; 8] = b"\x89SLEDG\r\n";
/// The version written. A reader refuses what is newer.
const VERSION: u16 = 1;
const KEY_ID: usize = 16;
const HEADER: usize = 8 + 2 + KEY_ID;
const NONCE: usize = 24;
/// Larger frames are damage: an entry is some kilobytes, a Kubernetes object at most 1.5 MiB.
const LARGEST: usize = 16 * 1024 * 1024;

/// Why a journal cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// It does not begin as a journal does.
    #[error("this is not a ledger")]
    NotALedger,
    /// It was written by a newer program.
    #[error("the ledger has version {found}, and this program reads up to {VERSION}")]
    Newer {
        /// Its version.
        found: u16,
    },
    /// It was sealed with another key.
    #[error("the ledger was sealed with another key")]
    OtherKey,
    /// A frame does not open: it was changed, moved, or cut out.
    #[error("the ledger is damaged at byte {offset}, in entry {entry}")]
    Damaged {
        /// Where the frame begins.
        offset: usize,
        /// Which entry it would be.
        entry: u64,
    },
}

/// A tail that was never acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Torn {
    /// How many bytes of it there are.
    pub bytes: usize,
    /// How long the whole part is.
    pub whole: usize,
}

/// Makes and reads the bytes of one journal.
pub struct Journal {
    cipher: XChaCha20Poly1305,
    nonces: Digester,
    key_id: [u8; KEY_ID],
}

impl Journal {
    /// A journal sealed under this key.
    #[must_use]
    pub fn new(key: &Key) -> Self {
        let sealing = key.siteless(Purpose::Sealing);
        let digests = key.siteless(Purpose::Digests);
        let nonces = Digester::new(&digests);
        let mut key_id = [0; KEY_ID];
        key_id.copy_from_slice(&nonces.digest(b"key id").as_bytes()[..KEY_ID]);
        Self {
            cipher: XChaCha20Poly1305::new(
                sealing.as_slice().try_into().unwrap_or(&[0; 32]).into(),
            ),
            nonces,
            key_id,
        }
    }

    /// The beginning of every journal.
    #[must_use]
    pub fn header(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(VERSION.to_be_bytes());
        bytes.extend(self.key_id);
        bytes
    }

    /// The frames for entries that follow the first `position` ones.
    #[must_use]
    pub fn frames(&self, position: u64, entries: &[Entry]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (i, entry) in entries.iter().enumerate() {
            self.frame(position + i as u64, entry, &mut bytes);
        }
        bytes
    }

    #[expect(
        clippy::expect_used,
        reason = "every entry has a JSON form, and sealing fails only beyond 256 GiB"
    )]
    fn frame(&self, position: u64, entry: &Entry, out: &mut Vec<u8>) {
        let text = Zeroizing::new(serde_json::to_vec(entry).expect("every entry has a JSON form"));
        let place = position.to_be_bytes();
        // Derived from position and content: the same journal gives the same bytes, and two contents never share one.
        let seed = self.nonces.digest(&[&place[..], &text].concat());
        let nonce: [u8; NONCE] = seed.as_bytes()[..NONCE].try_into().expect("24 of 32 bytes");
        let payload = Payload {
            msg: &text,
            aad: &place,
        };
        let sealed = self
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .expect("sealing fails only beyond 256 GiB");
        let length = u32::try_from(NONCE + sealed.len()).unwrap_or(u32::MAX);
        out.extend(length.to_be_bytes());
        out.extend(nonce);
        out.extend(sealed);
    }

    /// Reads a journal. No bytes are an empty one.
    ///
    /// # Errors
    /// When it is not ours to read or is damaged. A torn tail is no error.
    pub fn read(&self, bytes: &[u8]) -> Result<(Vec<Entry>, Option<Torn>), JournalError> {
        let mut entries = Vec::new();
        let torn = self.replay(bytes, |entry| entries.push(entry))?;
        Ok((entries, torn))
    }

    /// Reads a journal and hands out each entry as soon as it is opened: most of them are outdated by later ones, and
    /// all of them at once would be several times the ledger.
    ///
    /// # Errors
    /// As [`Journal::read`]. What was handed out before counts for nothing then.
    pub fn replay(
        &self,
        bytes: &[u8],
        mut take: impl FnMut(Entry),
    ) -> Result<Option<Torn>, JournalError> {
        if bytes.is_empty() {
            return Ok(None);
        }
        if bytes.len() < HEADER && self.header().starts_with(bytes) {
            return Ok(Some(Torn {
                bytes: bytes.len(),
                whole: 0,
            }));
        }
        self.check_header(bytes)?;
        let mut offset = HEADER;
        let mut entry = 0;
        while offset < bytes.len() {
            let torn = Torn {
                bytes: bytes.len() - offset,
                whole: offset,
            };
            let Some(frame) = whole_frame(&bytes[offset..]) else {
                return Ok(Some(torn));
            };
            let damaged = JournalError::Damaged { offset, entry };
            if frame.len() > LARGEST {
                return Err(damaged);
            }
            take(self.open(entry, frame).ok_or(damaged)?);
            offset += 4 + frame.len();
            entry += 1;
        }
        Ok(None)
    }

    fn check_header(&self, bytes: &[u8]) -> Result<(), JournalError> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(JournalError::NotALedger)?;
        if rest.len() < 2 + KEY_ID {
            return Err(JournalError::NotALedger);
        }
        let found = u16::from_be_bytes([rest[0], rest[1]]);
        if found > VERSION {
            return Err(JournalError::Newer { found });
        }
        if rest[2..2 + KEY_ID] != self.key_id {
            return Err(JournalError::OtherKey);
        }
        Ok(())
    }

    fn open(&self, position: u64, frame: &[u8]) -> Option<Entry> {
        let (nonce, sealed) = frame.split_at_checked(NONCE)?;
        let nonce: [u8; NONCE] = nonce.try_into().ok()?;
        let payload = Payload {
            msg: sealed,
            aad: &position.to_be_bytes(),
        };
        let text = Zeroizing::new(self.cipher.decrypt(&XNonce::from(nonce), payload).ok()?);
        serde_json::from_slice(&text).ok()
    }
}

fn whole_frame(bytes: &[u8]) -> Option<&[u8]> {
    let (length, rest) = bytes.split_at_checked(4)?;
    let length = u32::from_be_bytes(length.try_into().ok()?) as usize;
    rest.get(..length)
}
