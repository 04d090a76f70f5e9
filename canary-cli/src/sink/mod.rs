//! Where alerts are delivered.

mod post;
mod webhook;

pub(crate) use post::Post;
