//! What the server does with a request: who, may they, and then the verb.

mod begin;
mod call;
mod controllers;
mod create;
mod delete;
mod object;
mod patch;
mod read;
mod request;
mod reviews;
mod serve;
mod update;
mod validate;
mod watch;

pub(super) use request::Request;
pub(super) use serve::{Api, Body, Reply};
pub(super) use watch::Watching;
