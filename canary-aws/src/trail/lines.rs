//! Audit lines of Kubernetes that come the way of AWS.

use canary_core::detect::Event;

/// Reads one line of a Kubernetes audit log, as it stands, perhaps cut at its end; gives nothing for a line that nobody
/// wants. This provider does not know such lines: whoever has the other provider, too, hands its reader in.
pub type Lines = Box<dyn Fn(&[u8]) -> Vec<Event> + Send>;

/// What stands in every such line, also inside of other texts.
pub(super) const MARK: &str = "audit.k8s.io/";
