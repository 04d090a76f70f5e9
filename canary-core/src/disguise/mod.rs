//! Believable and ours: everything that is derived from the site's key.
//!
//! ```text
//! Key ─HKDF(purpose, site)─▶ SiteKeys ─▶ Namer     names that fit the neighbours
//!                                     ─▶ Filler    values of the right shape
//!                                     ─▶ OwnCalls  the proof that a request was ours
//!                                     ─▶ Digester, sealing
//! ```

mod filler;
mod key;
mod namer;
mod own_call;
pub mod placeholders;
mod sealed;
mod words;

pub use filler::{Alphabet, Filler};
pub use key::{Digester, Key, KeyError, Purpose, SiteKeys};
pub use namer::{Namer, Neighbours, Style};
pub use own_call::OwnCalls;
pub use sealed::{SealError, SealForm, open, seal};
pub use words::{giveaway, is_telling};
