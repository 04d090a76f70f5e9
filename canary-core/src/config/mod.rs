//! `canaries.toml` → [`Config`].
//!
//! The core knows no kinds of canaries: providers describe their tables by [`TableShape`], and that one description
//! serves the parser, the errors, the suggestions and the JSON Schema.
//!
//! ```text
//!  bytes ─parse─▶ Config        everything that is wrong in one run, each error on its token
//!  Vocabulary ─json_schema─▶ JSON Schema 2020-12
//!  text, canary, generation ─with_generation─▶ the same text, rotated
//! ```

mod builtin;
mod edit;
mod error;
#[cfg(any(test, feature = "testing"))]
pub mod example;
mod fields;
mod json_schema;
mod nesting;
mod parse;
mod shape;
mod suggest;
mod types;

pub(crate) use builtin::EXCUSABLE;
pub use edit::{EditError, with_generation};
pub use error::ConfigError;
pub use fields::Fields;
pub use json_schema::json_schema;
pub use parse::{MAX_BYTES, MAX_ERRORS, parse, parse_bytes};
pub use shape::{Check, FieldShape, KindShape, Shape, TableShape, Vocabulary};
pub use suggest::nearest;
pub use types::{
    AlertTarget, Cadence, Canary, Config, KnownReader, LedgerPlace, Origin, ReaderScope, Setting,
    Span, Spanned, Table,
};
