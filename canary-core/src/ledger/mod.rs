//! What we know to be ours.
//!
//! The ledger is an append-only journal of [`Entry`]s, sealed one by one. [`Ledger`] is what they add up to. Where the
//! bytes are kept is a [`Store`]; this module makes and reads them.

mod entry;
mod exposed;
mod journal;
mod reconcile;
mod refresh;
mod state;
mod store;
mod strays;

pub use entry::{Effect, Entry, Intent, Origin, OutputValue, Outputs, Record, Tombstone, Verb};
pub use journal::{Journal, JournalError, Torn};
pub use reconcile::{Settled, reconcile};
pub(crate) use reconcile::{as_sent, equals, may_still_come, removed, sent, tombstone};
pub(crate) use refresh::refreshed;
pub(crate) use state::TOGETHER;
pub use state::{Ledger, OpenIntent};
pub use store::{Holder, Lease, LockError, Store, StoreError};
