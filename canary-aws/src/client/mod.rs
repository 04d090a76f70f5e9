//! The services' clients, and what their errors mean.

mod clock;
mod connect;
mod error;
mod pages;
mod regional;
mod send;
mod sources;

pub use connect::{Client, ConnectError, Connection};
pub(crate) use error::{CallError, Failure};
pub(crate) use pages::Pages;
