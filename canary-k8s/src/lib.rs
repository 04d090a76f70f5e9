//! The Kubernetes provider.

pub mod audit;
