//! A queue of SQS that events come through.
//!
//! ```text
//! address ─▶ calls ═receive═▶ Message ─read─▶ events, objects to fetch ─▶ held until it is done ─▶ deleted
//!                                      └─ poison ─▶ left to the dead-letter queue
//! ```

mod address;
mod calls;
mod error;
mod held;
mod listen;
mod message;
mod read;
mod reading;
mod step;
mod told;

pub use error::QueueError;
pub use listen::QueueListener;
