//! What is counted. Names and words here say nothing of what is added to pods.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use canary_k8s::admission::{Decision, Reason};

/// Upper bounds of the histogram, in microseconds: around what an answer takes (tens), what a promise is made about (3 ms),
/// and what the API server waits for (1 s).
const BOUNDS: [u64; 11] = [
    25, 50, 100, 250, 500, 1_000, 3_000, 10_000, 100_000, 500_000, 1_000_000,
];

/// One number, as it is exposed.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Without a prefix.
    pub name: &'static str,
    /// Keys and values.
    pub labels: Vec<(&'static str, String)>,
    /// Now.
    pub value: f64,
}

/// Counters of a server, for as long as the process runs.
#[derive(Debug, Default)]
pub struct Metrics {
    patched: AtomicU64,
    skipped: [AtomicU64; Reason::ALL.len()],
    mounts_left_out: AtomicU64,
    pub(super) too_large: AtomicU64,
    pub(super) too_slow: AtomicU64,
    pub(super) cut_off: AtomicU64,
    pub(super) connections_open: AtomicI64,
    pub(super) connections: AtomicU64,
    pub(super) turned_away: AtomicU64,
    pub(super) handshakes_failed: AtomicU64,
    pub(super) connections_broken: AtomicU64,
    pub(super) accepts_failed: AtomicU64,
    pub(super) certificates_shown: AtomicU64,
    pub(super) certificates_failed: AtomicU64,
    pub(super) certificate_expires: AtomicI64,
    pub(super) is_stopping: AtomicBool,
    durations: Histogram,
}

#[derive(Debug, Default)]
struct Histogram {
    counts: [AtomicU64; BOUNDS.len()],
    beyond: AtomicU64,
    sum_us: AtomicU64,
}

pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Metrics {
    /// A review was answered, from its last byte to the answer's first.
    pub(super) fn answered(&self, decision: &Decision, took: Duration) {
        match decision {
            Decision::Patch(patch) => {
                count(&self.patched);
                let left_out = u64::try_from(patch.left_out).unwrap_or(u64::MAX);
                self.mounts_left_out.fetch_add(left_out, Ordering::Relaxed);
            }
            Decision::Skip(reason) => {
                let at = Reason::ALL.iter().position(|one| one == reason);
                if let Some(counter) = at.and_then(|at| self.skipped.get(at)) {
                    count(counter);
                }
            }
        }
        self.durations.add(took);
    }

    /// Whether the server has been told to end: it still answers, and nothing new should be sent to it.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Relaxed)
    }

    /// Everything that is counted, in a fixed order.
    #[must_use]
    pub fn list(&self) -> Vec<Sample> {
        let mut all = vec![review("added", &self.patched)];
        let skipped = Reason::ALL.iter().zip(&self.skipped);
        all.extend(skipped.map(|(reason, counter)| review(reason.word(), counter)));
        all.extend([
            review("too_large", &self.too_large),
            review("too_slow", &self.too_slow),
            review("cut_off", &self.cut_off),
            plain("mounts_left_out_total", read(&self.mounts_left_out)),
            plain("connections_open", signed(&self.connections_open)),
        ]);
        for (result, counter) in [
            ("accepted", &self.connections),
            ("turned_away", &self.turned_away),
            ("handshake_failed", &self.handshakes_failed),
            ("broken", &self.connections_broken),
            ("accept_failed", &self.accepts_failed),
        ] {
            all.push(labelled("connections_total", "result", result, counter));
        }
        for (result, counter) in [
            ("shown", &self.certificates_shown),
            ("failed", &self.certificates_failed),
        ] {
            all.push(labelled("certificates_total", "result", result, counter));
        }
        let expires = signed(&self.certificate_expires);
        all.push(plain("certificate_expires_timestamp_seconds", expires));
        all.extend(self.durations.list());
        all
    }

    /// An upper bound of the time that so many of a thousand answers took; `None` before the first, and where it is longer
    /// than what is told apart.
    #[must_use]
    pub fn within(&self, per_mille: u64) -> Option<Duration> {
        self.durations.within(per_mille)
    }
}

impl Histogram {
    fn add(&self, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.iter().position(|bound| took <= *bound);
        count(bucket.map_or(&self.beyond, |at| &self.counts[at]));
        self.sum_us.fetch_add(took, Ordering::Relaxed);
    }

