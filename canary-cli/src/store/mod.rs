//! Where ledgers and logs of pods are kept, and how files are put in place.

mod file;
mod segments;
mod whole;

pub use file::FileStore;
pub use segments::FileSegments;
pub(crate) use whole::{put, put_public};
