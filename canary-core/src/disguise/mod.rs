//! Believable and ours: everything that is derived from the site's key.
//!
//! ```text
//! Key ─HKDF(purpose, site)─▶ SiteKeys ─▶ Namer   names that fit the neighbours
//!                                     ─▶ Filler  values of the right shape
//!                                     ─▶ Marker  proof that a value is ours
//!                                     ─▶ Digester, sealing, the proof of our own calls
//! ```

mod key;

pub use key::{Digester, Key, KeyError, Purpose, SiteKeys};
