//! The Kubernetes provider: Secrets, ConfigMaps and ServiceAccounts as canaries.
//!
//! ```text
//! catalog   what the kinds are, without looking            pure
//! client    requests as data, sent by `kube`
//! observe   metadata LISTs, named GETs ─▶ Observed
//! realize   one request per touch
//! ```

pub mod client;
pub mod observe;
pub mod realize;

pub use client::{Client, ConnectError, Connection};
