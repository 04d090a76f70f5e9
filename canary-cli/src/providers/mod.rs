//! The providers that a command line knows, and how each is connected.

#[cfg(feature = "aws")]
mod aws;
mod connect;
mod kubernetes;

#[cfg(feature = "aws")]
pub use aws::Aws;
#[cfg(feature = "aws")]
pub(crate) use aws::aws_client;
pub use connect::Connect;
pub use kubernetes::Kubernetes;
pub(crate) use kubernetes::kubernetes_client;
