//! What is known of Kubernetes without looking: kinds, their tables, and how a canary becomes resources. Pure.

mod config_map;
mod credentials;
mod held;
mod kubernetes;
mod names;
mod notes;
mod placeholders;
pub mod pod_baits;
mod pod_credentials;
mod rights;
mod secret;
mod secret_types;
mod service_account;
mod shapes;
mod templates;

pub use kubernetes::KubernetesCatalog;
pub use pod_credentials::{AwsBait, KubeconfigBait, PodCredentials};
pub(crate) use rights::{account, grantees};
