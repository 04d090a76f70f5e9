//! Talking to the API server: requests are made by pure functions, sent by `kube`, and proven ours by their `Audit-ID`.

mod connect;
mod error;
mod proof;
pub(crate) mod request;
mod send;

pub use connect::{ConnectError, Connection};
pub use error::{CallError, Failure};
pub use send::{Answer, Client};
