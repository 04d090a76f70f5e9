//! What there is to say about what we listen by: regions that nobody hears, trails that log nothing.

use std::collections::BTreeSet;

use canary_core::check::{Note, Severity, Topic};
use canary_core::graph::{Desired, Lifetime, Resource};
use canary_core::observe::{Observed, Place, Scope};

use super::lower::WITHOUT;
use super::regions;
use crate::catalog::handles::{OBJECT, QUEUE, RULE, SELECTORS, TRAIL};
use crate::observe::{TrailFacts, trails};
use crate::provider;

/// What is listened by, as far as notes need it.
struct Way<'a> {
    queue: &'a Resource,
    home: &'a str,
    /// The regions with a rule.
    ruled: BTreeSet<&'a str>,
    makes_trail: bool,
}

/// Notes on the whole, where it is declared.
pub(in crate::catalog) fn notes(desired: &Desired, observed: &Observed) -> Vec<Note> {
    let ours: Vec<&Resource> = desired
        .in_order()
        .map(AsRef::as_ref)
        .filter(|resource| resource.provider == provider())
        .filter(|resource| resource.lifetime == Lifetime::Current)
        .collect();
    let of_kind = |kind: &'static str| {
        let ours = ours.iter().copied();
        ours.filter(move |resource| resource.handle.kind == kind)
    };
    let Some(queue) = of_kind(QUEUE).find(|queue| queue.address.part().is_none()) else {
        return Vec::new();
    };
    let way = Way {
        queue,
        home: queue.handle.scope.as_deref().unwrap_or_default(),
        ruled: of_kind(RULE)
            .filter_map(|rule| rule.handle.scope.as_deref())
            .collect(),
        makes_trail: of_kind(TRAIL).next().is_some(),
    };
    let mut notes = unheard(&way, observed);
    let all = Scope {
        kind: TRAIL.into(),
        scope: None,
    };
    let listed = observed.listed.get(&provider());
    if listed.is_some_and(|listed| listed.contains(&all)) {
        let trails = trails(observed);
        notes.extend(unlogged(&way, &trails));
        let selectors: Vec<&Resource> = of_kind(SELECTORS).collect();
        for object in of_kind(OBJECT) {
            notes.extend(unselected(object, &trails, &selectors));
        }
    }
    notes
}

fn note(way: &Way<'_>, severity: Severity, message: String, help: &str) -> Note {
    Note {
        severity,
        topic: Topic::Unwatched,
        canary: way.queue.address.canary().clone(),
        // Whoever listens to a part believes to hear it all: an error holds up the whole.
        address: None,
        message,
        help: Some(help.to_owned()),
    }
}

/// Enabled regions without a rule, and those of which nobody knows.
fn unheard(way: &Way<'_>, observed: &Observed) -> Vec<Note> {
    let accepted = way.queue.remarks.get(WITHOUT);
    let accepted: Vec<&str> = accepted
        .into_iter()
        .flat_map(|all| all.split(", "))
        .collect();
    let is_open = |region: &&str| {
        !way.ruled.contains(region)
            && !accepted.contains(region)
            && regions::of_partition(region, way.home)
    };
    let enabled = observed.listed.get(&provider()).into_iter().flatten();
    let enabled = enabled
        .filter(|scope| scope.kind == RULE)
        .filter_map(|scope| scope.scope.as_deref())
        .filter(is_open);
    let mut notes: Vec<Note> = enabled
        .map(|region| {
            let message = format!("region {region} has no rule: a thief may use it unheard");
            let help = "name it in `regions`, or accept it by name in `without`";
            note(way, Severity::Error, message, help)
        })
        .collect();
    let gaps = observed.gaps.iter().filter_map(|gap| match &gap.place {
        Place::Neighbours(scope) if scope.kind == RULE => scope.scope.as_deref(),
        _ => None,
    });
    let unknown: BTreeSet<&str> = gaps.filter(is_open).collect();
    notes.extend(unknown.into_iter().map(|region| {
        let message = format!("region {region} could not be looked at and has no rule");
        let help =
            "apply again when it can be, name it in `regions`, or accept it by name in `without`";
        note(way, Severity::Warning, message, help)
    }));
    notes
}

