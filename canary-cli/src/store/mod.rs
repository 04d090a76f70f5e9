//! Where ledgers are kept, and how files are put in place.

mod file;
mod whole;

pub use file::FileStore;
pub(crate) use whole::{put, put_public};
