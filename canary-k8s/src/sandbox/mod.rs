//! An API server in memory, for trying things without a cluster: the production client runs against it unchanged.
//!
//! It speaks as much of the protocol as this provider and a few other actors need, over plain HTTP on the loopback
//! interface, decides by RBAC, and writes audit events in the real server's form before it answers. What it keeps is gone
//! with it. It can be told to fail.
//!
//! ```text
//! wire ─▶ http ─▶ faults ─▶ api ─▶ access, fields, selectors ─▶ store
//!                              └─▶ audit
//! ```
//!
//! It is kept honest by a table of requests that must give the same answers and events here and on a real kube-apiserver
//! (`tests/sandbox.rs`). It has no discovery, no admission beyond namespaces, no garbage collector, no namespace controller
//! (a namespace that is deleted goes on terminating), of the roles that clusters begin with only those that say who may
//! look at himself and at the server, and none of the kinds that are not in `kinds.rs`.

mod access;
mod api;
mod audit;
mod entropy;
mod faults;
mod fields;
mod http;
mod kinds;
mod options;
mod order;
mod process;
mod selectors;
mod server;
mod shape;
mod status;
mod store;
mod wire;

pub use faults::{Fault, FaultKind, Faults};
pub use options::{SandboxError, SandboxOptions, User};
pub use process::{ServeError, serve};
pub use server::Sandbox;
