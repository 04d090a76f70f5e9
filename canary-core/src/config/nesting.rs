//! How deep a text nests, before it is read.
//!
//! TOML's reader bounds brackets and dots at 80 each, but not their product: 80 inline tables behind dotted keys of
//! 80 parts are 6,400 tables in each other, and dropping them exhausts the stack of a thread. So the depth is counted
//! on its own lexer's tokens.

use toml_parser::Source;
use toml_parser::lexer::TokenKind;

use super::Span;

/// The deepest nesting that is read. The deepest that means anything here is 4. Measured without optimisation, the
/// reader takes about 600 bytes of stack a table: at 500 a sixth of the 2 MiB of a thread.
const MOST: usize = 500;

/// An open bracket with the keys in it.
struct Level {
    opened_by: TokenKind,
    /// Dots of the longest key so far, and of the key that is read.
    dots: usize,
    run: usize,
}

/// The token at which a text nests too deeply. Closing brackets that close nothing count for nothing, so that of a
/// broken text the depth is never told too small.
pub(super) fn too_deep(source: &str) -> Option<Span> {
    let mut levels = vec![Level::new(TokenKind::Newline)];
    let mut depth = 1;
    for token in Source::new(source).lex() {
        let level = levels.last_mut()?;
        let kind = token.kind();
        if kind == TokenKind::Dot {
            level.run += 1;
            depth += usize::from(level.run > level.dots);
            level.dots = level.dots.max(level.run);
        } else if matches!(kind, TokenKind::Comma | TokenKind::Newline) {
            level.run = 0;
        } else if opens(kind) {
            levels.push(Level::new(kind));
            depth += 1;
        } else if closes(kind, level.opened_by) {
            depth -= 1 + level.dots;
            levels.pop();
        }
        if depth > MOST {
            return Some(token.span().start()..token.span().end());
        }
    }
    None
}

impl Level {
    fn new(opened_by: TokenKind) -> Self {
        Self {
            opened_by,
            dots: 0,
            run: 0,
        }
    }
}

fn opens(kind: TokenKind) -> bool {
    matches!(
        kind,
        TokenKind::LeftSquareBracket | TokenKind::LeftCurlyBracket
    )
}

fn closes(closing: TokenKind, opening: TokenKind) -> bool {
    matches!(
        (opening, closing),
        (TokenKind::LeftSquareBracket, TokenKind::RightSquareBracket)
            | (TokenKind::LeftCurlyBracket, TokenKind::RightCurlyBracket)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::example;

    #[test]
    fn what_people_write_is_not_deep() {
        assert_eq!(too_deep(example::SOURCE), None);
        assert_eq!(
            too_deep(&"[a.b.c]\nd.e = { f.g = [1.5, 2.5] }\n".repeat(10_000)),
            None
        );
        assert_eq!(
            too_deep(&format!(
                "# {}\nx = '{}'\n",
                "[{.".repeat(9_999),
                "[{.".repeat(9_999)
            )),
            None
        );
    }

    #[test]
    fn brackets_and_dots_are_counted_together() {
        let unit = format!("{{a{}=", ".a".repeat(78));
        let found = too_deep(&format!("x={}", unit.repeat(79)));
        // Six of 79, and within the seventh it is 500.
        assert!(found.is_some_and(|span| (6 * unit.len()..7 * unit.len()).contains(&span.start)));
        assert_eq!(too_deep(&format!("x={}", unit.repeat(6))), None);
    }

    #[test]
    fn brackets_that_close_nothing_make_nothing_less_deep() {
        let unit = format!("{{a{}=]", ".a".repeat(78));
        assert!(too_deep(&format!("x={}", unit.repeat(79))).is_some());
    }
}
