//! Names that fit the neighbours.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::{Purpose, SiteKeys, is_telling};
use crate::graph::CanaryId;

/// What names of a topic are made of. Versioned by being part of the program: a name once chosen is pinned.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// What a name begins with when the label and the scope give nothing fitting.
    pub stems: &'static [&'static str],
    /// What it ends with. An empty ending stands for a canary's label as it is.
    pub endings: &'static [&'static str],
    /// Further words of the topic: a label that ends with them, or with words of the endings, has said what they say.
    pub topic: &'static [&'static str],
}

impl Style {
    /// What a label is about, without what it is: `payments` of `payments-db`.
    fn stem(&self, label: &str) -> String {
        let is_topical = |word: &str| {
            let mut endings = self.endings.iter().flat_map(|ending| ending.split('-'));
            word.is_empty() || self.topic.contains(&word) || endings.any(|known| known == word)
        };
        let mut words: Vec<&str> = label.split('-').filter(|word| !word.is_empty()).collect();
        while words.last().is_some_and(|word| is_topical(word)) {
            words.pop();
        }
        words.join("-")
    }

    /// The longest ending that a name has.
    fn ending_of(&self, name: &str) -> Option<&'static str> {
        let endings = self.endings.iter().filter(|ending| name.ends_with(*ending));
        endings.max_by_key(|ending| ending.len()).copied()
    }
}

/// The names that are there.
#[derive(Debug, Default)]
pub struct Neighbours<'a> {
    /// Those that others chose: what fits is what is like them.
    pub others: BTreeSet<&'a str>,
    /// Those that cannot be had for another reason: our own, today's and retired ones, and what is configured.
    pub taken: BTreeSet<&'a str>,
}

/// Chooses names at one site.
#[derive(Debug)]
pub struct Namer<'a> {
    keys: &'a SiteKeys,
}

/// What a name has besides when every other is taken, as after many rotations.
const LATER: [&str; 2] = ["-v2", "-v3"];

/// Longer names are refused in places where a DNS label is asked for (RFC 1035).
const LONGEST: usize = 63;

impl<'a> Namer<'a> {
    /// Under the site's keys.
    #[must_use]
    pub fn new(keys: &'a SiteKeys) -> Self {
        Self { keys }
    }

    /// Every name that a canary may be given, likeliest first; the same whatever the neighbours are. `scope` is empty
    /// where it says nothing.
    #[must_use]
    pub fn candidates(
        &self,
        canary: &CanaryId,
        scope: &str,
        generation: u32,
        style: &Style,
    ) -> Vec<String> {
        let ranked = self.ranked(canary, scope, generation, style);
        ranked.into_iter().map(|(_, name)| name).collect()
    }

    /// The same with how near each is to what the canary is about: its label's words, its scope's, general ones, and last
    /// numbered ones.
    fn ranked(
        &self,
        canary: &CanaryId,
        scope: &str,
        generation: u32,
        style: &Style,
    ) -> Vec<(u64, String)> {
        let label = canary.label().replace('_', "-");
        let order = self.order(canary, generation);
        let mut names: Vec<(u64, u64, String)> = Vec::new();
        let mut seen = BTreeSet::new();
        let mut add = |rank: u64, name: String| {
            let fits = !name.is_empty() && name.len() <= LONGEST;
            if fits && seen.insert(name.clone()) {
                names.push((rank, order(&name), name));
            }
        };
        // A label that says only what such things are goes with the scope: `payments-tls`, not `tls-tls`.
        let stem = style.stem(&label);
        let own = [(0, stem.as_str(), label.as_str()), (1, scope, "")];
        let general = style.stems.iter().map(|stem| (2, *stem, *stem));
        for (rank, stem, whole) in own.into_iter().chain(general) {
            if is_telling(stem) || is_telling(whole) {
                continue;
            }
            for ending in style.endings {
                let name = match *ending {
                    // What is called as its scope is looks as if the scope were made for it.
                    "" if whole == scope => String::new(),
                    "" => whole.to_owned(),
                    _ if stem.is_empty() => String::new(),
                    ending => joined(stem, ending),
                };
                for later in LATER.iter().filter(|_| rank < 2 && !name.is_empty()) {
                    add(3 + rank, format!("{name}{later}"));
                }
                add(rank, name);
            }
        }
        names.sort();
        names
            .into_iter()
            .map(|(rank, _, name)| (rank, name))
            .collect()
    }

