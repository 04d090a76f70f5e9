//! For tests of this crate, of providers and of embedders: a world in memory, and a simulator of faults.
//!
//! [`World`] is stricter than the real ones on purpose: it refuses a create over anything that is there, an update or
//! delete without the exact version, and counts every request and write.

mod clock;
mod faults;
mod simulate;
mod store;
mod things;
mod world;

pub use clock::FakeClock;
pub use faults::{Fault, Faults, When};
pub use simulate::{Leak, Search, encodings, leaks};
pub use store::MemoryStore;
pub use things::{ThingCatalog, example, thing, things};
pub use world::{Thing, World};
