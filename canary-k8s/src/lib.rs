//! The Kubernetes provider: Secrets, ConfigMaps and ServiceAccounts as canaries.
//!
//! ```text
//! catalog   what the kinds are, without looking            pure
//! persona   how what we write looks                        pure
//! client    requests as data, sent by `kube`
//! observe   metadata LISTs, named GETs ─▶ Observed
//! realize   one request per touch
//! install   what is put into a cluster for pods            pure
//! installer looks, tells what would change, changes it
//! audit     audit logs ─▶ Event
//! admission reviews of pods ─▶ JSON Patch                  pure
//! machinery what Kubernetes itself does by rule            pure
//! pods      pods and what they wait for
//! sandbox   an API server in memory                  feature "sandbox"
//! ```

pub mod admission;
pub mod audit;
pub mod catalog;
pub mod client;
pub mod dump;
pub mod install;
pub mod installer;
mod kubeconfig;
mod labels;
mod machinery;
pub mod observe;
mod persona;
pub mod pods;
pub mod realize;
#[cfg(feature = "sandbox")]
pub mod sandbox;
mod workload;

pub use catalog::{AwsBait, KubeconfigBait, KubernetesCatalog, PodCredentials};
pub use client::{Client, ConnectError, Connection};
pub use dump::{Dump, DumpError};
pub use labels::LabelSelector;
pub use observe::{KubernetesObserve, PROVIDER, provider};
pub use realize::KubernetesRealize;
