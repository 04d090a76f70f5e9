//! CloudTrail.
//!
//! ```text
//! files, folders ═TrailFiles═▶ bytes ─Split─▶ items ─Sieve─▶ candidates ─▶ Event
//!                a queue's message, a text ─messages─▶ Events | objects to fetch | audit lines of EKS | poison
//! SQS ═QueueListener═▶ messages ─▶ Event, after the objects in S3 that they tell of were fetched and split like files
//! ```
//!
//! Everything in a record that a caller chose is hostile.

mod account;
mod arn;
mod bounds;
mod fetch;
mod fields;
mod files;
mod forms;
mod found;
mod grams;
mod gunzip;
mod identity;
mod intake;
mod kind;
mod lines;
mod listen;
mod mend;
mod notices;
mod object;
mod outcome;
mod parameters;
mod passed;
mod queue;
mod read;
mod redact;
mod sieve;
mod split;
mod subjects;
mod subscription;
mod things;
mod time;
mod trouble;
mod unpack;
mod url;
mod verb;
mod walk;

pub use account::of_account;
pub use forms::messages;
pub use found::{Found, Poison, S3Object};
pub use intake::Counts;
pub(crate) use intake::Intake;
pub use lines::Lines;
pub use listen::TrailFiles;
pub use queue::{QueueError, QueueListener};
pub(crate) use read::event_of;
pub use sieve::Sieve;
pub(crate) use trouble::Trouble;
