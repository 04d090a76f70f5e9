//! The proof that a request was ours, in the form of an ordinary UUID.
//!
//! ```text
//! 128 bits   4 version · 2 variant · 48 hidden · 74 tag
//! hidden     32 seconds since the epoch · 16 nonce, XOR a pad that is derived from the tag
//! tag        HMAC-SHA256(key, method · path and query · seconds · nonce), its first 74 bits
//! ```
//!
//! The tag is a MAC over everything, and the pad depends on the tag, so every bit looks random and no bit can be changed.
//! 74 bits cannot be guessed; 16 bits of nonce keep equal requests of one second apart. A copy of the id is a copy: the
//! detector tells it by its other time of arrival.

use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{Purpose, SiteKeys};

/// Bytes of chance that each call needs.
pub const NONCE: usize = 2;

/// How far the server's clock may be from ours.
const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// Makes and checks the audit ids of our own calls at one site.
#[derive(Clone)]
pub struct OwnCalls {
    key: Zeroizing<[u8; 32]>,
}

impl std::fmt::Debug for OwnCalls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OwnCalls(secret)")
    }
}

/// The tag's bytes: 9 whole ones and the first two bits of a tenth.
const TAG: usize = 10;
const HIDDEN: usize = 6;

impl OwnCalls {
    /// Under the site's key for own calls.
    #[must_use]
    pub fn new(keys: &SiteKeys) -> Self {
        Self {
            key: keys.sub_key(Purpose::OwnCalls),
        }
    }

    /// The id of a request.
    #[must_use]
    pub fn audit_id(
        &self,
        method: &str,
        path_and_query: &str,
        at: Timestamp,
        nonce: [u8; NONCE],
    ) -> String {
        let mut clear = [0; HIDDEN];
        let seconds = u32::try_from(at.as_second()).unwrap_or_default();
        clear[..4].copy_from_slice(&seconds.to_be_bytes());
        clear[4..].copy_from_slice(&nonce);
        let tag = self.tag(method, path_and_query, clear);
        let hidden = xor(clear, self.pad(tag));
        uuid_text(pack(hidden, tag))
    }

    /// Whether an id is ours for a request that came in at that time. The method is what the verb says: `get`, `list` and
    /// `watch` come by GET, `create` by POST, `update` by PUT, `patch` by PATCH, `delete` and `deletecollection` by DELETE.
    #[must_use]
    pub fn proves(&self, id: &str, verb: &str, path_and_query: &str, at: Timestamp) -> bool {
        let (Some(bytes), Some(method)) = (uuid_bytes(id), method(verb)) else {
            return false;
        };
        let (hidden, tag) = unpack(bytes);
        let clear = xor(hidden, self.pad(tag));
        if self.tag(method, path_and_query, clear) != tag || pack(hidden, tag) != bytes {
            return false;
        }
        let seconds = u32::from_be_bytes([clear[0], clear[1], clear[2], clear[3]]);
        let sent = Timestamp::from_second(i64::from(seconds)).unwrap_or_default();
        at.duration_since(sent).abs() <= TOLERANCE
    }

    fn tag(&self, method: &str, path: &str, clear: [u8; HIDDEN]) -> [u8; TAG] {
        let mut mac = self.mac(b"tag");
        mac.update(&(method.len() as u64).to_be_bytes());
        mac.update(method.as_bytes());
        mac.update(&(path.len() as u64).to_be_bytes());
        mac.update(path.as_bytes());
        mac.update(&clear);
        let mut tag = [0; TAG];
        tag.copy_from_slice(&mac.finalize().into_bytes()[..TAG]);
        tag[TAG - 1] &= 0b1100_0000;
        tag
    }

    fn pad(&self, tag: [u8; TAG]) -> [u8; HIDDEN] {
        let mut mac = self.mac(b"pad");
        mac.update(&tag);
        let mut pad = [0; HIDDEN];
        pad.copy_from_slice(&mac.finalize().into_bytes()[..HIDDEN]);
        pad
    }

    #[expect(
        clippy::expect_used,
        reason = "HMAC takes keys of any length, so this cannot fail"
    )]
    fn mac(&self, purpose: &[u8]) -> Hmac<Sha256> {
        let mut mac =
            Hmac::new_from_slice(self.key.as_slice()).expect("HMAC takes keys of any length");
        mac.update(purpose);
        mac
    }
}

fn method(verb: &str) -> Option<&'static str> {
    Some(match verb {
        "get" | "list" | "watch" => "GET",
        "create" => "POST",
        "update" => "PUT",
        "patch" => "PATCH",
        "delete" | "deletecollection" => "DELETE",
        _ => return None,
    })
}

fn xor(mut a: [u8; HIDDEN], b: [u8; HIDDEN]) -> [u8; HIDDEN] {
    a.iter_mut().zip(b).for_each(|(a, b)| *a ^= b);
    a
}

