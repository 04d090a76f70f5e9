//! What an installation could be called at a site: as others there are.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use canary_core::disguise::{Digester, Purpose, SiteKeys, giveaway};

use super::check::LONGEST_NAME;

/// What others are called.
#[derive(Clone, Debug, Default)]
pub struct Neighbourhood {
    /// Deployments.
    pub deployments: Vec<String>,
    /// Namespaces.
    pub namespaces: Vec<String>,
}

/// A name, and why it fits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proposal {
    /// What everything is called by.
    pub name: String,
    /// Where it runs.
    pub namespace: String,
    /// What it goes by, one line each.
    pub why: Vec<String>,
}

/// What it is about, in words that say nothing. The key chooses, so that no two sites need have the same.
const STEMS: [&str; 8] = [
    "config",
    "settings",
    "runtime-config",
    "workload-config",
    "app-config",
    "env-config",
    "service-config",
    "pod-settings",
];

/// What workloads of platforms end with; the first where nobody's does.
const ENDINGS: [&str; 4] = ["controller", "operator", "agent", "manager"];

/// What begins so many names of a site is the site's own prefix, and not one application's.
const SHARED_BY: usize = 4;

/// Proposes a name.
#[must_use]
pub fn propose(keys: &SiteKeys, neighbours: &Neighbourhood) -> Proposal {
    let mut why = Vec::new();
    let ending = ending(neighbours, &mut why);
    let prefix = prefix(neighbours, &mut why);
    let name = stems(keys)
        .into_iter()
        .map(|stem| format!("{prefix}{stem}-{ending}"))
        .find(|name| name.len() <= LONGEST_NAME && !is_taken(neighbours, name))
        // Eight of ours at one site: any other will do.
        .unwrap_or_else(|| format!("{}-{ending}", STEMS[0]));
    let namespace = namespace(neighbours, &name, &mut why);
    Proposal {
        name,
        namespace,
        why,
    }
}

fn ending(neighbours: &Neighbourhood, why: &mut Vec<String>) -> &'static str {
    let count = |ending: &&str| {
        let ends = |name: &&String| {
            name.strip_suffix(*ending)
                .is_some_and(|rest| rest.ends_with('-'))
        };
        neighbours.deployments.iter().filter(ends).count()
    };
    let most = ENDINGS
        .iter()
        .max_by_key(|ending| (count(ending), Reverse(position(ending))));
    match most {
        Some(ending) if count(ending) > 0 => {
            let (n, all) = (count(ending), neighbours.deployments.len());
            why.push(format!("{n} of {all} Deployments end with -{ending}"));
            ending
        }
        _ => ENDINGS[0],
    }
}

fn position(ending: &str) -> usize {
    ENDINGS
        .iter()
        .position(|known| *known == ending)
        .unwrap_or(0)
}

/// The first word that a third of all Deployments share, with its hyphen; empty where there is none.
fn prefix(neighbours: &Neighbourhood, why: &mut Vec<String>) -> String {
    let mut counted: BTreeMap<&str, usize> = BTreeMap::new();
    for name in &neighbours.deployments {
        if let Some((first, _)) = name.split_once('-') {
            *counted.entry(first).or_default() += 1;
        }
    }
    let all = neighbours.deployments.len();
    let shared = counted
        .into_iter()
        .filter(|(word, n)| *n >= SHARED_BY && *n * 3 >= all && giveaway(word).is_none())
        .filter(|(word, _)| word.starts_with(|c: char| c.is_ascii_lowercase()))
        .max_by_key(|(_, n)| *n);
    match shared {
        Some((word, n)) => {
            why.push(format!("{n} of {all} Deployments begin with {word}-"));
            format!("{word}-")
        }
        None => String::new(),
    }
}

/// Called as it is, or with the ending that others' namespaces have.
fn namespace(neighbours: &Neighbourhood, name: &str, why: &mut Vec<String>) -> String {
    const ENDING: &str = "-system";
    let ends = |name: &&String| name.ends_with(ENDING) && !name.starts_with("kube-");
    let n = neighbours.namespaces.iter().filter(ends).count();
    // One alone is what that one is called.
    if n < 2 {
        return name.to_owned();
    }
    why.push(format!("{n} namespaces end with {ENDING}"));
    format!("{name}{ENDING}")
}

fn is_taken(neighbours: &Neighbourhood, name: &str) -> bool {
    let mut all = neighbours.deployments.iter().chain(&neighbours.namespaces);
    all.any(|taken| taken.strip_suffix("-system").unwrap_or(taken) == name)
}

/// The stems in the order of this site.
fn stems(keys: &SiteKeys) -> Vec<&'static str> {
    let digester = Digester::new(&keys.sub_key(Purpose::Names));
    let mut stems = STEMS.to_vec();
    stems.sort_by_key(|stem| {
        digester
            .digest(format!("installation\0{stem}").as_bytes())
            .as_bytes()
            .to_vec()
    });
    stems
}

#[cfg(test)]
mod tests {
    use canary_core::disguise::Key;

    use super::*;
    use crate::observe::provider;

    fn keys(byte: u8) -> SiteKeys {
        Key::from_bytes([byte; 32]).at_site(&provider(), "site")
    }

    fn site(deployments: &[&str], namespaces: &[&str]) -> Neighbourhood {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Neighbourhood {
            deployments: owned(deployments),
            namespaces: owned(namespaces),
        }
    }

    #[test]
    fn a_name_ends_as_most_others_do_and_begins_as_the_sites_own() {
        let neighbours = site(
            &[
                "acme-web",
                "acme-api",
                "acme-dns-operator",
                "acme-db-operator",
                "ingress-controller",
            ],
            &["acme", "kube-system", "flux-system"],
        );
        let proposal = propose(&keys(1), &neighbours);
        assert!(proposal.name.starts_with("acme-"), "{proposal:?}");
        assert!(proposal.name.ends_with("-operator"), "{proposal:?}");
        assert_eq!(proposal.namespace, proposal.name);
        assert_eq!(
            proposal.why,
            [
                "2 of 5 Deployments end with -operator",
                "4 of 5 Deployments begin with acme-",
            ]
        );
    }

    #[test]
    fn namespaces_end_as_others_do() {
        let neighbours = site(&[], &["kube-system", "flux-system", "istio-system"]);
        let proposal = propose(&keys(1), &neighbours);
        assert_eq!(proposal.namespace, format!("{}-system", proposal.name));
    }

    #[test]
    fn a_site_without_neighbours_gets_a_name_that_says_nothing() {
        let names: Vec<String> = (0..64)
            .map(|i| propose(&keys(i), &site(&[], &[])).name)
            .collect();
        for name in &names {
            assert_eq!(giveaway(name), None);
            assert!(name.ends_with("-controller"));
        }
        // Sites differ.
        assert!(names.iter().any(|name| *name != names[0]));
        assert_eq!(names[0], propose(&keys(0), &site(&[], &[])).name);
    }

    #[test]
    fn what_is_taken_is_not_proposed() {
        let first = propose(&keys(1), &site(&[], &[]));
        for neighbours in [
            site(&[&first.name], &[]),
            site(&[], &[&first.name]),
            site(&[], &[&format!("{}-system", first.name)]),
        ] {
            assert_ne!(propose(&keys(1), &neighbours).name, first.name);
        }
    }

    #[test]
    fn a_prefix_that_says_what_it_is_is_no_example() {
        let neighbours = site(&["honey-a", "honey-b", "honey-c", "honey-d"], &[]);
        assert_eq!(giveaway(&propose(&keys(1), &neighbours).name), None);
    }
}
