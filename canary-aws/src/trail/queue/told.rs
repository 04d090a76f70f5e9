//! Which messages were already told of.

use std::collections::{BTreeSet, VecDeque};

/// A message that nobody can read comes a few times within hours; of so many, the first is long gone.
const MOST: usize = 4096;

/// Identifiers of messages that were told of; the oldest are forgotten.
#[derive(Debug, Default)]
pub(super) struct Told {
    ids: BTreeSet<String>,
    order: VecDeque<String>,
}

impl Told {
    /// Whether it is the first time.
    pub(super) fn is_first(&mut self, id: &str) -> bool {
        if !self.ids.insert(id.to_owned()) {
            return false;
        }
        self.order.push_back(id.to_owned());
        if self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_is_known_until_much_else_was() {
        let mut told = Told::default();
        assert!(told.is_first("a") && !told.is_first("a"));
        for number in 0..MOST {
            assert!(told.is_first(&number.to_string()));
        }
        assert!(told.is_first("a"));
        assert!(told.ids.len() <= MOST && told.order.len() <= MOST);
    }
}
