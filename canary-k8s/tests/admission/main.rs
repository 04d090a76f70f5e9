//! Admission of pods, from the bytes of a review to what the server makes of the pod.

#![expect(
    clippy::unwrap_used,
    reason = "a test whose ground cannot be laid has failed"
)]

mod pods;
mod properties;
mod server;
mod support;