    /// For each bound, how many took no longer; then all.
    fn cumulative(&self) -> ([u64; BOUNDS.len()], u64) {
        let mut so_far = 0;
        let counts = self.counts.each_ref().map(|counter| {
            so_far += counter.load(Ordering::Relaxed);
            so_far
        });
        (counts, so_far + self.beyond.load(Ordering::Relaxed))
    }

    fn within(&self, per_mille: u64) -> Option<Duration> {
        let (counts, all) = self.cumulative();
        let wanted = all.saturating_mul(per_mille).div_ceil(1_000).max(1);
        let bounds = BOUNDS.iter().zip(counts);
        let bound = bounds
            .filter(|(_, count)| *count >= wanted)
            .map(|(us, _)| us);
        bound.copied().next().map(Duration::from_micros)
    }

    fn list(&self) -> Vec<Sample> {
        let (counts, all) = self.cumulative();
        let bounds = BOUNDS.iter().map(|us| (float(*us) / 1e6).to_string());
        let bounds = bounds.chain(["+Inf".to_owned()]);
        let buckets = bounds.zip(counts.into_iter().chain([all]));
        let mut samples: Vec<Sample> = buckets
            .map(|(bound, count)| Sample {
                name: "review_duration_seconds_bucket",
                labels: vec![("le", bound)],
                value: float(count),
            })
            .collect();
        let sum = read(&self.sum_us) / 1e6;
        samples.push(plain("review_duration_seconds_sum", sum));
        samples.push(plain("review_duration_seconds_count", float(all)));
        samples
    }
}

fn review(result: &str, counter: &AtomicU64) -> Sample {
    labelled("reviews_total", "result", result, counter)
}

fn labelled(name: &'static str, key: &'static str, value: &str, counter: &AtomicU64) -> Sample {
    Sample {
        name,
        labels: vec![(key, value.to_owned())],
        value: read(counter),
    }
}

fn plain(name: &'static str, value: f64) -> Sample {
    Sample {
        name,
        labels: Vec::new(),
        value,
    }
}

fn read(counter: &AtomicU64) -> f64 {
    float(counter.load(Ordering::Relaxed))
}

fn signed(gauge: &AtomicI64) -> f64 {
    let value = gauge.load(Ordering::Relaxed);
    let size = float(value.unsigned_abs());
    if value < 0 { -size } else { size }
}

/// Samples are floats where they are read; a counter beyond 2^53 is off by one.
#[expect(
    clippy::cast_precision_loss,
    reason = "a counter beyond 2^53 may be off by one"
)]
fn float(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(metrics: &Metrics, name: &str, label: &str) -> f64 {
        let all = metrics.list();
        let found = all.iter().find(|sample| {
            sample.name == name && sample.labels.iter().all(|(_, value)| value == label)
        });
        found.unwrap().value
    }

    #[test]
    fn each_reason_is_counted_by_itself_and_no_sample_is_listed_twice() {
        let metrics = Metrics::default();
        for reason in Reason::ALL {
            metrics.answered(&Decision::Skip(reason), Duration::from_micros(20));
        }
        for reason in Reason::ALL {
            assert!((value(&metrics, "reviews_total", reason.word()) - 1.0).abs() < 1e-9);
        }
        let mut keys: Vec<_> = metrics
            .list()
            .into_iter()
            .map(|sample| (sample.name, sample.labels))
            .collect();
        let count = keys.len();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), count);
    }

    #[test]
    fn the_histogram_tells_an_upper_bound_of_what_most_answers_took() {
        let metrics = Metrics::default();
        assert_eq!(metrics.within(990), None);
        for micros in (0..99).map(|_| 20).chain([2_000]) {
            let skip = Decision::Skip(Reason::NotCovered);
            metrics.answered(&skip, Duration::from_micros(micros));
        }
        assert_eq!(metrics.within(990), Some(Duration::from_micros(25)));
        assert_eq!(metrics.within(991), Some(Duration::from_millis(3)));
        let bucket = |le: &str| value(&metrics, "review_duration_seconds_bucket", le);
        assert!((bucket("0.000025") - 99.0).abs() < 1e-9);
        assert!((bucket("+Inf") - 100.0).abs() < 1e-9);
        metrics.answered(&Decision::Skip(Reason::NotCovered), Duration::from_secs(5));
        assert_eq!(metrics.within(1_000), None);
    }
}
