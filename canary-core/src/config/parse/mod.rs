//! Text → [`Config`](super::Config), with everything that is wrong in one run.
//!
//! Two passes. The first reads TOML and recovers from syntax errors, so that all of them are found. The second walks
//! what was read by the shapes. What a syntax error may have caused is not reported beside it.

mod canaries;
mod document;
mod duration;
mod errors;
mod network;
mod readers;
mod reading;
mod references;
mod sections;
mod syntax;
mod table;
mod value;

#[cfg(test)]
mod tests;

pub use document::{MAX_BYTES, parse, parse_bytes};
pub use errors::MAX_ERRORS;
