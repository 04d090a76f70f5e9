//! What runs in the cluster.

pub mod webhook;
