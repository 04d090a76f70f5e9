//! The table `[aws.listener]`.

use std::time::Duration;

use canary_core::config::{Shape, TableShape};

use crate::catalog::names;
use crate::catalog::shapes::{field, required, table};

/// How long SQS keeps messages: 1 minute to 14 days.
pub(super) const RETENTION: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(60)..=Duration::from_secs(14 * 24 * 60 * 60);

/// What the longest name that is made of `name` has behind it.
pub(super) const DEAD_LETTERS: &str = "-dlq";
pub(super) const ROLE: &str = "-role";
pub(super) const POLICY: &str = "-policy";

/// A rule's name has 64 characters, a role's too; `-role` is put behind it.
const LONGEST: usize = 64 - ROLE.len();

/// Its fields.
pub(in crate::catalog) fn shape() -> TableShape {
    table(vec![
        required(
            "name",
            Shape::Checked(name),
            "What the queue, the rules and the role are called by. It is seen by whoever may list them: it must not say what they are for.",
        ),
        field(
            "regions",
            Shape::List(Box::new(Shape::Checked(names::region))),
            "The regions that get a rule. Left out or empty: every enabled one.",
        ),
        field(
            "without",
            Shape::List(Box::new(Shape::Checked(names::region))),
            "Regions that are accepted without a rule, each by its name.",
        ),
        field(
            "retention",
            Shape::Duration,
            "How long the queue keeps what nobody reads, 1m to 14d. Left out: 14d.",
        ),
        field(
            "trail",
            Shape::OneOf(&["check", "make"]),
            "Whether the account's trails are only looked at, or one is made. Left out: check.",
        ),
        field(
            "bucket",
            Shape::Checked(bucket),
            "With trail = \"make\": the bucket, made too, that its files go to.",
        ),
        field(
            "data_events",
            Shape::Boolean,
            "With trail = \"make\": whether it logs what is done to objects in the buckets of s3_object canaries.",
        ),
    ])
}

/// What SQS, EventBridge, IAM and CloudTrail all take: a trail's name begins and ends with a letter or a digit, has 3
/// characters at least, and no two hyphens or underscores side by side.
fn name(text: &str) -> Result<(), String> {
    if !(3..=LONGEST).contains(&text.len()) {
        return Err(format!("it must have 3 to {LONGEST} characters"));
    }
    let is_mark = |c: char| matches!(c, '-' | '_');
    if let Some(c) = text
        .chars()
        .find(|c| !c.is_ascii_alphanumeric() && !is_mark(*c))
    {
        return Err(format!(
            "`{c}` is not allowed: only letters, digits, - and _"
        ));
    }
    let side_by_side = |pair: &[u8]| pair.iter().all(|byte| is_mark(char::from(*byte)));
    let bytes = text.as_bytes();
    if text.starts_with(is_mark) || text.ends_with(is_mark) || bytes.windows(2).any(side_by_side) {
        return Err("- and _ stand by themselves between letters and digits".into());
    }
    Ok(())
}

/// The name of a bucket: S3's rules for general purpose buckets, without dots, which TLS certificates do not cover.
fn bucket(text: &str) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if !(3..=63).contains(&text.len())
        || !text.chars().all(|c| fits(c) || c == '-')
        || !text.starts_with(fits)
        || !text.ends_with(fits)
    {
        return Err(
            "the name of a bucket has 3 to 63 of a-z, 0-9 and -, the first and the last no hyphen"
                .into(),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_every_service_takes() {
        let long = "a".repeat(LONGEST);
        for good in ["ops-events", "abc", "Platform_Bus-2", long.as_str()] {
            assert_eq!(name(good), Ok(()), "{good}");
        }
        let long = "a".repeat(LONGEST + 1);
        for bad in [
            "",
            "ab",
            "-abc",
            "abc_",
            "a--b",
            "a-_b",
            "a.b",
            "a b",
            long.as_str(),
        ] {
            assert!(name(bad).is_err(), "{bad}");
        }
        assert!(bucket("acme-logs-1").is_ok());
        for bad in ["ab", "Logs", "-logs", "logs-", "a.b.c"] {
            assert!(bucket(bad).is_err(), "{bad}");
        }
    }
}
