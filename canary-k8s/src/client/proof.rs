//! What makes our own calls known in the audit log.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};

use canary_core::disguise::OwnCalls;
use jiff::Timestamp;

/// Gives each request an audit id that only we could have made, once the site is known.
#[derive(Debug)]
pub(crate) struct Proof {
    calls: OnceLock<OwnCalls>,
    nonce: AtomicU8,
}

impl Proof {
    /// Proves nothing yet. Clients begin at different nonces, so that equal requests of one microsecond differ.
    pub(crate) fn new() -> Self {
        let start = std::process::id() ^ now().subsec_nanosecond().unsigned_abs();
        Self {
            calls: OnceLock::new(),
            nonce: AtomicU8::new(start.to_le_bytes()[0]),
        }
    }

    /// From now on requests are proven. The first site stays.
    pub(crate) fn set(&self, calls: OwnCalls) {
        // A client belongs to one cluster, so a second call brings the same.
        drop(self.calls.set(calls));
    }

    /// The `Audit-ID` for a request; `None` leaves it to the server.
    pub(crate) fn audit_id(&self, method: &str, path_and_query: &str) -> Option<String> {
        let nonce = self.nonce.fetch_add(1, Ordering::Relaxed);
        let calls = self.calls.get()?;
        Some(calls.audit_id(method, path_and_query, now(), nonce))
    }
}

fn now() -> Timestamp {
    Timestamp::now()
}
