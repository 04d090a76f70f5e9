//! The logs that a replay reads: one after another in the order of their events, as far as they tell it.

use canary_core::detect::Listened;
use jiff::Timestamp;

use super::place::{Log, Place, Reading};
use super::trouble::Trouble;
use crate::error::CommandError;

/// A log being read.
struct Source {
    name: String,
    log: Log,
    trouble: Trouble,
    /// The latest event of it so far.
    latest: Timestamp,
    has_ended: bool,
}

/// All logs of a replay.
pub(super) struct Sources {
    all: Vec<Source>,
}

impl Sources {
    /// Opens the logs that were named.
    pub(super) async fn open(places: &[Place], reading: Reading<'_>) -> Result<Self, CommandError> {
        let mut all = Vec::new();
        for place in places {
            all.push(Source {
                name: place.name(),
                trouble: Trouble::default(),
                log: place.open(reading, None).await?,
                latest: Timestamp::MIN,
                has_ended: false,
            });
        }
        Ok(Self { all })
    }

    /// What there is to say of what keeps a log from being read.
    pub(super) fn troubles(&mut self, now: Timestamp) -> Vec<String> {
        let all = self.all.iter_mut();
        all.filter_map(|source| {
            let why = source.log.trouble();
            source.trouble.news(&source.name, why, now)
        })
        .collect()
    }

    /// What comes next, of the log whose events are the earliest; `None` at the end of all.
    pub(super) async fn next(&mut self) -> Result<Option<Listened>, CommandError> {
        loop {
            let going_on = self.all.iter_mut().filter(|source| !source.has_ended);
            let Some(source) = going_on.min_by_key(|source| source.latest) else {
                return Ok(None);
            };
            match source.log.next().await {
                Ok(Some(listened)) => {
                    let times = listened.events.iter().filter_map(|event| event.at);
                    source.latest = times.max().unwrap_or(source.latest).max(source.latest);
                    return Ok(Some(listened));
                }
                Ok(None) => source.has_ended = true,
                Err(error) => {
                    source.has_ended = true;
                    return Err(error);
                }
            }
        }
    }
}

/// What the logs are called.
pub(super) fn names(places: &[Place]) -> String {
    let names: Vec<String> = places.iter().map(Place::name).collect();
    names.join(", ")
}
