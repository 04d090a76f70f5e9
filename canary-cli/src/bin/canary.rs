//! `canary`, for people.

use std::process::ExitCode;

fn main() -> ExitCode {
    canary_cli::CliRunner::new().run()
}
