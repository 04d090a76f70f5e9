//! Chance, handed in as a seed, and what AWS makes of it.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

/// Bytes that a seed gives, a stream of its own for each purpose: what is done at the same time elsewhere changes nothing here.
#[derive(Clone)]
pub(super) struct Entropy {
    seed: [u8; 32],
    /// How often each stream was drawn from.
    drawn: BTreeMap<[u8; 32], u64>,
}

impl Entropy {
    pub(super) fn new(seed: [u8; 32]) -> Self {
        Self {
            seed,
            drawn: BTreeMap::new(),
        }
    }

    /// The next bytes for a purpose and what it is about.
    pub(super) fn bytes(&mut self, purpose: &str, about: &str) -> [u8; 32] {
        let label = self.label(purpose, about);
        let drawn = self.drawn.entry(label).or_default();
        let mut hash = Sha256::new();
        hash.update(label);
        hash.update(drawn.to_be_bytes());
        *drawn += 1;
        hash.finalize().into()
    }

    /// A version 4 UUID (RFC 9562).
    pub(super) fn uuid(&mut self, purpose: &str, about: &str) -> String {
        uuid(self.bytes(purpose, about))
    }

    /// A version 4 UUID that belongs to something unique: always the same.
    pub(super) fn uuid_of(&self, purpose: &str, unique: &str) -> String {
        uuid(self.label(purpose, unique))
    }

    fn label(&self, purpose: &str, about: &str) -> [u8; 32] {
        let mut label = Sha256::new();
        label.update(self.seed);
        label.update(purpose.as_bytes());
        label.update([0]);
        label.update(about.as_bytes());
        label.finalize().into()
    }

    /// The id of a user (`AIDA`) or role (`AROA`): 21 characters.
    pub(super) fn unique_id(&mut self, prefix: &str, account: &str, about: &str) -> String {
        self.id(prefix, account, about, 17)
    }

    /// The id of an access key (`AKIA`, of a session `ASIA`): 20 characters.
    pub(super) fn key_id(&mut self, prefix: &str, account: &str, about: &str) -> String {
        self.id(prefix, account, about, 16)
    }

    fn id(&mut self, prefix: &str, account: &str, about: &str, characters: usize) -> String {
        let chance = self.bytes(prefix, about);
        let mut id = prefix.to_owned();
        id.push_str(&base32(&with_account(account, &chance), characters));
        id
    }

    /// A secret access key: 40 characters of base64.
    pub(super) fn secret_key(&mut self, about: &str) -> String {
        STANDARD.encode(&self.bytes("secret key", about)[..30])
    }

    /// Text of base64 as tokens have it, so many times 32 bytes.
    pub(super) fn token(&mut self, purpose: &str, about: &str, blocks: usize) -> String {
        let bytes: Vec<u8> = (0..blocks)
            .flat_map(|_| self.bytes(purpose, about))
            .collect();
        STANDARD.encode(bytes)
    }

    /// Letters and digits, as behind the name in a secret's ARN.
    pub(super) fn suffix(&mut self, purpose: &str, about: &str, characters: usize) -> String {
        const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        self.bytes(purpose, about)
            .iter()
            .take(characters)
            .map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]))
            .collect()
    }
}

fn uuid(mut bytes: [u8; 32]) -> String {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = hex(&bytes[..16]);
    [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ]
    .join("-")
}

/// The account stands in the first six bytes of what an id encodes: 40 bits, seven bits from the right, below a bit that is set in
/// every id made since 2019. What is left is chance.
fn with_account(account: &str, chance: &[u8; 32]) -> [u8; 11] {
    let account: u64 = account.parse().unwrap_or_default();
    let low = u64::from(chance[0] & 0x7f);
    let head = 1 << 47 | account << 7 & 0x7fff_ffff_ff80 | low;
    let mut bytes = [0; 11];
    bytes[..6].copy_from_slice(&head.to_be_bytes()[2..]);
    bytes[6..].copy_from_slice(&chance[1..6]);
    bytes
}

/// RFC 4648 without padding, the first so many characters.
fn base32(bytes: &[u8], characters: usize) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let bit = |at: usize| {
        let byte = bytes.get(at / 8).copied().unwrap_or_default();
        usize::from(byte >> (7 - at % 8) & 1)
    };
    (0..characters)
        .map(|character| (0..5).fold(0, |value, at| value << 1 | bit(character * 5 + at)))
        .map(|value| char::from(ALPHABET[value]))
        .collect()
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As tools that look for canaries decode it.
    fn account_of(id: &str) -> u64 {
        let bits = id[4..14].bytes().fold(0_u64, |bits, byte| {
            let value = match byte {
                b'A'..=b'Z' => byte - b'A',
                _ => byte - b'2' + 26,
            };
            bits << 5 | u64::from(value)
        });
        (bits >> 2 & 0x7fff_ffff_ff80) >> 7
    }

    #[test]
    fn the_account_is_read_back_from_a_key_id() {
        assert_eq!(account_of("AKIAYVP4CIPPERUVIFXG"), 595_918_472_158);
        let mut entropy = Entropy::new([7; 32]);
        for account in ["000000000001", "123456789012", "999999999999"] {
            let id = entropy.key_id("AKIA", account, "somebody");
            assert_eq!(id.len(), 20);
            assert_eq!(format!("{:012}", account_of(&id)), account);
            let id = entropy.unique_id("AIDA", account, "somebody");
            assert_eq!(id.len(), 21);
            assert_eq!(format!("{:012}", account_of(&id)), account);
        }
    }

    #[test]
    fn what_is_drawn_for_one_changes_nothing_for_another() {
        let mut alone = Entropy::new([1; 32]);
        let mut busy = Entropy::new([1; 32]);
        busy.uuid("event", "b");
        assert_eq!(alone.uuid("event", "a"), busy.uuid("event", "a"));
        assert_ne!(alone.uuid("event", "a"), alone.uuid("event", "b"));
        assert_eq!(alone.secret_key("a").len(), 40);
    }
}
