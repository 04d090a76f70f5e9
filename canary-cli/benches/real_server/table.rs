//! Figures in Markdown, to be put into `docs/benchmarks.md` as they are.

use std::time::Duration;

use crate::measure::{Measured, median};

pub(crate) fn head(title: &str) -> String {
    format!(
        "| {title} | requests | wall s | CPU s | peak MB | canary takes |\n|---|---|---|---|---|---|"
    )
}

/// A row of medians; with `ours`, the share of the time that we need.
pub(crate) fn row(what: &str, all: &[Measured], ours: Option<&Measured>) -> String {
    let median = median(all);
    let share = ours.map_or_else(String::new, |ours| {
        format!(
            "{:.2} ×",
            ours.wall.as_secs_f64() / median.wall.as_secs_f64()
        )
    });
    format!(
        "| {what} | {} | {} | {} | {:.0} | {share} |",
        median.requests,
        seconds(median.wall),
        seconds(median.cpu),
        median.megabytes(),
    )
}

fn seconds(time: Duration) -> String {
    format!("{:.3}", time.as_secs_f64())
}
