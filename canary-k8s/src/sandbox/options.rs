//! How a sandbox is to be, and why there is none.

use std::path::PathBuf;
use std::sync::Arc;

use canary_core::apply::Clock;

/// Somebody who is known from the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// As audit events have it.
    pub name: String,
    /// May be empty.
    pub uid: String,
    /// Without `system:authenticated`, which everybody is in. `system:masters` may do anything.
    pub groups: Vec<String>,
}

impl User {
    /// A user with a uid made from the name.
    #[must_use]
    pub fn new(name: &str, groups: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            uid: format!("{name}-uid"),
            groups: groups.iter().map(|&group| group.to_owned()).collect(),
        }
    }
}

/// How a sandbox is to be.
#[derive(Clone)]
pub struct SandboxOptions {
    /// Who is known from the start.
    pub users: Vec<User>,
    /// Where events go. Made with mode 0600 where it is not there, and appended to.
    pub audit_log: PathBuf,
    /// What uids, tokens and keys come from: the same seed, clock and requests give the same bytes.
    pub seed: [u8; 32],
    /// What times come from, also the `Date` of answers.
    pub clock: Arc<dyn Clock>,
    /// The port on 127.0.0.1; 0: any that is free.
    pub port: u16,
}

/// Why there is no sandbox, or no kubeconfig.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The audit log cannot be opened.
    #[error("the audit log {} cannot be opened", .path.display())]
    AuditLog {
        /// Where it was to be.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Nothing can listen on that port.
    #[error("port {port} on 127.0.0.1 cannot be listened on")]
    Listen {
        /// The port that was asked for.
        port: u16,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The seed gives no signing key: one in 2^128 does not.
    #[error("the seed gives no signing key")]
    Seed,
    /// A kubeconfig cannot be written.
    #[error("the kubeconfig {} cannot be written", .path.display())]
    Kubeconfig {
        /// Where it was to be.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// There is no such user.
    #[error("nobody is called {name:?} here")]
    UnknownUser {
        /// Who was asked for.
        name: String,
    },
}
