//! Requests and answers as bytes.

mod json;
mod query;
mod request;
mod rest;
mod wording;
mod xml;

pub(super) use request::{Request, parse};
pub(super) use rest::Rest;
pub(super) use wording::{Written, answer, failure};
