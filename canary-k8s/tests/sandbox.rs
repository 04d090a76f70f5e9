//! The sandbox against a real kube-apiserver: one table of requests, the same answers and the same audit events.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test whose ground cannot be laid has failed"
)]

mod sandbox_support;

use canary_fixtures::{ControlPlane, Options};
use sandbox_support::script::{Step, play};
use sandbox_support::{Real, Sand, table};

/// What differs, step by step.
fn differences(real: &[String], sand: &[String], steps: &[Step]) -> Vec<String> {
    assert_eq!(real.len(), sand.len());
    real.iter()
        .zip(sand)
        .zip(steps)
        .filter(|((real, sand), _)| real != sand)
        .map(|((real, sand), step)| format!("{}\n  real {real}\n  sand {sand}\n", step.shown()))
        .collect()
}

#[test]
fn the_same_requests_get_the_same_answers_and_events_as_from_a_real_server() {
    let Some(cluster) = ControlPlane::for_test_alone(&Options::default()) else {
        return;
    };
    let steps = table::steps();
    let real = play(&Real(&cluster), &steps);
    let sand = Sand::start();
    let sand = play(&sand, &steps);
    let differences = differences(&real, &sand, &steps);
    for difference in &differences {
        eprintln!("{difference}");
    }
    assert!(
        differences.is_empty(),
        "{} of {} differ",
        differences.len(),
        steps.len()
    );
}
