//! What was found so far.

use std::ops::Range;

use crate::config::{ConfigError, Span};

/// The most errors that are told of one file. More are never read, and each of them costs a rendering.
pub const MAX_ERRORS: usize = 1_000;

/// Collects errors.
#[derive(Default)]
pub(super) struct Errors {
    found: Vec<ConfigError>,
    more: usize,
    /// The lines with broken syntax, in bytes, in order. What is read from them is a guess.
    broken: Vec<Range<usize>>,
}

impl Errors {
    /// Adds an error, unless broken syntax on its line may be its cause.
    pub(super) fn push(&mut self, error: ConfigError) {
        if self.on_broken_line(&error.span) {
            return;
        }
        self.add(error);
    }

    /// Adds an error about something that is not there, unless it may be on a broken line.
    pub(super) fn push_missing(&mut self, error: ConfigError) {
        if self.broken.is_empty() {
            self.add(error);
        }
    }

    /// Adds an error of syntax, unless it is the consequence of one before on its line. `line` is where it makes a
    /// guess of what is read.
    pub(super) fn push_syntax(&mut self, error: ConfigError, line: Range<usize>) {
        if self.on_broken_line(&error.span) {
            return;
        }
        let at = self
            .broken
            .partition_point(|other| other.start < line.start);
        if self.broken.get(at) != Some(&line) {
            self.broken.insert(at, line);
        }
        self.add(error);
    }

    /// Adds an error about a token that is read a second time: nothing is guessed.
    pub(super) fn push_duplicate(&mut self, error: ConfigError) {
        self.add(error);
    }

    /// Whether more errors would only be counted.
    pub(super) fn full(&self) -> bool {
        self.found.len() >= MAX_ERRORS
    }

    /// All of them, in the order of the file.
    pub(super) fn into_sorted(mut self) -> Vec<ConfigError> {
        self.found
            .sort_by_key(|error| (error.span.start, error.span.end));
        if self.more > 0 {
            let end = self.found.last().map_or(0, |error| error.span.end);
            let title = format!("{} more errors are not shown", self.more);
            self.found.push(ConfigError::new(end..end, title, ""));
        }
        self.found
    }

    fn add(&mut self, error: ConfigError) {
        if self.full() {
            self.more += 1;
        } else {
            self.found.push(error);
        }
    }

    fn on_broken_line(&self, span: &Span) -> bool {
        let after = self.broken.partition_point(|line| line.start <= span.start);
        after
            .checked_sub(1)
            .and_then(|before| self.broken.get(before))
            .is_some_and(|line| span.start < line.end)
    }
}
