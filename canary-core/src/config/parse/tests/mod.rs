//! Tests of the parser as a whole.

mod hostile;
mod readers;
mod references;
mod told;
mod valid;

use crate::config::{Config, ConfigError, example, parse};

fn read(source: &str) -> Result<Config, Vec<ConfigError>> {
    parse(source, &example::vocabulary(), example::TODAY)
}

/// A configuration with nothing wrong but what is added.
fn with(more: &str) -> String {
    format!("[kubernetes]\n{more}")
}
