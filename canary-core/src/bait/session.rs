//! Names of role sessions that say, to whoever has the key, for which pod and when they were made.
//!
//! ```text
//! aws-go-sdk-1732665253481739205      the form that the SDK for Go gives a session without a name: nanoseconds since 1970
//!            `--------´`-------´
//!             seconds   the record's number, enciphered under the bait key and the seconds
//! ```
//!
//! So a `principalId` in a trail resolves without looking up which keys were given out, and a refresh writes nothing for it.

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use sha2::Sha256;
use std::fmt;
use zeroize::Zeroizing;

use super::PodNumber;
use crate::disguise::{Purpose, SiteKeys};

/// What the SDK begins with.
const BEGINNING: &str = "aws-go-sdk-";
/// Of the nanoseconds within a second: so many pods one ledger can number.
pub(super) const NUMBERS: u32 = 1_000_000_000;
/// Half of the 30 bits in which a number below 10⁹ fits.
const HALF: u32 = 15;
const MASK: u32 = (1 << HALF) - 1;
/// A Feistel network of four rounds is a strong permutation (Luby and Rackoff); the halves are short, so twice that.
const ROUNDS: u8 = 8;

/// Makes and reads names of sessions.
#[derive(Clone)]
pub struct Sessions(Zeroizing<[u8; 32]>);

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sessions(secret)")
    }
}

impl Sessions {
    /// Under the key of a site.
    #[must_use]
    pub fn new(keys: &SiteKeys) -> Self {
        Self(keys.sub_key(Purpose::Baits))
    }

    /// The name of the session that this pod is given at that second.
    #[must_use]
    pub fn name(&self, number: PodNumber, at: Timestamp) -> String {
        let seconds = at.as_second();
        // Walks on within 30 bits until it is back below 10⁹: a permutation of those again.
        let mut value = number.get();
        loop {
            value = self.forward(value, seconds);
            if value < NUMBERS {
                return format!("{BEGINNING}{seconds}{value:09}");
            }
        }
    }

    /// Which pod a session was made for, and when; `None` where it is no name of ours. Any name of that form has an
    /// answer: whether that pod was given a session at that second is for the ledger to say.
    #[must_use]
    pub fn read(&self, name: &str) -> Option<(PodNumber, Timestamp)> {
        let digits = name.strip_prefix(BEGINNING)?;
        // Ten digits of seconds from 2001 to 2286, nine of the number.
        if digits.len() != 19 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let seconds: i64 = digits[..10].parse().ok()?;
        let mut value: u32 = digits[10..].parse().ok()?;
        loop {
            value = self.backward(value, seconds);
            if value < NUMBERS {
                let at = Timestamp::from_second(seconds).ok()?;
                return Some((PodNumber::new(value)?, at));
            }
        }
    }

    fn forward(&self, value: u32, tweak: i64) -> u32 {
        let (mut left, mut right) = (value >> HALF, value & MASK);
        for round in 0..ROUNDS {
            (left, right) = (right, left ^ self.round(round, right, tweak));
        }
        left << HALF | right
    }

    fn backward(&self, value: u32, tweak: i64) -> u32 {
        let (mut left, mut right) = (value >> HALF, value & MASK);
        for round in (0..ROUNDS).rev() {
            (left, right) = (right ^ self.round(round, left, tweak), left);
        }
        left << HALF | right
    }

    #[expect(
        clippy::expect_used,
        reason = "HMAC takes keys of any length, so this cannot fail"
    )]
    fn round(&self, round: u8, half: u32, tweak: i64) -> u32 {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.as_slice())
            .expect("HMAC takes keys of any length");
        mac.update(b"session\0");
        mac.update(&[round]);
        mac.update(&tweak.to_be_bytes());
        mac.update(&half.to_be_bytes());
        let bytes: [u8; 32] = mac.finalize().into_bytes().into();
        u32::from(u16::from_be_bytes([bytes[0], bytes[1]])) & MASK
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::disguise::Key;
    use crate::graph::ProviderId;

    fn sessions(site: &str) -> Sessions {
        let key = Key::from_bytes([3; 32]);
        Sessions::new(&key.at_site(&ProviderId::new("kubernetes"), site))
    }

    proptest! {
        #[test]
        fn a_name_says_which_pod_and_when(number in 0..NUMBERS, seconds in 1_500_000_000_i64..4_000_000_000) {
            let at = Timestamp::from_second(seconds).unwrap();
            let number = PodNumber::new(number).unwrap();
            let name = sessions("a").name(number, at);
            prop_assert_eq!(sessions("a").read(&name), Some((number, at)));
            // What STS takes: 2 to 64 characters of `[\w+=,.@-]`.
            prop_assert_eq!(name.len(), BEGINNING.len() + 19);
        }
    }

    #[test]
    fn another_site_reads_another_pod_out_of_it() {
        let at = Timestamp::from_second(1_764_000_000).unwrap();
        let number = PodNumber::new(7).unwrap();
        let name = sessions("a").name(number, at);
        assert_ne!(sessions("b").read(&name), Some((number, at)));
    }

    #[test]
    fn pods_that_follow_each_other_have_names_that_do_not() {
        let at = Timestamp::from_second(1_764_000_000).unwrap();
        let of = |number| sessions("a").name(PodNumber::new(number).unwrap(), at);
        let ending = |name: String| name[name.len() - 9..].parse::<i64>().unwrap();
        let gaps: Vec<i64> = (0..8)
            .map(|number| ending(of(number + 1)) - ending(of(number)))
            .collect();
        assert!(gaps.iter().all(|gap| gap.abs() > 1000), "{gaps:?}");
    }

    #[test]
    fn other_names_are_not_ours() {
        for name in [
            "",
            "aws-go-sdk-",
            "aws-go-sdk-173266525348173920",
            "aws-go-sdk-17326652534817392055",
            "aws-go-sdk-173266525348173920x",
            "botocore-session-1732665253",
            "aws-go-sdk-+732665253481739205",
        ] {
            assert_eq!(sessions("a").read(name), None, "{name}");
        }
    }
}
