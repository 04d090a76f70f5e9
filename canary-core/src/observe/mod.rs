//! Looking: what was seen, and what could not be.
//!
//! ```text
//! cluster, account ═Observe═▶ Observed ◀─read─ recorded form
//! ```
//!
//! [`Observed`] is plain data: a live look, a recorded dump and a test world are the same to the planner. It holds things
//! that are not ours too, by metadata, because names and ways of writing are chosen to fit them.

mod gap;
mod grant;
mod observed;
mod recorded;

use async_trait::async_trait;

use crate::disguise::SiteKeys;

pub use gap::{Gap, Place, Reason};
pub use grant::{Given, Grant, Grantee, Rule};
pub use observed::{Look, Object, Observed, Scope, Seen, Sight, Site, Version};
pub(crate) use observed::{SHOWN_LATE, shifted};
pub use recorded::{RecordedError, read_recorded, write_recorded};

/// Looks. Needs read permission only.
#[async_trait]
pub trait Observe: Send + Sync {
    /// Says where we are: the site's identity and facts. Asked before anything else is read or written.
    ///
    /// # Errors
    /// A [`Gap`] that says why the site could not be told (unreachable, refused).
    async fn site(&self) -> Result<Site, Gap>;

    /// Is told the keys of the site once it is known to be the right one, before anything else is asked: from then on
    /// requests can carry the proof that they are ours.
    fn enter(&self, _keys: &SiteKeys) {}

    /// Who we are there, when that can be told. Asked before something is written, so that our own calls can be known.
    async fn principal(&self) -> Option<String>;

    /// Looks at what `look` names. Never fails as a whole: what it could not see is in [`Observed::gaps`].
    ///
    /// Guarantees: an object whose version equals the one in `look.known` is not read in full; nothing outside
    /// `look` is read; no secret value leaves this call, only digests under `look.digester`.
    async fn observe(&self, look: &Look) -> Observed;
}
