//! The command line, as a library: others add providers and make a binary of their own.
//!
//! ```no_run
//! fn main() -> std::process::ExitCode {
//!     canary_cli::CliRunner::new().run()
//! }
//! ```

pub mod agent;
mod cli;
mod clock;
mod commands;
mod error;
mod project;
pub mod providers;
pub mod render;
mod runner;
mod sink;
pub mod store;
mod ui;

pub use clock::SystemClock;
pub use error::{CommandError, Exit};
pub use runner::CliRunner;
