//! Touching: a plan carried out, journalled call by call.
//!
//! ```text
//! Plan ─ready steps─▶ intents ═append, fsync═▶ Ledger ═Realize═▶ world ─outcomes─▶ ═append, fsync═▶ Ledger
//! ```

mod clock;
mod realize;

pub use clock::Clock;
pub use realize::{Call, Content, Found, Made, Realize, RealizeError};
