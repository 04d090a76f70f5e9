//! The services' clients, and what their errors mean.

mod connect;
mod error;
mod regional;
mod send;

pub use connect::{Client, ConnectError, Connection};
pub(crate) use error::{CallError, Failure};
