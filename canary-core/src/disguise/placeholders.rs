//! Placeholders in free content: `{password}`, `{hex:40}`, `{{` for a brace.
//!
//! | placeholder | gives |
//! |---|---|
//! | `{password}`, `{password:N}` | letters and digits, 20 or N of them |
//! | `{hex:N}`, `{base64:N}`, `{token:N}` | N hex digits; N bytes in base64; N characters of a URL-safe token |
//! | `{uuid}` | a version 4 UUID |
//! | `{username}` | a plausible account name |
//! | `{host}` | a host that does not exist, as hosts are called there |
//! | `{port}`, `{database}` | of the same database |

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Alphabet, Filler};
use crate::value::SecretBytes;

/// A placeholder that is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// What is wrong, without a full stop.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

const NAMES: &[&str] = &[
    "password", "hex", "base64", "token", "uuid", "username", "host", "port", "database",
];

/// The longest derived value: no password or token that anybody keeps in a Secret is longer.
const LONGEST: usize = 4096;

/// Whether a text has a placeholder that gives a secret value: then a copy of it elsewhere is not ours.
#[must_use]
pub fn is_derived(text: &str) -> bool {
    ["{password", "{hex:", "{base64:", "{token:", "{uuid}"]
        .iter()
        .any(|start| text.contains(start))
}

/// A text with every placeholder filled. `key` keeps equal placeholders of different keys apart; within a key, each
/// occurrence has its own value. `host` is what `{host}` gives.
///
/// # Errors
/// At the first placeholder that is none.
pub fn fill(
    text: &str,
    key: &str,
    host: &str,
    filler: &Filler<'_>,
) -> Result<SecretBytes, Unknown> {
    let mut out = String::new();
    let mut rest = text;
    let mut count = 0;
    while let Some(at) = rest.find(['{', '}']) {
        out.push_str(&rest[..at]);
        let doubled = rest[at..].starts_with("{{") || rest[at..].starts_with("}}");
        if doubled {
            out.push_str(&rest[at..=at]);
            rest = &rest[at + 2..];
            continue;
        }
        if rest[at..].starts_with('}') {
            return Err(Unknown {
                message: "a `}` without its `{`".into(),
                help: Some("write }} for a brace".into()),
            });
        }
        let end = rest[at..]
            .find('}')
            .map(|end| at + end)
            .ok_or_else(|| Unknown {
                message: "a `{` without its `}`".into(),
                help: Some("write {{ for a brace".into()),
            })?;
        out.push_str(&value(&rest[at + 1..end], key, count, host, filler)?);
        count += 1;
        rest = &rest[end + 1..];
    }
    out.push_str(rest);
    Ok(out.into())
}

fn value(
    word: &str,
    key: &str,
    count: u32,
    host: &str,
    filler: &Filler<'_>,
) -> Result<String, Unknown> {
    let (name, length) = match word.split_once(':') {
        Some((name, length)) => (name, Some(length)),
        None => (word, None),
    };
    let length = length
        .map(|text| match text.parse::<usize>() {
            Ok(length) if (1..=LONGEST).contains(&length) => Ok(length),
            _ => Err(Unknown {
                message: format!("`{text}` is not a length"),
                help: Some(format!("a whole number from 1 to {LONGEST}")),
            }),
        })
        .transpose()?;
    let topic = format!("{key}/{name}/{count}");
    let text = |length, alphabet| exposed(&filler.text(&topic, length, alphabet));
    Ok(match (name, length) {
        ("password", length) => text(length.unwrap_or(20), Alphabet::Alphanumeric),
        ("hex", Some(length)) => text(length, Alphabet::Hex),
        ("base64", Some(length)) => STANDARD.encode(filler.bytes(&topic, length).as_slice()),
        ("token", Some(length)) => text(length, Alphabet::UrlSafe),
        ("uuid", None) => filler.uuid(&topic),
        // One account, host and database per Secret, whichever key names them.
        ("username", None) => username(filler).to_owned(),
        ("host", None) => host.to_owned(),
        ("port", None) => "5432".to_owned(),
        ("database", None) => database(filler).to_owned(),
        _ => return Err(unknown(name, length.is_some())),
    })
}

fn unknown(name: &str, with_length: bool) -> Unknown {
    let near = crate::config::nearest(name, NAMES.iter().copied());
    let help = match (NAMES.contains(&name), near) {
        (true, _) if with_length => format!("{{{name}}} has no length"),
        (true, _) => format!("{{{name}}} needs a length, as in {{{name}:32}}"),
        (false, Some(near)) => format!("did you mean {{{near}}}?"),
        (false, None) => format!("there are {}", NAMES.join(", ")),
    };
    Unknown {
        message: format!("`{{{name}}}` is not a placeholder"),
        help: Some(help),
    }
}

fn exposed(secret: &SecretBytes) -> String {
    secret.expose_text().unwrap_or_default().to_owned()
}

/// A plausible account name, one for a place.
#[must_use]
pub fn username(filler: &Filler<'_>) -> &'static str {
    filler.choose(
        "username",
        &[
            "app",
            "admin",
            "postgres",
            "service",
            "owner",
            "readwrite",
            "svc_app",
        ],
    )
}

/// A plausible database name, one for a place.
#[must_use]
pub fn database(filler: &Filler<'_>) -> &'static str {
    filler.choose(
        "database",
        &["app", "main", "production", "core", "accounts", "orders"],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disguise::Key;
    use crate::graph::{Handle, ProviderId};

    fn filled(text: &str) -> Result<String, Unknown> {
        let keys = Key::from_bytes([5; 32]).at_site(&ProviderId::new("kubernetes"), "site");
        let handle = Handle::scoped("Secret", "shop", "b");
        fill(text, "key", "db.shop", &Filler::new(&keys, &handle, 1)).map(|secret| exposed(&secret))
    }

    #[test]
    fn placeholders_have_their_lengths_and_braces_are_kept() {
        assert_eq!(filled("{hex:40}").unwrap().len(), 40);
        assert_eq!(filled("a {{x}} b").unwrap(), "a {x} b");
        let twice = filled("{password}{password}").unwrap();
        assert_ne!(twice[..20], twice[20..]);
        assert_eq!(filled("{host}:{port}").unwrap(), "db.shop:5432");
    }

    #[test]
    fn what_is_no_placeholder_is_refused_with_a_hint() {
        for text in [
            "{nonsense}",
            "{hex}",
            "{uuid:3}",
            "{",
            "}",
            "{password:0}",
            "{password:x}",
            "{}",
        ] {
            assert!(filled(text).is_err(), "{text}");
        }
    }
}
