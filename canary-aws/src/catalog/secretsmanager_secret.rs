//! `[secretsmanager_secret.…]`: a secret of Secrets Manager that no program reads.

use canary_core::catalog::{LowerError, Lowering};
use canary_core::config::{Canary, KindShape, Shape};
use canary_core::disguise::Style;
use canary_core::graph::{Address, Handle, Input, Resource};

use super::aws::{placed, region, wrong};
use super::contents::{self, VALUE};
use super::handles::SECRET;
use super::names;
use super::naming::{Naming, named};
use super::shapes::{content_fields, content_table, field, holding_fields, tags as tags_field};
use super::tags;

pub(super) const NAMING: Naming = Naming {
    kind: SECRET,
    style: Style {
        stems: &["orders", "accounts", "billing"],
        endings: &["-db-credentials", "-postgres", "-api-key", "-admin"],
        topic: &["creds", "credentials", "db", "key", "password", "secret"],
    },
    parent: "prod",
    suffix: "",
    check: name,
};

/// The longest value (`CreateSecret`, SecretString).
const LONGEST: usize = 65_536;

/// The days that a deleted secret may wait (`DeleteSecret`, RecoveryWindowInDays).
const SHORTEST_WAIT: u64 = 7;
const LONGEST_WAIT: u64 = 30;

pub(super) fn shape() -> KindShape {
    let mut fields = content_fields(&["postgres", "api-key", "basic", "aws-credentials"]);
    fields.extend(holding_fields());
    fields.extend([
        field(
            "name",
            Shape::Checked(name),
            "Its name, as in prod/db. Left out: chosen to fit the neighbours.",
        ),
        field(
            "description",
            Shape::Checked(description),
            "What it says of itself.",
        ),
        field(
            "key_id",
            Shape::Checked(names::kms_key),
            "The KMS key that it is encrypted under. Left out: AWS' own for Secrets Manager.",
        ),
        field(
            "recovery",
            Shape::Checked(recovery),
            "How long a deleted one waits, 7d to 30d, or none. Left out: none.",
        ),
        tags_field(),
    ]);
    KindShape {
        kind: "secretsmanager_secret",
        about: "A secret of Secrets Manager that no program reads.",
        table: content_table(fields),
    }
}

/// A name that Secrets Manager takes (`CreateSecret`). One that ends as an ARN does would be taken for one.
pub(super) fn name(text: &str) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "/_+=.@-".contains(c);
    if text.is_empty() || text.len() > 512 {
        return Err("it must have 1 to 512 characters".into());
    }
    if let Some(c) = text.chars().find(|c| !fits(*c)) {
        return Err(format!(
            "`{c}` is not allowed: only letters, digits and /_+=.@-"
        ));
    }
    let ends_as_an_arn = text.rsplit_once('-').is_some_and(|(_, last)| {
        last.len() == 6 && last.bytes().all(|byte| byte.is_ascii_alphanumeric())
    });
    if ends_as_an_arn {
        return Err(
            "it ends with a hyphen and six characters, as AWS puts them behind a name".into(),
        );
    }
    Ok(())
}

/// A description: 2,048 characters.
fn description(text: &str) -> Result<(), String> {
    names::line(text, 2048)
}

/// The days that a deleted one waits: 0 for none.
fn days(text: &str) -> Option<u64> {
    if text == "none" {
        return Some(0);
    }
    let days = text.strip_suffix('d')?.parse().ok()?;
    (SHORTEST_WAIT..=LONGEST_WAIT)
        .contains(&days)
        .then_some(days)
}

fn recovery(text: &str) -> Result<(), String> {
    match days(text) {
        Some(_) => Ok(()),
        None => Err("a secret waits from 7d to 30d for its deletion, or not at all: none".into()),
    }
}

/// The one resource of the canary.
pub(super) fn lower(canary: &Canary, cx: &Lowering<'_>) -> Result<Vec<Resource>, Vec<LowerError>> {
    let handle = named(canary, region(canary, cx.config), &NAMING, cx)?;
    at(canary, handle, cx)
}

/// The resource under a given name.
pub(super) fn at(
    canary: &Canary,
    handle: Handle,
    cx: &Lowering<'_>,
) -> Result<Vec<Resource>, Vec<LowerError>> {
    let value = contents::content(canary, &handle, cx)?;
    if contents::length(&value) > LONGEST {
        let help = Some("65,536 bytes at the most");
        return Err(vec![wrong(
            canary,
            VALUE,
            "a secret cannot be that long",
            help,
        )]);
    }
    let mut secret = placed(Address::of(canary.id.clone()), handle, canary.generation);
    let mut public = |name: &str, text: &str| {
        secret
            .fields
            .insert(name.into(), Input::Public(text.to_owned()))
    };
    let text = |field| canary.table.text(field).filter(|text| !text.is_empty());
    for name in ["description", "key_id"] {
        if let Some(text) = text(name) {
            public(name, text);
        }
    }
    if let Some(days) = text("recovery").and_then(days).filter(|days| *days > 0) {
        public(RECOVERY, &format!("{days}d"));
    }
    secret.fields.extend(tags::fields(canary, tags::OF_VALUES)?);
    secret.active = matches!(value, Input::Join(_));
    secret.fields.insert(VALUE.into(), value);
    Ok(vec![secret])
}

/// The field that says how long a deleted one waits; not there where it is deleted at once.
pub(crate) const RECOVERY: &str = "recovery";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_refused_as_secrets_manager_refuses_them() {
        for good in ["db", "prod/db", "a+b=c.d@e-f", "db-backup1x"] {
            assert_eq!(name(good), Ok(()), "{good}");
        }
        let long = "a".repeat(513);
        for bad in [
            "",
            "a b",
            "rds!db",
            "prod/db-AbC123",
            "db-backup",
            "ä",
            long.as_str(),
        ] {
            assert!(name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_deleted_secret_waits_for_as_long_as_the_service_lets_it() {
        for (text, expected) in [("none", Some(0)), ("7d", Some(7)), ("30d", Some(30))] {
            assert_eq!(days(text), expected, "{text}");
        }
        for text in ["6d", "31d", "7h", "", "d", "-7d"] {
            assert!(recovery(text).is_err(), "{text}");
        }
    }
}
