//! What is to be done next about one pod, and when. Pure.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};

use super::{BaitKind, Issued, PodNumber, PodRecord};

/// What is to be done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Task {
    /// These credentials are issued, and then written.
    Issue(BTreeSet<BaitKind>),
    /// What is known already is written (again).
    Write,
    /// Whether the Secret is there is asked.
    Look,
    /// The Secret is removed.
    Remove,
}

/// What of a pod's work decides what is next.
#[derive(Clone, Debug, Default)]
pub(super) struct Standing {
    /// The pod runs, or will, or somebody does who has the same handle.
    pub(super) is_there: bool,
    /// What its content in memory has.
    pub(super) known: BTreeSet<BaitKind>,
    /// What is known was not written yet.
    pub(super) is_dirty: bool,
    /// When it was last written, or seen to be there; the beginning of the term before that.
    pub(super) looked: Option<Timestamp>,
    /// It was seen not to be there.
    pub(super) is_missing: bool,
    /// Nothing is tried before.
    pub(super) not_before: Option<Timestamp>,
}

/// What is next about a pod whose bait has these kinds.
pub(super) fn due(
    record: &PodRecord,
    kinds: &BTreeSet<BaitKind>,
    standing: &Standing,
    rewrite: Duration,
) -> Option<(Timestamp, Task)> {
    if record.buried.is_some() {
        return None;
    }
    let (at, task) = next(record, kinds, standing, rewrite)?;
    Some((standing.not_before.map_or(at, |wait| at.max(wait)), task))
}

fn next(
    record: &PodRecord,
    kinds: &BTreeSet<BaitKind>,
    standing: &Standing,
    rewrite: Duration,
) -> Option<(Timestamp, Task)> {
    if !standing.is_there {
        return Some((Timestamp::MIN, Task::Remove));
    }
    if standing.is_dirty {
        return Some((Timestamp::MIN, Task::Write));
    }
    let when = |kind: &BaitKind| match record.latest(*kind) {
        Some(issued) => refresh_at(record.number, issued),
        None => Timestamp::MIN,
    };
    if kinds.is_empty() {
        return None;
    }
    let is_unwritten = record.secret.is_none() || standing.is_missing;
    let refresh = match is_unwritten {
        true => Timestamp::MIN,
        false => kinds.iter().map(when).min()?,
    };
    if let Some(looked) = standing.looked {
        let again = after(looked, rewrite);
        if again < refresh {
            let is_known = standing.known.is_superset(kinds);
            return Some((again, if is_known { Task::Write } else { Task::Look }));
        }
    }
    // What is not known any more is issued along with what is due, because the Secret is written as a whole.
    let of_these =
        |kind: &&BaitKind| is_unwritten || when(kind) <= refresh || !standing.known.contains(*kind);
    let these = kinds.iter().filter(of_these).copied().collect();
    Some((refresh, Task::Issue(these)))
}

/// When a credential is replaced: at 60 to 80 % of its life, a moment of its own for each, so that what was issued at once
/// is not replaced at once. A kubelet takes up to 90 s to bring it into the file, which is less than the fifth that is left of
/// the shortest session, 15 minutes.
pub(super) fn refresh_at(number: PodNumber, issued: &Issued) -> Timestamp {
    let life = issued.until.duration_since(issued.at);
    let seed = [
        &number.get().to_be_bytes()[..],
        &issued.at.as_second().to_be_bytes(),
    ]
    .concat();
    let chance = i64::from(Sha256::digest(seed)[0]);
    let share = 600 + chance * 200 / 255;
    let wait = SignedDuration::from_millis(
        i64::try_from(life.as_millis()).unwrap_or(i64::MAX) / 1000 * share,
    );
    issued.at.checked_add(wait).unwrap_or(issued.until)
}

/// That long after a moment.
pub(super) fn after(at: Timestamp, wait: Duration) -> Timestamp {
    let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
    at.checked_add(wait).unwrap_or(Timestamp::MAX)
}
