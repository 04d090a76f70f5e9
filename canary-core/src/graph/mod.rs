//! What should be there: addresses, resources with every choice made, and the graph of them.
//!
//! ```text
//! Resource ─inputs─▶ Input::Join ─Piece::Output─▶ Resource      an edge: the other one is made first
//! ```
//!
//! [`Desired`] is closed (every output comes from a resource in it) and acyclic by construction: whatever is wrong with
//! a graph is refused by [`Desired::new`], so that planning has no errors.

mod address;
mod desired;
mod resource;

pub use address::{Address, AddressError, CanaryId};
pub use desired::{Desired, GraphError};
pub use resource::{Handle, Input, Lifetime, Piece, ProviderId, Resource, Written};
