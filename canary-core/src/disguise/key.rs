//! The key and what is derived from it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::graph::{Handle, ProviderId};
use crate::value::Digest;

/// A key has 32 bytes, as much as HMAC-SHA256 and XChaCha20 can use.
const LENGTH: usize = 32;

/// The site operator's key, or those parts of it that somebody else was given. Cannot be shown.
#[derive(Clone)]
pub struct Key(Source);

#[derive(Clone)]
enum Source {
    Whole(Zeroizing<[u8; LENGTH]>),
    Parts(Arc<Parts>),
}

/// Derived keys, by purpose and site.
type Parts = BTreeMap<(String, String), Zeroizing<[u8; LENGTH]>>;

/// The first line of the text form of parts.
const PARTS: &str = "parts";

/// Why a text is not a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a key is 32 bytes in base64 (44 characters); this is not")]
pub struct KeyError;

impl Key {
    /// Takes 32 random bytes as a key.
    #[must_use]
    pub fn from_bytes(bytes: [u8; LENGTH]) -> Self {
        Self(Source::Whole(Zeroizing::new(bytes)))
    }

    /// Those parts alone, for whoever works elsewhere: what belongs to no site, and what belongs to each of these. What is not
    /// among them is another key than ours there.
    #[must_use]
    pub fn parts(
        &self,
        siteless: &[Purpose],
        sites: &[(ProviderId, String)],
        of_each: &[Purpose],
    ) -> Self {
        let mut parts = BTreeMap::new();
        let mut add = |purpose: Purpose, site: String| {
            let derived = self.derive(purpose, &site);
            parts.insert((purpose.label().to_owned(), site), derived);
        };
        for purpose in siteless {
            add(*purpose, String::new());
        }
        for (provider, site) in sites {
            for purpose in of_each {
                add(*purpose, format!("{provider}\0{site}"));
            }
        }
        Self(Source::Parts(Arc::new(parts)))
    }

    /// Reads the text form: base64 of 32 bytes, or of parts, white space around it ignored.
    ///
    /// # Errors
    /// When the text is anything else. The text is not repeated in the error.
    pub fn from_text(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        match text.strip_prefix(PARTS) {
            Some(lines) => parts(lines),
            None => Ok(Self::from_bytes(bytes(text)?)),
        }
    }

    /// The text form, for writing a key file.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        match &self.0 {
            Source::Whole(bytes) => Zeroizing::new(STANDARD.encode(bytes.as_slice())),
            Source::Parts(parts) => {
                let mut text = Zeroizing::new(format!("{PARTS}\n"));
                for ((purpose, site), key) in parts.iter() {
                    let key = Zeroizing::new(STANDARD.encode(key.as_slice()));
                    let (purpose, site) = (STANDARD.encode(purpose), STANDARD.encode(site));
                    for word in [purpose.as_str(), " ", &site, " ", &key, "\n"] {
                        text.push_str(word);
                    }
                }
                text
            }
        }
    }

    /// A key for one purpose that belongs to no site: the seal of the ledger and of plans, which hold their site inside.
    #[must_use]
    pub fn siteless(&self, purpose: Purpose) -> Zeroizing<[u8; LENGTH]> {
        self.derive(purpose, "")
    }

    /// The keys of one site. Staging and production share nothing.
    #[must_use]
    pub fn at_site(&self, provider: &ProviderId, site: &str) -> SiteKeys {
        SiteKeys {
            key: self.clone(),
            site: format!("{provider}\0{site}"),
        }
    }

    fn derive(&self, purpose: Purpose, site: &str) -> Zeroizing<[u8; LENGTH]> {
        match &self.0 {
            Source::Whole(key) => expanded(key.as_slice(), purpose, site),
            Source::Parts(parts) => match parts.get(&(purpose.label().to_owned(), site.to_owned()))
            {
                Some(part) => part.clone(),
                // Of no use to anybody, and no secret of the whole key.
                None => expanded(&all(parts), purpose, site),
            },
        }
    }
}

