//! The tables that every configuration may hold, whatever the providers.

use super::{FieldShape, KindShape, Shape, TableShape};
use std::time::Duration;

/// The verbs of covering reads: all that a known reader can be excused.
pub(crate) const EXCUSABLE: &[&str] = &["list", "watch", "deletecollection"];

/// Words of the configuration's design that no provider of this version brings.
pub(super) const NOT_YET: &[&str] = &[
    "aws",
    "iam_user",
    "iam_role",
    "ssm_parameter",
    "secretsmanager_secret",
    "s3_object",
    "pod_credentials",
];

/// The longest label: that of a DNS label, so that any provider can use it in a name.
pub(super) const LONGEST_LABEL: usize = 63;

/// How long retired generations are kept by default, 90 days: about as long as audit logs are commonly kept, so that
/// a late use can still be traced to the theft.
pub(super) const KEEP_RETIRED: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// The highest generation: a rotation every minute for nearly two years.
pub(super) const LAST_GENERATION: i64 = 1_000_000;

/// The longest length of time, 100 years of 365 days: added to any date of today it stays within the calendar.
pub(super) const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// Whether a text may be the label of a canary or of an alert: `[a-z0-9][-a-z0-9_]*`, at most 63 characters.
pub(super) fn label(text: &str) -> Result<(), String> {
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if !text.starts_with(word) || !text.chars().all(|c| word(c) || matches!(c, '-' | '_')) {
        return Err("expected a-z, 0-9, `-` and `_`, beginning with a letter or a digit".into());
    }
    if text.len() > LONGEST_LABEL {
        return Err(format!("expected at most {LONGEST_LABEL} characters"));
    }
    Ok(())
}

/// A text that says anything.
fn said() -> Shape {
    Shape::Checked(|text| {
        if text.trim().is_empty() {
            return Err("expected a text that is not empty".into());
        }
        Ok(())
    })
}

fn url(text: &str) -> Result<(), String> {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
        .ok_or("expected a URL that begins with http:// or https://")?;
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.is_empty() {
        return Err("expected a host after `//`".into());
    }
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err("expected a URL without spaces".into());
    }
    Ok(())
}

fn field(name: &'static str, shape: Shape, about: &'static str) -> FieldShape {
    FieldShape {
        name,
        shape,
        required: false,
        about,
    }
}

fn required(name: &'static str, shape: Shape, about: &'static str) -> FieldShape {
    FieldShape {
        required: true,
        ..field(name, shape, about)
    }
}

fn table(fields: Vec<FieldShape>) -> TableShape {
    TableShape {
        fields,
        exclusive: vec![],
        one_needed: vec![],
    }
}

/// The table of a kind with the fields that all kinds share.
pub(super) fn canary(kind: &KindShape) -> TableShape {
    let mut whole = kind.table.clone();
    whole.fields.push(field(
        "generation",
        Shape::Integer(1, LAST_GENERATION),
        "Raise it to rotate the canary. Default: 1.",
    ));
    whole.fields.push(field(
        "keep_retired",
        Shape::Duration,
        "How long retired generations stay alive, so that what was stolen still fires. Default: 90d.",
    ));
    whole
}

/// `[ledger]`.
pub(super) fn ledger() -> TableShape {
    table(vec![field(
        "store",
        Shape::Text,
        "Where the ledger is kept: file:PATH, relative to this file.",
    )])
}

/// `[alert.LABEL]`.
pub(super) fn alert() -> TableShape {
    table(vec![required(
        "webhook",
        Shape::Checked(url),
        "A URL that takes each alert as a POST of JSON.",
    )])
}

/// `[[known_reader]]`. `verb` is the shape of one verb: the schema lists the words, the parser takes any text in
/// order to say more about a wrong one.
pub(super) fn known_reader(verb: Shape) -> TableShape {
    let verbs = Shape::List(Box::new(verb));
    let mut fields = vec![
        required("principal", said(), "The real user, as authenticated."),
        field(
            "acting_as",
            said(),
            "Whom it acts as, when it impersonates.",
        ),
        field("uid", said(), "The user's uid, pinned."),
        required(
            "verbs",
            verbs,
            "Covering verbs: list, watch, deletecollection. A named touch is never excused.",
        ),
        field("resource", said(), "Which resource. Default: secrets."),
        required(
            "scope",
            said(),
            "\"cluster\", or the namespace that it reads.",
        ),
    ];
    fields.extend(conditions());
    fields.push(required("reason", said(), "Why it is known."));
    fields.push(required(
        "until",
        Shape::Date,
        "The last day on which it holds.",
    ));
    table(fields)
}

/// What a known reader may be held to beyond who it is and where it reads.
fn conditions() -> Vec<FieldShape> {
    vec![
        field(
            "label_selector",
            said(),
            "The label selector it reads with, as written in the request.",
        ),
        field(
            "field_selector",
            said(),
            "The field selector it reads with, as written in the request.",
        ),
        field(
            "credential",
            said(),
            "The form of credential: pod-token, token, certificate:SHA256, or unknown. Default: pod-token for service accounts.",
        ),
        field(
            "from",
            said(),
            "Where the last source address must be: own-pod, own-node, or a CIDR.",
        ),
        field(
            "every",
            said(),
            "How often at most, as in \"24h\"; or \"informer\": any number of times, in the form of client-go's informers.",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_lowercase_words_of_at_most_63_characters() {
        for good in ["a", "0", "payments-db", "ci_deployer", &"a".repeat(63)] {
            assert_eq!(label(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "-a",
            "_a",
            "A",
            "a.b",
            "a b",
            "ä",
            "a/b",
            &"a".repeat(64),
        ] {
            assert!(label(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_webhook_is_a_url_with_a_host() {
        for good in ["https://siem.example/in?x=1", "http://127.0.0.1:8080"] {
            assert_eq!(url(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "siem.example",
            "https://",
            "https:///x",
            "https://a b",
            "ftp://a",
        ] {
            assert!(url(bad).is_err(), "{bad}");
        }
    }
}
