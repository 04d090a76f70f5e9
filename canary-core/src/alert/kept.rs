//! What is kept of a folder across restarts.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::readers::BaitReaders;
use super::{Alert, incident};
use crate::detect::RequestKey;

/// As many alerts are kept: a thousand an hour are told before anybody looks.
pub(super) const KEPT: usize = 5_000;

/// What is kept of a folder.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Folded {
    /// Each alert with the requests that it counted.
    alerts: Vec<FoldedAlert>,
    /// Who was given what is in pods' baits: a use of one may come later.
    #[serde(default)]
    readers: BaitReaders,
}

impl Folded {
    /// Alerts, the latest first, with the requests that each counted, and who was given baits.
    pub(super) fn new<'a>(
        alerts: impl Iterator<Item = (Option<Alert>, Option<&'a BTreeSet<RequestKey>>)>,
        readers: BaitReaders,
    ) -> Self {
        let alerts = alerts.filter_map(|(alert, requests)| {
            Some(FoldedAlert {
                alert: alert?,
                requests: hex(requests),
            })
        });
        Self {
            alerts: alerts.collect(),
            readers,
        }
    }

    /// Who was given baits.
    pub(super) fn take_readers(&mut self) -> BaitReaders {
        std::mem::take(&mut self.readers)
    }

    /// The alerts with the requests that each counted.
    pub(super) fn into_alerts(self) -> impl Iterator<Item = (Alert, BTreeSet<RequestKey>)> {
        self.alerts
            .into_iter()
            .map(|one| (one.alert, unhex(&one.requests)))
    }

    /// Takes in what another folder kept; of the same alert, the one that counted more.
    pub fn merge(&mut self, other: Self) {
        let mut all: BTreeMap<String, FoldedAlert> = BTreeMap::new();
        for one in std::mem::take(&mut self.alerts)
            .into_iter()
            .chain(other.alerts)
        {
            let uid = one.alert.uid.clone();
            match all.get(&uid) {
                Some(known) if known.requests.len() > one.requests.len() => {}
                _ => drop(all.insert(uid, one)),
            }
        }
        self.alerts = all.into_values().collect();
        self.alerts
            .sort_by_key(|one| std::cmp::Reverse(one.alert.last));
        self.alerts.truncate(KEPT);
    }

    /// Those whose uid begins so, each with the timeline of its incident, which is not kept.
    #[must_use]
    pub fn find(&self, start: &str) -> Self {
        let by_uid: BTreeMap<&str, &Alert> = self
            .alerts()
            .map(|alert| (alert.uid.as_str(), alert))
            .collect();
        let found = self
            .alerts
            .iter()
            .filter(|one| one.alert.uid.starts_with(start));
        let told = found.cloned().map(|mut one| {
            let is_of_it = |other: &&Alert| other.incident == one.alert.incident;
            let members = by_uid.values().copied().filter(is_of_it);
            one.alert.timeline = match one.alert.incident {
                Some(_) => incident::timeline(&one.alert, members),
                None => Vec::new(),
            };
            one
        });
        Self {
            alerts: told.collect(),
            readers: BaitReaders::default(),
        }
    }

    /// The kept alerts, the latest first.
    pub fn alerts(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.iter().map(|one| &one.alert)
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct FoldedAlert {
    alert: Alert,
    /// Sixteen bytes each, in hex.
    requests: String,
}

fn hex(requests: Option<&BTreeSet<RequestKey>>) -> String {
    let bytes = requests.into_iter().flatten().flatten();
    bytes.fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap_or_default();
        text
    })
}

fn unhex(text: &str) -> BTreeSet<RequestKey> {
    let byte = |at: usize| {
        let pair = text.get(at..at + 2)?;
        u8::from_str_radix(pair, 16).ok()
    };
    (0..text.len() / 32)
        .filter_map(|i| {
            let bytes: Option<Vec<u8>> = (0..16).map(|j| byte(i * 32 + j * 2)).collect();
            RequestKey::try_from(bytes?).ok()
        })
        .collect()
}
