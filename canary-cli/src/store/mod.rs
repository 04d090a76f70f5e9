//! Where ledgers are kept.

mod file;

pub use file::FileStore;
pub(crate) use file::{put, put_public};
