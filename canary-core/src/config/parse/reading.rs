//! The walk over a document that was read as TOML.

use std::collections::BTreeMap;

use jiff::civil::Date;
use toml::Spanned as At;
use toml::de::DeValue;

use super::errors::Errors;
use super::references::Reference;
use crate::config::{Config, ConfigError, Span, Vocabulary};
use crate::graph::CanaryId;

/// A key of TOML with its place.
pub(super) type Key<'i> = At<std::borrow::Cow<'i, str>>;

/// A value of TOML with its place.
pub(super) type Value<'i> = At<DeValue<'i>>;

/// What is known at some point of the walk.
pub(super) struct Reading<'a> {
    /// The file.
    pub(super) source: &'a str,
    /// What it may say.
    pub(super) vocabulary: &'a Vocabulary,
    /// The day on which known readers must still hold.
    pub(super) today: Date,
    /// What is wrong.
    pub(super) errors: Errors,
    /// What is right.
    pub(super) config: Config,
    /// Every canary that has a table, also a wrong one, with the place of its label.
    pub(super) declared: BTreeMap<CanaryId, Span>,
    /// Every reference to a canary.
    pub(super) references: Vec<Reference>,
}

impl<'a> Reading<'a> {
    /// Nothing is known yet.
    pub(super) fn new(source: &'a str, vocabulary: &'a Vocabulary, today: Date) -> Self {
        Self {
            source,
            vocabulary,
            today,
            errors: Errors::default(),
            config: Config::default(),
            declared: BTreeMap::new(),
            references: Vec::new(),
        }
    }

    /// The text at a place.
    pub(super) fn at(&self, span: &Span) -> &'a str {
        self.source.get(span.clone()).unwrap_or_default()
    }

    /// Where a table stands: its header; for a table without one, its key.
    pub(super) fn place(&self, key: &Key<'_>, value: &Value<'_>) -> Span {
        if self.at(&value.span()).starts_with('[') {
            value.span()
        } else {
            key.span()
        }
    }

    /// The configuration, or what is wrong with it.
    pub(super) fn finish(self) -> Result<Config, Vec<ConfigError>> {
        let errors = self.errors.into_sorted();
        if errors.is_empty() {
            let mut config = self.config;
            // A map that grew one by one is half empty.
            config.canaries = std::mem::take(&mut config.canaries).into_iter().collect();
            Ok(config)
        } else {
            Err(errors)
        }
    }
}

/// What a value is, in TOML's words.
pub(super) fn found(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}
