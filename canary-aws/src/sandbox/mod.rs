//! An AWS account in memory, for trying things without one: the production clients run against it unchanged.
//!
//! It speaks the wire protocols of IAM, STS, SQS, SSM, Secrets Manager, EventBridge, CloudTrail and S3 (path style) as far as this
//! provider and a few other actors need, over plain HTTP on the loopback interface, decides by identity policies, and writes a
//! CloudTrail record for every authenticated call that AWS would log. What it keeps is gone with it. It can be told to fail, to be
//! slow to believe what was written, and what time it is.
//!
//! ```text
//! wire ─▶ http ─▶ protocol ─▶ faults ─▶ account ─▶ access ─▶ iam, sts, sqs, ssm, secrets, events, cloudtrail, s3
//!                                          └─▶ trail ─▶ events ─▶ sqs
//! ```
//!
//! A client that sends the header `x-test-source-ip` comes from that address in the log.
//!
//! Signatures are not checked: whoever names a key has it. Resource policies are asked only where EventBridge writes to a queue and
//! where a role is assumed. There are no service control policies, no customer managed policies, no consoles, no multi-factor
//! devices, and trails keep no files.

mod access;
mod account;
mod call;
mod clock;
mod cloudtrail;
mod entropy;
mod events;
mod failure;
mod faults;
mod http;
mod iam;
mod lagging;
mod options;
mod page;
mod process;
mod protocol;
mod regions;
mod requests;
mod s3;
mod secrets;
mod server;
mod service;
mod sqs;
mod ssm;
mod sts;
mod tags;
mod trail;
mod wire;

pub use clock::SandboxClock;
pub use faults::{Fault, FaultKind, Faults};
pub use options::{Consistency, Keys, Lag, SandboxOptions};
pub use process::{Principal, serve};
pub use server::Sandbox;
