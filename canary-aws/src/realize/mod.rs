//! Touching an account: one thing at a time, each by as few requests as AWS lets.

mod access_key;
mod account;
mod content;
mod error;
mod log_bucket;
mod policy;
mod queue;
mod role;
mod rule;
mod target;
mod trail;
mod user;

pub use account::AwsRealize;
