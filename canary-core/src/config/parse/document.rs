//! The way in.

use jiff::civil::Date;
use toml::Spanned;
use toml::de::{DeTable, Error};

use super::reading::Reading;
use super::syntax;
use crate::config::nesting::too_deep;
use crate::config::{Config, ConfigError, Vocabulary};

/// The largest configuration that is read, 4 MiB: room for 20,000 canaries of 200 bytes, twice what a plan is
/// measured with.
pub const MAX_BYTES: usize = 4 << 20;

/// The largest file in which more than the first syntax error is looked for, 256 KiB: more than 1,000 canaries. The
/// reader's list of errors takes up to 550 times the size of a file of nothing but errors (measured), so 140 MB here.
const MAX_RECOVERED: usize = 256 << 10;

/// Reads a configuration.
///
/// `today` decides whether a known reader has expired.
///
/// # Errors
/// Everything that is wrong, in the order of the file; at most [`MAX_ERRORS`](super::MAX_ERRORS) and a last one that
/// counts the others. Of a file of more than 256 KiB with broken syntax only the first error.
pub fn parse(
    source: &str,
    vocabulary: &Vocabulary,
    today: Date,
) -> Result<Config, Vec<ConfigError>> {
    if source.len() > MAX_BYTES {
        return Err(vec![too_large(source.len())]);
    }
    if let Some(span) = too_deep(source) {
        let error = ConfigError::new(span, "this is nested too deeply", "too deep");
        return Err(vec![error]);
    }
    let (document, found) = read(source);
    let mut reading = Reading::new(source, vocabulary, today);
    syntax::report(&mut reading.errors, source, &found);
    reading.document(document.get_ref());
    reading.finish()
}

/// Reads TOML, as much as can be.
fn read(source: &str) -> (Spanned<DeTable<'_>>, Vec<Error>) {
    match DeTable::parse(source) {
        Ok(document) => (document, Vec::new()),
        Err(_) if source.len() <= MAX_RECOVERED => DeTable::parse_recoverable(source),
        Err(first) => (Spanned::new(0..0, DeTable::new()), vec![first]),
    }
}

/// Reads a configuration from bytes that may not be text.
///
/// # Errors
/// As [`parse`]. For bytes that are not UTF-8 the one error points at the first of them; what is before it stands at
/// the same place in `String::from_utf8_lossy`.
pub fn parse_bytes(
    source: &[u8],
    vocabulary: &Vocabulary,
    today: Date,
) -> Result<Config, Vec<ConfigError>> {
    if source.len() > MAX_BYTES {
        return Err(vec![too_large(source.len())]);
    }
    match std::str::from_utf8(source) {
        Ok(text) => parse(text, vocabulary, today),
        Err(error) => {
            let start = error.valid_up_to();
            let end = start + error.error_len().unwrap_or(source.len() - start);
            let error = ConfigError::new(start..end, "the file is not UTF-8", "not UTF-8")
                .with_help(String::from("save it as UTF-8"));
            Err(vec![error])
        }
    }
}

fn too_large(bytes: usize) -> ConfigError {
    let title = format!(
        "the file has {bytes} bytes, more than the {} MiB that are read",
        MAX_BYTES >> 20
    );
    ConfigError::new(0..0, title, "")
        .with_help(String::from("divide the canaries among several projects"))
}
