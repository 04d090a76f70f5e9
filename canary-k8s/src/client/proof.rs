//! What makes our own calls known in the audit log.

use jiff::Timestamp;

/// Gives each request an audit id that only we could have made.
pub trait CallProof: Send + Sync {
    /// The `Audit-ID` for a request; `None` leaves it to the server.
    fn audit_id(&self, method: &str, path_and_query: &str, at: Timestamp) -> Option<String>;
}

/// Leaves the audit id to the server. For callers without a key.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoProof;

impl CallProof for NoProof {
    fn audit_id(&self, _method: &str, _path_and_query: &str, _at: Timestamp) -> Option<String> {
        None
    }
}
