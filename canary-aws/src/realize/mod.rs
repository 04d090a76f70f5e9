//! Touching an account: one thing at a time, each by as few requests as AWS lets.

mod access_key;
mod account;
mod content;
mod error;
mod policy;
mod role;
mod user;

pub use account::AwsRealize;
