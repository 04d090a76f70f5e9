//! Admission of pods, from the bytes of a review to what the server makes of the pod.

mod pods;
mod properties;
mod server;
mod support;
