//! What can go wrong with a write.

use std::time::Duration;

/// When a fault strikes, seen from the write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum When {
    /// The write does not happen.
    Before,
    /// The write happened.
    After,
}

/// What goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Our process dies.
    Kill(When),
    /// The connection is cut: the answer is lost.
    Cut(When),
    /// The write happens, but only at the next request after it, and the answer is lost.
    Late,
    /// The server is busy, and says for how long.
    Busy(Duration),
    /// The server fails.
    Error(When),
    /// Somebody else takes the name first.
    Taken,
}

impl Fault {
    /// One of each, for going through all of them.
    pub const ALL: [Self; 9] = [
        Self::Kill(When::Before),
        Self::Kill(When::After),
        Self::Cut(When::Before),
        Self::Cut(When::After),
        Self::Late,
        Self::Busy(Duration::from_secs(1)),
        Self::Error(When::Before),
        Self::Error(When::After),
        Self::Taken,
    ];
}

/// Which write has which fault, counted from 0. Each strikes once.
#[derive(Clone, Debug, Default)]
pub struct Faults(Vec<(u64, Fault)>);

impl Faults {
    /// Nothing goes wrong.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// This goes wrong with that write.
    #[must_use]
    pub fn at(write: u64, fault: Fault) -> Self {
        Self(vec![(write, fault)])
    }

    pub(super) fn strike(&mut self, write: u64) -> Option<Fault> {
        let i = self.0.iter().position(|(at, _)| *at == write)?;
        Some(self.0.swap_remove(i).1)
    }
}
