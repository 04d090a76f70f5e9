//! Pods and what they wait for: the keeper's means in a cluster.
//!
//! ```text
//!  pods ═watch═▶ SeenPod          reduced on arrival to what attribution needs
//!  Wanted ═TokenRequest═▶ Fresh   a kubeconfig with a token of a decoy account
//!  Place ═deliver═▶ a Secret      made, put back, removed; never read
//!  segments                       the log of pods, as Secrets of the agent's own namespace
//!  lease                          who of several agents writes
//! ```

mod deliver;
mod lease;
mod meaning;
mod quota;
mod reduce;
mod segments;
mod token;
mod watch;

pub use deliver::SecretDelivery;
pub use lease::{Election, LeaseError, LeaseTerm};
pub use reduce::{ReducedPod, Reduction};
pub use segments::SecretSegments;
pub use token::{TokenBait, TokenBaits};
pub use watch::{Scope, watch};
