//! `[s3_object.…]`: an object that nobody has a reason to read, and its bucket where that is ours too.

use canary_core::catalog::{LowerError, Lowering};
use canary_core::config::{Canary, KindShape, Shape};
use canary_core::disguise::Style;
use canary_core::graph::{Address, Handle, Input, Resource};

use super::aws::{placed, region, wrong};
use super::contents::{self, VALUE};
use super::handles::{BUCKET, OBJECT, alone};
use super::naming::{Naming, named};
use super::shapes::{
    content_fields, content_table, field, holding_fields, required, tags as tags_field,
};
use super::tags;

pub(super) const NAMING: Naming = Naming {
    kind: OBJECT,
    style: Style {
        stems: &["orders", "accounts", "billing"],
        endings: &["-prod", "-credentials", "-production", "-backup"],
        topic: &["bucket", "config", "env", "file", "object", "s3"],
    },
    parent: "config",
    suffix: ".env",
    check: key,
};

pub(super) fn shape() -> KindShape {
    let mut fields = content_fields(&["env-file", "aws-credentials"]);
    fields.extend(holding_fields());
    fields.extend([
        required(
            "bucket",
            Shape::Checked(bucket),
            "The bucket that it is in.",
        ),
        field(
            "name",
            Shape::Checked(key),
            "Its key. Left out: chosen to fit the neighbours.",
        ),
        field(
            "make_bucket",
            Shape::Boolean,
            "Whether the bucket is made for it, in its region. Left out: it is there already.",
        ),
        field(
            "logged",
            Shape::Boolean,
            "You know that a trail selects data events of its bucket. Not needed where [aws.listener] looks.",
        ),
        field(
            "content_type",
            Shape::Checked(content_type),
            "Its media type. Left out: told by the ending of its key.",
        ),
        tags_field(),
    ]);
    KindShape {
        kind: "s3_object",
        about: "An object in S3 that nobody has a reason to read.",
        table: content_table(fields),
    }
}

/// A key: 1 to 1,024 bytes of UTF-8. Levels of dots are taken by S3 and mangled by its clients.
pub(super) fn key(text: &str) -> Result<(), String> {
    if text.is_empty() || text.len() > 1024 {
        return Err("it must have 1 to 1,024 bytes".into());
    }
    if text.chars().any(char::is_control) {
        return Err("control characters are not allowed".into());
    }
    if text.split('/').any(|level| matches!(level, "." | "..")) {
        return Err("no level of it may be . or ..".into());
    }
    Ok(())
}

/// A bucket's name, by the rules for general purpose buckets.
pub(super) fn bucket(text: &str) -> Result<(), String> {
    let is_end = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let fits = |c: char| is_end(c) || c == '-' || c == '.';
    if !(3..=63).contains(&text.len()) || !text.chars().all(fits) {
        return Err("it must have 3 to 63 small letters, digits, dots and hyphens".into());
    }
    if !text.starts_with(is_end) || !text.ends_with(is_end) || text.contains("..") {
        return Err(
            "it begins and ends with a letter or digit, and has no two dots in a row".into(),
        );
    }
    if text.split('.').count() == 4 && text.split('.').all(|part| part.parse::<u8>().is_ok()) {
        return Err("it may not look like an address".into());
    }
    let reserved_starts = ["xn--", "sthree-", "amzn-s3-demo-"];
    let reserved_ends = ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"];
    let is_reserved = reserved_starts.iter().any(|start| text.starts_with(start))
        || reserved_ends.iter().any(|end| text.ends_with(end));
    if is_reserved {
        return Err("names that begin or end so are S3's own".into());
    }
    Ok(())
}

fn content_type(text: &str) -> Result<(), String> {
    let fits = text.len() <= 255 && text.chars().all(|c| c.is_ascii_graphic() || c == ' ');
    if fits
        && text
            .split_once('/')
            .is_some_and(|(kind, rest)| !kind.is_empty() && !rest.is_empty())
    {
        Ok(())
    } else {
        Err("a media type is written as in text/plain".into())
    }
}

