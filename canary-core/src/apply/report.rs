//! What came of an apply.

use crate::graph::{Address, Handle};
use crate::ledger::StoreError;

use super::RealizeError;

/// How a step ended.
#[derive(Debug)]
pub enum Ended {
    /// Done.
    Done,
    /// Not done, for this reason.
    Failed(RealizeError),
    /// What it needs was not done.
    Waits(Address),
    /// It was blocked when it was planned.
    Blocked,
    /// The run was stopped first.
    Stopped,
}

/// What came of a plan, step by step, in the order of the plan. Steps that had nothing to do are left out.
#[derive(Debug, Default)]
pub struct Report {
    /// Each step that had something to do.
    pub ended: Vec<(Address, Handle, Ended)>,
    /// How many calls were made.
    pub calls: u64,
    /// How many times the ledger was written.
    pub appends: u64,
}

impl Report {
    /// How many steps were done.
    #[must_use]
    pub fn done(&self) -> usize {
        self.count(|ended| matches!(ended, Ended::Done))
    }

    /// How many steps were not done, for whatever reason.
    #[must_use]
    pub fn not_done(&self) -> usize {
        self.ended.len() - self.done()
    }

    /// How many steps failed for a reason that `test` picks.
    #[must_use]
    pub fn count(&self, test: impl Fn(&Ended) -> bool) -> usize {
        self.ended
            .iter()
            .filter(|(_, _, ended)| test(ended))
            .count()
    }

    /// True when everything that was to be done was done.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.not_done() == 0
    }
}

/// What happens while a plan is carried out.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'a> {
    /// A step begins.
    Begins(&'a crate::plan::Step),
    /// A step ended.
    Ends(&'a crate::plan::Step, &'a Ended),
}

/// Why an apply could not go on at all.
#[derive(Debug, thiserror::Error)]
#[error("the ledger could not be written; {} steps were done before", .report.done())]
pub struct ApplyError {
    /// What was done until then. Calls that were under way are in the ledger as intents and are looked at by the next run.
    pub report: Report,
    /// Why.
    #[source]
    pub source: StoreError,
}
