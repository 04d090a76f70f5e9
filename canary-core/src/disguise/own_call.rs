//! The proof that a request was ours, in the form of an ordinary UUID.
//!
//! ```text
//! 128 bits   4 version · 2 variant · 58 hidden · 64 tag
//! hidden     52 microseconds since the epoch · 6 nonce, XOR a pad that is derived from the tag
//! tag        HMAC-SHA256(key, method · path and query · microseconds · nonce), its first 64 bits
//! ```
//!
//! The tag is a MAC over everything, and the pad depends on the tag, so every bit looks random and no bit can be changed.
//! 64 bits cannot be guessed by asking an API server; microseconds and six bits of nonce keep equal requests apart (52 bits
//! of them last until 2112). A copy of the id is a copy: the detector tells it by its other time of arrival.

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::{SignedDuration, Timestamp};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{Purpose, SiteKeys};

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

/// The bits of the nonce.
const NONCE: u32 = 6;
/// The bits that are hidden: time and nonce.
const HIDDEN: u64 = (1 << 58) - 1;

impl OwnCalls {
    /// Under the site's key for own calls.
    #[must_use]
    pub fn new(keys: &SiteKeys) -> Self {
        Self {
            key: keys.sub_key(Purpose::OwnCalls),
        }
    }

    /// The id of a request. Of the nonce the lower six bits count.
    #[must_use]
    pub fn audit_id(&self, method: &str, path_and_query: &str, at: Timestamp, nonce: u8) -> String {
        let micros = u64::try_from(at.as_microsecond()).unwrap_or_default();
        let clear = (micros << NONCE | u64::from(nonce) & ((1 << NONCE) - 1)) & HIDDEN;
        let tag = self.tag(method, path_and_query, clear);
        uuid_text(pack(clear ^ self.pad(tag), tag))
    }

    /// Whether an id is ours for a request that came in at that time. The method is what the verb says: `get`, `list` and
    /// `watch` come by GET, `create` by POST, `update` by PUT, `patch` by PATCH, `delete` and `deletecollection` by DELETE.
    #[must_use]
    pub fn proves(&self, id: &str, verb: &str, path_and_query: &str, at: Timestamp) -> bool {
        let (Some(bytes), Some(method)) = (uuid_bytes(id), method(verb)) else {
            return false;
        };
        let (hidden, tag) = unpack(bytes);
        let clear = hidden ^ self.pad(tag);
        if self.tag(method, path_and_query, clear) != tag || pack(hidden, tag) != bytes {
            return false;
        }
        let micros = i64::try_from(clear >> NONCE).unwrap_or(i64::MAX);
        let sent = Timestamp::from_microsecond(micros).unwrap_or_default();
        at.duration_since(sent).abs() <= TOLERANCE
    }

    fn tag(&self, method: &str, path: &str, clear: u64) -> u64 {
        let mut mac = self.mac(b"tag");
        mac.update(&(method.len() as u64).to_be_bytes());
        mac.update(method.as_bytes());
        mac.update(&(path.len() as u64).to_be_bytes());
        mac.update(path.as_bytes());
        mac.update(&clear.to_be_bytes());
        first(mac)
    }

    fn pad(&self, tag: u64) -> u64 {
        let mut mac = self.mac(b"pad");
        mac.update(&tag.to_be_bytes());
        first(mac) & HIDDEN
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

/// The first 64 bits of a MAC.
fn first(mac: Hmac<Sha256>) -> u64 {
    let bytes = mac.finalize().into_bytes();
    bytes[..8]
        .iter()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// The bits that a UUID fixes are the upper half of byte 6 and the upper two bits of byte 8: 48 bits stand before them, 12
/// between, 62 after.
fn pack(hidden: u64, tag: u64) -> [u8; 16] {
    let bits = u128::from(hidden) << 64 | u128::from(tag);
    let (top, middle, low) = (bits >> 74, bits >> 62 & 0xfff, bits & ((1 << 62) - 1));
    (top << 80 | 4 << 76 | middle << 64 | 0b10 << 62 | low).to_be_bytes()
}

fn unpack(bytes: [u8; 16]) -> (u64, u64) {
    let all = u128::from_be_bytes(bytes);
    let bits = (all >> 80) << 74 | (all >> 64 & 0xfff) << 62 | all & ((1 << 62) - 1);
    let half = |bits: u128| u64::try_from(bits & u128::from(u64::MAX)).unwrap_or_default();
    (half(bits >> 64), half(bits))
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
        let id = calls.audit_id("GET", "/api/v1/secrets?limit=500", at(NOW), 1);
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
        let first = calls.audit_id("GET", "/x", at(NOW), 1);
        assert_ne!(first, calls.audit_id("GET", "/x", at(NOW), 2));
    }

    #[test]
    fn every_bit_that_may_vary_varies_as_chance_would_have_it() {
        let calls = calls("a");
        let mut ones = [0_u32; 128];
        let total = 4000_u16;
        for i in 0..total {
            let moment = at(NOW) + SignedDuration::from_micros(i64::from(i));
            let id = calls.audit_id("GET", "/same", moment, 0);
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
        fn packing_loses_nothing(hidden in 0..=HIDDEN, tag in any::<u64>()) {
            prop_assert_eq!(unpack(pack(hidden, tag)), (hidden, tag));
        }
    }
}
