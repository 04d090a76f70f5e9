//! What the agent costs with 2,000 pods on a real API server.
//!
//! ```text
//! cargo bench -p canary-cli --bench pods
//! ```
//!
//! All pods are there when it starts, each with its volume. Measured: until every Secret is written; what its process takes
//! until then and in a quiet minute afterwards; what the server's audit log has of its requests.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on stops")]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "what it prints is what it is for"
)]

#[path = "../../tests/agent/agent.rs"]
mod agent;

use std::collections::BTreeMap;
use std::fs;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use agent::{Installed, NAME};

const PODS: usize = 2_000;
/// Kernel ticks in a second, on Linux always.
const TICKS: f64 = 100.0;
const QUIET: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    // `cargo test --benches` runs this too, without the word.
    if !std::env::args().any(|arg| arg == "--bench") {
        return ExitCode::SUCCESS;
    }
    let Some(installed) = Installed::new() else {
        eprintln!("there is no real API server to measure on");
        return ExitCode::FAILURE;
    };
    installed.namespace("web");
    let began = Instant::now();
    installed.waiting_pods("web", PODS);
    println!("{PODS} pods made in {:.1} s", began.elapsed().as_secs_f64());
    let began = Instant::now();
    let agent = installed.start(&installed.settings(&["web"]));
    let written = || agent.number("written_total") >= PODS as f64;
    while !written() {
        std::thread::sleep(Duration::from_millis(100));
        assert!(
            began.elapsed() < Duration::from_secs(300),
            "not all are written"
        );
    }
    let took = began.elapsed();
    let (cpu, _) = process(agent.pid());
    println!(
        "all written in {:.1} s (bar 60), {cpu:.1} s of CPU",
        took.as_secs_f64()
    );
    let log = |name: &str| agent.number(name);
    println!(
        "log: {} writes, {:.0} bytes a pod",
        log("log_writes_total"),
        log("log_bytes_total") / PODS as f64
    );
    let began = Instant::now();
    std::thread::sleep(QUIET);
    let (later, resident) = process(agent.pid());
    let share = (later - cpu) / began.elapsed().as_secs_f64();
    println!(
        "afterwards {:.2} % of a core (bar 5), {resident:.0} MB (bar 80)",
        share * 100.0
    );
    println!(
        "at most {} tokens in one second (allowed 50)",
        most_in_a_second(&installed)
    );
    ExitCode::SUCCESS
}

/// CPU seconds and resident megabytes of a process.
fn process(pid: u32) -> (f64, f64) {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat
        .rsplit_once(')')
        .unwrap()
        .1
        .split_whitespace()
        .collect();
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let resident = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    let kilobytes: f64 = resident.split_whitespace().next().unwrap().parse().unwrap();
    (ticks / TICKS, kilobytes / 1000.0)
}

/// Requests for tokens, by the second in which the server had them.
fn most_in_a_second(installed: &Installed) -> usize {
    let text = fs::read_to_string(installed.cluster.audit_log().path()).unwrap();
    let mut seconds: BTreeMap<String, usize> = BTreeMap::new();
    for line in text
        .lines()
        .filter(|line| line.contains("/serviceaccounts/deployer/token"))
    {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        if event["stage"] == "ResponseComplete" {
            let at = event["requestReceivedTimestamp"].as_str().unwrap();
            *seconds.entry(at[..19].to_owned()).or_default() += 1;
        }
    }
    assert!(!seconds.is_empty(), "no request of {NAME} is in the log");
    seconds.into_values().max().unwrap()
}
