//! What an event touched, and how near it came.

use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::graph::{Address, CanaryId};

/// How near a touch came.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// Nothing that is known: the record itself is damaged, and could have hidden it.
    Damaged,
    /// Nothing of ours: a pod's token came from where the pod is not.
    Stolen,
    /// A list or watch that covers it among others.
    Covering,
    /// It was named.
    Named,
    /// Its identity was used.
    Use,
}

/// One tripwire that an event touched.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Touch {
    /// Whose tripwire.
    pub address: Address,
    /// How near.
    pub grade: Grade,
}

/// Everything that an event touched: each address once, in its nearest grade, in the order of the addresses.
///
/// A reading of everything touches every canary, and many read everything: all of them share one list, and what has seen
/// it once knows it again without looking through it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Vec<Touch>", into = "Vec<Touch>")]
pub struct Touches {
    all: Arc<[Touch]>,
    /// The farthest and the nearest grade; `None` where nothing was touched.
    grades: Option<(Grade, Grade)>,
}

impl Touches {
    /// The nearest grade; `None` where nothing was touched.
    #[must_use]
    pub fn nearest(&self) -> Option<Grade> {
        self.grades.map(|(_, nearest)| nearest)
    }

    /// Whether something was touched, and nothing nearer than among others.
    #[must_use]
    pub fn is_covering(&self) -> bool {
        self.grades == Some((Grade::Covering, Grade::Covering))
    }

    /// Whether this address was touched.
    #[must_use]
    pub fn has(&self, address: &Address) -> bool {
        self.all
            .binary_search_by(|touch| touch.address.cmp(address))
            .is_ok()
    }

    /// Whether an address was touched by both.
    #[must_use]
    pub fn meet(&self, other: &Self) -> bool {
        let (few, many) = if self.len() < other.len() {
            (self, other)
        } else {
            (other, self)
        };
        few.iter().any(|touch| many.has(&touch.address))
    }

    /// Whether they are the same list, and not only equal; told without a look at it.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.all, &other.all)
    }

    /// Those that are so.
    #[must_use]
    pub fn only(self, is: impl Fn(&Touch) -> bool) -> Self {
        if self.iter().all(&is) {
            return self;
        }
        self.iter().filter(|touch| is(touch)).cloned().collect()
    }
}

impl Default for Touches {
    fn default() -> Self {
        Self::from(Vec::new())
    }
}

impl From<Vec<Touch>> for Touches {
    fn from(mut touches: Vec<Touch>) -> Self {
        // Nearest first, and of each address the first stays.
        touches.sort_by(|a, b| (&a.address, b.grade).cmp(&(&b.address, a.grade)));
        touches.dedup_by(|next, kept| next.address == kept.address);
        let grades = || touches.iter().map(|touch| touch.grade);
        Self {
            grades: grades().min().zip(grades().max()),
            all: touches.into(),
        }
    }
}

impl From<Touches> for Vec<Touch> {
    fn from(touches: Touches) -> Self {
        touches.all.to_vec()
    }
}

impl FromIterator<Touch> for Touches {
    fn from_iter<I: IntoIterator<Item = Touch>>(touches: I) -> Self {
        Self::from(touches.into_iter().collect::<Vec<_>>())
    }
}

impl Deref for Touches {
    type Target = [Touch];

    fn deref(&self) -> &[Touch] {
        &self.all
    }
}

impl PartialEq for Touches {
    fn eq(&self, other: &Self) -> bool {
        self.is(other) || self.all == other.all
    }
}

impl Eq for Touches {}

/// The canaries behind touches, each once.
#[must_use]
pub fn canaries(touches: &[Touch]) -> BTreeSet<CanaryId> {
    touches
        .iter()
        .map(|touch| touch.address.canary().clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(address: &str, grade: Grade) -> Touch {
        Touch {
            address: address.parse().unwrap(),
            grade,
        }
    }

    #[test]
    fn an_address_that_was_touched_twice_stays_once_in_its_nearest_grade() {
        let touches = Touches::from(vec![
            touch("secret.b", Grade::Covering),
            touch("secret.a", Grade::Covering),
            touch("secret.b", Grade::Named),
        ]);
        let expected = [
            touch("secret.a", Grade::Covering),
            touch("secret.b", Grade::Named),
        ];
        assert_eq!(*touches, expected);
        assert_eq!(touches.nearest(), Some(Grade::Named));
        assert!(!touches.is_covering());
        assert!(
            touches
                .only(|touch| touch.grade == Grade::Covering)
                .is_covering()
        );
    }

    #[test]
    fn what_touched_nothing_covers_nothing() {
        let nothing = Touches::default();
        assert!(nothing.is_empty() && !nothing.is_covering() && nothing.nearest().is_none());
        assert!(!nothing.meet(&nothing));
    }

    #[test]
    fn lists_meet_in_any_address_whatever_their_lengths() {
        let all: Touches = (0..100)
            .map(|i| touch(&format!("secret.c{i}"), Grade::Covering))
            .collect();
        let one = Touches::from(vec![
            touch("secret.c57", Grade::Named),
            touch("secret.other", Grade::Named),
        ]);
        let other = Touches::from(vec![touch("secret.other", Grade::Named)]);
        assert!(all.meet(&one) && one.meet(&all));
        assert!(!all.meet(&other) && !other.meet(&all));
    }
}
