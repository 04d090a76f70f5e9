//! What was asked, in order and counted.

use std::collections::{BTreeMap, VecDeque};

/// Beyond this the oldest are forgotten; the counts go on. A test asks some thousands.
const KEPT: usize = 100_000;

/// Beyond this names that were never asked for are not counted: all services here have fewer operations together.
const NAMES: usize = 1000;

/// Requests by operation, `iam:CreateUser`.
#[derive(Debug, Default)]
pub(super) struct Requests {
    counts: BTreeMap<String, usize>,
    order: VecDeque<String>,
}

impl Requests {
    pub(super) fn push(&mut self, operation: &str) {
        if let Some(count) = self.counts.get_mut(operation) {
            *count += 1;
        } else if self.counts.len() < NAMES {
            self.counts.insert(operation.to_owned(), 1);
        }
        if self.order.len() == KEPT {
            self.order.pop_front();
        }
        self.order.push_back(operation.to_owned());
    }

    pub(super) fn count(&self, operation: &str) -> usize {
        self.counts.get(operation).copied().unwrap_or_default()
    }

    pub(super) fn counts(&self) -> BTreeMap<String, usize> {
        self.counts.clone()
    }

    pub(super) fn in_order(&self) -> Vec<String> {
        self.order.iter().cloned().collect()
    }
}
