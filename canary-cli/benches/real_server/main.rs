//! What the program costs on a real API server, beside the tools that people use for the same.
//!
//! ```text
//! cargo bench -p canary-cli --bench real_server [-- --rounds N]
//! ```
//!
//! Each tool fills a namespace of its own with 1,000 Secrets, looks, changes 10 of them, and removes all; in each round
//! each tool has its turn, so that none has the warmer server. `kubectl`, `kapp` and `helm` take part where they are on
//! the PATH. Requests are those that the server's audit log has of each tool's own user.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on stops")]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "what it prints is what it is for"
)]

mod measure;
mod table;
mod tools;

use std::process::{Command, ExitCode};

use canary_fixtures::{ControlPlane, Options};
use measure::{Measured, run};
use tools::{Phase, Place, Tool};

/// Secrets of each tool.
const SECRETS: usize = 1_000;
/// 1 % of them.
const CHANGED: usize = 10;
/// Canaries for the bar on memory.
const MANY: usize = 5_000;
/// Odd, so that there is a median.
const ROUNDS: usize = 3;
/// A start takes milliseconds, and the machine does other things as well.
const STARTS: usize = 51;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    // `cargo test --benches` runs this too, without the word.
    if !args.iter().any(|arg| arg == "--bench") {
        return ExitCode::SUCCESS;
    }
    let rounds = args
        .iter()
        .position(|arg| arg == "--rounds")
        .map_or(ROUNDS, |at| args[at + 1].parse().unwrap());
    let cluster = match ControlPlane::start(&Options::default()) {
        Ok(cluster) => cluster,
        Err(why) => {
            eprintln!("there is no real API server to measure on: {why}");
            return ExitCode::FAILURE;
        }
    };
    start();
    memory(&cluster);
    side_by_side(&cluster, rounds);
    ExitCode::SUCCESS
}

/// `canary --version`.
fn start() {
    let mut all: Vec<Measured> = (0..STARTS)
        .map(|_| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_canary"));
            run(command.arg("--version"))
        })
        .collect();
    all.sort_by_key(|measured| measured.wall);
    println!(
        "canary --version: {:.1} ms, the median of {STARTS}; {:.1} ms the slowest\n",
        1e3 * all[STARTS / 2].wall.as_secs_f64(),
        1e3 * all[STARTS - 1].wall.as_secs_f64(),
    );
    // A program that does nothing has the memory that the kernel counts from us.
    let nothing = run(&mut Command::new("true"));
    println!(
        "Peaks below {:.0} MB cannot be told.\n",
        nothing.megabytes()
    );
}

/// The memory of a plan with many canaries, before and after they are there.
fn memory(cluster: &ControlPlane) {
    let place = Place::new(Tool::Canary, cluster, MANY);
    println!(
        "{}",
        table::head(&format!("{MANY} canaries, one namespace"))
    );
    for (phase, what) in [
        (Phase::Look, "plan, all new"),
        (Phase::First, "first apply"),
        (Phase::Look, "plan, nothing to do"),
        (Phase::Delete, "destroy"),
    ] {
        let measured = place.measure(cluster, phase).unwrap();
        println!("{}", table::row(what, &[measured], None));
    }
}

fn side_by_side(cluster: &ControlPlane, rounds: usize) {
    let tools: Vec<Tool> = Tool::ALL
        .into_iter()
        .filter(|tool| tool.is_there())
        .collect();
    println!("\n{SECRETS} Secrets in a namespace each; medians of {rounds} rounds.");
    for tool in &tools {
        println!("- {}", tool.version());
    }
    // By phase and tool.
    let mut all = vec![vec![Vec::new(); tools.len()]; Phase::ALL.len()];
    for round in 1..=rounds {
        for (t, tool) in tools.iter().enumerate() {
            let place = Place::new(*tool, cluster, SECRETS);
            for (p, phase) in Phase::ALL.into_iter().enumerate() {
                place.prepare(cluster, phase, CHANGED);
                all[p][t].extend(place.measure(cluster, phase));
                place.check(cluster, phase, CHANGED);
            }
            eprintln!("round {round} of {rounds}: {tool:?}");
        }
    }
    for (p, phase) in Phase::ALL.into_iter().enumerate() {
        println!("\n{}", table::head(phase.title()));
        let ours = measure::median(&all[p][0]);
        for (tool, all) in tools.iter().zip(&all[p]) {
            if let Some(words) = tool.words(phase) {
                println!("{}", table::row(words, all, Some(&ours)));
            }
        }
    }
}
