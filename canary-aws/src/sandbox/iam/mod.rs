//! IAM.

mod details;
mod entities;
mod groups;
mod keys;
mod login;
pub(super) mod managed;
mod names;
mod operations;
mod policies;
mod report;
mod roles;
mod seed;
mod state;
mod summary;
mod users;

pub(super) use operations::operation;
pub(super) use seed::May;
pub(super) use state::{Entity, Iam};
