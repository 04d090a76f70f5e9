//! What was touched, and by whom.
//!
//! ```text
//! Planted ─Catalog::tripwires─▶ Tripwires
//! audit record ─provider─▶ Event ─Tripwires::touches─▶ Touch ─Judge─▶ Sighting | excused ─alert::fold─▶ Alert
//! ```

mod event;
mod listen;
mod planted;
mod tripwire;

pub use event::{
    Action, Actor, Credential, Defect, Event, Identity, NodeRef, Outcome, OutcomeClass, PodRef,
    Selectors, Signal, Stage,
};
pub use listen::{Interest, Listen, ListenError, Listened};
pub use planted::Planted;
pub use tripwire::{Meaning, Mention, Tripwire};