/// The type that the command line would give a file of that name; S3's own default else.
fn usual_type(key: &str) -> &'static str {
    match key.rsplit_once('.').map(|(_, ending)| ending) {
        Some("json") => "application/json",
        Some("csv") => "text/csv",
        Some("txt" | "log" | "conf") => "text/plain",
        Some("xml") => "application/xml",
        _ => "binary/octet-stream",
    }
}

/// The remark on an object of which it is said that its reads are logged.
pub(super) const LOGGED: &str = "logged";

/// The object, and its bucket where that is made for it.
pub(super) fn lower(canary: &Canary, cx: &Lowering<'_>) -> Result<Vec<Resource>, Vec<LowerError>> {
    let bucket = canary.table.text("bucket").unwrap_or_default();
    let handle = named(canary, bucket, &NAMING, cx)?;
    at(canary, handle, cx)
}

/// The same under a given key.
pub(super) fn at(
    canary: &Canary,
    handle: Handle,
    cx: &Lowering<'_>,
) -> Result<Vec<Resource>, Vec<LowerError>> {
    let value = contents::content(canary, &handle, cx)?;
    let bucket = made_bucket(canary, cx)?;
    let mut object = placed(Address::of(canary.id.clone()), handle, canary.generation);
    let kind = canary.table.text("content_type");
    let kind = kind.unwrap_or_else(|| usual_type(&object.handle.name));
    let mut public = |name: &str, text: &str| {
        object
            .fields
            .insert(name.into(), Input::Public(text.to_owned()))
    };
    public("content_type", kind);
    object
        .fields
        .extend(tags::fields(canary, tags::OF_OBJECTS)?);
    if canary.table.boolean("logged") == Some(true) {
        object.remarks.insert(LOGGED.into(), "as you say".into());
    }
    object.active = matches!(value, Input::Join(_));
    object.fields.insert(VALUE.into(), value);
    object
        .after
        .extend(bucket.iter().map(|bucket| bucket.address.clone()));
    Ok([object].into_iter().chain(bucket).collect())
}

fn made_bucket(canary: &Canary, cx: &Lowering<'_>) -> Result<Option<Resource>, Vec<LowerError>> {
    if canary.table.boolean("make_bucket") != Some(true) {
        return Ok(None);
    }
    let name = canary.table.text("bucket").unwrap_or_default();
    let address = Address::part_of(canary.id.clone(), "bucket");
    let handle = alone(BUCKET, name);
    let mut others = cx.lowered.iter();
    if others.any(|(other, taken)| *other != address && *taken == handle) {
        let help = Some("say it once");
        let message = "another canary makes that bucket";
        return Err(vec![wrong(canary, "make_bucket", message, help)]);
    }
    // A bucket outlives what is in it: rotation makes another object.
    let mut bucket = placed(address, handle, 1);
    let region = region(canary, cx.config).to_owned();
    bucket.fields.insert("region".into(), Input::Public(region));
    Ok(Some(bucket))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_and_keys_are_refused_as_s3_refuses_them() {
        for good in ["abc", "my-bucket", "a.b.c", "1-2"] {
            assert_eq!(bucket(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "ab",
            "A-b",
            "-ab",
            "ab-",
            "a..b",
            "a_b",
            "192.168.1.1",
            "xn--abc",
            "abc-s3alias",
        ] {
            assert!(bucket(bad).is_err(), "{bad}");
        }
        for good in ["a", "a/b.env", "prod/ä b+c"] {
            assert_eq!(key(good), Ok(()), "{good}");
        }
        let long = "a".repeat(1025);
        for bad in ["", "a\nb", "a/../b", ".", long.as_str()] {
            assert!(key(bad).is_err(), "{bad}");
        }
        assert!(content_type("text/plain; charset=utf-8").is_ok());
        assert!(content_type("plain").is_err() && content_type("/x").is_err());
    }
}
