//! The webhook's server, called as it is in a cluster.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod authority;
mod cluster;
mod connections;
mod hook;
mod outages;
mod workloads;
