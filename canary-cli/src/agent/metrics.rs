//! Numbers in the text form that Prometheus reads. Pure.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use canary_core::bait::Counters;

use super::webhook::Sample;

/// Counters of the keeper as samples.
pub(super) fn of_keeper(counters: &Counters) -> Vec<Sample> {
    let one = |name, counter: &AtomicU64| sample(name, Vec::new(), counter.load(Ordering::Relaxed));
    let mut samples = vec![
        one("issued_total", &counters.issued),
        one("written_total", &counters.written),
        one("removed_total", &counters.removed),
        one("log_writes_total", &counters.commits),
        one("log_bytes_total", &counters.committed_bytes),
        one("pods_covered", &counters.covered),
        one("pods_waiting", &counters.waiting),
        one("pods_missed", &counters.missed),
        one("pods_capped", &counters.capped),
        one("pods_shared_total", &counters.shared),
    ];
    for (reason, count) in counters.refusals() {
        let labels = vec![("reason", reason.to_owned())];
        samples.push(sample("refused_total", labels, count));
    }
    samples
}

/// One number.
#[expect(
    clippy::cast_precision_loss,
    reason = "beyond 2^53 the last digits of a count say nothing"
)]
pub(super) fn sample(
    name: &'static str,
    labels: Vec<(&'static str, String)>,
    value: u64,
) -> Sample {
    Sample {
        name,
        labels,
        value: value as f64,
    }
}

/// The text. Names are prefixed by what the agent is called, made a word of Prometheus.
pub(super) fn text(name: &str, samples: &[Sample]) -> String {
    let prefix: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    let mut out = String::new();
    for Sample {
        name,
        labels,
        value,
    } in samples
    {
        // Writing to a text does not fail.
        let _ = write!(out, "{prefix}_{name}");
        if !labels.is_empty() {
            let pairs: Vec<String> = labels
                .iter()
                .map(|(key, value)| format!("{key}=\"{value}\""))
                .collect();
            let _ = write!(out, "{{{}}}", pairs.join(","));
        }
        let _ = writeln!(out, " {value}");
    }
    out
}