/// EventBridge hears what a trail logs, and nothing else.
fn unlogged(way: &Way<'_>, trails: &[TrailFacts]) -> Vec<Note> {
    if way.makes_trail || trails.iter().any(|trail| !trail.is_known) {
        return Vec::new();
    }
    let logged = |region: &str, is_enough: &dyn Fn(&TrailFacts) -> bool| {
        let mut trails = trails.iter();
        trails.any(|trail| {
            trail.is_logging && (trail.is_everywhere || trail.region == region) && is_enough(trail)
        })
    };
    let mut silent = Vec::new();
    let mut writes_only = Vec::new();
    for region in &way.ruled {
        if !logged(region, &|trail| trail.reads || trail.writes) {
            silent.push(*region);
        } else if !logged(region, &|trail| trail.reads) {
            writes_only.push(*region);
        }
    }
    let mut notes = Vec::new();
    if !silent.is_empty() {
        let message = format!(
            "no trail logs management events in {}: nothing reaches the rules",
            silent.join(", ")
        );
        let help = "trail = \"make\" makes one, with a bucket for its files";
        notes.push(note(way, Severity::Error, message, help));
    }
    if !writes_only.is_empty() {
        let message = format!(
            "trails log only what changes something in {}: calls that only read are not heard",
            writes_only.join(", ")
        );
        let help = "let a trail log management events that read, too";
        notes.push(note(way, Severity::Warning, message, help));
    }
    notes
}

/// Reads of an object are logged only where a trail selects data events of its bucket.
fn unselected(object: &Resource, trails: &[TrailFacts], selectors: &[&Resource]) -> Option<Note> {
    let bucket = object.handle.scope.as_deref()?;
    let prefix = format!(":s3:::{bucket}/");
    let will_be = selectors.iter().any(|selectors| {
        let plain = selectors.fields.get("plain");
        matches!(plain, Some(canary_core::graph::Input::Public(text)) if text.contains(&prefix))
    });
    let key = &object.handle.name;
    let is = trails
        .iter()
        .any(|trail| !trail.is_known || (trail.is_logging && trail.takes(bucket, key)));
    if will_be || is {
        return None;
    }
    Some(Note {
        severity: Severity::Error,
        topic: Topic::Unwatched,
        canary: object.address.canary().clone(),
        address: Some(object.address.clone()),
        message: format!("no trail selects data events of bucket {bucket}: nobody hears of its reads"),
        help: Some("let a trail select them, or make one: trail = \"make\" and data_events = true in [aws.listener]".into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::aws::placed;
    use canary_core::graph::{Address, Handle, Input};

    fn object(bucket: &str) -> Resource {
        let address: Address = "s3_object.dump".parse().unwrap();
        placed(address, Handle::scoped(OBJECT, bucket, "db/dump.sql"), 1)
    }

    fn trail(is_logging: bool, objects: &[&str]) -> TrailFacts {
        TrailFacts {
            is_known: true,
            is_logging,
            objects: objects.iter().map(|text| (*text).to_owned()).collect(),
            ..TrailFacts::default()
        }
    }

    #[test]
    fn an_object_whose_reads_no_trail_logs_is_refused() {
        let refused = |trails: &[TrailFacts]| unselected(&object("acme"), trails, &[]).is_some();
        assert!(refused(&[]));
        assert!(refused(&[trail(true, &["arn:aws:s3:::other/"])]));
        assert!(refused(&[trail(false, &["arn:aws:s3:::acme/"])]));
        assert!(!refused(&[trail(true, &["arn:aws:s3:::acme/"])]));
        assert!(!refused(&[trail(true, &["arn:aws:s3"])]));
        // What could not be looked at refuses nothing: its gap is told.
        assert!(!refused(&[TrailFacts::default()]));
    }

    #[test]
    fn a_trail_that_is_about_to_select_the_bucket_is_enough() {
        let address: Address = "aws.listener/trail-data".parse().unwrap();
        let handle = Handle::scoped(SELECTORS, "eu-west-1/t", "selectors");
        let mut selectors = placed(address, handle, 1);
        let text = super::super::documents::selectors("aws", ["acme"].into_iter());
        selectors.fields.insert("plain".into(), Input::Public(text));
        assert_eq!(unselected(&object("acme"), &[], &[&selectors]), None);
        assert!(unselected(&object("acm"), &[], &[&selectors]).is_some());
    }
}
