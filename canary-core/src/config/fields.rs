//! A few values by name.

use std::iter::Map;
use std::ops::Index;
use std::slice;

/// A few values by name, in the order of the names. A table has some four, and a configuration thousands of tables: a
/// B-tree keeps room for eleven in each.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fields<V>(Vec<(Box<str>, V)>);

impl<V> Default for Fields<V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<V> Fields<V> {
    fn place(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| (**known).cmp(name))
    }

    /// The value of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&V> {
        let place = self.place(name).ok()?;
        self.0.get(place).map(|(_, value)| value)
    }

    /// Puts a value under a name, in the place of one that is there.
    pub fn insert(&mut self, name: impl Into<Box<str>>, value: V) {
        let name = name.into();
        match self.place(&name) {
            Ok(place) => {
                if let Some(known) = self.0.get_mut(place) {
                    *known = (name, value);
                }
            }
            Err(place) => {
                // One by one: doubling would keep more room than there are fields.
                self.0.reserve_exact(1);
                self.0.insert(place, (name, value));
            }
        }
    }

    /// Names and values.
    pub fn iter(&self) -> Iter<'_, V> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }

    /// The values.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.0.iter().map(|(_, value)| value)
    }
}

/// Names and values.
type Iter<'a, V> = Map<slice::Iter<'a, (Box<str>, V)>, fn(&(Box<str>, V)) -> (&str, &V)>;

impl<'a, V> IntoIterator for &'a Fields<V> {
    type Item = (&'a str, &'a V);
    type IntoIter = Iter<'a, V>;

    fn into_iter(self) -> Iter<'a, V> {
        self.iter()
    }
}

impl<V> Index<&str> for Fields<V> {
    type Output = V;

    /// # Panics
    /// When there is none, as any map.
    #[expect(clippy::expect_used, reason = "indexing asks for what is there")]
    fn index(&self, name: &str) -> &V {
        self.get(name).expect("a field of that name")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_in_the_order_of_their_names_and_each_is_there_once() {
        let mut fields = Fields::default();
        for (name, value) in [("namespace", 1), ("data", 2), ("name", 3), ("data", 4)] {
            fields.insert(name, value);
        }
        let all: Vec<_> = fields.iter().collect();
        assert_eq!(all, [("data", &4), ("name", &3), ("namespace", &1)]);
        assert_eq!(fields.get("name"), Some(&3));
        assert_eq!(fields["namespace"], 1);
        assert_eq!(fields.get("nam"), None);
        assert_eq!(fields.values().sum::<i32>(), 8);
    }
}
