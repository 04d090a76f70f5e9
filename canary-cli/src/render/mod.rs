//! What people see.

pub mod diagnostics;

#[cfg(test)]
mod diagnostics_tests;