fn bytes(text: &str) -> Result<[u8; LENGTH], KeyError> {
    let bytes = Zeroizing::new(STANDARD.decode(text).map_err(|_| KeyError)?);
    bytes.as_slice().try_into().map_err(|_| KeyError)
}

fn parts(lines: &str) -> Result<Key, KeyError> {
    let text = |word: &str| {
        let bytes = STANDARD.decode(word).map_err(|_| KeyError)?;
        String::from_utf8(bytes).map_err(|_| KeyError)
    };
    let mut parts = BTreeMap::new();
    for line in lines.lines().filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split(' ').collect();
        let [purpose, site, key] = words[..] else {
            return Err(KeyError);
        };
        let name = (text(purpose)?, text(site)?);
        parts.insert(name, Zeroizing::new(bytes(key)?));
    }
    match parts.is_empty() {
        true => Err(KeyError),
        false => Ok(Key(Source::Parts(Arc::new(parts)))),
    }
}

fn all(parts: &Parts) -> Zeroizing<Vec<u8>> {
    let mut all = Zeroizing::new(Vec::with_capacity(parts.len() * LENGTH));
    for part in parts.values() {
        all.extend_from_slice(part.as_slice());
    }
    all
}

fn expanded(key: &[u8], purpose: Purpose, site: &str) -> Zeroizing<[u8; LENGTH]> {
    let mut out = Zeroizing::new([0; LENGTH]);
    let info = [purpose.label().as_bytes(), b"\0", site.as_bytes()].concat();
    // Expanding 32 bytes cannot fail: HKDF-SHA256 gives up to 255 times 32.
    let expanded = Hkdf::<Sha256>::new(None, key).expand(&info, out.as_mut_slice());
    debug_assert!(expanded.is_ok());
    out
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(secret)")
    }
}

/// What a derived key is for. One sub-key per purpose, so that a part that runs elsewhere gets only what it needs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Purpose {
    /// Choosing names.
    Names,
    /// Making values.
    Values,
    /// Marks of ownership.
    Marks,
    /// Digests of values.
    Digests,
    /// Sealing the ledger and saved plans.
    Sealing,
    /// The proof of our own calls.
    OwnCalls,
    /// Uids of alerts.
    Alerts,
    /// Drills.
    Drills,
    /// Handles and credentials of pods.
    Baits,
    /// The agent in the cluster, which has no other key.
    Agent,
}

impl Purpose {
    const fn label(self) -> &'static str {
        match self {
            Self::Names => "names",
            Self::Values => "values",
            Self::Marks => "marks",
            Self::Digests => "digests",
            Self::Sealing => "sealing",
            Self::OwnCalls => "own calls",
            Self::Alerts => "alerts",
            Self::Drills => "drills",
            Self::Baits => "baits",
            Self::Agent => "agent",
        }
    }
}

/// The keys of one site.
#[derive(Clone)]
pub struct SiteKeys {
    key: Key,
    site: String,
}

impl fmt::Debug for SiteKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SiteKeys(secret)")
    }
}

impl SiteKeys {
    /// The sub-key for a purpose.
    #[must_use]
    pub fn sub_key(&self, purpose: Purpose) -> Zeroizing<[u8; LENGTH]> {
        self.key.derive(purpose, &self.site)
    }

    /// The key of the agent at this site: all that it has, and of no use elsewhere.
    #[must_use]
    pub fn agent(&self) -> Key {
        Key(Source::Whole(self.sub_key(Purpose::Agent)))
    }

    /// The maker of digests.
    #[must_use]
    pub fn digester(&self) -> Digester {
        Digester::new(&self.sub_key(Purpose::Digests))
    }

