//! Which records can touch a canary, decided on their bytes.
//!
//! A record is passed over only when none of the identifiers that are looked for stands in its bytes, in whatever key,
//! order or spacing: every mention that is read from a record is a text, or a part of one, that stands in it. Where that
//! is not so, the record is read:
//! - its texts may be written with escapes (`\u0041`, `\/`), so that the bytes are others;
//! - its operation covers what it does not name (`BatchGetSecretValue`, `GetParametersByPath`, `DeleteObjects`), or it
//!   encodes a name (`x-amz-copy-source`), or all of it (`awslogs`, and what came through Kinesis and Firehose).
//!
//! Identifiers are compared without regard to case, as names of users are; so a hit may be none, which reading tells.

use canary_core::detect::{Mention, Tripwire};
use memchr::memmem::Finder;

use super::grams::Grams;
use super::parameters::COPY_SOURCE;

/// Tells which records can touch some tripwires.
#[derive(Debug)]
pub struct Sieve {
    /// Something is looked for that no bytes tell.
    everything: bool,
    grams: Grams,
    /// What is written otherwise than it is.
    encoded: [Finder<'static>; 3],
}

impl Sieve {
    /// A sieve for what can touch `tripwires`.
    #[must_use]
    pub fn new(tripwires: &[Tripwire]) -> Self {
        let mut texts: Vec<&[u8]> = CARRIERS.map(str::as_bytes).to_vec();
        let mut everything = false;
        for tripwire in tripwires {
            let text = match &tripwire.mention {
                Mention::Object {
                    group,
                    resource,
                    name,
                    ..
                } => {
                    texts.extend(covering(group, resource).iter().map(|text| text.as_bytes()));
                    name
                }
                Mention::Principal(name) | Mention::Credential(name) => name,
                // None stands in a tripwire; one that did would mean all of it.
                Mention::Collection { .. } | Mention::Under { .. } => "",
            };
            let plain = plain_part(text);
            everything |= plain.is_empty();
            texts.push(plain);
        }
        Self {
            everything,
            grams: Grams::new(&texts),
            encoded: [r"\u", r"\/", "awslogs"].map(Finder::new),
        }
    }

    /// Whether a record can touch one of them. False only when it cannot.
    #[must_use]
    pub fn may_touch(&self, record: &[u8]) -> bool {
        self.everything
            || self.grams.are_in(record)
            || self
                .encoded
                .iter()
                .any(|encoded| encoded.find(record).is_some())
    }
}

/// What stands in a Lambda's input from Kinesis, and from Firehose, however it is spaced. Each is as long as a name of the
/// usual length, so that looking for them costs nothing.
const CARRIERS: [&str; 5] = [
    "kinesisSchemaVersion",
    r#""kinesis":{"#,
    r#""kinesis": {"#,
    "approximateArrivalTimestamp",
    r#""recordId":"#,
];

/// What stands in a call that covers objects of a kind without naming them.
fn covering(group: &str, resource: &str) -> &'static [&'static str] {
    match (group, resource) {
        ("secretsmanager", "secrets") => &["BatchGetSecretValue"],
        ("ssm", "parameters") => &["GetParametersByPath"],
        ("s3", "objects") => &["DeleteObjects", COPY_SOURCE],
        _ => &[],
    }
}

/// The longest part of a text that JSON writes as it is, unless it writes escapes with `\u` or `\/`.
fn plain_part(text: &str) -> &[u8] {
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
    text.as_bytes()
        .split(|byte| !is_plain(byte))
        .max_by_key(|part| part.len())
        .unwrap_or_default()
}
