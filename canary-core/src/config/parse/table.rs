//! One table, by its shape.

use toml::de::DeTable;

use super::reading::{Key, Reading};
use super::value::did_you_mean;
use crate::config::error::{all_of, any_of, quoted};
use crate::config::{ConfigError, FieldShape, Span, Table, TableShape, nearest};
use crate::graph::CanaryId;

impl Reading<'_> {
    /// Reads a table. `name` is how it is written, as in `[secret.payments-db]`; `span` is where it stands.
    ///
    /// Fields that are wrong are reported and left out.
    pub(super) fn table(
        &mut self,
        name: &str,
        table: &DeTable<'_>,
        span: &Span,
        shape: &TableShape,
        owner: Option<&CanaryId>,
    ) -> Table {
        let mut read = Table {
            span: span.clone(),
            ..Table::default()
        };
        let mut meant = Vec::new();
        for (key, value) in table {
            let word = key.get_ref().as_ref();
            let Some(field) = shape.fields.iter().find(|field| field.name == word) else {
                meant.extend(self.unknown_key(name, key, shape));
                continue;
            };
            if let Some(setting) = self.value(field.name, value, &field.shape, owner) {
                read.fields.insert(field.name, setting);
            }
        }
        // What stands under a misspelt key is not missing too.
        let has = |word: &str| table.contains_key(word) || meant.contains(&word);
        self.missing(name, span, shape, has);
        self.exclusive(name, table, shape);
        read
    }

    /// Reports a key that the shape does not have. Gives the one that was probably meant.
    fn unknown_key(
        &mut self,
        name: &str,
        key: &Key<'_>,
        shape: &TableShape,
    ) -> Option<&'static str> {
        if self.errors.full() {
            // Looking for a suggestion costs more than all else, and would not be shown.
            self.errors.push(ConfigError::new(key.span(), "", ""));
            return None;
        }
        let names = || shape.fields.iter().map(|field| field.name);
        let meant = nearest(key.get_ref(), names());
        let title = format!("unknown key {} in {name}", quoted(key.get_ref()));
        let help = meant.map_or_else(|| known_keys(shape), did_you_mean);
        self.errors
            .push(ConfigError::new(key.span(), title, "not a key of this table").with_help(help));
        meant
    }

    fn missing(&mut self, name: &str, span: &Span, shape: &TableShape, has: impl Fn(&str) -> bool) {
        for field in &shape.fields {
            if field.required && !has(field.name) {
                let title = format!("{name} has no {}", quoted(field.name));
                let label = format!("{} is required", quoted(field.name));
                self.errors.push_missing(
                    ConfigError::new(span.clone(), title, label).with_help(add(field)),
                );
            }
        }
        for group in &shape.one_needed {
            if !group.iter().any(|word| has(word)) {
                let words = any_of(group.iter().copied());
                let title = format!("{name} has no {words}");
                let label = "one of them is required";
                self.errors
                    .push_missing(ConfigError::new(span.clone(), title, label));
            }
        }
    }

    fn exclusive(&mut self, name: &str, table: &DeTable<'_>, shape: &TableShape) {
        for (one, other) in &shape.exclusive {
            let (Some((one, _)), Some((other, _))) =
                (table.get_key_value(*one), table.get_key_value(*other))
            else {
                continue;
            };
            let (first, second) = if one.span().start < other.span().start {
                (one, other)
            } else {
                (other, one)
            };
            let (first_word, second_word) = (quoted(first.get_ref()), quoted(second.get_ref()));
            let title = format!("{name} has both {first_word} and {second_word}");
            let error = ConfigError::new(second.span(), title, "they exclude each other")
                .and_at(first.span(), "already here")
                .with_help(String::from("remove one of them"));
            self.errors.push(error);
        }
    }
}

/// Tells what a missing field would say. The sentence about it goes on behind a colon, so it begins lowercase, unless
/// it begins with an abbreviation.
fn add(field: &FieldShape) -> String {
    let name = quoted(field.name);
    let about = field.about.trim_end_matches('.');
    let mut letters = about.chars();
    match (letters.next(), letters.clone().next()) {
        (None, _) => format!("add {name}"),
        (Some(first), Some(second)) if second.is_lowercase() || second == ' ' => {
            format!("add {name}: {}{}", first.to_lowercase(), letters.as_str())
        }
        (Some(_), _) => format!("add {name}: {about}"),
    }
}

fn known_keys(shape: &TableShape) -> String {
    if shape.fields.is_empty() {
        return "this table has no keys".into();
    }
    let names = shape.fields.iter().map(|field| field.name);
    format!("known keys are {}", all_of(names))
}
