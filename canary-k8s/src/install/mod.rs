//! What is put into a cluster so that pods get baits: one source for the Helm chart and for the installer.
//!
//! ```text
//!  objects/ ─▶ Template ─fill(Values)─▶ objects in the order to apply        (installer)
//!                       ─print────────▶ deploy/chart                          (Helm)
//! ```
//!
//! Every object is called by [`Values::name`]; nothing in any of them says what it is. Nothing of this touches the world.

mod authority;
mod chart;
mod check;
mod coverage;
mod objects;
mod place;
mod propose;
mod template;
mod values;

pub use authority::{Authority, AuthorityError};
pub use chart::chart;
pub use check::{Unfit, pattern_of_name};
pub use coverage::Coverage;
pub use objects::Objects;
pub use place::Place;
pub use propose::{Neighbourhood, Proposal, propose};
pub use values::{CertManager, Condition, Covered, Issuer, Values};
