//! The name of the Secret that a pod waits for.
//!
//! ```text
//! BASE-<16 hex digits>     10 digits (40 bits) of chance · 6 digits (24 bits) of a MAC over them, the base and the namespace
//! ```
//!
//! It looks as what tools append that name an object by its content. Who has the key tells one of ours from any other name
//! without looking it up, in any replica and after any restart. The MAC is short: it saves asking, and decides nothing about
//! what is ours, which the ledger does.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::disguise::{Purpose, SiteKeys};

/// 40 bits: among 10,000 pods that live in one namespace at once, two share a handle once in twenty thousand clusters, and
/// then the second is told as ambiguous.
const CHANCE: usize = 5;
/// 24 bits: of names that end in 16 hex digits, one in 16 million passes for ours.
const MAC: usize = 3;
/// The digits behind the last hyphen.
const DIGITS: usize = 2 * (CHANCE + MAC);
/// Of a Secret's name (`IsDNS1123Subdomain`), and of a volume's (`IsDNS1123Label`), which has the same base.
const LONGEST: usize = 63;

/// The name of the Secret that holds a pod's bait.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PodHandle(String);

impl PodHandle {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PodHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for PodHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Makes handles and knows them again.
#[derive(Clone)]
pub struct PodHandles(Zeroizing<[u8; 32]>);

impl fmt::Debug for PodHandles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PodHandles(secret)")
    }
}

impl PodHandles {
    /// A longer base is cut.
    pub const LONGEST_BASE: usize = LONGEST - 1 - DIGITS;

    /// Under the key of a site.
    #[must_use]
    pub fn new(keys: &SiteKeys) -> Self {
        Self(keys.sub_key(Purpose::Baits))
    }

    /// The pattern that every handle has, as a regular expression: what the agent may write is held to it.
    #[must_use]
    pub fn pattern() -> String {
        format!("^[a-z0-9]([-a-z0-9]*[a-z0-9])?-[0-9a-f]{{{DIGITS}}}$")
    }

    /// A handle for a pod that is about to be made in a namespace. `seed` is what is unique about the asking, as the uid
    /// of an admission request: the same seed gives the same handle. Too long a base is cut.
    #[must_use]
    pub fn make(&self, namespace: &str, base: &str, seed: &[u8]) -> PodHandle {
        let base: String = base.chars().take(Self::LONGEST_BASE).collect();
        let base = base.trim_end_matches('-');
        let mut chance = [0; CHANCE];
        chance.copy_from_slice(&self.mac(b"chance", &[namespace, base], seed)[..CHANCE]);
        let proof = self.mac(b"handle", &[namespace, base], &chance);
        let digits: String = chance
            .iter()
            .chain(&proof[..MAC])
            .map(|byte| format!("{byte:02x}"))
            .collect();
        PodHandle(format!("{base}-{digits}"))
    }

    /// Whether a name is that of a handle that was made for this namespace.
    #[must_use]
    pub fn read(&self, namespace: &str, name: &str) -> Option<PodHandle> {
        let (base, digits) = name.rsplit_once('-')?;
        if digits.len() != DIGITS || name.len() > LONGEST {
            return None;
        }
        let mut bytes = [0; CHANCE + MAC];
        for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks(2)) {
            *byte = lower_hex(pair[0])? << 4 | lower_hex(pair[1])?;
        }
        let (chance, proof) = bytes.split_at(CHANCE);
        let expected = self.mac(b"handle", &[namespace, base], chance);
        (expected[..MAC] == *proof).then(|| PodHandle(name.to_owned()))
    }

    #[expect(
        clippy::expect_used,
        reason = "HMAC takes keys of any length, so this cannot fail"
    )]
    fn mac(&self, topic: &[u8], parts: &[&str], last: &[u8]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.as_slice())
            .expect("HMAC takes keys of any length");
        for part in [topic]
            .into_iter()
            .chain(parts.iter().map(|p| p.as_bytes()))
        {
            // Neither names nor topics hold a NUL.
            mac.update(part);
            mac.update(b"\0");
        }
        mac.update(last);
        mac.finalize().into_bytes().into()
    }
}

/// Of a lowercase hex digit: the name of an object has no others.
fn lower_hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disguise::Key;
    use crate::graph::ProviderId;

    fn handles(site: &str) -> PodHandles {
        let key = Key::from_bytes([3; 32]);
        PodHandles::new(&key.at_site(&ProviderId::new("kubernetes"), site))
    }

    #[test]
    fn a_handle_is_known_again_in_its_own_namespace_and_site_only() {
        let handle = handles("a").make("web", "checkout-settings", b"review");
        assert_eq!(
            handles("a").read("web", handle.as_str()),
            Some(handle.clone())
        );
        assert_eq!(handles("a").read("other", handle.as_str()), None);
        assert_eq!(handles("b").read("web", handle.as_str()), None);
    }

    #[test]
    fn one_digit_more_or_less_or_another_base_is_no_handle() {
        let handles = handles("a");
        let handle = handles.make("web", "api", b"review");
        let text = handle.as_str();
        for other in [
            format!("{text}0"),
            text[..text.len() - 1].to_owned(),
            format!("x{text}"),
            text.to_uppercase(),
            "api".to_owned(),
            String::new(),
            "api-é23456789abcde".to_owned(),
        ] {
            assert_eq!(handles.read("web", &other), None, "{other}");
        }
    }

    #[test]
    fn a_long_base_is_cut_to_what_a_volume_may_be_called() {
        let handles = handles("a");
        for length in 1..300 {
            let base = "ab-".repeat(length);
            let handle = handles.make("web", &base, b"review");
            assert!(handle.as_str().len() <= LONGEST);
            assert!(handles.read("web", handle.as_str()).is_some());
            assert!(!handle.as_str().contains("--"), "{handle}");
        }
    }

    #[test]
    fn each_review_gets_a_handle_of_its_own_and_the_same_review_the_same() {
        let handles = handles("a");
        let of = |seed: &[u8]| handles.make("web", "api", seed);
        assert_eq!(of(b"1"), of(b"1"));
        assert_ne!(of(b"1"), of(b"2"));
    }
}
