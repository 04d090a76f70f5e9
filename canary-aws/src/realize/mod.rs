//! Touching an account: one thing at a time, each by as few requests as AWS lets.

mod access_key;
mod account;
mod bucket;
mod content;
mod error;
mod parameter;
mod policy;
mod role;
mod s3_object;
mod secret;
mod user;

pub use account::AwsRealize;
