//! Names that fit the neighbours.

use std::collections::BTreeSet;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::{Purpose, SiteKeys, is_telling};
use crate::graph::CanaryId;

/// What names of a topic are made of. Versioned by being part of the program: a name once chosen is pinned.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// What a name begins with when the label and the scope give nothing fitting.
    pub stems: &'static [&'static str],
    /// What it ends with.
    pub endings: &'static [&'static str],
}

/// Chooses names at one site.
#[derive(Debug)]
pub struct Namer<'a> {
    keys: &'a SiteKeys,
}

/// Longer names are refused in places where a DNS label is asked for (RFC 1035).
const LONGEST: usize = 63;

impl<'a> Namer<'a> {
    /// Under the site's keys.
    #[must_use]
    pub fn new(keys: &'a SiteKeys) -> Self {
        Self { keys }
    }

    /// Every name that a canary may be given, likeliest first; the same whatever the neighbours are.
    #[must_use]
    pub fn candidates(
        &self,
        canary: &CanaryId,
        scope: &str,
        generation: u32,
        style: &Style,
    ) -> Vec<String> {
        let label = canary.label().replace('_', "-");
        let own = [label.as_str(), scope];
        let stems = own
            .into_iter()
            .filter(|stem| !is_telling(stem))
            .chain(style.stems.iter().copied());
        let order = self.order(canary, generation);
        let mut names: Vec<(u64, String)> = Vec::new();
        let mut seen = BTreeSet::new();
        for (rank, stem) in stems.enumerate() {
            for ending in style.endings {
                let name = joined(stem, ending);
                if name.len() <= LONGEST && seen.insert(name.clone()) {
                    // Names from the label come before those from the scope, and both before the general ones.
                    let order = (rank.min(2) as u64) << 60 | order(&name) >> 4;
                    names.push((order, name));
                }
            }
        }
        names.sort();
        names.into_iter().map(|(_, name)| name).collect()
    }

    /// The candidate that fits best: free, and with an ending that many neighbours have.
    #[must_use]
    pub fn pick(
        &self,
        canary: &CanaryId,
        scope: &str,
        generation: u32,
        style: &Style,
        neighbours: &BTreeSet<&str>,
    ) -> Option<String> {
        let popularity = |name: &str| {
            let ending = style
                .endings
                .iter()
                .filter(|ending| name.ends_with(*ending))
                .max_by_key(|e| e.len());
            ending.map_or(0, |ending| {
                neighbours.iter().filter(|n| n.ends_with(ending)).count()
            })
        };
        let free = self
            .candidates(canary, scope, generation, style)
            .into_iter()
            .filter(|name| !neighbours.contains(name.as_str()));
        // Of equals the first: `max_by_key` would take the last.
        let mut best: Option<(usize, String)> = None;
        for name in free {
            let count = popularity(&name);
            if best.as_ref().is_none_or(|(most, _)| count > *most) {
                best = Some((count, name));
            }
        }
        best.map(|(_, name)| name)
    }

    /// A random order of names, the same every time.
    #[expect(
        clippy::expect_used,
        reason = "HMAC takes keys of any length, so this cannot fail"
    )]
    fn order(&self, canary: &CanaryId, generation: u32) -> impl Fn(&str) -> u64 + use<> {
        let key = self.keys.sub_key(Purpose::Names);
        let mut begun =
            Hmac::<Sha256>::new_from_slice(key.as_slice()).expect("HMAC takes keys of any length");
        begun.update(canary.to_string().as_bytes());
        begun.update(&generation.to_be_bytes());
        move |name| {
            let mut mac = begun.clone();
            mac.update(name.as_bytes());
            let bytes = mac.finalize().into_bytes();
            bytes[..8]
                .iter()
                .fold(0, |order, byte| order << 8 | u64::from(*byte))
        }
    }
}

/// Joins without saying a word twice: `payments-db` and `-db-credentials` give `payments-db-credentials`.
fn joined(stem: &str, ending: &str) -> String {
    let words: Vec<&str> = stem.split('-').filter(|word| !word.is_empty()).collect();
    let mut name: Vec<&str> = words.clone();
    for word in ending.split('-').filter(|word| !word.is_empty()) {
        if !words.contains(&word) {
            name.push(word);
        }
    }
    name.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disguise::Key;
    use crate::graph::ProviderId;

    const STYLE: Style = Style {
        stems: &["orders", "billing"],
        endings: &["-db-credentials", "-postgres", "-secret"],
    };

    fn keys() -> SiteKeys {
        Key::from_bytes([5; 32]).at_site(&ProviderId::new("kubernetes"), "site")
    }

    #[test]
    fn a_name_fits_its_neighbours_and_is_not_taken() {
        let keys = keys();
        let namer = Namer::new(&keys);
        let id = CanaryId::new("secret", "payments-db");
        let neighbours = BTreeSet::from([
            "a-postgres",
            "b-postgres",
            "payments-db-postgres",
            "c-secret",
        ]);
        let name = namer.pick(&id, "payments", 1, &STYLE, &neighbours).unwrap();
        assert!(
            name.ends_with("-postgres") && !neighbours.contains(name.as_str()),
            "{name}"
        );
        assert!(namer.candidates(&id, "payments", 1, &STYLE).contains(&name));
    }

    #[test]
    fn a_telling_label_is_not_used() {
        let keys = keys();
        let id = CanaryId::new("secret", "canary-one");
        let names = Namer::new(&keys).candidates(&id, "honeypots", 1, &STYLE);
        assert!(!names.is_empty());
        assert!(names.iter().all(|name| !is_telling(name)), "{names:?}");
    }

    #[test]
    fn no_word_stands_twice_in_a_name() {
        assert_eq!(
            joined("payments-db", "-db-credentials"),
            "payments-db-credentials"
        );
    }
}
