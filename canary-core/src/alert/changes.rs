//! What became of alerts.

use std::collections::BTreeMap;

/// What became of an alert.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Change {
    /// A new alert.
    Created,
    /// It covers a canary, is of a severity or belongs to an incident that it did not before, or tells another thing that
    /// must be told.
    Updated,
    /// It counts one more.
    Counted,
}

/// What became of several, each once, in the order in which they changed first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Changes {
    all: Vec<(String, Change)>,
    at: BTreeMap<String, usize>,
}

impl Changes {
    /// That became of an alert, too. What says most stays.
    pub fn add(&mut self, uid: String, change: Change) {
        match self.at.get(&uid).and_then(|at| self.all.get_mut(*at)) {
            Some((_, known)) => *known = change.min(*known),
            None => {
                self.at.insert(uid.clone(), self.all.len());
                self.all.push((uid, change));
            }
        }
    }
}

impl IntoIterator for Changes {
    type Item = (String, Change);
    type IntoIter = std::vec::IntoIter<(String, Change)>;

    fn into_iter(self) -> Self::IntoIter {
        self.all.into_iter()
    }
}
