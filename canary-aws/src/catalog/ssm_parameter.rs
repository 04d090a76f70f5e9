//! `[ssm_parameter.…]`: a parameter of Systems Manager that no program reads.

use canary_core::catalog::{LowerError, Lowering};
use canary_core::config::{Canary, KindShape, Shape};
use canary_core::disguise::Style;
use canary_core::graph::{Address, Handle, Input, Resource};

use super::aws::{account, placed, region, wrong};
use super::contents::{self, VALUE};
use super::handles::PARAMETER;
use super::names;
use super::naming::{Naming, named};
use super::partition::partition;
use super::shapes::{content_fields, content_table, field, tags as tags_field};
use super::tags;

pub(super) const NAMING: Naming = Naming {
    kind: PARAMETER,
    style: Style {
        stems: &["orders", "accounts", "billing"],
        endings: &[
            "-db-password",
            "-database-url",
            "-api-token",
            "-admin-password",
        ],
        topic: &[
            "creds",
            "db",
            "key",
            "parameter",
            "password",
            "secret",
            "token",
            "url",
        ],
    },
    parent: "/prod",
    suffix: "",
    check: name,
};

/// The longest value of each tier.
const STANDARD: usize = 4096;
const ADVANCED: usize = 8192;

/// Names may have so many characters with what stands before them in the ARN.
const LONGEST: usize = 1011;

/// Levels of a name.
const LEVELS: usize = 15;

pub(super) fn shape() -> KindShape {
    let mut fields = content_fields(&["password", "postgres-url", "api-token"]);
    fields.extend([
        field(
            "name",
            Shape::Checked(name),
            "Its name, as in /prod/db/password. Left out: chosen to fit the neighbours.",
        ),
        field(
            "type",
            Shape::OneOf(&["SecureString", "String", "StringList"]),
            "Its type. Left out: SecureString.",
        ),
        field(
            "description",
            Shape::Checked(description),
            "What it says of itself.",
        ),
        field(
            "key_id",
            Shape::Checked(names::kms_key),
            "The KMS key that it is encrypted under. Left out: AWS' own for SSM.",
        ),
        field(
            "tier",
            Shape::OneOf(&["Standard", "Advanced"]),
            "Its tier. Left out: Standard.",
        ),
        tags_field(),
    ]);
    KindShape {
        kind: "ssm_parameter",
        about: "A parameter of Systems Manager that no program reads.",
        table: content_table(fields),
    }
}

/// A name that SSM takes (`PutParameter`): a path begins with a slash, has no empty level and at most fifteen.
pub(super) fn name(text: &str) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_.-/".contains(c);
    if text.is_empty() || text.len() > LONGEST {
        return Err(format!("it must have 1 to {LONGEST} characters"));
    }
    if let Some(c) = text.chars().find(|c| !fits(*c)) {
        return Err(format!(
            "`{c}` is not allowed: only letters, digits and _.-/"
        ));
    }
    if text.contains('/') && !text.starts_with('/') {
        return Err("a path begins with a slash, as in /prod/db/password".into());
    }
    if text.ends_with('/') || text.contains("//") {
        return Err("no level of a path may be empty".into());
    }
    if text.split('/').filter(|level| !level.is_empty()).count() > LEVELS {
        return Err(format!("a path has at most {LEVELS} levels"));
    }
    let first = text.trim_start_matches('/').to_ascii_lowercase();
    if first.starts_with("aws") || first.starts_with("ssm") {
        return Err("names that begin with aws or ssm are AWS' own".into());
    }
    Ok(())
}

/// A description: 1,024 characters.
fn description(text: &str) -> Result<(), String> {
    names::line(text, 1024)
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
    let refused =
        |field: &str, message: &str, help: &str| vec![wrong(canary, field, message, Some(help))];
    let region = region(canary, cx.config);
    let arn = arn(region, account(cx.config), &handle.name);
    if arn.len() > LONGEST {
        let help = "1,011 characters with `arn:…:parameter/` before it";
        return Err(refused("name", "it is too long in this account", help));
    }
    let text = |field| canary.table.text(field);
    let value = contents::content(canary, &handle, cx)?;
    let tier = text("tier").unwrap_or("Standard");
    let most = if tier == "Standard" {
        STANDARD
    } else {
        ADVANCED
    };
    if !(1..=most).contains(&contents::length(&value)) {
        let help = "1 to 4,096 characters, and to 8,192 with tier = \"Advanced\"";
        return Err(refused(VALUE, "a parameter cannot be that long", help));
    }
    if contents::holds(&value, "{{") {
        let help = "SSM takes {{ for a reference to another parameter";
        return Err(refused(VALUE, "a parameter cannot hold {{", help));
    }
    let kind = text("type").unwrap_or("SecureString");
    if kind != "SecureString" && text("key_id").is_some() {
        let help = "leave it out, or say type = \"SecureString\"";
        return Err(refused("key_id", "only a SecureString is encrypted", help));
    }
    let mut parameter = placed(Address::of(canary.id.clone()), handle, canary.generation);
    let mut public = |name: &str, text: &str| {
        parameter
            .fields
            .insert(name.into(), Input::Public(text.to_owned()))
    };
    public("type", kind);
    public("tier", tier);
    for name in ["description", "key_id"] {
        if let Some(text) = text(name).filter(|text| !text.is_empty()) {
            public(name, text);
        }
    }
    parameter
        .fields
        .extend(tags::fields(canary, tags::OF_VALUES)?);
    parameter.fields.insert(VALUE.into(), value);
    Ok(vec![parameter])
}

/// The ARN of a parameter.
pub(crate) fn arn(region: &str, account: &str, name: &str) -> String {
    let partition = partition(region);
    let name = name.trim_start_matches('/');
    format!("arn:{partition}:ssm:{region}:{account}:parameter/{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_refused_as_ssm_refuses_them() {
        let deep = format!("/{}", ["a"; 15].join("/"));
        for good in ["db", "/db", "/prod/db/password", "a.b-c_D", deep.as_str()] {
            assert_eq!(name(good), Ok(()), "{good}");
        }
        let long = "a".repeat(1012);
        let deeper = format!("{deep}/a");
        for bad in [
            "",
            "prod/db",
            "/prod/",
            "/a//b",
            "/",
            "/aws/x",
            "SSM-x",
            "AwsX",
            "a b",
            "ä",
            "/a:b",
            long.as_str(),
            deeper.as_str(),
        ] {
            assert!(name(bad).is_err(), "{bad}");
        }
    }
}
