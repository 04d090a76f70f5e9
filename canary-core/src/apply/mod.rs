//! Touching: a plan carried out, journalled call by call.
//!
//! ```text
//! Plan ─ready calls─▶ intents ═append, fsync═▶ Ledger ═Realize═▶ world ─outcomes─▶ ═append, fsync═▶ Ledger
//! ```
//!
//! Guarantees: nothing is touched before its intent is durable; one append serves all calls that start and all that
//! ended since the last; independent steps go on when one fails, its dependents wait; a plan with nothing to do
//! writes nothing. Assumes that the caller holds the lock and made the plan from what this ledger says.

mod attempt;
mod call;
mod clock;
mod realize;
mod report;
mod run;
mod writer;

pub use attempt::Settings;
pub use clock::Clock;
pub use realize::{Call, Content, Found, Made, Realize, RealizeError};
pub use report::{ApplyError, Ended, Progress, Report};
pub use run::{Run, apply};
pub use writer::Writer;
