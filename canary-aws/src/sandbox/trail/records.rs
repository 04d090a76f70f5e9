//! The records that were made.

use std::collections::VecDeque;

use serde_json::Value;

/// Beyond this the oldest are forgotten: some ten megabytes of ordinary records.
const KEPT: usize = 20_000;

/// Records in order.
#[derive(Default)]
pub(in crate::sandbox) struct Records {
    kept: VecDeque<Value>,
}

impl Records {
    pub(in crate::sandbox) fn push(&mut self, record: Value) {
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(record);
    }

    pub(in crate::sandbox) fn all(&self) -> impl DoubleEndedIterator<Item = &Value> {
        self.kept.iter()
    }
}
