//! Notes on a graph: giveaways, blast radius, canaries that can never fire.

mod note;

pub use note::{Note, Severity, Topic};