    /// The candidate that fits best: free, of the nearest words, and with an ending that many neighbours have.
    #[must_use]
    pub fn pick(
        &self,
        canary: &CanaryId,
        scope: &str,
        generation: u32,
        style: &Style,
        neighbours: &Neighbours<'_>,
    ) -> Option<String> {
        let mut alike: BTreeMap<&str, usize> = BTreeMap::new();
        for ending in neighbours
            .others
            .iter()
            .filter_map(|name| style.ending_of(name))
        {
            *alike.entry(ending).or_default() += 1;
        }
        let free = self
            .ranked(canary, scope, generation, style)
            .into_iter()
            .filter(|(_, name)| !neighbours.others.contains(name.as_str()))
            .filter(|(_, name)| !neighbours.taken.contains(name.as_str()));
        // Of equals the first, which is what `min_by_key` takes.
        free.min_by_key(|(rank, name)| {
            let ending = style.ending_of(name).unwrap_or_default();
            let count = alike.get(ending).copied().unwrap_or_default();
            (*rank, Reverse(count))
        })
        .map(|(_, name)| name)
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
        topic: &["database"],
    };

    const PLAIN: Style = Style {
        stems: &["deployer", "backup"],
        endings: &["", "-runner", "-sync"],
        topic: &["account"],
    };

    fn keys() -> SiteKeys {
        Key::from_bytes([5; 32]).at_site(&ProviderId::new("kubernetes"), "site")
    }

    #[test]
    fn a_name_fits_its_neighbours_and_is_not_taken() {
        let keys = keys();
        let namer = Namer::new(&keys);
        let id = CanaryId::new("secret", "payments-db");
        let neighbours = Neighbours {
            others: BTreeSet::from(["a-postgres", "b-postgres", "c-secret"]),
            taken: BTreeSet::new(),
        };
        let name = namer.pick(&id, "shop", 1, &STYLE, &neighbours).unwrap();
        assert_eq!(name, "payments-postgres");
        assert!(namer.candidates(&id, "shop", 1, &STYLE).contains(&name));
        // Where that is taken, what is next most usual of the same words.
        let mut neighbours = neighbours;
        neighbours.others.insert("payments-postgres");
        let name = namer.pick(&id, "shop", 1, &STYLE, &neighbours).unwrap();
        assert_eq!(name, "payments-secret");
    }

    #[test]
    fn our_own_names_are_taken_and_no_example() {
        let keys = keys();
        let namer = Namer::new(&keys);
        let id = CanaryId::new("secret", "payments-db");
        let first = namer
            .pick(&id, "", 1, &STYLE, &Neighbours::default())
            .unwrap();
        let neighbours = Neighbours {
            others: BTreeSet::new(),
            taken: BTreeSet::from([first.as_str()]),
        };
        let second = namer.pick(&id, "", 2, &STYLE, &neighbours).unwrap();
        assert!(
            second.starts_with("payments-") && second != first,
            "{second}"
        );
    }

    #[test]
    fn a_label_is_a_name_where_such_things_are_called_by_what_they_do() {
        let keys = keys();
        let namer = Namer::new(&keys);
        let named = |label: &str, scope: &str| -> BTreeSet<String> {
            let id = CanaryId::new("account", label);
            let names = namer.candidates(&id, scope, 1, &PLAIN);
            names.into_iter().take(3).collect()
        };
        let set = |names: [&str; 3]| BTreeSet::from(names.map(String::from));
        assert_eq!(
            named("reports", "ci"),
            set(["reports", "reports-runner", "reports-sync"])
        );
        // What it does is said once, and nothing is called as its scope is.
        let names = named("nightly-sync", "ci");
        assert!(
            names.contains("nightly-sync") && names.contains("nightly-runner"),
            "{names:?}"
        );
        let id = CanaryId::new("account", "ci");
        assert!(
            !namer
                .candidates(&id, "ci", 1, &PLAIN)
                .contains(&"ci".to_owned())
        );
    }

    #[test]
    fn a_label_that_says_only_what_it_is_goes_with_the_scope() {
        let keys = keys();
        let id = CanaryId::new("secret", "database-secret");
        let names = Namer::new(&keys).candidates(&id, "shop", 1, &STYLE);
        assert!(
            names[..3].iter().all(|name| name.starts_with("shop-")),
            "{names:?}"
        );
        // Where the scope says nothing either, with a general word.
        let names = Namer::new(&keys).candidates(&id, "", 1, &STYLE);
        assert!(
            names
                .iter()
                .all(|name| name.starts_with("orders-") || name.starts_with("billing-")),
            "{names:?}"
        );
    }

    #[test]
    fn many_rotations_find_names() {
        let keys = keys();
        let namer = Namer::new(&keys);
        let id = CanaryId::new("secret", "payments-db");
        let mut names: BTreeSet<String> = BTreeSet::new();
        // Every week for a quarter, which is how long retired ones stay.
        for generation in 1..=14 {
            let neighbours = Neighbours {
                others: BTreeSet::new(),
                taken: names.iter().map(String::as_str).collect(),
            };
            let name = namer
                .pick(&id, "shop", generation, &STYLE, &neighbours)
                .unwrap();
            assert!(names.insert(name));
        }
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
