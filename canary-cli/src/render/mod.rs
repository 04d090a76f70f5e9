//! What people and machines see.

pub mod diagnostics;
pub(crate) mod drift;
mod excerpt;
pub(crate) mod install;
pub(crate) mod json;
pub(crate) mod plan;
pub(crate) mod progress;

#[cfg(test)]
mod diagnostics_tests;