    /// 32 bytes that belong to one place: purpose, handle, generation and topic. The same every time.
    ///
    /// Length-prefixed, so that no two places share an input.
    #[must_use]
    pub fn bytes_for(
        &self,
        purpose: Purpose,
        handle: &Handle,
        generation: u32,
        topic: &str,
    ) -> Zeroizing<[u8; LENGTH]> {
        let key = self.sub_key(purpose);
        let mut mac = mac(&key);
        let scope = handle.scope.as_deref().unwrap_or("");
        for part in [handle.kind.as_str(), scope, &handle.name, topic] {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        mac.update(&generation.to_be_bytes());
        Zeroizing::new(mac.finalize().into_bytes().into())
    }
}

/// Makes keyed digests of values.
#[derive(Clone)]
pub struct Digester(Hmac<Sha256>);

impl Digester {
    /// A digester under a key.
    #[must_use]
    pub fn new(key: &[u8; LENGTH]) -> Self {
        Self(mac(key))
    }

    /// The digest of some bytes.
    #[must_use]
    pub fn digest(&self, bytes: &[u8]) -> Digest {
        let mut mac = self.0.clone();
        mac.update(bytes);
        Digest::from_bytes(mac.finalize().into_bytes().into())
    }
}

impl fmt::Debug for Digester {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digester(secret)")
    }
}

#[expect(
    clippy::expect_used,
    reason = "HMAC takes keys of any length, so this cannot fail"
)]
fn mac(key: &[u8; LENGTH]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(site: &str) -> SiteKeys {
        Key::from_bytes([1; 32]).at_site(&ProviderId::new("kubernetes"), site)
    }

    #[test]
    fn a_key_survives_its_text_form_and_shows_nothing() {
        let key = Key::from_bytes([9; 32]);
        let again = Key::from_text(&format!("{}\n", *key.to_text())).unwrap();
        assert_eq!(again.to_text(), key.to_text());
        assert_eq!(format!("{key:?}"), "Key(secret)");
    }

    #[test]
    fn parts_of_a_key_are_its_own_keys_and_no_others() {
        let key = Key::from_bytes([9; 32]);
        let provider = ProviderId::new("kubernetes");
        let sites = [(provider.clone(), "prod".to_owned())];
        let parts = key.parts(&[Purpose::Sealing], &sites, &[Purpose::Alerts]);
        let parts = Key::from_text(&parts.to_text()).unwrap();
        assert_eq!(
            parts.siteless(Purpose::Sealing),
            key.siteless(Purpose::Sealing)
        );
        let of = |key: &Key, site, purpose| key.at_site(&provider, site).sub_key(purpose);
        assert_eq!(
            of(&parts, "prod", Purpose::Alerts),
            of(&key, "prod", Purpose::Alerts)
        );
        assert_ne!(
            of(&parts, "prod", Purpose::Names),
            of(&key, "prod", Purpose::Names)
        );
        assert_ne!(
            of(&parts, "staging", Purpose::Alerts),
            of(&key, "staging", Purpose::Alerts)
        );
        assert_eq!(format!("{parts:?}"), "Key(secret)");
    }

    #[test]
    fn a_text_that_is_no_key_is_refused_without_repeating_it() {
        for text in [
            "",
            "abc",
            "AAAA",
            "not base64 at all!",
            "parts",
            "parts\na b",
            "parts\nYQ== YQ== YQ==",
        ] {
            assert_eq!(Key::from_text(text).unwrap_err(), KeyError);
        }
    }

    #[test]
    fn sites_and_purposes_share_no_keys() {
        assert_ne!(
            keys("a").sub_key(Purpose::Names),
            keys("b").sub_key(Purpose::Names)
        );
        assert_ne!(
            keys("a").sub_key(Purpose::Names),
            keys("a").sub_key(Purpose::Marks)
        );
    }

    #[test]
    fn a_place_has_its_own_bytes() {
        let handle = Handle::scoped("Secret", "a", "bc");
        let other = Handle::scoped("Secret", "ab", "c");
        let keys = keys("site");
        let of = |handle, generation| keys.bytes_for(Purpose::Values, handle, generation, "x");
        assert_eq!(of(&handle, 1), of(&handle, 1));
        assert_ne!(of(&handle, 1), of(&other, 1));
        assert_ne!(of(&handle, 1), of(&handle, 2));
    }
}
