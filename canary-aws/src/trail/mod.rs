//! CloudTrail.
//!
//! ```text
//! files, folders ═TrailFiles═▶ bytes ─Split─▶ items ─Sieve─▶ candidates ─▶ Event
//!                a queue's message, a text ─messages─▶ Events | objects to fetch | audit lines of EKS | poison
//! ```
//!
//! Everything in a record that a caller chose is hostile.

mod arn;
mod bounds;
mod files;
mod forms;
mod grams;
mod identity;
mod intake;
mod listen;
mod mend;
mod object;
mod outcome;
mod read;
mod redact;
mod sieve;
mod split;
mod subjects;
mod subscription;
mod things;
mod url;
mod verb;

pub use forms::{Found, Poison, S3Object, messages};
pub use intake::Counts;
pub use listen::TrailFiles;
pub use sieve::Sieve;
