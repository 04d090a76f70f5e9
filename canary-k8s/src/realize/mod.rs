//! Touching a cluster: one request per touch, made so that nothing foreign can be overwritten.
//!
//! ```text
//! create   POST, or an apply whose body says resourceVersion "1": 201 where nothing is, 409 on anything else
//! update   PUT with uid and resourceVersion, managedFields as they were
//! delete   DELETE with uid and resourceVersion as preconditions; 404 is success
//! ```

mod body;
mod cluster;
mod error;
mod token;

pub(crate) use body::NOTHING_THERE;
pub use cluster::KubernetesRealize;
pub(crate) use token::LEGACY;
