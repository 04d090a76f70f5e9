//! `canaryd`, for the cluster.

use std::process::ExitCode;

fn main() -> ExitCode {
    canary_cli::agent::main()
}
