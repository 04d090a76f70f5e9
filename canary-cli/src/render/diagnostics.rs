//! Errors of the configuration, as rustc shows its own: file, line, the token underlined, what to do about it.

use std::ops::Range;

use annotate_snippets::{
    Annotation, AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet,
    normalize_untrusted_str,
};
use canary_core::catalog::LowerError;
use canary_core::config::{ConfigError, Span};

/// Lines between two places of one error up to which they are shown as one piece, the middle folded. Beyond, each
/// is a piece of its own, so that an error at both ends of a large file does not cost a walk through all of it.
const ONE_PIECE: usize = 50;

/// The longest line that is shown, in bytes. Of a longer one only the place is told: nobody writes it by hand, and
/// each error on it would cost a walk through it.
const LONGEST_LINE: usize = 4_096;

/// Errors as text for people, by their place in the file, with a closing line that counts them.
///
/// `source` is the text of the file: where it was no UTF-8, `String::from_utf8_lossy` of it. `path` is how the file is
/// called. With `colour` the text has ANSI escapes. Empty when there are no errors.
#[must_use]
pub fn render(errors: &[ConfigError], source: &str, path: &str, colour: bool) -> String {
    report(errors.iter().collect(), source, path, colour)
}

/// Errors of lowering in the form of [`render`].
#[must_use]
pub fn render_lower_errors(
    errors: &[LowerError],
    source: &str,
    path: &str,
    colour: bool,
) -> String {
    let errors: Vec<ConfigError> = errors
        .iter()
        .map(|error| {
            ConfigError::new(error.span.clone(), error.to_string(), "")
                .with_help(error.help.clone())
        })
        .collect();
    report(errors.iter().collect(), source, path, colour)
}

fn report(mut errors: Vec<&ConfigError>, source: &str, path: &str, colour: bool) -> String {
    if errors.is_empty() {
        return String::new();
    }
    errors.sort_by_key(|error| (error.span.start, error.span.end));
    let renderer = if colour {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let file = File::new(source, path);
    let mut text = String::new();
    for error in &errors {
        text.push_str(&renderer.render(&[group(error, &file)]));
        text.push_str("\n\n");
    }
    text.push_str(&closing(errors.len(), path));
    text
}

fn closing(count: usize, path: &str) -> String {
    let errors = if count == 1 { "error" } else { "errors" };
    format!("{count} {errors} in {}\n", normalize_untrusted_str(path))
}

/// One error with its places.
fn group<'a>(error: &'a ConfigError, file: &File<'a>) -> Group<'a> {
    let title = Level::ERROR.primary_title(error.title.as_str());
    let group = Group::with_title(title).elements(elements(error, file));
    match &error.help {
        Some(help) => group.element(Level::HELP.message(normalize_untrusted_str(help))),
        None => group,
    }
}

/// The pieces of the file that an error is about, the one with the error itself first.
fn elements<'a>(error: &'a ConfigError, file: &File<'a>) -> Vec<Element<'a>> {
    let primary = file.mark(&error.span, &error.label, AnnotationKind::Primary);
    let others = error
        .also
        .iter()
        .map(|(span, label)| file.mark(span, label, AnnotationKind::Context));
    let (mut near, mut far) = (vec![primary], Vec::new());
    let here = near[0].line;
    for other in others {
        if other.line.abs_diff(here) <= ONE_PIECE {
            near.push(other);
        } else {
            far.push(vec![other]);
        }
    }
    std::iter::once(near)
        .chain(far)
        .map(|marks| file.piece(marks))
        .collect()
}

/// An underlined token.
struct Mark<'a> {
    /// Its line, from 0.
    line: usize,
    /// Its place within that line: a token of several lines is underlined on the first.
    span: Span,
    label: &'a str,
    kind: AnnotationKind,
}

/// The file with the places of its lines.
struct File<'a> {
    source: &'a str,
    path: &'a str,
    /// Where each line begins.
    starts: Vec<usize>,
}

impl<'a> File<'a> {
    fn new(source: &'a str, path: &'a str) -> Self {
        let newlines = source.match_indices('\n').map(|(at, _)| at + 1);
        Self {
            source,
            path,
            starts: std::iter::once(0).chain(newlines).collect(),
        }
    }

    /// A line without its ending.
    fn line(&self, line: usize) -> Range<usize> {
        let start = self.starts.get(line).copied().unwrap_or_default();
        let end = match self.starts.get(line + 1) {
            Some(next) => next - 1,
            None => self.source.len(),
        };
        let end = if self.source[start..end].ends_with('\r') {
            end - 1
        } else {
            end
        };
        start..end
    }

    fn mark(&self, span: &Span, label: &'a str, kind: AnnotationKind) -> Mark<'a> {
        let start = self.source.floor_char_boundary(span.start);
        let line = self.starts.partition_point(|other| *other <= start) - 1;
        let limits = self.line(line);
        let start = start.min(limits.end);
        let end = self
            .source
            .ceil_char_boundary(span.end)
            .clamp(start, limits.end);
        Mark {
            line,
            span: start..end,
            label,
            kind,
        }
    }

    /// The lines of some marks, the first mark being the one that the place is told of.
    fn piece(&self, marks: Vec<Mark<'a>>) -> Element<'a> {
        let lines = || marks.iter().map(|mark| mark.line);
        let first = lines().min().unwrap_or_default();
        let last = lines().max().unwrap_or_default();
        if (first..=last).any(|line| self.line(line).len() > LONGEST_LINE) {
            return self.origin(&marks).into();
        }
        let window = self.line(first).start..self.line(last).end;
        let annotations: Vec<Annotation<'a>> = marks
            .into_iter()
            .map(|mark| annotation(mark, window.start))
            .collect();
        Snippet::source(&self.source[window])
            .line_start(first + 1)
            .path(self.path)
            .annotations(annotations)
            .into()
    }

    /// The place alone.
    fn origin(&self, marks: &[Mark<'a>]) -> Origin<'a> {
        let origin = Origin::path(self.path);
        let Some(mark) = marks.first() else {
            return origin;
        };
        let before = &self.source[self.line(mark.line).start..mark.span.start];
        origin
            .line(mark.line + 1)
            .char_column(before.chars().count() + 1)
    }
}

fn annotation(mark: Mark<'_>, offset: usize) -> Annotation<'_> {
    let span = mark.span.start - offset..mark.span.end - offset;
    let label = (!mark.label.is_empty()).then(|| normalize_untrusted_str(mark.label));
    mark.kind.span(span).label(label)
}
