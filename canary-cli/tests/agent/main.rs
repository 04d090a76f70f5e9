//! The agent as a process of its own, in a real cluster.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod agent;
mod baits;
