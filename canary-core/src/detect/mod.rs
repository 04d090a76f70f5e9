//! What was touched, and by whom.
//!
//! ```text
//! Planted ─Catalog::tripwires─▶ Tripwires
//! audit record ─provider─▶ Event ─Tripwires::touches─▶ Touches ─Judge─▶ Sighting | excused ─alert::fold─▶ Alert
//! ```

mod attribution;
mod event;
mod ground;
mod homes;
mod judge;
mod listen;
mod machinery;
mod memory;
mod planted;
mod planting;
mod proposal;
mod reader;
mod reading;
mod selector;
mod touch;
mod tripwire;
mod tripwires;

pub use attribution::Attribution;
pub use event::{
    Action, Actor, Credential, Defect, Event, Identity, NodeRef, Outcome, OutcomeClass, PodRef,
    RequestKey, Selectors, Signal, Stage,
};
pub use homes::PodHomes;
pub use judge::{BaitSessions, Excuse, Judge, Own, REQUEST, Rules, SILENT, Sighting};
pub use listen::{Interest, Listen, ListenError, Listened};
pub use machinery::{Ground, Machinery, Ruling};
pub(crate) use memory::{LAST_ON, ROUGHLY};
pub use planted::Planted;
pub use proposal::{Proposal, propose};
pub(crate) use reader::NODE;
pub use reader::{Readers, contains};
pub use reading::{BaitReading, Reach};
pub use selector::{covers_fields, covers_labels};
pub use touch::{Grade, Touch, Touches, canaries};
pub use tripwire::{Extent, Meaning, Mention, Tripwire};
pub use tripwires::{ISSUER, ISSUER_ID, METADATA, SWITCHED_FROM, Tripwires};
