//! Touching an account: one thing at a time, each by as few requests as AWS lets.

mod access_key;
mod account;
mod bucket;
mod content;
mod error;
mod log_bucket;
mod parameter;
mod policy;
mod queue;
mod role;
mod rule;
mod s3_object;
mod secret;
mod target;
mod trail;
mod user;

pub use account::AwsRealize;