/// Where the bits that a UUID fixes stand: the upper half of byte 6, the upper two bits of byte 8.
fn pack(hidden: [u8; HIDDEN], tag: [u8; TAG]) -> [u8; 16] {
    // 122 bits in order: hidden (48), then tag (74).
    let mut bits = u128::from_be_bytes([0; 16]);
    for byte in hidden {
        bits = bits << 8 | u128::from(byte);
    }
    for byte in &tag[..TAG - 1] {
        bits = bits << 8 | u128::from(*byte);
    }
    bits = bits << 2 | u128::from(tag[TAG - 1] >> 6);
    let top = bits >> 74; // 48 bits before the version
    let middle = bits >> 62 & 0xfff; // 12 bits after it
    let low = bits & ((1 << 62) - 1); // 62 bits after the variant
    (top << 80 | 4 << 76 | middle << 64 | 0b10 << 62 | low).to_be_bytes()
}

fn unpack(bytes: [u8; 16]) -> ([u8; HIDDEN], [u8; TAG]) {
    let all = u128::from_be_bytes(bytes);
    let bits = (all >> 80) << 74 | (all >> 64 & 0xfff) << 62 | all & ((1 << 62) - 1);
    let mut hidden = [0; HIDDEN];
    hidden.copy_from_slice(&(bits >> 74).to_be_bytes()[10..]);
    let tag_bits = (bits & ((1 << 74) - 1)) << 6;
    let mut tag = [0; TAG];
    tag.copy_from_slice(&tag_bits.to_be_bytes()[6..]);
    (hidden, tag)
}

/// The text form of 16 bytes as a version 4 UUID.
pub(super) fn uuid_text(mut bytes: [u8; 16]) -> String {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}

fn uuid_bytes(text: &str) -> Option<[u8; 16]> {
    if text.len() != 36 || !text.is_ascii() {
        return None;
    }
    let dashes = [8, 13, 18, 23];
    let mut nibbles = Vec::with_capacity(32);
    for (i, c) in text.chars().enumerate() {
        match (dashes.contains(&i), c) {
            (true, '-') => {}
            (false, '0'..='9' | 'a'..='f') => nibbles.push(u8::try_from(c.to_digit(16)?).ok()?),
            _ => return None,
        }
    }
    let mut bytes = [0; 16];
    for (byte, pair) in bytes.iter_mut().zip(nibbles.chunks(2)) {
        *byte = pair[0] << 4 | pair[1];
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disguise::Key;
    use crate::graph::ProviderId;
    use proptest::prelude::*;

    fn calls(site: &str) -> OwnCalls {
        let keys = Key::from_bytes([8; 32]).at_site(&ProviderId::new("kubernetes"), site);
        OwnCalls::new(&keys)
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    const NOW: i64 = 1_793_491_200;

    #[test]
    fn an_id_proves_its_own_request_and_no_other() {
        let calls = calls("a");
        let id = calls.audit_id("GET", "/api/v1/secrets?limit=500", at(NOW), [1, 2]);
        assert!(calls.proves(&id, "list", "/api/v1/secrets?limit=500", at(NOW + 200)));
        assert!(!calls.proves(&id, "delete", "/api/v1/secrets?limit=500", at(NOW)));
        assert!(!calls.proves(&id, "list", "/api/v1/secrets", at(NOW)));
        assert!(!calls.proves(&id, "list", "/api/v1/secrets?limit=500", at(NOW + 301)));
        assert!(!calls.proves(&id, "list", "/api/v1/secrets?limit=500", at(NOW - 301)));
        assert!(!self::calls("b").proves(&id, "list", "/api/v1/secrets?limit=500", at(NOW)));
        assert!(!calls.proves(
            &id.to_uppercase(),
            "list",
            "/api/v1/secrets?limit=500",
            at(NOW)
        ));
    }

    #[test]
    fn equal_requests_have_different_ids() {
        let calls = calls("a");
        let first = calls.audit_id("GET", "/x", at(NOW), [0, 1]);
        assert_ne!(first, calls.audit_id("GET", "/x", at(NOW), [0, 2]));
    }

    #[test]
    fn every_bit_that_may_vary_varies_as_chance_would_have_it() {
        let calls = calls("a");
        let mut ones = [0_u32; 128];
        let total = 4000_u16;
        for i in 0..total {
            let id = calls.audit_id("GET", "/same", at(NOW), i.to_be_bytes());
            let bits = u128::from_be_bytes(uuid_bytes(&id).unwrap());
            for (bit, ones) in ones.iter_mut().enumerate() {
                *ones += u32::from(bits >> (127 - bit) & 1 == 1);
            }
        }
        // Six standard deviations of a fair coin: 6 * sqrt(4000) / 2 = 190.
        let fixed = |bit: &usize| (48..52).contains(bit) || (64..66).contains(bit);
        for bit in (0..128).filter(|bit| !fixed(bit)) {
            assert!(
                ones[bit].abs_diff(2000) < 190,
                "bit {bit}: {} of {total}",
                ones[bit]
            );
        }
    }

    proptest! {
        #[test]
        fn an_id_of_somebody_else_proves_nothing(bytes in any::<[u8; 16]>(), path in ".{0,40}") {
            prop_assert!(!calls("a").proves(&uuid_text(bytes), "get", &path, at(NOW)));
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,60}") {
            prop_assert!(!calls("a").proves(&text, "get", "/", at(NOW)));
        }

        #[test]
        fn packing_loses_nothing(hidden in any::<[u8; 6]>(), mut tag in any::<[u8; 10]>()) {
            tag[9] &= 0b1100_0000;
            prop_assert_eq!(unpack(pack(hidden, tag)), (hidden, tag));
        }
    }
}
