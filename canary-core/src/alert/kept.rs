//! What is kept of a folder across restarts.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Alert;
use crate::detect::RequestKey;

/// As many alerts are kept: a thousand an hour are told before anybody looks.
pub(super) const KEPT: usize = 5_000;

/// What is kept of a folder.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Folded {
    /// Each alert with the requests that it counted.
    alerts: Vec<FoldedAlert>,
}

impl Folded {
    /// Alerts, the latest first, with the requests that each counted.
    pub(super) fn new<'a>(
        alerts: impl Iterator<Item = (Option<Alert>, Option<&'a BTreeSet<RequestKey>>)>,
    ) -> Self {
        let alerts = alerts.filter_map(|(alert, requests)| {
            Some(FoldedAlert {
                alert: alert?,
                requests: hex(requests),
            })
        });
        Self {
            alerts: alerts.collect(),
        }
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
    requests
        .into_iter()
        .flatten()
        .flatten()
        .map(|byte| format!("{byte:02x}"))
        .collect()
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
