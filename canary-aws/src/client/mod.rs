//! The services' clients, and what their errors mean.

mod clock;
mod connect;
mod error;
mod send;

pub use connect::{Client, ConnectError, Connection};
pub(crate) use error::{CallError, Failure};
