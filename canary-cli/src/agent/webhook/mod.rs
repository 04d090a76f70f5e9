//! The server that answers the API server's admission reviews.
//!
//! ```text
//! authority or files ─certificate─▶ Shown ◀─TLS─ serve ═▶ answer ─Admission─▶ bytes
//!                                                  └─▶ Metrics
//! ```
//!
//! It holds nobody up: a review is answered by pure code within microseconds, whatever is too long, too slow or too much is
//! turned away at once, and the webhook's `failurePolicy: Ignore` lets the pod through where there is no answer. What was
//! not answered is counted.

mod answer;
mod certificate;
mod connection;
mod leaf;
mod metrics;
mod serve;

pub use certificate::{CertificateError, CertificateSource, Pem};
pub use metrics::{Metrics, Sample};
pub use serve::{ServeError, ServeOptions, serve};
