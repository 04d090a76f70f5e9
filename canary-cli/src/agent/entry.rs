//! From the arguments to an exit code.

use std::process::ExitCode;

use clap::Parser as _;
use tracing_subscriber::EnvFilter;

use super::{AgentArgs, run};

/// Wrong arguments, as everywhere here.
const USAGE: u8 = 64;

/// Runs the agent with the arguments of this process.
#[must_use]
pub fn main() -> ExitCode {
    // One line for each event, as collectors read them; no names below debug.
    let filter = EnvFilter::try_from_env("LOG_LEVEL").unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(false)
        .with_writer(std::io::stderr);
    log.init();
    let args = match AgentArgs::try_parse() {
        Ok(args) => args,
        Err(error) => {
            tracing::error!(kind = ?error.kind(), "the arguments are not understood");
            return ExitCode::from(USAGE);
        }
    };
    // Two threads: admission goes on while the log of thousands of pods is read.
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = match runtime.worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "there is no runtime");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let error: &dyn std::error::Error = &error;
            tracing::error!(error, "ended");
            ExitCode::FAILURE
        }
    }
}
