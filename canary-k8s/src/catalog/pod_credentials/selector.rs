//! Label selectors, read as strictly as the API server does (`k8s.io/apimachinery/pkg/labels`, without the comparisons of
//! numbers, which selectors of pods have no use for).

/// What may end a word.
const SIGNS: &str = "=!,()<>";

/// A part of a selector.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Token<'a> {
    Word(&'a str),
    Equal,
    NotEqual,
    Not,
    Comma,
    Open,
    Close,
}

/// Whether a text is a selector. An empty one, which selects every pod, is refused: leaving it out says that.
pub(super) fn check(text: &str) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err("expected a label selector, as in app=shop,tier in (web, api)".into());
    }
    let tokens = tokens(text)?;
    let mut rest = tokens.as_slice();
    loop {
        rest = requirement(rest)?;
        match rest {
            [] => return Ok(()),
            [Token::Comma, more @ ..] => rest = more,
            _ => return Err("expected a comma between two requirements".into()),
        }
    }
}

fn tokens(text: &str) -> Result<Vec<Token<'_>>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            '=' if rest.starts_with("==") => (Token::Equal, 2),
            '=' => (Token::Equal, 1),
            '!' if rest.starts_with("!=") => (Token::NotEqual, 2),
            '!' => (Token::Not, 1),
            ',' => (Token::Comma, 1),
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            '<' | '>' => return Err("numbers of labels are not compared here".into()),
            _ => {
                let end = rest.find(|c: char| c.is_whitespace() || SIGNS.contains(c));
                let end = end.unwrap_or(rest.len());
                (Token::Word(&rest[..end]), end)
            }
        };
        tokens.push(token);
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

/// Reads one requirement. Gives what is behind it.
fn requirement<'t, 'a>(tokens: &'t [Token<'a>]) -> Result<&'t [Token<'a>], String> {
    match tokens {
        [Token::Not, Token::Word(name), rest @ ..] => {
            key(name)?;
            Ok(rest)
        }
        [Token::Word(name), Token::Equal | Token::NotEqual, rest @ ..] => {
            key(name)?;
            // Nothing behind it is the empty value.
            match rest {
                [Token::Word(text), rest @ ..] => {
                    value(text)?;
                    Ok(rest)
                }
                rest => Ok(rest),
            }
        }
        [
            Token::Word(name),
            Token::Word("in" | "notin"),
            Token::Open,
            rest @ ..,
        ] => {
            key(name)?;
            values(rest)
        }
        [Token::Word(_), Token::Word(operator), ..] => Err(format!(
            "`{}` stands where `=`, `!=`, `in (…)`, `notin (…)` or a comma is expected",
            operator.escape_default()
        )),
        [Token::Word(name), rest @ ..] => {
            key(name)?;
            Ok(rest)
        }
        _ => Err("expected the key of a label".into()),
    }
}

/// Reads `a, b)`.
fn values<'t, 'a>(mut tokens: &'t [Token<'a>]) -> Result<&'t [Token<'a>], String> {
    loop {
        let [Token::Word(text), separator, rest @ ..] = tokens else {
            return Err("expected values in brackets, as in (web, api)".into());
        };
        value(text)?;
        match separator {
            Token::Comma => tokens = rest,
            Token::Close => return Ok(rest),
            _ => return Err("expected a comma or `)` behind a value".into()),
        }
    }
}

/// A key (`IsQualifiedName`): a name of 63 characters, perhaps behind a subdomain of DNS and a slash.
fn key(text: &str) -> Result<(), String> {
    let (prefix, name) = match text.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, text),
    };
    if let Some(prefix) = prefix {
        crate::catalog::names::object(prefix).map_err(|why| {
            format!(
                "the key `{}` has a wrong prefix: {why}",
                text.escape_default()
            )
        })?;
    }
    match is_name(name) {
        true => Ok(()),
        false => Err(format!(
            "`{}` is not the key of a label",
            text.escape_default()
        )),
    }
}

fn value(text: &str) -> Result<(), String> {
    match is_name(text) {
        true => Ok(()),
        false => Err(format!(
            "`{}` is not the value of a label",
            text.escape_default()
        )),
    }
}

/// 1 to 63 letters, digits, `-`, `_` and `.`, with a letter or digit at both ends.
fn is_name(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let ends = |c: char| c.is_ascii_alphanumeric();
    text.len() <= 63 && text.chars().all(fits) && text.starts_with(ends) && text.ends_with(ends)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_api_server_takes_is_a_selector() {
        for good in [
            "app",
            "!app",
            "app=shop",
            "app==shop",
            "app != shop",
            "app=",
            "app=,tier=web",
            "app in (a, b),tier notin(c)",
            "example.com/app.kubernetes_io-x=1",
            " a = b , !c ",
            "in=in",
            "in in (notin)",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn anything_else_is_none() {
        let long = "a".repeat(64);
        for bad in [
            "",
            " ",
            ",",
            "app,",
            ",app",
            "a b",
            "a=b c",
            "app in x",
            "app in (x",
            "app in ()",
            "app in (,)",
            "app in (a,)",
            "app notin a)",
            "=x",
            "!",
            "!app=x",
            "!!app",
            "n > 1",
            "a=b=c",
            "a/b/c",
            "/a",
            "A_b/c",
            "-a",
            "a-",
            "ä",
            "a=ä",
            "a=(b)",
            &long,
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
