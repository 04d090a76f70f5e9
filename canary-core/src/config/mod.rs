//! `canaries.toml` → [`Config`].
//!
//! The core knows no kinds of canaries: providers describe their tables by [`TableShape`], and that one description
//! serves the parser, the errors, the suggestions and the JSON Schema.

mod shape;
mod types;

pub use shape::{Check, FieldShape, KindShape, Shape, TableShape, Vocabulary};
pub use types::{
    AlertTarget, Cadence, Canary, Config, KnownReader, LedgerPlace, Origin, ReaderScope, Setting,
    Span, Spanned, Table,
};

/// The nearest of some words, when it is near enough to be meant.
#[must_use]
pub fn nearest<'a>(_wanted: &str, _words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    None
}
