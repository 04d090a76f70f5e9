//! Values of the right shape, the same for the same place every time.

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{Purpose, SiteKeys};
use crate::graph::Handle;
use crate::value::SecretBytes;

/// The characters of a password.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Alphabet {
    /// Letters and digits, as Helm's `randAlphaNum` gives.
    Alphanumeric,
    /// Lower-case letters and digits.
    Lower,
    /// Hexadecimal digits.
    Hex,
    /// As [`Alphabet::Alphanumeric`] with `-` and `_`, as in URL-safe tokens.
    UrlSafe,
}

impl Alphabet {
    const fn letters(self) -> &'static [u8] {
        match self {
            Self::Alphanumeric => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
            Self::Lower => b"abcdefghijklmnopqrstuvwxyz0123456789",
            Self::Hex => b"0123456789abcdef",
            Self::UrlSafe => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
        }
    }
}

/// Makes the values of one place: one handle at one generation. A copy elsewhere is not what this gives there.
#[derive(Clone, Debug)]
pub struct Filler<'a> {
    keys: &'a SiteKeys,
    handle: &'a Handle,
    generation: u32,
}

impl<'a> Filler<'a> {
    /// The values of this place.
    #[must_use]
    pub fn new(keys: &'a SiteKeys, handle: &'a Handle, generation: u32) -> Self {
        Self {
            keys,
            handle,
            generation,
        }
    }

    /// Bytes for a topic, at most 8,160 (255 times 32, HKDF's limit).
    #[must_use]
    pub fn bytes(&self, topic: &str, length: usize) -> Zeroizing<Vec<u8>> {
        let seed = self
            .keys
            .bytes_for(Purpose::Values, self.handle, self.generation, topic);
        let mut out = Zeroizing::new(vec![0; length.min(255 * 32)]);
        let expanded =
            Hkdf::<Sha256>::new(None, seed.as_slice()).expand(b"value", out.as_mut_slice());
        debug_assert!(expanded.is_ok());
        out
    }

    /// A text of that many characters, each equally likely.
    #[must_use]
    pub fn text(&self, topic: &str, length: usize, alphabet: Alphabet) -> SecretBytes {
        let letters = alphabet.letters();
        // Bytes beyond the largest multiple are passed over, so that no letter is likelier than another.
        let fair = 256 - 256 % letters.len();
        let mut text = Zeroizing::new(Vec::with_capacity(length));
        let mut round = 0;
        while text.len() < length {
            let bytes = self.bytes(&format!("{topic}#{round}"), (2 * length).max(32));
            let fitting = bytes
                .iter()
                .map(|byte| usize::from(*byte))
                .filter(|byte| *byte < fair);
            let missing = length - text.len();
            text.extend(
                fitting
                    .take(missing)
                    .map(|byte| letters[byte % letters.len()]),
            );
            round += 1;
        }
        SecretBytes::new(text.as_slice())
    }

    /// A version 4 UUID (RFC 9562).
    #[must_use]
    pub fn uuid(&self, topic: &str) -> String {
        let bytes = self.bytes(topic, 16);
        let mut uuid = [0; 16];
        uuid.copy_from_slice(&bytes);
        super::own_call::uuid_text(uuid)
    }

    /// One of some words.
    #[must_use]
    pub fn choose<'w>(&self, topic: &str, words: &[&'w str]) -> &'w str {
        let bytes = self.bytes(topic, 8);
        let number = bytes
            .iter()
            .fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        let index = usize::try_from(number % words.len().max(1) as u64).unwrap_or_default();
        words.get(index).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disguise::Key;
    use crate::graph::ProviderId;

    fn keys() -> SiteKeys {
        Key::from_bytes([5; 32]).at_site(&ProviderId::new("kubernetes"), "site")
    }

    #[test]
    fn a_text_has_its_length_and_letters_and_is_the_same_every_time() {
        let keys = keys();
        let handle = Handle::scoped("Secret", "a", "b");
        let filler = Filler::new(&keys, &handle, 1);
        for alphabet in [
            Alphabet::Alphanumeric,
            Alphabet::Lower,
            Alphabet::Hex,
            Alphabet::UrlSafe,
        ] {
            for length in [1, 16, 300] {
                let text = filler.text("password", length, alphabet);
                assert_eq!(text.expose().len(), length);
                assert!(
                    text.expose()
                        .iter()
                        .all(|byte| alphabet.letters().contains(byte))
                );
                assert_eq!(text, filler.text("password", length, alphabet));
            }
        }
    }

    #[test]
    fn another_place_generation_or_topic_has_another_value() {
        let keys = keys();
        let here = Handle::scoped("Secret", "a", "b");
        let there = Handle::scoped("Secret", "a", "c");
        let of = |handle, generation, topic| {
            Filler::new(&keys, handle, generation).text(topic, 20, Alphabet::Lower)
        };
        let value = of(&here, 1, "x");
        assert_ne!(value, of(&there, 1, "x"));
        assert_ne!(value, of(&here, 2, "x"));
        assert_ne!(value, of(&here, 1, "y"));
    }

    #[test]
    fn a_uuid_is_of_version_four() {
        let keys = keys();
        let handle = Handle::scoped("Secret", "a", "b");
        let uuid = Filler::new(&keys, &handle, 1).uuid("id");
        assert_eq!(uuid.len(), 36);
        assert_eq!(uuid.as_bytes()[14], b'4');
        assert!(b"89ab".contains(&uuid.as_bytes()[19]));
    }
}
